"""What an arrangement is: a grid of beats, sections on it, a key, and the notes of every part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

INTRO, GROOVE, BREAKDOWN, BUILDUP, DROP, OUTRO = "intro", "groove", "breakdown", "buildup", "drop", "outro"
VERSE, PRECHORUS, CHORUS, BRIDGE = "verse", "prechorus", "chorus", "bridge"

DRUMS = ("kick", "snare", "clap", "hat", "open", "ride", "crash", "shaker", "rim", "tom")
TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Note(NamedTuple):
    """One stroke or note."""

    beat: float  # beats since the first one
    beats: float  # length
    pitch: int  # MIDI note number; 0 for drums
    gain: float


@dataclass(frozen=True, slots=True)
class FormSection:
    """Some bars that belong together."""

    kind: str
    start: int  # bar
    bars: int
    parts: frozenset[str]  # parts that play
    level: float = 0.0  # 0..1, how much is going on
    gap: float = 0.0  # beats at its end in which nothing plays
    sweep: tuple[float, float] = (1.0, 1.0)  # how open the filter of the music is at its start and end, 0..1
    muffled: bool = False  # that filter is on the drums, too
    thin: float = 0.0  # how much of the low end a high-pass takes away by its end, 0..1
    roll: bool = False  # a snare roll that becomes faster
    riser: bool = False  # noise that rises
    hit: bool = False  # a crash and a low boom at its start


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """A composed track: what is played when, and all that is known about it."""

    form: str
    seed: int
    bpm: float
    meter: int  # beats in a bar
    swing: float  # share of a beat at which its second half begins, 0.5 is straight
    times: F64  # (n,) s, all beats and one after the last
    sections: tuple[FormSection, ...]
    tonic: int  # pitch class
    minor: bool
    sound: str  # "synth" or "gm"
    ducking: float  # 0..1, how far the music yields to the kick
    notes: dict[str, list[Note]] = field(repr=False)  # by part

    @property
    def name(self) -> str:
        """A name that no other arrangement has."""
        return f"{self.form}_{self.bpm:.0f}_{self.seed:05d}"

    @property
    def beats(self) -> F64:
        """Seconds at which the beats are."""
        return self.times[:-1]

    @property
    def numbers(self) -> Ints:
        """Position of each beat in its bar, from 1."""
        return np.arange(self.times.size - 1, dtype=np.int64) % self.meter + 1

    @property
    def bars(self) -> int:
        """Length."""
        return (self.times.size - 1) // self.meter

    @property
    def key(self) -> str:
        """Such as ``A:min``."""
        return f"{TONICS[self.tonic]}:{'min' if self.minor else 'maj'}"

    def seconds(self, beat: float | F64) -> F64:
        """Seconds at which these places on the grid are; before the first beat and after the last the tempo goes on."""
        places = np.asarray(beat, dtype=np.float64)
        inside = np.interp(places, np.arange(self.times.size), self.times)
        first, last = (self.times[k + 1] - self.times[k] for k in (0, -2))
        before, after = np.minimum(places, 0.0), np.maximum(places - (self.times.size - 1), 0.0)
        seconds: F64 = inside + before * first + after * last
        return seconds

    def span(self, section: FormSection) -> tuple[float, float]:
        """Seconds at which the section starts and ends."""
        edges = np.array([section.start, section.start + section.bars]) * self.meter
        start, end = self.seconds(edges.astype(np.float64)).tolist()
        return start, end
