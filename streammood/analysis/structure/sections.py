"""Where sections begin: breakdowns, build-ups, drops, and other changes, each on its beat.

The low end that is there all the time, bass and kick together, says what plays: with it a groove, without it a
breakdown or a build-up. A build-up is told by a model while treble, width and pace rise; a drop is the return of the
low end after a build-up. What else changes between the bars, another model judges a bar later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streammood.analysis.hops import Record
from streammood.analysis.structure.beat_rows import HIGH, LOUD, LOW, WIDTH
from streammood.analysis.structure.context import AHEAD, Context
from streammood.models.structure_model import StructureModel

Kind = Literal["boundary", "buildup", "drop", "breakdown"]
CALM, GROOVE, BUILD, DROP, BREAKDOWN = range(5)

_BASS = -11.0  # dB against the most of the song, above which bass and kick play
_GROOVE = 16  # beats of bass after which its absence is a breakdown
_GONE = 4  # beats without bass that make one
_BUILD, _UNBUILD = 0.5, 0.25  # likelihood at which a build-up is told, and below which it is none
_PROMISE = 10  # beats after the last moment of a build-up within which a drop may come
_CLIMB = 12  # beats that a build-up takes, at least, after it was told
_RETURN = -6.0  # dB against the most of the song, in the first moments of a drop
_LEAP = 10.0  # dB by which the low end leaps then
_PLUNGE = 6.0  # dB by which the treble falls against the whole then
_GAP = 12.0  # dB below the most of the song: next to nothing plays
_SOON = 3  # beats after a build-up was told in which the low end may be a part of it
_DARKER, _NARROWER = 3.0, 0.75  # dB by which the treble falls after a drop, or share of the width that stays
_PHRASE = 16  # beats; drops come a whole number of phrases after the build-up began
_WINDOW = 4  # beats before within which the likeliest change is the boundary
_NEW = 2  # beats around the start of a build-up that was told in which less likely changes are boundaries
_AFTER = 1  # the same after it
_ALIGNED = 0.5  # log odds of a boundary for a whole number of phrases since the last one
_LEAST = 6  # beats from one boundary to the next


@dataclass(frozen=True, slots=True)
class Found:
    """Something that begins at a beat."""

    kind: Kind
    sample: float  # of the beat
    decided: int
    confidence: float  # 0..1
    count: int  # of the beat


def _treble(row: Record) -> float:
    """Treble in dB against the whole."""
    return float(row["shape"][HIGH] - row["shape"][LOUD])


class Sections:
    """Beats in, what begins with them out. ``buildup`` 0..1 and ``kind`` speak of the latest beat."""

    def __init__(self, model: StructureModel) -> None:
        self._model = model
        self.context = Context()
        self.reset()

    def reset(self) -> None:
        """Begin a new song."""
        self.context.reset()
        self.buildup = 0.0
        self.kind = CALM
        self.begun = 0  # count of the first beat of the section
        self._with = self._without = 0  # beats in a row with bass, and without
        self._played = 0  # beats of bass since the section with bass began
        self._reported = False  # the build-up that goes on was told
        self._reported_at = 0  # count of the beat when it was
        self._since = 10**6  # beats since it was likely
        self._changes: list[tuple[float, Record]] = []  # how likely the last beats are boundaries
        self._latest = -(10**6)  # count of the beat of the latest boundary

    def push(self, row: Record) -> list[Found]:
        """What the record ``row`` of ``BEAT_ROW`` makes known."""
        return self._early(row) if row["early"] else self._whole(row)

    def _early(self, row: Record) -> list[Found]:
        """A drop is known by the first moments of its beat, if the beats before were without low end."""
        context = self.context
        if not self._promised(row):
            return []
        before = context.rows[-2:]
        shape, beats = row["shape"], int(row["count"]) - self._reported_at
        leaps = shape[LOW] - max(past["shape"][LOW] for past in before) > _LEAP
        plunges = min(_treble(past) for past in before) - _treble(row) > _PLUNGE
        sure = plunges or self._gap(1) or (leaps and (int(row["count"]) - self.begun) % _PHRASE == 0)
        if beats >= _CLIMB and shape[LOW] - context.low > _RETURN and sure:
            return [self._drop(row, 0.8)]
        return []

    def _promised(self, row: Record) -> bool:
        """Whether the beat of ``row`` may be a drop: a build-up plays, or has just ended."""
        return self._reported and self._since <= _PROMISE and self.kind == BUILD

    def _gap(self, back: int) -> bool:
        """Whether next to nothing played ``back`` beats ago."""
        rows = self.context.rows
        return len(rows) >= back and self.context.loud - float(rows[-back]["shape"][LOUD]) > _GAP

    def _settles(self) -> bool:
        """Whether the last two beats are darker than those before, as after a build-up, or follow a gap."""
        shapes = self.context.rows["shape"][-6:]
        if len(shapes) < 6:
            return False
        treble = shapes[:, HIGH] - shapes[:, LOUD]
        width = shapes[:, WIDTH]
        darker = treble[:4].mean() - treble[4:].mean() > _DARKER or width[4:].mean() < _NARROWER * width[:4].mean()
        return bool(darker) or self._gap(3)

    def _whole(self, row: Record) -> list[Found]:
        context = self.context
        context.push(row)
        bass = context.bass(row) > _BASS
        self._with, self._without = (self._with + 1, 0) if bass else (0, self._without + 1)
        found: list[Found] = []
        found += self._breakdown()
        found += self._build(row)
        late = int(row["count"]) - self._reported_at >= _SOON
        if self._with == 2 and late and self._promised(row) and self._settles():
            found.append(self._drop(context.rows[-2], 0.7, int(row["decided"])))
        elif self._with == _GONE and self.kind not in (GROOVE, DROP):
            found += self._boundary(context.rows[-_GONE], int(row["decided"]), 0.6)
            self._enter(GROOVE, context.rows[-_GONE])
        if self.kind in (GROOVE, DROP):
            self._played += bass
        found += self._change(row)
        return found

    def _breakdown(self) -> list[Found]:
        rows = self.context.rows
        gone = min(self._without, len(rows))
        if self.kind == BUILD:  # it led nowhere
            if self.buildup > _UNBUILD or self._since < _GONE or gone < self._since:
                return []
            gone = self._since
        elif self.kind not in (GROOVE, DROP) or gone < _GONE or self._played < _GROOVE:
            return []
        first, now = rows[-gone], rows[-1]
        self._enter(BREAKDOWN, first)
        self._latest = int(first["count"])
        return [Found("breakdown", float(first["sample"]), int(now["decided"]), 0.8, int(first["count"]))]

    def _build(self, row: Record) -> list[Found]:
        rise = self.context.rise()
        if rise is None:
            return []
        likely = self._model.buildup(rise) if self.kind not in (DROP,) or self._played > _GROOVE else 0.0
        self.buildup += 0.5 * (likely - self.buildup)
        self._since = 0 if likely > _BUILD else self._since + 1
        if self._since > 2 * _PROMISE:
            self._reported = False
        if self._reported or self.buildup < _BUILD:
            return []
        self._reported, self._reported_at = True, int(row["count"])
        first = self._downbeat(row)
        self._enter(BUILD, first)
        return [Found("buildup", float(first["sample"]), int(row["decided"]), self.buildup, int(first["count"]))]

    def _downbeat(self, row: Record) -> Record:
        """The first beat of a bar that is nearest to the beat before ``row``; that beat where no bar is known."""
        first: Record = min(
            self.context.rows[-5:], key=lambda past: (past["number"] != 1, abs(past["count"] - row["count"] + 1))
        )
        return first

    def _drop(self, row: Record, confidence: float, decided: int | None = None) -> Found:
        self._reported, self.buildup = False, 0.0
        self._latest = int(row["count"])
        self._enter(DROP, row)
        when = int(row["decided"]) if decided is None else decided
        return Found("drop", float(row["sample"]), when, confidence, int(row["count"]))

    def _enter(self, kind: int, row: Record) -> None:
        self.kind, self.begun, self._played = kind, int(row["count"]), 0

    def _boundary(self, row: Record, decided: int, confidence: float) -> list[Found]:
        count = int(row["count"])
        if count - self._latest < _LEAST:
            return []
        self._latest = self.begun = count
        return [Found("boundary", float(row["sample"]), decided, confidence, count)]

    def _change(self, row: Record) -> list[Found]:
        """The likeliest boundary of the last beats, once the beats after it are known."""
        rows = self.context.rows
        change = self.context.change(AHEAD - 1)
        if change is None:
            return []
        at = rows[-AHEAD]
        aligned = (int(at["count"]) - self._latest) % _PHRASE == 0
        self._changes.append((self._model.boundary(change, _ALIGNED if aligned else 0.0), at))
        del self._changes[: -_WINDOW - _AFTER - 1]
        if len(self._changes) <= _AFTER:
            return []
        likely, there = self._changes[-1 - _AFTER]
        new = self.kind == BUILD and abs(int(there["count"]) - self.begun) <= _NEW
        if likely < self._model.threshold * (0.2 if new else 1.0) or likely < max(p for p, _ in self._changes):
            return []
        return self._boundary(there, int(row["decided"]), likely)
