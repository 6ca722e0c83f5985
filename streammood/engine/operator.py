"""The operator: commands of any thread, queued, and obeyed by the engine's thread between two blocks."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from streammood.analysis.analyzer import AnalysisChain
from streammood.config import Settings
from streammood.engine.mood_override import MoodOverride
from streammood.engine.rehearsal import rehearsal
from streammood.engine.scheduler import Firing
from streammood.engine.snapshot import Snapshot
from streammood.errors import ControlError, StreammoodError
from streammood.events import ANALYSIS_RATE, Mood, OperatorState
from streammood.log.rows import Row, action
from streammood.outputs import Monitored, Output, SampleNow, Sink
from streammood.outputs.build import Rebuilt, is_target
from streammood.protocol.commands import AUTO, COMMANDS, Answer, Command, refused
from streammood.protocol.signals import Value

PREPARED = frozenset({"reload", "input", "channels", "play"})  # commands that a thread of the engine prepares
_SHOWN = 50  # messages in the answer of a monitor
_QUEUE = 256  # orders; more than hands and a bank of faders give between two blocks

Values: TypeAlias = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A command, when it came, and who wants its answer."""

    command: Command
    at: float  # host time in s
    reply: Callable[[Answer], None]
    prepared: Callable[[], Values] | None = None  # obeys, where a thread has prepared it; returns what holds then


