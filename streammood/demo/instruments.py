"""The instruments of the built-in synthesiser: one stroke or note each, as functions without state.

They stand apart from the music, so that each can be played, plotted and tested alone. Pitched sounds
are read from one-cycle tables with all partials below half the sample rate; noise is shaped in the spectrum.
Pitches are MIDI note numbers (69 = 440 Hz), durations seconds, peaks about 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streammood.events import F32

F64 = npt.NDArray[np.float64]

TABLE = 4096  # samples a cycle
TOP = 14_000.0  # Hz; no partial above this, so that sample rates sound alike
RELEASE = 0.03  # seconds; every note fades out over this much of its end

Rng = np.random.Generator


def hertz(pitch: float) -> float:
    """Frequency in Hz of a MIDI note number."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def _time(rate: int, seconds: float) -> F64:
    return np.arange(max(1, round(seconds * rate))) / rate


def _decay(time: F64, seconds: float) -> F32:
    """Exponential decay to 1/e in ``seconds``."""
    return np.exp(-time / seconds).astype(np.float32)


def _gate(time: F64, attack: float, release: float = RELEASE) -> F32:
    """Rise within ``attack`` and fall to 0 within ``release`` at the end, both seconds."""
    gate = np.ones(time.size, np.float32)
    rising, falling = time < attack, time > time[-1] - release
    gate[rising] = np.sin(0.5 * np.pi * time[rising] / attack)
    gate[falling] *= np.sin(0.5 * np.pi * (time[-1] - time[falling]) / release).astype(np.float32)
    return gate


