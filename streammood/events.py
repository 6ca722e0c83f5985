"""The records that travel through the program, each stamped with the stream clock.

The stream clock counts samples at ``ANALYSIS_RATE`` since the stream began, whatever the rate of the
input. ``sample`` says when something happened or will happen; ``decided`` is the last sample that had
been consumed when it was decided, so ``decided - sample`` is its delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]

ANALYSIS_RATE = 44_100  # Hz; every input is brought to this rate, so features mean the same everywhere


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat; it may lie in the future."""

    sample: int
    decided: int
    bpm: float
    confidence: float  # 0..1
    locked: bool
    number: int  # position in the bar, 1 = downbeat; 0 where it is not known
    count: int  # beats since the stream began, from 1
    bar_confidence: float = 0.0  # 0..1, how sure ``number`` is


@dataclass(frozen=True, slots=True)
class Onset:
    """The start of a note or a stroke."""

    sample: int
    decided: int
    strength: float  # 0..1, this onset against the strongest of the last seconds


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness now, once a hop; all in 0..1 unless stated otherwise."""

    sample: int
    decided: int
    rms: float  # 0..1 for -60..0 dBFS after the gain
    low: float  # below 200 Hz, same scale
    mid: float  # 200..2000 Hz
    high: float  # above 2000 Hz
    brightness: float  # spectral centroid, 0..1 for 100..8000 Hz on a logarithmic scale
    dbfs: float  # RMS level of the audible band (40 Hz to 11 kHz) of the input, in dB re full scale, at least -120
    signal: bool  # False after the sound has stayed below the silence gate
    peak: float = -120.0  # of the input in this hop, in dB relative to full scale, at least -120
    clipping: bool = False  # the input was driven beyond full scale within the last second
    gain: float = 0.0  # dB, fixed and automatic, between the input and the analysis


@dataclass(frozen=True, slots=True)
class Tempo:
    """The state of the beat clock, once a hop: enough to ask for the phase at any sample."""

    sample: int
    decided: int
    bpm: float  # 0 before the first tempo
    confidence: float  # 0..1
    locked: bool
    anchor: float  # sample of some beat
    period: float  # samples from beat to beat; 0 before the first tempo
    count: int = 0  # beats since the stream began at ``anchor``, so that every later beat can be numbered
    number: int = 0  # position of ``anchor`` in the bar, 1 = downbeat; 0 where it is not known
    meter: int = 0  # beats in a bar; 0 where it is not known
    bar_confidence: float = 0.0  # 0..1, how sure ``number`` and ``meter`` are

    def phase(self, sample: float) -> float:
        """Beat phase in 0..1 at ``sample``: 0 on the beat, 0.5 half way to the next."""
        return ((sample - self.anchor) / self.period) % 1.0 if self.period > 0 else 0.0

    def position(self, sample: float) -> float:
        """Beats at ``sample`` as the count goes: 17.5 half way from beat 17 to beat 18; 0 without a tempo."""
        return self.count + (sample - self.anchor) / self.period if self.period > 0 else 0.0

    def time_of(self, count: float) -> float:
        """Sample of the beat ``count``, or of a place between two; infinite without a tempo."""
        return self.anchor + (count - self.count) * self.period if self.period > 0 else math.inf

    def number_of(self, count: int) -> int:
        """Position in the bar of the beat ``count``, 1 = downbeat; 0 where it is not known."""
        return (self.number - 1 + count - self.count) % self.meter + 1 if self.number > 0 and self.meter > 0 else 0

    def next_beat(self, sample: float) -> int:
        """Count of the first beat at ``sample`` or later."""
        return math.ceil(self.position(sample))

    def at_beat(self, count: int) -> Tempo:
        """The same clock, anchored at the beat ``count``."""
        return replace(self, anchor=self.time_of(count), count=count, number=self.number_of(count))

    def seconds_to_next(self, sample: float) -> float:
        """Seconds from ``sample`` to the next beat; 0 without a tempo."""
        return (1.0 - self.phase(sample)) * self.period / ANALYSIS_RATE


QUADRANTS = {"happy": (1, 1), "aggressive": (-1, 1), "calm": (1, -1), "sad": (-1, -1)}
"""Signs of valence and arousal of the labels that name a quadrant of the circumplex (J. Russell, 1980)."""


@dataclass(frozen=True, slots=True)
class Mood:
    """The mood now: whether there is music, where it lies in the circumplex, and how likely each label is."""

    sample: int
    decided: int
    valence: float  # -1..1; 0 where there is no music
    arousal: float  # -1..1; 0 where there is no music
    probabilities: dict[str, float]  # label -> 0..1, summing to 1, in the model's order; even where there is no music
    label: str  # the likeliest label, held by hysteresis; empty without music and for a model without labels
    confidence: float  # 0..1; 0 where there is no music
    changed: bool  # the label differs from that of the previous mood; the first one is a change too
    music: bool = True  # False in speech, crowds, noise and silence
    music_confidence: float = 1.0  # 0..1, probability that the sound is music

    @property
    def index(self) -> int:
        """Position of ``label`` in the model's order; -1 where there is no label."""
        return list(self.probabilities).index(self.label) if self.label else -1


