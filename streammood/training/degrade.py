"""What a venue does to music before it reaches the line-in: rooms, equalisers, noise, clipping, narrow lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from streammood.events import F32

F64 = npt.NDArray[np.float64]


def degrade(signal: F32, rate: int, rng: np.random.Generator) -> F32:
    """``signal`` (n,) after a random choice of room, equaliser, low-pass, noise, clipping and gain."""
    bad = signal
    if rng.random() < 0.35:
        bad = room(bad, rate, rng.uniform(0.2, 1.2), rng)
    bad = equalise(bad, rate, rng)
    if rng.random() < 0.3:
        bad = low_pass(bad, rate, rng.uniform(5_000.0, 11_000.0))
    if rng.random() < 0.4:
        bad = noise(bad, rng.uniform(12.0, 35.0), rng)
    if rng.random() < 0.25:
        bad = clip(bad, rng.uniform(0.02, 0.2))
    quieter: F32 = (bad * 10.0 ** rng.uniform(-1.0, 0.0)).astype(np.float32)
    return quieter


def room(signal: F32, rate: int, reverberation: float, rng: np.random.Generator) -> F32:
    """A synthetic room: direct sound, then noise that falls by 60 dB within ``reverberation`` seconds."""
    n = int(reverberation * rate)
    tail = rng.standard_normal(n) * 10.0 ** (-3.0 * np.arange(n) / n)
    response = tail * rng.uniform(0.2, 0.8) / np.sqrt(np.sum(tail**2))
    response[0] = 1.0
    wet: F32 = fftconvolve(signal, response)[: signal.size].astype(np.float32)
    return wet


def equalise(signal: F32, rate: int, rng: np.random.Generator) -> F32:
    """A smooth random response of about 4 dB over octave-wide bands."""
    octaves = np.linspace(np.log2(30.0), np.log2(16_000.0), 9)
    gains = rng.normal(0.0, 4.0, octaves.size)
    return shape_spectrum(signal, rate, lambda hz: np.interp(np.log2(np.maximum(hz, 1.0)), octaves, gains))


def low_pass(signal: F32, rate: int, cutoff: float) -> F32:
    """About 48 dB an octave above ``cutoff`` Hz."""
    return shape_spectrum(signal, rate, lambda hz: -10.0 * np.log10(1.0 + (hz / cutoff) ** 16))


def noise(signal: F32, snr: float, rng: np.random.Generator) -> F32:
    """Pink noise ``snr`` dB below the signal."""
    spectrum = np.fft.rfft(rng.standard_normal(signal.size))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.size) + 1.0), signal.size)
    wanted = np.sqrt(np.mean(signal**2)) * 10.0 ** (-snr / 20.0)
    noisy: F32 = (signal + pink * wanted / np.sqrt(np.mean(pink**2))).astype(np.float32)
    return noisy


def clip(signal: F32, share: float) -> F32:
    """Clip so that ``share`` of the samples are limited."""
    limit = max(float(np.quantile(np.abs(signal), 1.0 - share)), 1e-6)
    clipped: F32 = np.clip(signal, -limit, limit)
    return clipped


def shape_spectrum(signal: F32, rate: int, gain_db: Callable[[F64], F64]) -> F32:
    """Apply a gain in dB, a function of frequency in Hz, to the whole signal."""
    spectrum = np.fft.rfft(signal)
    hz = np.fft.rfftfreq(signal.size, 1.0 / rate).astype(np.float64)
    shaped: F32 = np.fft.irfft(spectrum * 10.0 ** (gain_db(hz) / 20.0), signal.size).astype(np.float32)
    return shaped
