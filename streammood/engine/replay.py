"""An event log fired again: rows in, the same beats, onsets and moods at their times to the outputs of the settings."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from streammood.analysis.key import Key
from streammood.engine.priority import Priority
from streammood.engine.scheduler import Firing
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Onset, Section, SongChange, Status, Structure, Tempo
from streammood.outputs import state_of
from streammood.outputs.build import Outputs

_AHEAD = 1.0  # s by which rows are read before they are due
_LEAD = 0.3  # s from the start to the first event
_STEP = 0.02  # s between two states of the beat clock
_FORGOTTEN = 2.5  # beats without one after which there are none
_AWAKE = 0.002  # s; a sleeping thread of a busy machine is woken up to some ms late
_LONGEST = 31 * 24 * 3600.0  # s of a log
_LARGEST = 1e9  # of any number in an event
_SWITCH_INTERVAL = 0.0005  # s, as in the live engine
_NOT_LABELS = {
    "event",
    "time",
    "decided",
    "valence",
    "arousal",
    "label",
    "confidence",
    "music",
    "music_confidence",
    "path",
    "duration",
    "bpm",
}

Row = Mapping[str, Any]


def labels_of(row: Row) -> tuple[str, ...]:
    """The labels of a mood row, in the model's order."""
    return tuple(name for name, value in row.items() if name not in _NOT_LABELS and isinstance(value, int | float))


class Rows:
    """Rows to events at the same times; other rows are counted and left out."""

    def __init__(self) -> None:
        self.left_out = self.count = 0
        self._labels: tuple[str, ...] | None = None
        self._label = ""
        self._number = self._meter = 0
        self._kinds: dict[str, Callable[[Row, int, int], Event]] = {
            "beat": self._beat,
            "onset": self._onset,
            "mood": self._mood,
            "status": self._status,
            "energy": self._structure,
            "section": self._section,
            "song": self._song,
        }

    def events(self, rows: Iterable[Row]) -> Iterator[Event]:
        """The events of ``rows``; where a log holds several runs, each begins where the one before has ended."""
        began = latest = 0.0
        for row in rows:
            try:
                if row["event"] == "stream":
                    began = latest
                    continue
                if row["event"] in {"summary", "command"}:
                    continue
                event = self._event(row, began)
            except (KeyError, TypeError, ValueError, OverflowError):
                self.left_out += 1
                continue
            latest = max(latest, event.sample / ANALYSIS_RATE)
            self.count += 1
            yield event

    def _event(self, row: Row, began: float) -> Event:
        """One event.

        Raises:
            KeyError: a value is missing, or the event does not exist.
            TypeError: a value is of another kind.
            ValueError: a value is not right.
        """
        times = [began + float(row[name]) for name in ("time", "decided")]
        if not all(0.0 <= time <= _LONGEST for time in times):
            raise ValueError("no time of a night")
        event = self._kinds[row["event"]](row, *(round(time * ANALYSIS_RATE) for time in times))
        values = [getattr(event, field.name) for field in fields(event)]
        shares = event.probabilities.values() if isinstance(event, Mood) else ()
        if not all(abs(value) <= _LARGEST for value in [*values, *shares] if isinstance(value, int | float)):
            raise ValueError("no number of an event")
        return event

    def _beat(self, row: Row, sample: int, decided: int) -> Beat:
        number = int(row["number"])
        if number == 1 and self._number > 1:
            self._meter = self._number
        self._number = number
        sure = float(row["bpm"]), float(row["confidence"]), bool(row["locked"])
        return Beat(sample, decided, *sure, number, int(row["count"]), float(row.get("bar_confidence", 0.0)))

    def _onset(self, row: Row, sample: int, decided: int) -> Onset:
        return Onset(sample, decided, float(row["strength"]))

    def _mood(self, row: Row, sample: int, decided: int) -> Mood:
        names = self._labels = self._labels or labels_of(row)
        label, before = str(row["label"] or ""), self._label
        self._label = label
        shares = {name: float(row[name]) for name in names}
        axes = float(row["valence"]), float(row["arousal"])
        music = bool(row.get("music", True)), float(row.get("music_confidence", 1.0))
        return Mood(sample, decided, *axes, shares, label, float(row["confidence"]), label != before, *music)

    def _structure(self, row: Row, sample: int, decided: int) -> Structure:
        kind, index, bars, countin = (int(row.get(name, 0)) for name in ("kind", "index", "bars", "countin"))
        buildup, confidence, grid = (float(row.get(name, 0.0)) for name in ("buildup", "confidence", "grid"))
        key = int(row.get("key", -1)), bool(row.get("minor", False)), float(row.get("key_confidence", 0.0))
        now = float(row["energy"]), buildup, bool(row.get("breakdown", False))
        return Structure(sample, decided, *now, kind, index, bars, confidence, countin, grid, *key)

    def _section(self, row: Row, sample: int, decided: int) -> Section:
        sure = float(row["confidence"]), int(row["bars"]), bool(row.get("locked", True))
        return Section(sample, decided, str(row["kind"]), *sure)

    def _song(self, row: Row, sample: int, decided: int) -> SongChange:
        key = Key.parse(str(row["key"])) if row.get("key") else None
        tonic = (key.tonic, key.minor) if key else (-1, False)
        sure, length, bpm = (float(row.get(name, 0.0)) for name in ("confidence", "length", "bpm"))
        valence, arousal, energy = (float(row.get(name, 0.0)) for name in ("valence", "arousal", "energy"))
        of_key, mood = float(row.get("key_confidence", 0.0)), str(row.get("mood", ""))
        return SongChange(sample, decided, sure, length, bpm, *tonic, of_key, mood, valence, arousal, energy)

    def _status(self, row: Row, sample: int, decided: int) -> Status:
        lost, latency = int(row["lost"]), float(row["latency"])
        return Status(sample, decided, bool(row["signal"]), lost, latency, int(row.get("input", 1)))

    def tempo(self, beat: Beat) -> Tempo:
        """The beat clock at ``beat``."""
        period = 60.0 * ANALYSIS_RATE / beat.bpm if beat.bpm > 0.0 else 0.0
        return Tempo(
            beat.sample,
            beat.decided,
            beat.bpm,
            beat.confidence,
            beat.locked,
            float(beat.sample),
            period,
            beat.count,
            beat.number,
            self._meter if beat.number else 0,
            beat.bar_confidence,
        )


