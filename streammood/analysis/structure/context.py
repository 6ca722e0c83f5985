"""What the last bars sounded like, and the numbers by which models judge it."""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.hops import F64, Record, Records
from streammood.analysis.structure.beat_rows import (
    BEAT_ROW,
    CENTROID,
    FLOOR,
    HIGH,
    HIGH_FLUX,
    LOUD,
    LOW,
    N_BANDS,
    WIDTH,
)

MEMORY = 40  # beats
AHEAD = 8  # beats after a boundary that are heard before it is judged
_FADE = 0.02  # dB a beat by which the loudest of the song is forgotten
_SMOOTH = 4  # beats
_FARTHEST = 16  # beats before a boundary that are compared with those after it
_SCALE = np.array([6.0, 4.0, 4.0, 3.0, 8.0, 0.3, 0.3, 0.2, 0.1, 0.5])  # what is a change of each column of the shape
_LEAST = -80.0  # dB
_RANGE = 45.0  # dB below the loudest band within which bands are compared
N_RELATIVE = 7


class Context:
    """The rows of the last beats, and the loudest that the song has been."""

    rows: Records
    """Of the last beats, oldest first; a view. Each row stays where it is for ``MEMORY`` beats."""

    def __init__(self) -> None:
        self._beats = np.zeros(2 * MEMORY, dtype=BEAT_ROW)  # every row twice, so the last ones are one slice
        self._relative = np.zeros((2 * MEMORY, N_RELATIVE))  # of each
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._pushed = 0
        self._recent = slice(0, 0)  # of ``_beats`` and ``_relative``
        self.rows = self._beats[self._recent]
        self.low = self.loud = -60.0  # dB, the loudest four beats so far, slowly forgotten

    def push(self, row: Record) -> None:
        """One beat more."""
        at = self._pushed % MEMORY
        self._pushed += 1
        self._recent = slice(at + MEMORY + 1 - min(self._pushed, MEMORY), at + MEMORY + 1)
        self._beats[at] = self._beats[at + MEMORY] = row
        self.rows = self._beats[self._recent]
        recent = _mean(self.rows["shape"][-_SMOOTH:])
        self.low = max(self.low - _FADE, float(recent[LOW]))
        self.loud = max(self.loud - _FADE, float(recent[LOUD]))
        self._relative[at] = self._relative[at + MEMORY] = self.relative(row)

    def bass(self, row: Record) -> float:
        """Low end that is there all the time in ``row``, in dB against the most of the song."""
        return float(row["shape"][FLOOR]) - self.low

    def relative(self, row: Record) -> tuple[float, ...]:
        """What tells a build-up (N_RELATIVE,): treble, width, busy treble, brightness, loudness, low end, bass."""
        shape = row["shape"].tolist()
        return (
            max(shape[HIGH] - shape[LOUD], -50.0),
            shape[WIDTH],
            shape[HIGH_FLUX],
            shape[CENTROID],
            max(shape[LOUD] - self.loud, -30.0),
            max(shape[LOW] - self.low, -50.0),
            max(shape[FLOOR] - self.low, -60.0),
        )

    def rise(self) -> F64 | None:
        """What tells a build-up at the last beat: each of ``relative`` now, and how it has changed; None too early."""
        past = self._relative[self._recent][::-1]  # the last beat first
        if len(past) < 2 * _SMOOTH:
            return None
        now, before, bar, long = past[:4], past[4:8], past[8:12], past[12:20]
        mean = _mean(now)
        changes = [mean - _mean(part if len(part) else past[-4:]) for part in (before, bar, long)]
        return np.concatenate([mean, *changes, past[0, -1:]])

    def change(self, back: int) -> F64 | None:
        """How the music changed at the beat ``back`` beats ago; None where too little is known.

        Of the shape, the bands and the pitches: the beats before against those after, over one bar and over two.
        """
        at = len(self.rows) - 1 - back
        if at < _SMOOTH or back < AHEAD - 1:
            return None
        first = max(0, at - _FARTHEST)
        rows = self.rows[first : at + AHEAD]
        at -= first
        shapes = np.maximum(rows["shape"], _LEAST)
        bands = np.maximum(rows["bands"], rows["bands"].max() - _RANGE)
        chroma = np.ascontiguousarray(rows["chroma"])
        found: list[F64] = []
        for beats in (4, 8, _FARTHEST):
            before, after = slice(max(0, at - beats), at), slice(at, at + min(beats, AHEAD))
            step = np.abs(_mean(shapes[after]) - _mean(shapes[before])) / _SCALE
            apart = _mean(bands[after]) - _mean(bands[before])
            timbre = math.sqrt(apart @ apart / N_BANDS) / 4.0
            ours, theirs = _mean(chroma[after]), _mean(chroma[before])
            pitches = 1.0 - ours @ theirs / (math.sqrt(ours @ ours) * math.sqrt(theirs @ theirs) + 1e-9)
            found += [step, np.array([timbre, pitches])]
        found.append(np.abs(shapes[at] - shapes[at - 1]) / _SCALE)
        number = rows[at]["number"]
        found.append(np.array([float(number == 1), float(number == 0)]))
        return np.concatenate(found)


def _mean(rows: F64) -> F64:
    """Mean over the rows (n, n_values), as ``rows.mean(axis=0)``, which takes twice as long on so few."""
    mean: F64 = np.add.reduce(rows, axis=0) / len(rows)
    return mean