class Operator:
    """Takes orders from any thread; all else belongs to the engine's.

    What holds is one record, ``state``, which is part of the snapshot and of every status. ``actions`` obey, one for
    each command of the table: each is given the command's values, returns what holds then, and raises a
    StreammoodError where it cannot obey.
    """

    def __init__(
        self,
        settings: Settings,
        labels: tuple[str, ...],
        analyzer: AnalysisChain,
        firing: Firing,
        sample_at: SampleNow,
        now: Snapshot,
        log: Callable[[Row], None] = lambda _: None,
    ) -> None:
        """``log`` takes a row for each order that was obeyed or refused."""
        self._log = log
        self.settings = settings  # that hold now
        self.moods = MoodOverride(labels)
        self._labels = labels
        self._analyzer = analyzer
        self._beats = analyzer.beats
        self._firing = firing
        self._sample_at = sample_at
        self._now = now
        self._orders: deque[Order] = deque()
        self._given: float | None = None  # sample of the stream clock at which the order was given; None before sound
        bounds = settings.beat.bpm_min, settings.beat.bpm_max
        self.state = OperatorState(bpm_min=bounds[0], bpm_max=bounds[1], gain=settings.input.gain)
        self.publish()
        self.actions: dict[str, Callable[..., Values]] = {
            "tap": self._tap,
            "double": self._double,
            "half": self._half,
            "downbeat": self._downbeat,
            "bpm": self._set_bpm,
            "auto": self._release,
            "bpm/min": self._set_bpm_min,
            "bpm/max": self._set_bpm_max,
            "nudge": self._nudge,
            "offset": self._offset,
            "mute": self._mute,
            "panic": self._panic,
            "test": self._test,
            "hold": self._hold,
            "mood": self._set_mood,
            "gain": self._set_gain,
            "monitor": self._monitor,
        }

    def put(self, order: Order) -> None:
        """Queue ``order``; never waits. Where the queue is full, it is refused at once."""
        if len(self._orders) < _QUEUE:
            self._orders.append(order)
        else:
            order.reply(refused(order.command.name, "too many commands at once; send it again"))

    @property
    def waiting(self) -> bool:
        """Whether there is an order that was not obeyed yet."""
        return bool(self._orders)

    def work(self, sample: int) -> Iterator[Mood]:
        """Obey every order; yields the moods that this changes, at ``sample``, the present, 0 before sound."""
        for _ in range(len(self._orders)):
            order = self._orders.popleft()
            answer = self._answer(order, sample)
            self.publish()
            if not COMMANDS[answer.name].asks:
                self._log(action(sample, order.command, answer))
            if answer.done and answer.name in {"hold", "mood"} and (mood := self.moods.now(sample)) is not None:
                yield mood
            with contextlib.suppress(Exception):  # whoever asked cannot be reached; the show goes on
                order.reply(answer)

    def _answer(self, order: Order, sample: int) -> Answer:
        name = order.command.name
        try:
            return Answer(name, True, self._obey(order, sample))
        except StreammoodError as error:
            return refused(name, error)
        except Exception as error:  # noqa: BLE001  a show goes on: who asked gets what went wrong
            return refused(name, f"it failed: {type(error).__name__}: {error}")

    def _obey(self, order: Order, sample: int) -> Values:
        self._given = self._sample_at(order.at) if sample else None
        if order.prepared is not None:
            return order.prepared()
        return self.actions[order.command.name](*order.command.values)

    # Beats

    def _tap(self) -> Values:
        taps = self._beats.tap(self._given_at())
        return (taps, round(self._beats.manual_tempo, 2)) if self._beats.manual_tempo else (taps,)

    def _downbeat(self) -> Values:
        self._beats.downbeat(self._given_at())
        return ()

    def _given_at(self) -> float:
        """The sample at which the order was given."""
        if self._given is None:
            raise ControlError("nothing was received yet: send this command again when music plays")
        return self._given

    def _double(self) -> Values:
        return self._moved(self._beats.double())

    def _half(self) -> Values:
        return self._moved(self._beats.half())

    def _moved(self, bounds: tuple[float, float]) -> Values:
        """Set the ``bounds`` of the tempo; returns the one that had to move, if one had."""
        before = self.state.bpm_min, self.state.bpm_max
        self.state = replace(self.state, bpm_min=bounds[0], bpm_max=bounds[1])
        names = ("beat.bpm_min", "beat.bpm_max")
        return tuple(
            f"{name} is {bound:.1f} now" for name, was, bound in zip(names, before, bounds, strict=True) if was != bound
        )

    def _set_bpm(self, bpm: float) -> Values:
        self._beats.set_bpm(bpm)
        return (bpm,)

    def _release(self) -> Values:
        self._beats.release()
        return ()

    def _set_bpm_min(self, bpm: float) -> Values:
        self._bound(bpm, self.state.bpm_max)
        return (bpm,)

    def _set_bpm_max(self, bpm: float) -> Values:
        self._bound(self.state.bpm_min, bpm)
        return (bpm,)

    def _bound(self, bpm_min: float, bpm_max: float) -> None:
        self._beats.bounds(bpm_min, bpm_max)
        self.state = replace(self.state, bpm_min=bpm_min, bpm_max=bpm_max)

    def _nudge(self, ms: float) -> Values:
        self._beats.nudge(ms * ANALYSIS_RATE / 1e3)
        self.state = replace(self.state, nudge=self.state.nudge + ms)
        return (self.state.nudge,)

    # Mood and gain

    def _hold(self, on: bool | None) -> Values:
        self.moods.freeze(not self.moods.hold if on is None else on)
        return (int(self.moods.hold),)

    def _set_mood(self, label: int | str | None) -> Values:
        self.moods.set(label)
        return (self.moods.label or AUTO,)

    def _set_gain(self, decibels: float) -> Values:
        self._analyzer.gain = decibels
        return (decibels,)

    # Outputs

    def _offset(self, target: int | str, ms: float) -> Values:
        output = self._find(target)
        output.offset = ms
        self._firing.wake()
        return output.name, ms

    def _mute(self, target: int | str, on: bool) -> Values:
        output = self._find(target)
        output.muted = on
        self._firing.wake()
        return output.name, int(on)

    def _panic(self) -> Values:
        for output in self._firing.outputs:
            output.panic()
        self._firing.wake()
        return ()

    def _test(self, target: int | str) -> Values:
        output = self._find(target)
        if output.muted:
            raise ControlError(f"target `{output.name}` is muted; let it send before it is tested")
        self._firing.rehearse(output, rehearsal(self._given or 0.0, self._labels))
        return (output.name,)

    def _monitor(self, target: int | str) -> Values:
        output = self._find(target)
        if not isinstance(output, Monitored):
            raise ControlError(f"`{output.name}` sends no OSC")
        return tuple(itertools.islice(output.recent(time.monotonic()), _SHOWN))

    def _find(self, target: int | str) -> Output:
        outputs = self._firing.outputs
        for number, output in enumerate(outputs, 1):
            if target in (output.name, number, str(number)):
                return output
        names = ", ".join(f"{number} {output.name}" for number, output in enumerate(outputs, 1))
        raise ControlError(f"no target `{str(target)[:40]}`; there are {names or 'none'}")

    # Settings that were read again

    def reload(self, found: Rebuilt) -> Values:
        """Take settings that were read again; returns what has changed."""
        new = found.settings
        if {"beat.bpm_min", "beat.bpm_max"} & set(found.changed):
            self._bound(new.beat.bpm_min, new.beat.bpm_max)
        if "input.gain" in found.changed:
            self._analyzer.gain = new.input.gain
        if found.targets is not None:
            self._replace_targets(found.targets)
        self.settings = new
        return (str(found),)

    def _replace_targets(self, targets: list[Sink]) -> None:
        """Serve these in place of the OSC targets; one that has the name of a muted one is muted too."""
        for sink in targets:
            if isinstance(sink, Output):
                sink.muted = sink.name in self.state.muted
        others = [sink for sink in self._firing.served if not is_target(sink)]
        self._firing.replace(targets + others)

    def publish(self) -> None:
        """Bring the record up to date, for everybody who reads it: some of what holds ends with the music."""
        muted = tuple(output.name for output in self._firing.outputs if output.muted)
        override = self.moods
        self.state = replace(
            self.state,
            hold=override.hold,
            mood=override.label,
            gain=self._analyzer.gain,
            muted=muted,
            tempo=self._beats.manual_tempo,
        )
        self._now.operator = self.state