@dataclass(frozen=True, slots=True)
class Structure:
    """Where in the song the music is, ten times a second."""

    sample: int
    decided: int
    energy: float  # 0..1, how much is going on, against this song so far and against music at large
    buildup: float  # 0..1, how sure it is that a build-up plays
    breakdown: bool  # bass and kick have stopped
    kind: int  # of the section: 0 calm, 1 groove, 2 build-up, 3 drop, 4 breakdown
    index: int  # sections since the stream began
    bars: int  # whole bars since this section began
    confidence: float  # 0..1, how sure its beginning is
    countin: int  # bars to the next likely boundary; 0 = not known
    grid: float  # 0..1, how often boundaries fell there in this song
    key: int = -1  # pitch class of the tonic, 0 = C; -1 = not known
    minor: bool = False  # whether the mode is minor
    key_confidence: float = 0.0  # 0..1, how likely the key is right


@dataclass(frozen=True, slots=True)
class Section:
    """Something began at a beat: a section, or a build-up in it."""

    sample: int
    decided: int
    kind: str  # "boundary", "buildup", "drop" or "breakdown"
    confidence: float  # 0..1
    bars: int  # of the section that has ended; 0 = not known
    locked: bool  # whether the tempo was trusted


@dataclass(frozen=True, slots=True)
class SongChange:
    """Another song of a set has begun at ``sample``; everything else describes the song that has ended."""

    sample: int
    decided: int
    confidence: float  # 0..1, that another song has begun
    length: float  # s
    bpm: float  # median of its locked tempo; 0 = not known
    key: int  # pitch class of the tonic, 0 = C; -1 = not known
    minor: bool
    key_confidence: float  # 0..1
    mood: str  # the label that held most of the time; empty without music
    valence: float  # -1..1, mean
    arousal: float  # -1..1, mean
    energy: float  # 0..1, mean


@dataclass(frozen=True, slots=True)
class TargetState:
    """How one output is doing."""

    name: str
    sent: int  # messages
    failed: int  # messages that the system would not send
    offset: float  # ms; negative: early
    muted: bool
    last: str = ""  # the latest message, as text
    error: str = ""  # why the latest message that failed did, for people


@dataclass(frozen=True, slots=True)
class OperatorState:
    """The operator's settings, which hold until they are changed."""

    hold: bool = False  # the mood is frozen
    mood: str | None = None  # that is sent whatever is predicted
    bpm_min: float = 0.0
    bpm_max: float = 0.0
    nudge: float = 0.0  # ms by which beats are late; negative: early
    gain: float = 0.0  # dB, fixed, on top of the automatic gain
    tempo: float = 0.0  # BPM held by hand; 0: it is the music's
    muted: tuple[str, ...] = ()  # names of outputs
    input: str = ""  # name of the source
    channels: str = ""  # of a device, as settings have them; empty for what is none
    play: int = -1  # 1 while a file or the demo is heard, 0 while not; -1: the input is neither


@dataclass(frozen=True, slots=True)
class Status:
    """How the program itself is doing."""

    sample: int
    decided: int
    signal: bool
    lost: int  # samples of the input that were lost since the start
    latency: float  # seconds from the capture of a block to its packets, p99 of the last seconds
    input: int = 1  # an ``InputState``: 0 gone, 1 fine, 2 silent, 3 stuck at a constant, 4 all zeros, 5 wrong rate
    load: float = 0.0  # 0..1, share of the time there is for a block that it took
    stalls: int = 0  # times no block came for a quarter of a second
    drift: float = 0.0  # parts per million, input clock against the host's clock
    jitter: float = 0.0  # seconds, deviation of capture times from the filtered clock
    notes: tuple[str, ...] = field(default=())  # what went wrong since the last status, for people
    targets: tuple[TargetState, ...] = ()  # in the order of the settings
    operator: OperatorState = field(default_factory=OperatorState)


Event: TypeAlias = Beat | Onset | Level | Tempo | Mood | Structure | Section | SongChange | Status


def seconds(sample: float) -> float:
    """Stream time in seconds of a sample on the stream clock."""
    return sample / ANALYSIS_RATE
