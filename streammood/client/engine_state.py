"""One engine as it is seen from outside: the latest values, its beat clock, history, and a log.

Times are those of this host's monotonic clock, in s; pages estimate how far their own clock is from it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any, TypeAlias

from streammood.client.tempo_follower import TempoFollower
from streammood.events import ANALYSIS_RATE
from streammood.protocol.osc import Message
from streammood.protocol.signals import Value, find, moods

Json: TypeAlias = dict[str, Any]

PREFIX = "/streammood"
ABSENT = 2.0  # s without any packet after which the engine counts as lost; state is sent again every 0.5 s
HISTORY = 300.0  # s of valence and arousal that a page gets when it opens
_HISTORY_STEP = 0.5  # s, as often as there is a mood
_LOG = 200  # entries
_OBEYED = 2.0  # s after which the engine has sent the new state
_NAMES = 256  # different signals that are stored, so that a stranger's packets cannot fill the memory


class EngineState:
    """Takes the messages of one engine; a page gets a ``snapshot`` and then what ``take_changes`` gives."""

    def __init__(self, number: int, port: int, start: str = "") -> None:
        """``start`` is the command that starts an engine which sends here; the log names it while none does."""
        self.number = number
        self.port = port
        self.values: dict[str, Value] = {}
        self.log: deque[Json] = deque(maxlen=_LOG)
        self.present = False
        self._history: deque[tuple[float, float, float, str]] = deque(maxlen=round(HISTORY / _HISTORY_STEP))
        self._changed: set[str] = set()
        self._news: list[Json] = []
        self._beats = TempoFollower()
        self._expected: dict[str, float] = {}  # signals that a command has set: the engine is ignored until then
        self._received_at = -math.inf
        self._song_since = -math.inf  # when the last song change arrived, or the engine
        self._start = start
        self._wait(time.monotonic())

    @property
    def labels(self) -> list[str]:
        """The moods of its model, in the model's order."""
        return moods(self.values)

    def take(self, message: Message, now: float) -> None:
        """Store the value of one message, if it is a signal of the right type."""
        name = message.address.removeprefix(f"{PREFIX}/")
        signal = find(name) if name != message.address else None
        value = signal.accept(message.arguments[0]) if signal is not None and len(message.arguments) == 1 else None
        if signal is None or value is None:
            return
        self._received_at = now
        if not self.present and not (name.startswith("status/") and not value):
            self.present = True
            self._song_since = -math.inf
            self._note("engine", "The engine is here", now)
        if signal.kind == "trigger":
            self._trigger(name, value, now)
        elif signal.kind == "note":
            self._note("note", str(value), now)
        elif name in self.values or len(self.values) < _NAMES:
            self._value(name, value, now)

    def _trigger(self, name: str, value: Value, now: float) -> None:
        if not value:
            return
        number, count = (self._number(f"beat/{part}") for part in ("number", "count"))
        if name == "beat":
            self._beats.beat(round(number), round(count), now)
            self._changed.add("beat/next")
        elif name == "song/changed":
            self._log_song(now)
        self._news.append({"type": name.rpartition("/")[2], "t": now, "number": number, "count": count})

    def _value(self, name: str, value: Value, now: float) -> None:
        before = self.values.get(name)
        if before != value and self._expected.get(name, now) > now:
            return  # sent before the engine obeyed
        self.values[name] = value
        if name in {"beat/next", "beat/phase"}:
            self._predict(name, now)
        elif before != value:
            self._changed.add(name)
            self._log_change(name, before, value, now)
        if name == "mood/arousal" and (not self._history or now - self._history[-1][0] >= 0.9 * _HISTORY_STEP):
            valence, arousal = (round(self._number(f"mood/{axis}"), 4) for axis in ("valence", "arousal"))
            self._history.append((round(now, 3), valence, arousal, str(self.values.get("mood/label", ""))))

    def _predict(self, name: str, now: float) -> None:
        beats = self._beats
        beats.bpm, beats.meter = self._number("bpm"), round(self._number("beat/meter"))
        (beats.next_in if name == "beat/next" else beats.phase)(self._number(name), now)
        self._changed.add("beat/next")

    def _number(self, name: str) -> float:
        value = self.values.get(name, 0.0)
        return 0.0 if isinstance(value, str) else value

    def expect(self, name: str, value: Value, now: float) -> None:
        """Store ``name`` as a command just set it: the engine sends it only once a second."""
        signal = find(name)
        accepted = None if signal is None else signal.accept(value)
        if accepted is not None:
            self.values[name] = accepted
            self._changed.add(name)
            self._expected[name] = now + _OBEYED

    def expect_nothing(self) -> None:
        """Believe the engine again: it has refused something."""
        self._expected.clear()

    def _log_change(self, name: str, before: Value | None, value: Value, now: float) -> None:
        """Write the changes that an operator wants to read about into the log."""
        match name, value:
            case "status/alive", 0:
                self._lose("The engine has stopped", now)
            case "status/signal", _ if before is not None:
                self._note("signal", "Sound is back" if value else "Silence", now)
            case "beat/locked", _ if before is not None:
                at = f" at {bpm:.1f} BPM" if (bpm := self._number("bpm")) > 0.0 else ""  # it may come after the lock
                self._note("tempo", f"Locked{at}" if value else "Lock lost", now)
            case "mood/label", _:
                self._note("mood", str(value) or "no music", now)
            case "status/lost", int() | float() if isinstance(before, int | float) and value > before:
                if "target/count" not in self.values:  # an engine that sends details reports it itself, in its notes
                    self._note("loss", f"{value - before:.0f} samples of the input were lost", now)

    def _log_song(self, now: float) -> None:
        """Write a song change into the log; each arrives equally late, so that two of them give a length."""
        minutes, seconds = divmod(round(now - self._song_since) if math.isfinite(self._song_since) else 0, 60)
        lasted = f"; the one before it lasted {minutes}:{seconds:02}" if minutes or seconds else ""
        self._note("song", f"Another song has begun{lasted}", now)
        self._song_since = now

    def note(self, kind: str, text: str) -> None:
        """Add a line to the log that does not come from the engine."""
        self._note(kind, text, time.monotonic())

    def _note(self, kind: str, text: str, now: float) -> None:
        entry = {"type": "log", "t": now, "at": round(time.time(), 3), "kind": kind, "text": text}
        self.log.append(entry)
        self._news.append(entry)

    def _lose(self, text: str, now: float) -> None:
        self.present = False
        self._beats.tempo = None
        self._changed.add("beat/next")
        self._note("engine", text, now)
        self._wait(now)

    def _wait(self, now: float) -> None:
        if self._start:
            self._note("note", f"Waiting on port {self.port}; start an engine: {self._start}", now)

    def watch(self, now: float) -> None:
        """Notice that the engine, or its beat, has gone silent."""
        if self.present and now - self._received_at > ABSENT:
            self._lose(f"Nothing received from the engine for {ABSENT:.0f} s", now)
        if self._beats.expire(now):
            self._changed.add("beat/next")

    def take_news(self) -> list[Json]:
        """Beats and log entries since the last call: they do not wait."""
        news, self._news = self._news, []
        return news

    def take_changes(self) -> Json | None:
        """The values that changed since the last call."""
        if not self._changed:
            return None
        names, self._changed = self._changed, set()
        # In the order in which they first came: that of the moods is the model's, which `mood/index` counts by.
        values = {name: value for name, value in self.values.items() if name in names and name != "beat/next"}
        return {"type": "now", "values": values} | self._clock()

    def snapshot(self) -> Json:
        """All that a page needs when it opens."""
        return {
            "values": {name: value for name, value in self.values.items() if name != "beat/next"},
            "history": list(self._history),
            "log": list(self.log),
        } | self._clock()

    def _clock(self) -> Json:
        """Whether it is there, and where its beats are: a page counts on from ``anchor``, when beat ``number`` was."""
        tempo = self._beats.tempo
        clock = None if tempo is None else {
            "anchor": tempo.anchor / ANALYSIS_RATE,
            "period": tempo.period / ANALYSIS_RATE,
            "number": tempo.number,
            "meter": tempo.meter,
        }  # fmt: skip
        return {"present": self.present, "clock": clock}
