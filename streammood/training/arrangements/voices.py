"""The synthetic players of an arrangement: each has a timbre of its own, drawn by chance, and plays a note only once.

They stand on the instruments of the built-in music and add what clubs are made of: saws in unison, subs, rides, toms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from streammood.demo import instruments
from streammood.demo.instruments import hertz
from streammood.events import F32

Rng = np.random.Generator
Play = Callable[[int, float], F32]  # pitch, seconds


@dataclass(slots=True)
class Voice:
    """A player: its sounds are made once and kept."""

    play: Play
    takes: int = 1  # of a drum, strokes that differ a little
    _made: dict[tuple[int, int], F32] = field(default_factory=dict)
    _turn: int = 0

    def note(self, pitch: int, seconds: float) -> F32:
        """The sound of a note."""
        self._turn = (self._turn + 1) % self.takes
        place = (pitch + 1000 * self._turn, round(100 * seconds))
        if place not in self._made:
            self._made[place] = self.play(pitch, max(0.05, place[1] / 100))
        return self._made[place]


def drums(rate: int, rng: Rng) -> dict[str, Voice]:
    """A kit."""
    weight, body, bend = rng.uniform(0.1, 1.0), rng.uniform(0.06, 0.25), rng.uniform(40.0, 62.0)
    snare_length, hiss, air = rng.uniform(0.05, 0.16), rng.choice([0.015, 0.025, 0.04]), rng.uniform(0.07, 0.2)
    acoustic = rng.random() < 0.35
    kick = (
        (lambda _p, _s: instruments.kick(rate, rng, weight))
        if acoustic
        else (lambda _p, _s: boom(rate, rng, bend, body, weight))
    )
    made: dict[str, Play] = {
        "kick": kick,
        "snare": lambda _p, _s: instruments.snare(rate, rng, snare_length),
        "clap": lambda _p, _s: instruments.clap(rate, rng),
        "hat": lambda _p, _s: instruments.hat(rate, rng, float(hiss)),
        "open": lambda _p, _s: instruments.hat(rate, rng, float(air)),
        "ride": lambda _p, _s: instruments.hat(rate, rng, 0.3),
        "crash": lambda _p, _s: instruments.hat(rate, rng, 0.8),
        "shaker": lambda _p, _s: instruments.brush(rate, rng),
        "rim": lambda _p, _s: click(rate, rng),
        "tom": lambda pitch, _s: boom(rate, rng, hertz(pitch or 43), 0.16, 0.3),
    }
    return {name: Voice(play, takes=2) for name, play in made.items()}


def players(rate: int, rng: Rng) -> dict[str, Voice]:
    """Bass, pad, chords, lead, arpeggio and bells, each of a kind drawn by chance."""
    cutoff = rng.uniform(250.0, 1800.0)
    bass: tuple[Play, ...] = (
        lambda p, s: instruments.bass(rate, rng, p, s, cutoff),
        lambda p, s: sub(rate, p, s),
        lambda p, s: unison(rate, rng, p, s, cutoff, 0.12, 0.005),
    )
    soft, wide = rng.uniform(600.0, 3000.0), rng.uniform(0.05, 0.25)
    pad: tuple[Play, ...] = (
        lambda p, s: instruments.strings(rate, rng, p, s, soft, min(0.3, s / 3)),
        lambda p, s: unison(rate, rng, p, s, soft, wide, min(0.25, s / 3)),
        lambda p, s: instruments.voice(rate, rng, p, s),
    )
    bright = rng.uniform(0.2, 0.9)
    chords: tuple[Play, ...] = (
        lambda p, s: instruments.piano(rate, rng, p, s, bright),
        lambda p, s: unison(rate, rng, p, s, 800.0 + 4000.0 * bright, wide, 0.004),
        lambda p, s: instruments.pluck(rate, rng, p, s, bright),
        lambda p, s: organ(rate, p, s),
    )
    lead: tuple[Play, ...] = (
        lambda p, s: instruments.lead(rate, rng, p, s, 1200.0 + 3000.0 * bright),
        lambda p, s: unison(rate, rng, p, s, 1500.0 + 5000.0 * bright, wide, 0.005),
        lambda p, s: instruments.voice(rate, rng, p, s, instruments.EH),
        lambda p, s: instruments.pluck(rate, rng, p, s, 0.9),
    )
    arp: tuple[Play, ...] = (
        lambda p, s: instruments.bell(rate, rng, p, max(s, 0.3)),
        lambda p, s: instruments.pluck(rate, rng, p, s, bright),
        lambda p, s: unison(rate, rng, p, s, 1000.0 + 3000.0 * bright, 0.08, 0.004),
    )
    guitar: tuple[Play, ...] = (lambda p, s: instruments.guitar(rate, rng, p, s),)
    made = {"bass": bass, "pad": pad, "chords": chords, "lead": lead, "arp": arp, "guitar": guitar}
    return {name: Voice(kinds[rng.integers(len(kinds))]) for name, kinds in made.items()}


def boom(rate: int, rng: Rng, bottom: float, body: float, beater: float) -> F32:
    """An electronic bass drum: a sine that falls to ``bottom`` Hz and dies within ``body`` seconds, with a click."""
    time = np.arange(round(rate * min(0.6, 5.0 * body))) / rate
    phase = bottom * time + 0.03 * (60.0 + 180.0 * beater) * (1.0 - np.exp(-time / 0.03))
    tone = np.sin(2.0 * np.pi * phase) * np.exp(-time / body)
    tick = rng.standard_normal(time.size) * np.exp(-time / 0.002) * 0.4 * beater
    sound: F32 = np.tanh(1.6 * tone + tick).astype(np.float32)
    return _faded(sound, rate)


def click(rate: int, rng: Rng) -> F32:
    """A stick on the rim."""
    time = np.arange(round(0.06 * rate)) / rate
    tone = np.sin(2.0 * np.pi * 1750.0 * time) + 0.6 * np.sin(2.0 * np.pi * 640.0 * time)
    sound: F32 = ((tone + 0.3 * rng.standard_normal(time.size)) * np.exp(-time / 0.009)).astype(np.float32)
    return sound


def sub(rate: int, pitch: int, seconds: float) -> F32:
    """A bass that is hardly more than its fundamental."""
    time = np.arange(round(seconds * rate)) / rate
    turn = 2.0 * np.pi * hertz(pitch) * time
    return _faded((0.9 * np.sin(turn) + 0.18 * np.sin(2.0 * turn) + 0.05 * np.sin(3.0 * turn)).astype(np.float32), rate)


def organ(rate: int, pitch: int, seconds: float) -> F32:
    """Drawbars."""
    time = np.arange(round(seconds * rate)) / rate
    turn = 2.0 * np.pi * hertz(pitch) * time
    tone = sum(a * np.sin(k * turn) for k, a in ((1, 0.5), (2, 0.35), (3, 0.25), (4, 0.15), (6, 0.1)))
    return _faded(np.asarray(tone, dtype=np.float32), rate)


def unison(rate: int, rng: Rng, pitch: int, seconds: float, cutoff: float, wide: float, attack: float) -> F32:
    """Saws in unison, up to ``wide`` semitones apart, behind a low-pass."""
    time = (np.arange(round(seconds * rate)) / rate).astype(np.float64)
    count = max(1, min(40, int(12_000.0 / hertz(pitch))))
    number = np.arange(1, count + 1)
    amplitudes = 0.45 / number / (1.0 + (number * hertz(pitch) / cutoff) ** 2)
    table = np.zeros(2049, dtype=np.complex128)
    table[1 : count + 1] = -0.5j * 4096 * amplitudes
    cycle = np.fft.irfft(table, 4096).astype(np.float32)
    sound = np.zeros(time.size, dtype=np.float32)
    for detune in (-wide, -0.4 * wide, 0.0, 0.5 * wide, wide):
        position = time * (hertz(pitch + detune) * 4096.0) + rng.uniform(0.0, 4096.0)
        sound += cycle[position.astype(np.int64) & 4095]
    return _faded(sound, rate, attack)


def noise(rate: int, rng: Rng, seconds: float) -> F32:
    """White noise, RMS 0.3."""
    hiss: F32 = (0.3 * rng.standard_normal(round(seconds * rate))).astype(np.float32)
    return hiss


def _faded(sound: F32, rate: int, attack: float = 0.002) -> F32:
    rise, fall = (min(sound.size // 2, max(1, round(s * rate))) for s in (attack, 0.015))
    sound[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    sound[sound.size - fall :] *= np.linspace(1.0, 0.0, fall, dtype=np.float32)
    return sound
