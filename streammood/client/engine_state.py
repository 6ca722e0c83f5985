"""What the dashboard knows of one engine: the latest values, when the next beat is due, history, and a log.

Times are those of this host's monotonic clock, in s; pages estimate how far their own clock is from it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any, TypeAlias

from streammood.protocol.signals import Value, find

Json: TypeAlias = dict[str, Any]

PREFIX = "/streammood"
ABSENT = 2.0  # s without any packet after which the engine counts as lost; state is sent again every 0.5 s
HISTORY = 300.0  # s of valence and arousal that a page gets when it opens
_HISTORY_STEP = 0.5  # s, as often as there is a mood
_LOG = 200  # entries
_NAMES = 256  # different signals that are kept, so that a stranger's packets cannot fill the memory
_SLOWEST = 10.0  # BPM; less is no tempo
_STALE = 1.5  # s after which a prediction that is not told again is forgotten
_SAME_BEAT = 0.06  # s; predictions that differ by less are of the same beat
_EARLIER, _LATER = 0.5, 0.1  # share that is followed: a packet may be late, but never early


class EngineState:
    """Takes the messages of one engine; a page gets a ``snapshot`` and then what ``take_changes`` gives."""

    def __init__(self, number: int, port: int) -> None:
        self.number = number
        self.port = port
        self.values: dict[str, Value] = {}
        self.log: deque[Json] = deque(maxlen=_LOG)
        self.present = False
        self._history: deque[tuple[float, float, float, str]] = deque(maxlen=round(HISTORY / _HISTORY_STEP))
        self._changed: set[str] = set()
        self._news: list[Json] = []
        self._heard = -math.inf
        self._due: float | None = None  # when some beat sounds
        self._period = 0.0  # s from beat to beat
        self._predicted = -math.inf  # when the engine last told of the next beat in any way
        self._told_next = -math.inf  # when the engine last said itself when the next beat is due

    def take(self, address: str, arguments: tuple[object, ...], now: float) -> None:
        """Keep what one message says, if it is a signal of ours and its value is of the right kind."""
        name = address.removeprefix(f"{PREFIX}/")
        signal = find(name) if name != address else None
        value = signal.accept(arguments[0]) if signal is not None and len(arguments) == 1 else None
        if signal is None or value is None:
            return
        self._heard = now
        if not self.present and not (name.startswith("status/") and not value):
            self.present = True
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
        self._news.append(
            {
                "type": name.rpartition("/")[2],
                "t": now,
                "number": self.values.get("beat/number", 0),
                "count": self.values.get("beat/count", 0),
            }
        )

    def _value(self, name: str, value: Value, now: float) -> None:
        before = self.values.get(name)
        self.values[name] = value
        if name in {"beat/next", "beat/phase"} and not isinstance(value, str):
            self._predict(name, value, now)
        elif before != value:
            self._changed.add(name)
            self._tell_of(name, before, value, now)
        if name == "mood/arousal" and (not self._history or now - self._history[-1][0] >= 0.9 * _HISTORY_STEP):
            valence = self.values.get("mood/valence", 0.0)
            if not isinstance(valence, str) and not isinstance(value, str):
                label = str(self.values.get("mood/label", ""))
                self._history.append((round(now, 3), round(valence, 4), round(value, 4), label))

    def _predict(self, name: str, value: float, now: float) -> None:
        """Follow what the engine says of the next beat: how far away it is, or how much of the beat is over."""
        bpm = self.values.get("bpm", 0.0)
        if isinstance(bpm, str) or bpm < _SLOWEST:
            return
        self._period, self._predicted = 60.0 / bpm, now
        if name == "beat/next":
            self._told_next, due = now, now + value
        elif now - self._told_next < ABSENT:
            return
        else:
            due = now + (1.0 - value) * self._period
        self._changed.add("beat/next")
        if self._due is not None:
            old = self._due + round((due - self._due) / self._period) * self._period
            apart = due - old
            if abs(apart) < _SAME_BEAT:
                due = old + apart * (_LATER if apart > 0 else _EARLIER)
        self._due = due

    def _tell_of(self, name: str, before: Value | None, value: Value, now: float) -> None:
        """Write the changes that an operator wants to read about into the log."""
        match name, value:
            case "status/alive", 0:
                self._lose("The engine has stopped", now)
            case "status/signal", _ if before is not None:
                self._note("signal", "Sound is back" if value else "Silence", now)
            case "beat/locked", _ if before is not None:
                bpm = self.values.get("bpm", 0.0)
                self._note("tempo", f"Locked at {bpm:.1f} BPM" if value else "Lock lost", now)
            case "mood/label", _:
                self._note("mood", str(value), now)
            case "status/lost", int() | float() if isinstance(before, int | float) and value > before:
                if "target/count" not in self.values:  # an engine that sends details says it itself, in its notes
                    self._note("loss", f"{value - before:.0f} samples of the input were lost", now)

    def note(self, kind: str, text: str) -> None:
        """Add a line to the log that does not come from the engine."""
        self._note(kind, text, time.monotonic())

    def _note(self, kind: str, text: str, now: float) -> None:
        entry = {"type": "log", "t": now, "at": round(time.time(), 3), "kind": kind, "text": text}
        self.log.append(entry)
        self._news.append(entry)

    def _lose(self, text: str, now: float) -> None:
        self.present = False
        self._forget_beat()
        self._note("engine", text, now)

    def _forget_beat(self) -> None:
        self._due = None
        self._changed.add("beat/next")

    def watch(self, now: float) -> None:
        """Notice that the engine, or its beat, has gone silent."""
        if self.present and now - self._heard > ABSENT:
            self._lose(f"Nothing heard from the engine for {ABSENT:.0f} s", now)
        if self._due is not None and now - self._predicted > _STALE:
            self._forget_beat()

    def take_news(self) -> list[Json]:
        """Beats and log entries since the last call: they do not wait."""
        news, self._news = self._news, []
        return news

    def take_changes(self) -> Json | None:
        """What has changed since the last call, if anything."""
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
        return {"present": self.present, "due": self._due, "period": self._period}
