"""A night as its event log has it: pieces, moods, tempo, losses and what the operator did."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

Row = Mapping[str, Any]

_PAUSE = 2.0  # s of silence that end a piece
_SHORTEST = 20.0  # s; shorter music is not a piece


@dataclass(frozen=True, slots=True)
class Moment:
    """A mood at a time."""

    time: float  # s
    label: str
    valence: float  # -1..1
    arousal: float  # -1..1


@dataclass(frozen=True, slots=True)
class Action:
    """What the operator sent."""

    time: float  # s
    name: str
    values: str
    done: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Music between two silences."""

    start: float  # s
    end: float  # s
    title: str  # empty where it is not known
    bpm: float  # median of its locked beats; 0 where there are none
    moods: tuple[tuple[str, float], ...]  # label and share, the largest first
    valence: float  # mean
    arousal: float  # mean


@dataclass(slots=True)
class Night:
    """All runs of a log, one after the other."""

    source: str = ""
    began: datetime | None = None  # of the first run, if the log has it
    duration: float = 0.0  # s
    beats: list[tuple[float, float, bool]] = field(default_factory=list)  # s, BPM, locked
    moods: list[Moment] = field(default_factory=list)
    onsets: list[float] = field(default_factory=list)  # s
    signal: list[tuple[float, bool]] = field(default_factory=list)  # s, whether there was sound
    lost: list[tuple[float, int]] = field(default_factory=list)  # s, samples
    notes: list[tuple[float, str]] = field(default_factory=list)  # s, what went wrong
    actions: list[Action] = field(default_factory=list)
    titles: list[tuple[float, str]] = field(default_factory=list)  # s, of a song that began then; may be empty
    left_out: int = 0  # rows that could not be read

    @classmethod
    def read(cls, rows: Iterable[Row]) -> Night:
        """The night in ``rows``; rows that cannot be read are counted."""
        night = cls()
        began, lost = 0.0, 0
        for row in rows:
            try:
                if row["event"] == "stream":
                    began, lost = night.duration, 0
                    night._head(row)
                elif row["event"] != "summary":
                    time = began + float(row["time"])
                    if not 0.0 <= time < 1e7:
                        raise ValueError("no time")
                    lost = night._take(row, time, lost)
                    night.duration = max(night.duration, time)
            except (KeyError, TypeError, ValueError, OverflowError):
                night.left_out += 1
        return night

    def _head(self, row: Row) -> None:
        if not self.source:
            self.source = str(row["input"])
        if self.began is None and "began" in row:
            self.began = datetime.fromisoformat(str(row["began"])) - timedelta(seconds=self.duration)

    def _take(self, row: Row, time: float, lost: int) -> int:
        """Take one row; returns how many samples its run has lost so far."""
        match row["event"]:
            case "beat":
                self.beats.append((time, float(row["bpm"]), bool(row["locked"])))
            case "mood":
                self.moods.append(Moment(time, str(row["label"] or ""), float(row["valence"]), float(row["arousal"])))
            case "onset":
                self.onsets.append(time)
            case "status":
                self.signal.append((time, bool(row["signal"])))
                self.notes += [(time, str(note)) for note in row["notes"]]
                if int(row["lost"]) > lost:
                    self.lost.append((time, int(row["lost"]) - lost))
                return int(row["lost"])
            case "command":
                values, answer = (" ".join(map(str, row[name])) for name in ("values", "answer"))
                self.actions.append(Action(time, str(row["name"]), values, bool(row["done"]), answer))
            case "song":
                self.titles.append((time, str(row.get("title", ""))))
        return lost

    def clock(self, time: float) -> str:
        """``time`` in s of the log as the clock on the wall, or from the start where that is not known."""
        if self.began is not None:
            return (self.began + timedelta(seconds=time)).astimezone().strftime("%H:%M:%S")
        whole = int(time)
        return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"

    @property
    def shares(self) -> list[tuple[str, float]]:
        """Each label with its share of the moods, the largest first."""
        return _shares(self.moods)

    @property
    def bpm(self) -> float:
        """Median of the locked beats; 0 without any."""
        return _median(bpm for _, bpm, locked in self.beats if locked)

    @property
    def all_lost(self) -> int:
        """Samples that were lost."""
        return sum(count for _, count in self.lost)

    def pieces(self) -> list[Piece]:
        """Music between silences, or between songs with titles, in their order."""
        edges: list[tuple[float, float]] = []
        start: float | None = None
        last = -math.inf  # when there was sound last
        states = self.signal or [(time, True) for time in (0.0, self.duration)]  # a log of `analyze` has no states
        for time, sounds in states:
            if sounds:
                start = max(0.0, time - 1.0) if start is None else start
                last = time
            elif start is not None and time - last >= _PAUSE:
                edges.append((start, last))
                start = None
        if start is not None:
            edges.append((start, max(last, start)))
        cuts = [time for time, _ in self.titles]
        parts = [part for edge in edges for part in _cut(edge, cuts)]
        return [self._piece(*part) for part in parts if part[1] - part[0] >= _SHORTEST]

    def _piece(self, start: float, end: float) -> Piece:
        moods = [moment for moment in self.moods if start <= moment.time <= end]
        title = next((title for time, title in reversed(self.titles) if time <= start + 1.0), "")
        bpm = _median(bpm for time, bpm, locked in self.beats if locked and start <= time <= end)
        axes = [(moment.valence, moment.arousal) for moment in moods] or [(0.0, 0.0)]
        valence, arousal = (statistics.fmean(axis) for axis in zip(*axes, strict=True))
        return Piece(start, end, title, bpm, tuple(_shares(moods)), valence, arousal)


def _cut(edge: tuple[float, float], cuts: list[float]) -> list[tuple[float, float]]:
    inside = [edge[0], *(cut for cut in cuts if edge[0] < cut < edge[1]), edge[1]]
    return list(pairwise(inside))


def _shares(moods: list[Moment]) -> list[tuple[str, float]]:
    counts = Counter(moment.label for moment in moods if moment.label)
    return [(label, count / counts.total()) for label, count in counts.most_common()]


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return statistics.median(found) if found else 0.0