def _read(amplitudes: F64, phase: F64) -> F32:
    """Sum of sines with harmonic ``amplitudes`` (n,) at ``phase`` (samples,) in cycles, from a one-cycle table."""
    spectrum = np.zeros(TABLE // 2 + 1, np.complex128)
    spectrum[1 : amplitudes.size + 1] = -0.5j * TABLE * amplitudes
    cycle = np.fft.irfft(spectrum, TABLE).astype(np.float32)
    cycle = np.append(cycle, cycle[0])
    position = phase * TABLE
    index = position.astype(np.int64)
    fraction = (position - index).astype(np.float32)
    index &= TABLE - 1
    here = cycle[index]
    return here + fraction * (cycle[index + 1] - here)


def _saw(pitch: float, rate: int, cutoff: float) -> F64:
    """Amplitudes of a saw's partials behind a low-pass of 12 dB an octave at ``cutoff`` Hz."""
    count = max(1, int(min(TOP, 0.45 * rate) / hertz(pitch)))
    number = np.arange(1, count + 1)
    return 0.6 / number / (1.0 + (number * hertz(pitch) / cutoff) ** 2)


def _noise(rate: int, seconds: float, low: float, high: float, rng: Rng) -> F32:
    """White noise between ``low`` and ``high`` Hz (24 dB an octave), RMS 0.3."""
    size = max(1, round(seconds * rate))
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.fft.rfftfreq(size, 1.0 / rate) + 1e-3
    spectrum /= np.sqrt((1.0 + (low / frequency) ** 8) * (1.0 + (frequency / high) ** 8))
    sound = np.fft.irfft(spectrum, size)
    return np.asarray((0.3 * sound / (np.sqrt(np.mean(sound**2)) + 1e-9)).astype(np.float32), np.float32)


def _struck(time: F64, pitch: float, groups: tuple[tuple[F64, float], ...]) -> F32:
    """Groups of partials, each with its own decay in seconds: high partials die first, as on a real string."""
    phase = time * hertz(pitch)
    sound = np.zeros(time.size, np.float32)
    for amplitudes, decay in groups:
        sound += _read(amplitudes, phase) * _decay(time, decay)
    return sound


def _band(amplitudes: F64, first: int, last: int) -> F64:
    """Only the partials ``first`` to ``last``, counted from 1."""
    chosen = np.zeros(amplitudes.size)
    chosen[first - 1 : last] = amplitudes[first - 1 : last]
    return chosen


# Drums


def kick(rate: int, rng: Rng, weight: float = 1.0) -> F32:
    """Bass drum: a sine that falls to 48 Hz, with a click; ``weight`` 0..1 from felt to beater."""
    time = _time(rate, 0.35)
    phase = 48.0 * time + 0.022 * (90.0 + 130.0 * weight) * (1.0 - np.exp(-time / 0.022))
    body = np.sin(2.0 * np.pi * phase).astype(np.float32) * _decay(time, 0.11)
    click = _noise(rate, 0.35, 1500.0, 6000.0, rng) * _decay(time, 0.004) * np.float32(1.5 * weight)
    sound: F32 = np.tanh(1.5 * body * _gate(time, 0.001) + click)
    return sound


def snare(rate: int, rng: Rng, length: float = 0.09) -> F32:
    """Snare drum: two modes of the skin and the rattle of the wires."""
    time = _time(rate, 4.0 * length)
    skin = np.sin(2.0 * np.pi * 190.0 * time) + 0.6 * np.sin(2.0 * np.pi * 335.0 * time)
    wires = _noise(rate, 4.0 * length, 900.0, 9000.0, rng) * _decay(time, length)
    return np.tanh(0.7 * skin.astype(np.float32) * _decay(time, 0.05) + 2.2 * wires) * _gate(time, 0.0005)


def clap(rate: int, rng: Rng) -> F32:
    """Several hands within 25 ms, the first on the stroke."""
    time = _time(rate, 0.3)
    bursts = [np.where(time >= at, np.exp(-(time - at) / 0.006), 0.0) for at in (0.0, 0.009, 0.018)]
    envelope = np.sum(bursts, axis=0) + np.where(time >= 0.025, 0.8 * np.exp(-(time - 0.025) / 0.06), 0.0)
    return np.asarray(np.tanh(2.0 * _noise(rate, 0.3, 900.0, 5000.0, rng) * envelope.astype(np.float32)), np.float32)


def hat(rate: int, rng: Rng, length: float = 0.025) -> F32:
    """Hi-hat: noise above 7 kHz; ``length`` in s makes it closed or open; 1 s is a crash cymbal."""
    time = _time(rate, 5.0 * length)
    low = 7000.0 if length < 0.5 else 3500.0
    return _noise(rate, 5.0 * length, low, TOP, rng) * _decay(time, length) * _gate(time, 0.0005)


def brush(rate: int, rng: Rng) -> F32:
    """A brush on the snare: soft noise that swells for a few milliseconds."""
    time = _time(rate, 0.3)
    return 1.5 * _noise(rate, 0.3, 1500.0, 7000.0, rng) * _decay(time, 0.06) * _gate(time, 0.004)


# Strings, keys and voices


def bass(rate: int, rng: Rng, pitch: float, seconds: float, cutoff: float = 600.0) -> F32:
    """Bass: a saw behind a low-pass that closes, and the fundamental."""
    time = _time(rate, seconds)
    phase = time * hertz(pitch)
    open_, closed = (_read(_saw(pitch, rate, hz), phase) for hz in (2.0 * cutoff, 0.5 * cutoff))
    return (closed + (open_ - closed) * _decay(time, 0.12)) * _gate(time, 0.004) * (0.6 + 0.4 * _decay(time, 0.3))


def pluck(rate: int, rng: Rng, pitch: float, seconds: float, bright: float = 0.5) -> F32:
    """Plucked nylon string, picked at a fifth of its length; ``bright`` 0..1."""
    time = _time(rate, seconds)
    saw = _saw(pitch, rate, 1000.0 + 3000.0 * bright)
    saw *= np.abs(np.sin(np.pi * np.arange(1, saw.size + 1) / 5.0))
    ring = 0.9 * (220.0 / hertz(pitch)) ** 0.4
    groups = ((_band(saw, 1, 2), ring), (_band(saw, 3, 6), 0.4 * ring), (_band(saw, 7, 99), 0.12 * ring))
    nail = _noise(rate, 0.02, 1500.0, 5000.0, rng) * _decay(_time(rate, 0.02), 0.004)
    sound = 1.4 * _struck(time, pitch, groups)
    sound[: nail.size] += 0.25 * bright * nail[: sound.size]
    return sound * _gate(time, 0.002)


def piano(rate: int, rng: Rng, pitch: float, seconds: float, bright: float = 0.4) -> F32:
    """Piano: two strings slightly apart, and the knock of the hammer."""
    time = _time(rate, seconds)
    saw = _saw(pitch, rate, 600.0 + 3500.0 * bright)
    ring = 1.6 * (220.0 / hertz(pitch)) ** 0.5
    groups = ((_band(saw, 1, 3), ring), (_band(saw, 4, 8), 0.45 * ring), (_band(saw, 9, 99), 0.15 * ring))
    sound = 0.6 * (_struck(time, pitch, groups) + _struck(time, pitch + 0.015, groups))
    knock = _noise(rate, 0.05, 80.0, 900.0, rng) * _decay(_time(rate, 0.05), 0.012)
    sound[: knock.size] += 0.25 * knock[: sound.size]
    return np.asarray(sound * _gate(time, 0.003, 0.15), np.float32)


def bell(rate: int, rng: Rng, pitch: float, seconds: float) -> F32:
    """Bright mallet: a fundamental with two inharmonic partials that die fast."""
    time = _time(rate, seconds)
    partials = ((1.0, 0.7, 0.35), (2.76, 0.25, 0.1), (5.4, 0.15, 0.04))
    waves = [a * np.sin(2.0 * np.pi * ratio * hertz(pitch) * time) * np.exp(-time / d) for ratio, a, d in partials]
    return np.asarray(np.sum(waves, axis=0).astype(np.float32) * _gate(time, 0.002), np.float32)


def strings(
    rate: int, rng: Rng, pitch: float, seconds: float, cutoff: float = 1400.0, attack: float = 0.3, release: float = 0.5
) -> F32:
    """Three bowed strings, or a pad: detuned saws with a slow vibrato behind a low-pass."""
    time = _time(rate, seconds + release)
    saw = _saw(pitch, rate, cutoff)
    coarse = (2.0 * np.pi * time).astype(np.float32)  # good enough for a vibrato, and faster
    sound = np.zeros(time.size, np.float32)
    for detune in (-0.07, 0.0, 0.08):
        speed, start = rng.uniform(4.6, 5.6), rng.uniform()
        wobble = np.float32(0.0018 * hertz(pitch) / (2.0 * np.pi * speed)) * np.sin(coarse * np.float32(speed))
        sound += _read(saw, time * hertz(pitch + detune) + wobble + start)
    return 0.5 * sound * _gate(time, attack, release)


def lead(rate: int, rng: Rng, pitch: float, seconds: float, cutoff: float = 2500.0) -> F32:
    """Synthesiser lead: odd partials, a delayed vibrato and a soft decay."""
    time = _time(rate, seconds)
    saw = _saw(pitch, rate, cutoff)
    saw[1::2] *= 0.25
    wobble = 0.012 * np.clip(time - 0.15, 0.0, 0.3) * np.sin(2.0 * np.pi * 5.5 * time) * hertz(pitch) / 5.5
    return _read(saw, time * hertz(pitch) + wobble) * _gate(time, 0.006, 0.05) * (0.5 + 0.5 * _decay(time, 0.25))


def guitar(rate: int, rng: Rng, pitch: float, seconds: float, muted: bool = False) -> F32:
    """Distorted power chord (root, fifth, octave), twice and slightly apart, through a loudspeaker; palm-muted or open.

    Shaped at twice the sample rate, and cut to the loudspeaker's band before every second sample is dropped.
    """
    time = _time(2 * rate, seconds)
    time = time[: time.size // 2 * 2]
    decay = _decay(time, 0.05 if muted else 1.2)
    sound = np.zeros(time.size, np.float32)
    for detune in (-0.06, 0.05):
        chord = [_read(_saw(pitch + step + detune, rate, 2500.0), time * hertz(pitch + step + detune) + rng.uniform())
                 for step in (0.0, 7.0, 12.0)]  # fmt: skip
        sound += np.tanh(7.0 * decay * np.sum(chord, axis=0))
    spectrum = np.fft.rfft(sound * _gate(time, 0.002, 0.015))
    frequency = np.fft.rfftfreq(time.size, 0.5 / rate) + 1e-3
    top = 1400.0 if muted else 4500.0
    spectrum *= (1.0 + 0.8 * np.exp(-(((frequency - 2200.0) / 900.0) ** 2))) / np.sqrt(
        (1.0 + (90.0 / frequency) ** 4) * (1.0 + (frequency / top) ** 8)
    )
    return (0.5 * np.fft.irfft(spectrum, time.size)[::2]).astype(np.float32)


# Voices, without words

AH, EH, AW = 0, 1, 2
FORMANTS = ((730.0, 1090.0, 2440.0), (530.0, 1840.0, 2480.0), (570.0, 840.0, 2410.0))  # Hz; Peterson and Barney, 1952
FORMANT_WIDTHS = (90.0, 110.0, 170.0)
FORMANT_LEVELS = (1.0, 0.6, 0.35)


def _vowel(pitch: float, rate: int, vowel: int) -> F64:
    """Amplitudes of the partials of a sung vowel."""
    count = max(1, int(min(TOP, 0.45 * rate) / hertz(pitch)))
    number = np.arange(1, count + 1)
    throat = np.full(count, 0.015)
    for formant, width, level in zip(FORMANTS[vowel], FORMANT_WIDTHS, FORMANT_LEVELS, strict=True):
        throat += level / (1.0 + ((number * hertz(pitch) - formant) / width) ** 2)
    amplitudes: F64 = 1.2 * number**-0.6 * throat
    return amplitudes


def voice(rate: int, rng: Rng, pitch: float, seconds: float, vowel: int = AH) -> F32:
    """A voice that sings ``vowel``: soft edges, some breath, and vibrato on long notes."""
    time = _time(rate, seconds)
    swing = np.sin(2.0 * np.pi * 5.3 * time) * np.clip((time - 0.2) / 0.3, 0.0, 1.0)
    tone = _read(_vowel(pitch, rate, vowel), time * hertz(pitch) + 0.012 * swing * hertz(pitch) / 5.3)
    return (tone + np.float32(0.03) * _noise(rate, seconds, 1500.0, 7000.0, rng)) * _gate(time, 0.07, 0.12)


def shout(rate: int, rng: Rng, pitch: float, seconds: float, vowel: int = AH) -> F32:
    """Somebody who shouts it: unsteady folds that close hard on every second turn, and as much air as tone."""
    time = _time(rate, seconds)
    phase = time * hertz(pitch) + 0.35 * np.cumsum(rng.standard_normal(time.size)) / np.sqrt(rate)
    growl = 1.0 + 0.7 * np.sign(np.sin(np.pi * phase)).astype(np.float32)
    tone = _read(_vowel(pitch, rate, vowel), phase) * growl
    harsh = np.tanh(2.5 * (tone + 1.2 * _noise(rate, seconds, 500.0, 6000.0, rng)))
    sound: F32 = harsh * _gate(time, 0.008, 0.08) * (0.6 + 0.4 * _decay(time, 0.2))
    return sound


class Room:
    """A room as the convolution with decaying noise, energy 1, whose level falls by 60 dB in ``seconds``."""

    def __init__(self, rate: int, rng: Rng, seconds: float) -> None:
        time = _time(rate, seconds)
        response = _noise(rate, seconds, 200.0, 4500.0, rng) * np.exp(-6.9 * time / seconds) * (time > 0.012)
        self._response = (response / np.sqrt(np.sum(response**2))).astype(np.float32)
        self._spectra: dict[int, npt.NDArray[np.complexfloating]] = {}  # by length of the transform

    def answer(self, sound: F32) -> F32:
        """The reverberation of ``sound`` (n,): (n + response - 1,)."""
        length = sound.size + self._response.size - 1
        size = -(-length // 2**14) * 2**14  # a multiple of a power of two transforms fast
        if size not in self._spectra:
            self._spectra = {size: np.fft.rfft(self._response, size)}
        return np.fft.irfft(np.fft.rfft(sound, size) * self._spectra[size], size)[:length].astype(np.float32)