class Replay:
    """Fires the events of a log from a thread of its own, each ``speed`` times as soon as in the log."""

    def __init__(self, outputs: Outputs, start: float = 0.0, speed: float = 1.0, ahead: bool = False) -> None:
        """``start`` in s: what lies before it in the log is left out; ``ahead``: of other programs, if that is allowed.

        Raises:
            StreammoodError: an output cannot be made.
        """
        self.notes: list[str] = []
        self.fired = 0  # events, without states of the beat clock
        self.beats = 0
        self.at = start  # s of the log up to which events were handed over
        self.rows = Rows()
        self._start = start
        self._ahead = ahead
        self._speed = speed
        self._began = time.monotonic() + _LEAD
        self._firing = Firing(outputs.build(self._sample_at, self.notes.append), self.notes.append, _AWAKE)
        self._priority = Priority()

    def _sample_at(self, now: float) -> float:
        return (now - self._began) * ANALYSIS_RATE

    def _placed(self, event: Event) -> Event:
        """``event`` on the clock of this replay: its first moment is 0, and the tempo is that of the replay."""
        sample, decided = (
            round((s - self._start * ANALYSIS_RATE) / self._speed) for s in (event.sample, event.decided)
        )
        if isinstance(event, Beat):
            return replace(event, sample=sample, decided=decided, bpm=event.bpm * self._speed)
        return replace(event, sample=sample, decided=decided)

    def run(self, rows: Iterable[Row], stopped: threading.Event, shown: Callable[[], None] = lambda: None) -> None:
        """Fire everything, until the log ends or ``stopped`` is set; ``shown`` is called with each event."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self._began = time.monotonic() + _LEAD
        self._firing.start()
        if self._ahead:
            self._priority.take()
        self._firing.submit([(self._began, Status(0, 0, True, 0, 0.0))], self._began)  # a log of `analyze` has none
        try:
            last = 0.0
            for event in self._with_tempo(self._placed(e) for e in self.rows.events(rows) if self._wanted(e)):
                last = event.sample / ANALYSIS_RATE
                if stopped.wait(max(0.0, self._began + last - _AHEAD - time.monotonic())):
                    return
                self.at = self._start + last * self._speed
                self._submit(event)
                shown()
            stopped.wait(max(0.0, self._began + last + 0.1 - time.monotonic()))
        finally:
            self._firing.stop()
            self._priority.give_back()
            sys.setswitchinterval(before)

    def _wanted(self, event: Event) -> bool:
        return event.sample >= self._start * ANALYSIS_RATE

    def _submit(self, event: Event) -> None:
        if isinstance(event, Status):
            states = (state_of(o) for o in self._firing.outputs)
            event = replace(event, targets=tuple(states))
        self.fired += not isinstance(event, Tempo)
        self.beats += isinstance(event, Beat)
        due = self._began + event.sample / ANALYSIS_RATE
        self._firing.submit([(due, event)], due)

    def _with_tempo(self, events: Iterable[Event]) -> Iterator[Event]:
        """``events`` and, between them, the beat clock as the latest beat has left it, at even steps."""
        tempo: Tempo | None = None
        at = 0
        step = round(_STEP * ANALYSIS_RATE)
        for event in events:
            while tempo is not None and at < event.sample:
                if at - tempo.anchor > _FORGOTTEN * tempo.period:
                    yield replace(tempo, sample=at, decided=at, confidence=0.0, locked=False, period=0.0, anchor=0.0)
                    tempo = None
                    break
                yield replace(tempo, sample=at, decided=at)
                at += step
            if isinstance(event, Beat):
                tempo, at = self.rows.tempo(event), event.sample + step
                yield tempo
            yield event
