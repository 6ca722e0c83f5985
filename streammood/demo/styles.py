"""What the built-in synthesiser plays: one style a mood, written out as strokes on a grid of beats.

Mood lives in tempo, mode, register, density and timbre (Gabrielsson & Lindström, "The role of structure in the
musical expression of emotions", 2010), so the four styles differ in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from streammood.demo import instruments
from streammood.events import F32


class Stroke(NamedTuple):
    """One sound on the grid."""

    beat: float  # beats since the start of the bar, 0..4
    sound: F32
    gain: float


@dataclass(slots=True)
class Band:
    """Some players of one section: they have a rate, key and tempo, and reuse notes that were rendered before."""

    rate: int  # Hz
    key: int  # semitones added to every pitch
    beat: float  # seconds a beat
    bars: int  # length of the section
    seed: tuple[int, ...]
    noise: np.random.Generator = field(init=False)
    touch: np.random.Generator = field(init=False)  # apart from the noise, so that strength is alike at every rate
    played: dict[tuple[object, ...], F32] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.noise = np.random.default_rng((*self.seed, 0))
        self.touch = np.random.default_rng((*self.seed, 1))

    def drum(self, beat: float, gain: float, instrument: Callable[..., F32], *how: float) -> Stroke:
        """A stroke of a drum, every one a little different in strength."""
        return Stroke(beat, self._sound(instrument, *how), gain * float(self.touch.uniform(0.9, 1.1)))

    def note(
        self, beat: float, beats: float, gain: float, instrument: Callable[..., F32], pitch: int, *how: float
    ) -> Stroke:
        """A note that lasts ``beats``."""
        sound = self._sound(instrument, pitch + self.key, beats * self.beat, *how)
        return Stroke(beat, sound, gain * float(self.touch.uniform(0.93, 1.07)))

    def _sound(self, instrument: Callable[..., F32], *how: float) -> F32:
        note = (instrument, *how)
        if note not in self.played:
            self.played[note] = instrument(self.rate, self.noise, *how)
        return self.played[note]


Part = Callable[[Band, int], Iterator[Stroke]]  # (band, number of the bar from 0) -> strokes of that bar
Melody = tuple[tuple[float, float, int], ...]  # (beat, beats, MIDI note)

# Happy: C major, I V vi IV, a bouncing bass, guitars and hats off the beat, tambourine, claps and a pentatonic tune.

HAPPY_CHORDS = ((60, 64, 67, 72), (59, 62, 67, 71), (57, 60, 64, 69), (57, 60, 65, 69))
HAPPY_BASS = (36, 43, 45, 41)
HAPPY_TUNE: tuple[Melody, ...] = (
    ((0, 0.5, 76), (0.5, 0.5, 79), (1, 0.5, 79), (1.5, 1, 81), (2.5, 0.5, 79), (3, 0.5, 76), (3.5, 0.5, 74)),
    ((0, 1, 74), (1, 0.5, 74), (1.5, 0.5, 76), (2, 1, 79), (3, 1, 71)),
    ((0, 0.5, 72), (0.5, 0.5, 76), (1, 0.5, 81), (1.5, 1, 79), (2.5, 0.5, 76), (3, 1, 72)),
    ((0, 0.5, 81), (0.5, 0.5, 84), (1, 1, 81), (2, 0.5, 79), (2.5, 0.5, 77), (3, 0.5, 76), (3.5, 0.5, 74)),
)


def happy_music(band: Band, bar: int) -> Iterator[Stroke]:
    """Piano chords with a swing of accents, guitars off the beat, bass in octaves, lead doubled by bells."""
    for beat in (0.0, 1.0, 1.5, 2.0, 3.0, 3.5):
        for pitch in HAPPY_CHORDS[bar % 4]:
            yield band.note(beat, 0.6, 0.14 if beat % 1 == 0 else 0.06, instruments.piano, pitch, 0.8)
    for number in range(4):
        yield band.note(number, 0.45, 0.38, instruments.bass, HAPPY_BASS[bar % 4], 900.0)
        yield band.note(number + 0.5, 0.4, 0.16, instruments.bass, HAPPY_BASS[bar % 4] + 12, 700.0)
        yield band.note(number + 0.5, 0.4, 0.15, instruments.guitar, HAPPY_BASS[bar % 4] + 12, False)
    for beat, beats, pitch in HAPPY_TUNE[bar % 4]:
        yield band.note(beat, 0.9 * beats, 0.16, instruments.lead, pitch)
        yield band.note(beat, 1.0, 0.13, instruments.bell, pitch + 12)


def happy_drums(band: Band, bar: int) -> Iterator[Stroke]:
    """Four on the floor, claps on two and four, open hats between the beats, a tambourine, a fill at the end."""
    if bar % 8 == 0:
        yield band.drum(0.0, 0.55, instruments.hat, 0.6)
    for beat in range(4):
        yield band.drum(beat, 1.0, instruments.kick, 0.9)
        yield band.drum(beat + 0.5, 0.35, instruments.hat, 0.07)
        for quarter, gain in ((0.0, 0.48), (0.25, 0.20), (0.75, 0.20)):
            yield band.drum(beat + quarter, gain, instruments.hat)
        for quarter in range(4):
            yield band.drum(beat + quarter / 4, 0.40 if quarter % 2 == 0 else 0.24, instruments.brush)
    for beat in (1, 3):
        yield band.drum(beat, 0.64, instruments.clap)
        yield band.drum(beat, 0.48, instruments.snare)
    if bar % 4 == 3:
        for late in (3.5, 3.75):
            yield band.drum(late, 0.55, instruments.snare)


# Aggressive: E phrygian, chugging distorted guitars, somebody who shouts, double kicks, cymbals all over.

RIFFS = ("0.mm1.mm0.mm3.1.", "0.mm1.mm6.mm5.3.", "0...mmmm1...mmmm", "0.m0.m1.m1.m3.1.")  # sixteenths
RIFF_OF_BAR = (0, 0, 0, 1, 0, 0, 2, 3)
LOW_E = 40
SHOUTS: tuple[tuple[tuple[float, float, int, int], ...], ...] = (  # (beat, beats, MIDI note, vowel)
    (
        (0, 0.9, 57, instruments.AH),
        (1, 0.9, 57, instruments.EH),
        (2, 0.9, 58, instruments.AH),
        (3, 0.9, 57, instruments.AW),
    ),
    ((0, 1.9, 60, instruments.AH), (2, 1.9, 57, instruments.EH)),
    ((0, 0.9, 57, instruments.AW), (1, 0.9, 57, instruments.AH), (2, 1.9, 58, instruments.EH)),
    ((0, 3.5, 62, instruments.AH),),
)


def aggressive_music(band: Band, bar: int) -> Iterator[Stroke]:
    """Shouts over the riff: m is a muted stroke on the low string, a digit a chord so far above it that rings on."""
    riff = RIFFS[RIFF_OF_BAR[bar % 8]]
    for step, sign in enumerate(riff):
        if sign == ".":
            continue
        length = 1 + len(riff[step + 1 :]) - len(riff[step + 1 :].lstrip("."))
        muted = sign == "m"
        pitch = LOW_E + (0 if muted else int(sign))
        yield band.note(step / 4, 0.95 * length / 4, 0.5 if muted else 0.42, instruments.guitar, pitch, muted)
        yield band.note(step / 4, 0.9 * length / 4, 0.30, instruments.bass, pitch - 12, 1500.0)
    for beat, beats, pitch, vowel in SHOUTS[bar % 4]:
        yield band.note(beat, beats, 0.5, instruments.shout, pitch, vowel)
    if bar % 8 >= 4:
        for eighth, step in enumerate((24, 25, 24, 30, 24, 25, 27, 25)):
            yield band.note(eighth / 2, 0.5, 0.13, instruments.guitar, LOW_E + step, False)


def aggressive_drums(band: Band, bar: int) -> Iterator[Stroke]:
    """Kicks in sixteenths, a cracking snare on two and four, cymbals that never stop, a roll at the end."""
    if bar % 2 == 0:
        yield band.drum(0.0, 0.60, instruments.hat, 0.8)
    fill = bar % 8 == 7 or bar == band.bars - 1
    for sixteenth in range(16):
        beat = sixteenth / 4
        yield band.drum(beat, 0.70 if sixteenth % 4 == 0 else 0.42, instruments.kick, 1.0)
        if fill and beat >= 3.0:
            yield band.drum(beat, 0.55, instruments.snare, 0.07)
    for eighth in range(8):
        yield band.drum(eighth / 2, 0.45 if eighth % 2 == 0 else 0.25, instruments.hat, 0.12)
    for beat in range(4):
        yield band.drum(beat, 0.40, instruments.hat, 0.6)
    for beat in (1, 3):
        yield band.drum(beat, 0.75, instruments.snare, 0.12)


# Calm: D major with major sevenths, a plucked guitar over a soft pad, brushes.

CALM_CHORDS = ((50, 57, 61, 66, 69), (43, 55, 59, 62, 66), (47, 54, 57, 62, 66), (43, 55, 59, 62, 66))
CALM_TUNE: tuple[Melody, ...] = (((0, 3, 78),), ((1, 1, 74), (2, 2, 76)), ((0, 3, 73),), ((1, 1, 71), (2, 2, 69)))
PICKING = (0, 2, 3, 4, 1, 3, 4, 2)  # strings of the chord, in eighths


def calm_music(band: Band, bar: int) -> Iterator[Stroke]:
    """Broken chords, a pad without edges and, in every second phrase, a few high notes."""
    chord = CALM_CHORDS[bar % 4]
    for eighth, string in enumerate(PICKING):
        yield band.note(eighth / 2, 2.5, 0.44 if eighth % 2 == 0 else 0.24, instruments.pluck, chord[string], 0.35)
    for pitch in chord[1:]:
        yield band.note(0.0, 4.0, 0.07, instruments.strings, pitch, 700.0, 0.6, 1.2)
    yield band.note(0.0, 3.5, 0.25, instruments.bass, chord[0] - 12, 250.0)
    if bar % 8 >= 4:
        for beat, beats, pitch in CALM_TUNE[bar % 4]:
            yield band.note(beat, beats, 0.10, instruments.strings, pitch, 900.0, 0.15, 0.6)


def calm_drums(band: Band, bar: int) -> Iterator[Stroke]:
    """A felt kick on one and three, brushes on two and four, a shaker."""
    for beat in (0, 2):
        yield band.drum(beat, 0.40, instruments.kick, 0.25)
    for beat in (1, 3):
        yield band.drum(beat, 0.22, instruments.brush)
    for eighth in range(8):
        yield band.drum(eighth / 2, 0.07 if eighth % 2 == 0 else 0.04, instruments.hat, 0.03)


# Sad: A minor, i VI iv V, a slow piano, strings, and a low voice that sings a falling line.

SAD_CHORDS = ((57, 60, 64), (53, 57, 60), (57, 62, 65), (52, 56, 59))
SAD_BASS = (45, 41, 38, 40)
SAD_TUNE: tuple[Melody, ...] = (
    ((0, 2, 64), (2, 1, 65), (3, 1, 64)),
    ((0, 3, 60), (3, 1, 59)),
    ((0, 2, 62), (2, 2, 60)),
    ((0, 3, 59), (3, 1, 56)),
)


def sad_music(band: Band, bar: int) -> Iterator[Stroke]:
    """Broken piano chords over low octaves, strings behind, and a voice with the line."""
    chord = SAD_CHORDS[bar % 4]
    yield band.note(0.0, 4.0, 0.40, instruments.piano, SAD_BASS[bar % 4], 0.2)
    yield band.note(0.0, 4.0, 0.28, instruments.piano, SAD_BASS[bar % 4] - 12, 0.15)
    for eighth, string in enumerate((0, 1, 2, 1, 0, 1, 2, 1)):
        yield band.note(eighth / 2, 2.0, 0.32 if eighth % 2 == 0 else 0.12, instruments.piano, chord[string], 0.15)
    for pitch in chord:
        yield band.note(0.0, 4.0, 0.09, instruments.strings, pitch, 800.0, 0.7, 0.9)
    for beat, beats, pitch in SAD_TUNE[bar % 4]:
        yield band.note(beat, beats, 0.6, instruments.voice, pitch, instruments.AW if beats > 1 else instruments.AH)


def sad_drums(band: Band, bar: int) -> Iterator[Stroke]:
    """A soft kick on one and three, a brush on two and four, a cymbal touched on every beat."""
    for beat in (0, 2):
        yield band.drum(beat, 0.38, instruments.kick, 0.2)
    for beat in (1, 3):
        yield band.drum(beat, 0.20, instruments.brush)
    for beat in range(4):
        yield band.drum(beat, 0.06, instruments.hat, 0.12)


class PlayingStyle(NamedTuple):
    """How a mood is played and mixed."""

    music: Part
    drums: Part
    gain: float
    reverb: float  # level of the room against the dry sound, 0..1


STYLES: dict[str, PlayingStyle] = {
    "happy": PlayingStyle(happy_music, happy_drums, gain=0.8, reverb=0.15),
    "aggressive": PlayingStyle(aggressive_music, aggressive_drums, gain=0.9, reverb=0.08),
    "calm": PlayingStyle(calm_music, calm_drums, gain=0.6, reverb=0.35),
    "sad": PlayingStyle(sad_music, sad_drums, gain=0.42, reverb=0.45),
}
