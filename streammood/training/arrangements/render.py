"""An arrangement as sound: its drums and its music as stems."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streammood.demo.instruments import Room
from streammood.events import ANALYSIS_RATE, F32
from streammood.training.arrangements import soundfont, voices
from streammood.training.arrangements.form import DRUMS, Arrangement, Note
from streammood.training.arrangements.mixing import ducked, filtered, laid

Rng = np.random.Generator

_TAIL = 2.0  # s after the last beat
_STEP = 256  # samples between two cutoffs of a filter
_OPEN, _CLOSED = 16_000.0, 180.0  # Hz, cutoff of a low-pass that is open, and of one that is closed
_LOW, _THIN = 20.0, 700.0  # Hz, cutoff of a high-pass that lets all pass, and of one that thins out
_GAINS = {  # dB, and how far either way chance moves it
    "kick": (0.0, 2.0), "snare": (-4.0, 3.0), "clap": (-7.0, 3.0), "hat": (-15.0, 4.0), "open": (-9.0, 7.0),
    "ride": (-17.0, 3.0), "crash": (-10.0, 3.0), "shaker": (-18.0, 4.0), "rim": (-9.0, 3.0), "tom": (-5.0, 3.0),
    "bass": (-5.0, 3.0), "pad": (-19.0, 3.0), "chords": (-16.0, 3.0), "lead": (-13.0, 4.0), "arp": (-16.0, 3.0),
    "guitar": (-11.0, 3.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Stems:
    """Drums and music (n,), to be added; together they stay within -1..1."""

    drums: F32
    music: F32

    @property
    def mix(self) -> F32:
        """Both."""
        return self.drums + self.music


def render(arrangement: Arrangement, rate: int = ANALYSIS_RATE) -> Stems:
    """The stems of ``arrangement``; where fluidsynth is missing, those meant for a sound font are synthesised, too."""
    rng = np.random.default_rng([arrangement.seed, len(arrangement.notes)])
    size = round((arrangement.times[-1] + _TAIL) * rate)
    drums, music = _tracks(arrangement, rate, size, rng)
    struck = np.array([note.beat for note in arrangement.notes.get("kick", [])])
    kicks = (arrangement.seconds(struck) * rate).astype(np.float32)
    if arrangement.ducking and kicks.size:
        ducked(music, np.sort(kicks), arrangement.ducking, round(0.9 * 60.0 / arrangement.bpm * rate))
    _sweep(arrangement, drums, music, rate)
    _effects(arrangement, music, rate, rng)
    if rng.random() < 0.6:
        wet = Room(rate, rng, float(rng.uniform(0.3, 1.4))).answer(music + np.float32(0.15) * drums)[:size]
        music += np.float32(rng.uniform(0.03, 0.25)) * wet
    _silence_gaps(arrangement, (drums, music), rate)
    return _mastered(drums, music, rng)


def _tracks(arrangement: Arrangement, rate: int, size: int, rng: Rng) -> tuple[F32, F32]:
    """Drums and music before effects."""
    gains = {part: 10.0 ** (0.05 * (mean + rng.uniform(-wide, wide))) for part, (mean, wide) in _GAINS.items()}
    if arrangement.sound == "gm" and soundfont.available():
        return soundfont.played(arrangement, rate, size, gains, rng)
    kit, band = voices.drums(rate, rng), voices.players(rate, rng)
    drums, music = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
    loose = 0.0 if arrangement.form in ("club", "broken") else float(rng.uniform(0.002, 0.009))  # s
    for part, notes in sorted(arrangement.notes.items()):
        voice = kit[part] if part in DRUMS else band[part]
        starts, ends = _places(arrangement, notes)
        starts = starts + (rng.normal(0.0, loose, starts.size) if loose else 0.0)
        for note, start, end in zip(notes, starts, ends, strict=True):
            sound = voice.note(note.pitch, end - start)
            laid(drums if part in DRUMS else music, sound, round(start * rate), gains[part] * note.gain)
    return drums, music


def _places(arrangement: Arrangement, notes: list[Note]) -> tuple[np.ndarray, np.ndarray]:
    """Seconds at which the notes start and end."""
    beats = np.array([[note.beat, note.beat + note.beats] for note in notes]).reshape(-1, 2)
    return arrangement.seconds(beats[:, 0]), arrangement.seconds(beats[:, 1])


def _sweep(arrangement: Arrangement, drums: F32, music: F32, rate: int) -> None:
    """Filters that open and close over sections."""
    for section in arrangement.sections:
        start, end = (round(at * rate) for at in arrangement.span(section))
        share = np.linspace(0.0, 1.0, (end - start) // _STEP + 2)
        if section.sweep != (1.0, 1.0):
            openness = section.sweep[0] + (section.sweep[1] - section.sweep[0]) * share
            cutoff = (_CLOSED * (_OPEN / _CLOSED) ** openness).astype(np.float32)
            for stem in (music, drums) if section.muffled else (music,):
                filtered(stem[start:end], cutoff, _STEP, rate, False)
        if section.thin:
            cutoff = (_LOW * (_THIN / _LOW) ** (section.thin * share)).astype(np.float32)
            for stem in (drums, music):
                filtered(stem[start:end], cutoff, _STEP, rate, True)


def _effects(arrangement: Arrangement, music: F32, rate: int, rng: Rng) -> None:
    """Noise that rises through build-ups, and a low boom where a drop begins."""
    for section in arrangement.sections:
        start, end = arrangement.span(section)
        if section.riser:
            length = end - start - section.gap * 60.0 / arrangement.bpm
            sound = voices.noise(rate, rng, length)
            share = np.linspace(0.0, 1.0, sound.size // _STEP + 2)
            filtered(sound, (400.0 * 25.0**share).astype(np.float32), _STEP, rate, False)
            laid(music, sound * np.linspace(0.05, 1.0, sound.size, dtype=np.float32) ** 2, round(start * rate), 0.5)
        if section.hit and arrangement.form in ("club", "broken"):
            laid(music, voices.boom(rate, rng, 38.0, 0.4, 0.0), round(start * rate), 0.5)


def _silence_gaps(arrangement: Arrangement, stems: tuple[F32, F32], rate: int) -> None:
    """What rings and the room are cut where all rest before a drop."""
    for section in arrangement.sections:
        if section.gap:
            end = (section.start + section.bars) * arrangement.meter
            first, last = (round(float(at) * rate) for at in arrangement.seconds(np.array([end - section.gap, end])))
            for stem in stems:
                fade = min(round(0.06 * rate), last - first)
                stem[first : first + fade] *= np.linspace(1.0, 0.01, fade, dtype=np.float32)
                stem[first + fade : last] *= np.float32(0.01)


def _mastered(drums: F32, music: F32, rng: Rng) -> Stems:
    """Both turned down alike where they would go beyond a soft ceiling, as a limiter without memory does."""
    mix = drums + music
    drive = np.float32(rng.uniform(0.6, 2.0) / (np.percentile(np.abs(mix[::7]), 99.5) + 1e-6))
    level = np.float32(10.0 ** rng.uniform(-0.6, -0.05))
    mix *= drive
    with np.errstate(invalid="ignore", divide="ignore"):
        gain = np.where(np.abs(mix) > 1e-3, np.tanh(mix) / mix, 1.0).astype(np.float32) * (drive * level)
    return Stems(drums * gain, music * gain)
