"""The operator's desk: orders of any thread, queued, and carried out by the engine's thread between two blocks."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streammood.analysis.analyzer import Analyzer
from streammood.config import Settings
from streammood.engine.beat_hand import BeatHand
from streammood.engine.mood_hold import MoodHold
from streammood.engine.output_hand import OutputHand
from streammood.engine.reload import Reloaded
from streammood.engine.scheduler import Firing
from streammood.engine.snapshot import Now, Told
from streammood.errors import ControlError, StreammoodError
from streammood.events import Mood
from streammood.outputs import SampleNow
from streammood.protocol.commands import (
    Answer,
    Command,
    Gain,
    Hold,
    Mute,
    Offset,
    Panic,
    Reload,
    SetMood,
    Value,
    refused,
)

_QUEUE = 256  # orders; more than hands and a bank of faders give between two blocks


@dataclass(frozen=True, slots=True)
class Order:
    """A command, when it came, and who wants to hear of it."""

    command: Command
    at: float  # host time in s
    reply: Callable[[Answer], None]
    reloaded: Reloaded | None = None  # what a reload has found


class Desk:
    """Takes orders from any thread; all else belongs to the engine's."""

    def __init__(
        self,
        settings: Settings,
        labels: tuple[str, ...],
        analyzer: Analyzer,
        firing: Firing,
        sample_at: SampleNow,
        now: Now,
    ) -> None:
        """What holds is kept in ``now``, for a status line."""
        self.settings = settings  # that hold now
        self._now = now
        self._now.told = Told(gain=settings.input.gain)
        self.moods = MoodHold(labels)
        self._beats = BeatHand(analyzer, settings.beat.bpm_min, settings.beat.bpm_max)
        self._outputs = OutputHand(firing)
        self._analyzer = analyzer
        self._sample_at = sample_at
        self._orders: deque[Order] = deque()

    def put(self, order: Order) -> None:
        """Queue ``order``; never waits. Where the queue is full, it is refused at once."""
        if len(self._orders) < _QUEUE:
            self._orders.append(order)
        else:
            order.reply(refused(order.command.name, "too many commands at once; send it again"))

    def work(self, sample: int) -> Iterator[Mood]:
        """Carry out every order; yields the moods that they make known at ``sample``, the present, 0 before sound."""
        for _ in range(len(self._orders)):
            order = self._orders.popleft()
            answer = self._answer(order, sample)
            if answer.done and isinstance(order.command, Hold | SetMood):
                mood = self.moods.now(sample)
                if mood is not None:
                    yield mood
            self._now.told = Told(self.moods.held, self.moods.label, self._outputs.muted, self._analyzer.gain)
            with contextlib.suppress(Exception):  # whoever asked cannot be told; the show goes on
                order.reply(answer)

    def _answer(self, order: Order, sample: int) -> Answer:
        name = order.command.name
        try:
            return Answer(name, True, self._obey(order, sample))
        except StreammoodError as error:
            return refused(name, error)
        except Exception as error:  # noqa: BLE001  a show goes on: who asked hears what went wrong
            return refused(name, f"it failed: {type(error).__name__}: {error}")

    def _obey(self, order: Order, sample: int) -> tuple[Value, ...]:
        match order.command:
            case Hold() | SetMood():
                return self.moods.obey(order.command)
            case Offset() | Mute() | Panic():
                return self._outputs.obey(order.command)
            case Gain(db):
                self._analyzer.gain = db
                return (db,)
            case Reload():
                return self._reload(order.reloaded)
            case _:
                return self._beats.obey(order.command, self._sample_at(order.at) if sample else None)

    def _reload(self, found: Reloaded | None) -> tuple[Value, ...]:
        if found is None:
            raise ControlError("these settings do not come from a file")
        new = found.settings
        if {"beat.bpm_min", "beat.bpm_max"} & set(found.changed):
            self._beats.bound(new.beat.bpm_min, new.beat.bpm_max)
        if "input.gain" in found.changed:
            self._analyzer.gain = new.input.gain
        if found.targets is not None:
            self._outputs.replace(found.targets)
        self.settings = new
        return (str(found),)
