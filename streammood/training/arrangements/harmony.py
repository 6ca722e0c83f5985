"""Chords, bass lines, chord figures and tunes, drawn by chance and repeated as songs repeat them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streammood.training.arrangements.form import Note

Rng = np.random.Generator
Chord = tuple[int, ...]  # semitones above the tonic, the root first

_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_LOOPS = {  # degrees of the scale from 0
    False: (
        (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 3), (5, 3, 0, 4), (0, 3), (0, 4, 3, 4), (0, 2, 3, 4), (3, 4, 5, 0),
        (1, 4, 0, 0),
    ),
    True: (
        (0, 5, 2, 6), (0, 3, 5, 6), (0, 6, 5, 6), (0, 5), (0, 0, 5, 6), (0, 3, 6, 2), (5, 6, 0, 0), (0, 0, 0, 0),
        (0, 2, 6, 3),
    ),
}  # fmt: skip
BASS = {  # sixteenths of a bar of four: a digit strikes so many semitones above the root
    "eighths": "0.0.0.0.0.0.0.0.",
    "off beats": "..0...0...0...0.",
    "rolling": ".000.000.000.000",
    "on beats": "0...0...0...0...",
    "long": "0...............",
    "halves": "0.......0.......",
    "octaves": "0.c.0.c.0.c.0.c.",
    "syncopated": "0..0..0...0.0...",
    "funky": "0..00..c..0..7..",
    "sixteenths": "0000000000000000",
    "walking": "0...7...c...7...",
    "pushed": "0.....0.0.....00",
    "reggae": "....0.0...0.7...",
}
CHORDS = {  # sixteenths of a bar of four at which the chord is struck; a dash holds it
    "held": "x---------------",
    "halves": "x-------x-------",
    "off beats": "..x...x...x...x.",
    "stabs": "x..x..x...x..x..",
    "house": "x..x..x..x..x.x.",
    "eighths": "x.x.x.x.x.x.x.x.",
    "quarters": "x---x---x---x---",
    "pushed": "x-----x-------x-",
    "strum": "x---x-xx..x-x-xx",
}


@dataclass(frozen=True, slots=True)
class Harmony:
    """A loop of chords in a key, one a bar."""

    tonic: int
    minor: bool
    loop: tuple[int, ...]
    rate: int = 1  # bars a chord

    @classmethod
    def draw(cls, rng: Rng, minor: bool, tonic: int) -> Harmony:
        """A loop that songs use."""
        loops = _LOOPS[minor]
        return cls(tonic, minor, loops[rng.integers(len(loops))], int(rng.choice([1, 1, 1, 2])))

    @property
    def scale(self) -> tuple[int, ...]:
        """Semitones above the tonic."""
        return _MINOR if self.minor else _MAJOR

    def degree(self, bar: int) -> int:
        """Degree of the scale on which the chord of ``bar`` stands."""
        return self.loop[bar // self.rate % len(self.loop)]

    def chord(self, bar: int, size: int = 3) -> Chord:
        """Semitones of the chord of ``bar`` above the tonic."""
        first = self.degree(bar)
        steps = [first + 2 * k for k in range(size)]
        return tuple(self.scale[step % 7] + 12 * (step // 7) for step in steps)

    def step(self, number: int) -> int:
        """Semitones above the tonic of the scale's step ``number``, which may be below 0 or above 6."""
        return self.scale[number % 7] + 12 * (number // 7)


def fitted(row: str, cells: int) -> str:
    """``row`` repeated and cut to ``cells``."""
    return (row * (cells // len(row) + 1))[:cells]


def bass_line(harmony: Harmony, name: str, bars: range, meter: int, grid: int, octave: int) -> list[Note]:
    """A line of ``BASS`` over these bars, fitted to the bar."""
    cells, row = meter * grid, BASS[name]
    line = fitted(row, cells) if grid == 4 else _triplets(row, cells)
    notes = []
    for bar in bars:
        root = 12 * octave + (harmony.tonic + harmony.chord(bar)[0]) % 12
        for cell, sign in enumerate(line):
            if sign not in ".-":
                length = 1 + len(line[cell + 1 :]) - len(line[cell + 1 :].lstrip(".-"))
                beats = min(length, 6 if row.count("0") > 2 else 64) / grid
                accent = 1.0 if cell % grid == 0 else 0.9
                notes.append(Note(bar * meter + cell / grid, 0.9 * beats, root + int(sign, 16), accent))
    return notes


def _triplets(row: str, cells: int) -> str:
    """What a row of sixteenths is where a beat has three parts: its strokes on the beats, and those late in them."""
    beats = [fitted(row, 4 * (cells // 3))[4 * k : 4 * k + 4] for k in range(cells // 3)]
    return "".join(b[0] + "." + next((sign for sign in b[1:] if sign not in ".-"), ".") for b in beats)


def chord_figure(harmony: Harmony, name: str, bars: range, meter: int, grid: int, octave: int) -> list[Note]:
    """A figure of ``CHORDS`` over these bars, the chords close to one another."""
    cells, row = meter * grid, CHORDS[name]
    line = fitted(row, cells) if grid == 4 else _triplets(row.replace("x", "0"), cells).replace("0", "x")
    notes = []
    for bar in bars:
        pitches = sorted(12 * octave + 4 + (harmony.tonic + tone - 4) % 12 for tone in harmony.chord(bar, 3))
        for cell, sign in enumerate(line):
            if sign == "x":
                held = 1 + len(line[cell + 1 :]) - len(line[cell + 1 :].lstrip("-"))
                at = bar * meter + cell / grid
                notes += [
                    Note(at, max(0.6, 0.95 * held) / grid if held == 1 else 0.97 * held / grid, p, 1.0) for p in pitches
                ]
    return notes


def tune(harmony: Harmony, bars: range, meter: int, grid: int, octave: int, rng: Rng, density: float) -> list[Note]:
    """A motif of two bars that is repeated over the chords, its end varied every other time."""
    cells = 2 * meter * grid
    cell = np.arange(cells)
    likely = density + 0.25 * (cell % grid == 0) - 0.2 * (cell % 2 == 1) * (grid == 4)
    struck = np.flatnonzero(rng.random(cells) < likely)
    if struck.size < 2:
        struck = np.array([0, grid])
    walk = np.cumsum(rng.choice([-2, -1, -1, 0, 1, 1, 2], struck.size)) + int(rng.integers(0, 5))
    steps = np.clip(walk, -3, 8)
    other = np.where(np.arange(steps.size) < 0.7 * steps.size, steps, steps + rng.integers(-2, 3, steps.size))
    notes = []
    for turn, first in enumerate(bars[::2]):
        places = [*struck, cells]
        for k, step in enumerate(steps if turn % 2 == 0 else other):
            bar = first + int(places[k] // (meter * grid))
            if bar < bars.stop:
                shift = harmony.degree(bar) if k == 0 else 0  # a tune begins on its chord
                pitch = 12 * octave + harmony.tonic + harmony.step(int(step) + shift % 3)
                length = min(places[k + 1] - places[k], 2 * grid) / grid
                notes.append(Note(first * meter + places[k] / grid, 0.9 * length, pitch, float(rng.uniform(0.8, 1.0))))
    return notes


def arpeggio(harmony: Harmony, bars: range, meter: int, grid: int, octave: int, rng: Rng) -> list[Note]:
    """The chord's tones one after the other, a cell each or every other one."""
    size, pace = int(rng.choice([3, 4])), int(rng.choice([1, 1, 2])) if grid == 4 else 1
    order = [(0, 1, 2, 3), (0, 2, 1, 2), (3, 2, 1, 0), (0, 1, 2, 1)][rng.integers(4)]
    notes = []
    for bar in bars:
        chord = [12 * octave + harmony.tonic + tone for tone in harmony.chord(bar, 3)]
        chord.append(chord[0] + 12)
        for cell in range(0, meter * grid, pace):
            pitch = chord[order[cell // pace % size]]
            notes.append(Note(bar * meter + cell / grid, 0.8 * pace / grid, pitch, 1.0 if cell % grid == 0 else 0.8))
    return notes
