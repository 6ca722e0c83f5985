"""Grooves of our own with exactly known beats, at tempi and with strokes of which the public sets have few.

Each is a bar of sixteenths (``x`` a stroke, ``o`` one that is left out now and then), played by the built-in
instruments with ghost notes, swing, fills and stretches without drums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.demo import instruments
from streammood.events import ANALYSIS_RATE, F32

Rng = np.random.Generator
F64 = npt.NDArray[np.float64]
SECONDS = 24.0


@dataclass(frozen=True, slots=True)
class Style:
    """A bar: for each instrument, where it strikes; a row has as many sixteenths as the bar."""

    slowest: float  # BPM
    fastest: float
    kick: str
    snare: str
    hat: str
    swing: float = 0.0  # most of a sixteenth that every second one is late


STYLES = {
    "four on the floor": Style(108, 152, "x...x...x...x...", "....x.......x...", "..x...x...x...x."),
    "techno": Style(120, 165, "x...x...x...x...", "............o...", "o.x.o.x.o.xoo.x."),
    "disco": Style(105, 132, "x...x...x...x...", "....x.......x...", "x.xxx.xxx.xxx.xx"),
    "rock": Style(70, 195, "x.......x.o.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "driving rock": Style(100, 205, "x.o...o.x.x...o.", "....x.......x...", "x...x...x...x..."),
    "ballad": Style(58, 84, "x.....o.x.....o.", "....x.......x...", "xoxoxoxoxoxoxoxo"),
    "hip hop": Style(72, 106, "x......ox.x...o.", "....x.......x..o", "x.x.x.x.x.x.x.xo", 0.35),
    "drum and bass": Style(160, 192, "x.........x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "break": Style(120, 192, "x.x.......xo....", "....x..o.o..x..o", "x.x.x.x.x.x.x.x."),
    "funk": Style(88, 128, "x.o...o...x..o..", "....x..o.o..x..o", "x.xox.xox.xox.xo", 0.2),
    "dembow": Style(84, 106, "x...x...x...x...", "...x..x....x..x.", "x.x.x.x.x.x.x.x."),
    "march": Style(90, 205, "x...x...x...x...", "..x...x...x...x.", "................"),
    "hardcore": Style(165, 205, "x...x...x...x...", "....o.......o...", "..x...x...x...x."),
    "swing": Style(100, 205, "o...o...o...o...", "....o.......o..o", "x...x..xx...x..x", 0.0),
    "shuffle": Style(80, 150, "x.......x.o.....", "....x.......x...", "x.x.x.x.x.x.x.x.", 0.0),
    "kick alone": Style(80, 180, "x...x...x...x...", "................", "................"),
    "clicks": Style(58, 200, "................", "................", "x...x...x...x..."),
    "back beat alone": Style(80, 200, "................", "....x.......x...", "x...x...x...x..."),
    "waltz": Style(84, 200, "x...........", "....x...x...", "x...x...x..."),
    "slow three": Style(60, 110, "x.......o...", "....x...x...", "x.x.x.x.x.x."),
}


@dataclass(frozen=True, slots=True)
class Groove:
    """A groove; what its pattern leaves open is drawn by chance."""

    name: str  # of the style
    bpm: float
    seed: int

    @property
    def beats(self) -> F64:
        """Seconds at which the beats are."""
        return np.arange(self._bars * self._size // 4, dtype=np.float64) * (60.0 / self.bpm)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Position of each beat in its bar."""
        return np.arange(self.beats.size) % (self._size // 4) + 1

    @property
    def _size(self) -> int:
        return len(STYLES[self.name].hat)

    @property
    def _bars(self) -> int:
        return int(SECONDS / (self._size * 15.0 / self.bpm))

    def sound(self) -> F32:
        """The groove at ``ANALYSIS_RATE``."""
        style, rng = STYLES[self.name], np.random.default_rng(self.seed)
        sixteenth = 15.0 / self.bpm
        swing = rng.uniform(0.0, style.swing) if style.swing else 0.0
        voices = _voices(rng)
        rest = range(0)
        if rng.random() < 0.3 and self._bars > 5:
            first = int(rng.integers(2, self._bars - 2))
            rest = range(first, min(first + 3, self._bars - 1))
        mix = np.zeros(round((SECONDS + 2.0) * ANALYSIS_RATE), dtype=np.float32)
        for step in range(self._bars * self._size):
            bar, place = divmod(step, self._size)
            if bar in rest:
                continue
            at = (step + swing * (place % 2)) * sixteenth
            fill = bar % 4 == 3 and place >= self._size - 4 and rng.random() < 0.3
            for voice, row in zip(voices, (style.kick, style.snare, style.hat), strict=True):
                gain = _strength(row[place], fill, rng) * (1.0 if place % 4 == 0 else 0.8)
                if gain > 0.0:
                    _lay(
                        mix, voice[rng.integers(len(voice))], at + rng.normal(0.0, 0.002), gain * rng.uniform(0.8, 1.1)
                    )
        if rng.random() < 0.6:
            _bass_line(mix, self._bars * self._size, sixteenth, rng)
        level = 10.0 ** rng.uniform(-1.2, 0.0) / (np.abs(mix).max() + 1e-6)
        played: F32 = (mix[: round(SECONDS * ANALYSIS_RATE)] * level).astype(np.float32)
        return played


def grooves(each: int, seed: int) -> list[Groove]:
    """``each`` grooves of every style, spread over its tempi."""
    made: list[Groove] = []
    for name, style in STYLES.items():
        for number in range(each):
            bpm = style.slowest * (style.fastest / style.slowest) ** ((number + 0.5) / each)
            made.append(Groove(name, round(bpm, 2), 1000 * seed + len(made)))
    return made


def _strength(mark: str, fill: bool, rng: Rng) -> float:
    """How hard an instrument strikes, 0 where it rests."""
    if mark == ".":
        return 0.3 if fill or rng.random() < 0.02 else 0.0
    return 1.0 if mark == "x" or rng.random() < 0.5 else 0.0


def _voices(rng: Rng) -> tuple[list[F32], list[F32], list[F32]]:
    """Two strokes each of a kick, a snare or clap, and a hat, with levels of their own."""
    rate = ANALYSIS_RATE
    weight, length, hiss = rng.uniform(0.1, 1.0), rng.uniform(0.04, 0.14), float(rng.choice([0.02, 0.03, 0.05, 0.15]))
    clap = rng.random() < 0.35
    kicks = [instruments.kick(rate, rng, weight) for _ in range(2)]
    snares = [instruments.clap(rate, rng) if clap else instruments.snare(rate, rng, length) for _ in range(2)]
    hats = [instruments.hat(rate, rng, hiss) for _ in range(2)]
    levels = 1.0, 10.0 ** rng.uniform(-0.6, 0.1), 10.0 ** rng.uniform(-1.0, -0.1)
    first, second, third = ([np.float32(g) * s for s in v] for g, v in zip(levels, (kicks, snares, hats), strict=True))
    return first, second, third


def _bass_line(mix: F32, steps: int, sixteenth: float, rng: Rng) -> None:
    """A figure of one bar that is repeated, on a root that changes every other bar, and chords held over it."""
    figure = [(k, int(rng.choice([0, 0, 0, 7, 12, 10]))) for k in range(16) if rng.random() < (0.8, 0.2)[k % 2]]
    length = rng.uniform(0.8, 2.0) * sixteenth
    level = rng.uniform(0.2, 0.7)
    notes: dict[int, F32] = {}
    root = int(rng.integers(28, 45))
    for bar in range(steps // 16):
        if bar % 2 == 0:
            root = int(np.clip(root + rng.choice([-5, -2, 0, 3, 5]), 28, 48))
            for k in (0, 7, 12):
                chord = instruments.lead(ANALYSIS_RATE, rng, root + 24 + k, 24 * sixteenth)
                _lay(mix, chord, bar * 16 * sixteenth, 0.08 * level)
        for k, interval in figure:
            pitch = root + interval
            if pitch not in notes:
                notes[pitch] = instruments.bass(ANALYSIS_RATE, rng, pitch, length)
            _lay(mix, notes[pitch], (16 * bar + k) * sixteenth, level)


def _lay(mix: F32, sound: F32, at: float, gain: float) -> None:
    first = max(0, round(at * ANALYSIS_RATE))
    end = min(mix.size, first + sound.size)
    mix[first:end] += np.float32(gain) * sound[: end - first]
