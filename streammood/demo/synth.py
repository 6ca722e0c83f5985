"""A source that needs no music: a band of our own with known beats and moods, for the demo and for tests.

It renders bar by bar, so the first block is there at once and a set that repeats for ever needs little memory.
Every stroke lies exactly on the grid; what rings on, and the room, run into the next bar.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from streammood.demo.instruments import Room
from streammood.demo.styles import STYLES, Band, Stroke
from streammood.events import F32

BEATS_A_BAR = 4
PEAK = 0.8  # the mix is bent softly towards this and never reaches it
ROOM_DECAY = 1.4  # seconds in which the room's sound falls by 60 dB
SILENCE_FADE = 0.4  # seconds in which what still rings dies at the start of a silence
END_FADE = 0.05  # seconds, at the end of the score
SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class ScoreSection:
    """Some bars of one mood at one tempo."""

    mood: str  # happy, aggressive, calm, sad or silence
    bpm: float
    bars: int
    drums: bool = True  # False is a breakdown: the grid goes on, the drums rest
    key: int = 0  # semitones up from the key the mood is written in

    def __post_init__(self) -> None:
        if self.mood != SILENCE and self.mood not in STYLES:
            raise ValueError(f"mood must be one of {', '.join(STYLES)} or {SILENCE}, got {self.mood!r}")
        if not (self.bpm > 0 and self.bars > 0):
            raise ValueError(f"bpm and bars must be above 0, got {self.bpm} and {self.bars}")

    @property
    def beat(self) -> float:
        """Seconds a beat."""
        return 60.0 / self.bpm

    @property
    def bar(self) -> float:
        """Seconds a bar."""
        return BEATS_A_BAR * self.beat

    @property
    def seconds(self) -> float:
        """Length."""
        return self.bars * self.bar


Score: TypeAlias = tuple[ScoreSection, ...]


def silence(seconds: float) -> ScoreSection:
    """A silence of that length, without beats."""
    return ScoreSection(SILENCE, 60.0 * BEATS_A_BAR / seconds, 1)


def steady(mood: str, bpm: float, seconds: float, drums: bool = True) -> Score:
    """One mood at one tempo, in whole bars, at least ``seconds`` long."""
    bars = math.ceil(seconds * bpm / (60.0 * BEATS_A_BAR) - 1e-9)
    return (ScoreSection(mood, bpm, max(1, bars), drums),)


DEMO: Score = (
    ScoreSection("calm", 84.0, 8),
    ScoreSection("happy", 120.0, 8),
    ScoreSection("happy", 120.0, 4, drums=False),
    ScoreSection("happy", 120.0, 8),
    ScoreSection("aggressive", 150.0, 12),
    silence(3.0),
    ScoreSection("sad", 70.0, 4),
    silence(2.0),
)


@dataclass(frozen=True, slots=True)
class TrueBeat:
    """A beat of the grid, as it was played."""

    sample: int
    number: int  # position in the bar, 1..4
    drums: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A score as sound, with the truth about it."""

    sound: F32  # (n,), -1..1
    sample_rate: int  # Hz
    beats: tuple[TrueBeat, ...]
    sections: tuple[tuple[int, int, ScoreSection], ...]  # first sample, one past the last, section

    @property
    def name(self) -> str:
        """As the synthesiser's."""
        return Synth.name

    @property
    def duration(self) -> float:
        """Length in s."""
        return self.sound.size / self.sample_rate

    def blocks(self, size: int) -> Iterator[F32]:
        """Yield blocks (size,), as a source that has nothing left to compute."""
        yield from np.split(self.sound, range(size, self.sound.size, size))


def render(score: Score, sample_rate: int, seed: int = 0) -> Rendered:
    """The whole score at once; the same samples that ``Synth.blocks`` gives."""
    bounds = [round(at * sample_rate) for at in _starts(score)]
    sections = tuple(zip(bounds, bounds[1:], score, strict=False))
    sound = np.concatenate(list(_bars(score, sample_rate, seed)))
    return Rendered(sound, sample_rate, tuple(_beats(score, sample_rate)), sections)


class Synth:
    """The synthesiser as a source."""

    name = "demo"

    def __init__(self, score: Score = DEMO, sample_rate: int = 44_100, seed: int = 0, repeat: bool = False) -> None:
        self.score = score
        self.sample_rate = sample_rate
        self.seed = seed
        self.repeat = repeat
        self.duration: float | None = None if repeat else _starts(score)[-1]  # seconds; None has no end

    def blocks(self, size: int) -> Iterator[F32]:
        """Yield the sound in blocks (size,), the last one shorter where it does not fit; each bar when it is due."""
        rest = np.zeros(0, np.float32)
        for bar in self._bars():
            rest = np.concatenate((rest, bar))
            whole = rest.size // size * size
            yield from rest[:whole].reshape(-1, size)
            rest = rest[whole:]
        if rest.size:
            yield rest

    def _bars(self) -> Iterator[F32]:
        yield from _bars(self.score, self.sample_rate, self.seed)
        while self.repeat:
            yield from _bars(self.score, self.sample_rate, self.seed)


def _starts(score: Score) -> list[float]:
    """Seconds at which the sections start, and the end."""
    starts = [0.0]
    for section in score:
        starts.append(starts[-1] + section.seconds)
    return starts


def _beats(score: Score, rate: int) -> Iterator[TrueBeat]:
    for start, section in zip(_starts(score), score, strict=False):
        if section.mood == SILENCE:
            continue
        for beat in range(BEATS_A_BAR * section.bars):
            sample = round((start + beat * section.beat) * rate)
            yield TrueBeat(sample, beat % BEATS_A_BAR + 1, section.drums)


def _bars(score: Score, rate: int, seed: int) -> Iterator[F32]:
    """Yield the sound bar by bar; the last one fades out."""
    room = Room(rate, np.random.default_rng((seed, 0)), ROOM_DECAY)
    ringing = np.zeros(0, np.float32)  # what earlier bars left for later ones
    for number, (start, section) in enumerate(zip(_starts(score), score, strict=False), 1):
        music, drums = (Band(rate, section.key, section.beat, section.bars, (seed, number, part)) for part in (0, 1))
        for bar in range(section.bars):
            first, end = (round((start + n * section.bar) * rate) for n in (bar, bar + 1))
            if section.mood == SILENCE:
                mix = _fade_out(ringing, SILENCE_FADE, rate, end - first)
            else:
                mix = _add(_play(section, music, drums, bar * section.bar + start, bar, room), ringing)
            mix = _padded(mix, end - first)
            now = (PEAK * np.tanh(mix[: end - first] / PEAK)).astype(np.float32, copy=False)
            ringing = mix[end - first :]
            last = number == len(score) and bar == section.bars - 1
            yield _end(now, rate) if last else now


def _play(section: ScoreSection, music: Band, drums: Band, start: float, bar: int, room: Room) -> F32:
    """The bar that begins ``start`` seconds into the score, and what rings on after it (samples,)."""
    style = STYLES[section.mood]
    dry = _mixed(style.music(music, bar), section, start, music.rate)
    beat = _mixed(style.drums(drums, bar), section, start, drums.rate) if section.drums else np.zeros(0, np.float32)
    send = _add(dry, np.float32(0.3) * beat)  # the kick would make the room boom
    mix = _add(_add(dry, beat), np.float32(style.reverb) * room.answer(send))
    return np.float32(style.gain) * mix


def _mixed(strokes: Iterator[Stroke], section: ScoreSection, start: float, rate: int) -> F32:
    """The strokes of a bar, each at the sample of its place on the grid counted from the start of the score."""
    origin = round(start * rate)
    mix = np.zeros(0, np.float32)
    for beat, sound, gain in strokes:
        at = round((start + beat * section.beat) * rate) - origin
        mix = _padded(mix, at + sound.size)
        mix[at : at + sound.size] += np.float32(gain) * sound
    return mix


def _padded(sound: F32, size: int) -> F32:
    """``sound`` itself, or with zeros behind it so that it has at least ``size`` samples."""
    return sound if sound.size >= size else np.pad(sound, (0, size - sound.size))


def _add(one: F32, other: F32) -> F32:
    """The sum of two sounds of any lengths."""
    total = _padded(one, other.size).copy()
    total[: other.size] += other
    return total


def _fade_out(sound: F32, seconds: float, rate: int, size: int) -> F32:
    """The start of ``sound``, falling to 0 within ``seconds`` or ``size`` samples, whichever is shorter."""
    count = min(sound.size, size, round(seconds * rate))
    return sound[:count] * np.linspace(1.0, 0.0, count, dtype=np.float32) ** 2


def _end(sound: F32, rate: int) -> F32:
    """``sound`` with its last moment faded out."""
    count = min(sound.size, round(END_FADE * rate))
    ramp = np.ones(sound.size, np.float32)
    ramp[sound.size - count :] = np.linspace(1.0, 0.0, count, dtype=np.float32)
    return sound * ramp
