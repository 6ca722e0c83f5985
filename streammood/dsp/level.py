"""Levels: RMS, loudness (ITU-R BS.1770) and the power in low, mid and high bands."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import F32

FLOOR_DB = -120.0
_BAND_EDGES_HZ = (20.0, 200.0, 2000.0, 16000.0)


def k_weighting(freqs: npt.NDArray[np.floating]) -> F32:
    """Power response of the K-weighting of ITU-R BS.1770-4 at ``freqs`` in Hz, (n_bins,)."""
    z = np.exp(-2j * np.pi * freqs / 48_000.0)  # the standard gives the filters for 48 kHz
    shelf = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], z) / np.polyval(
        [0.73248077421585, -1.69065929318241, 1.0], z
    )
    high_pass = np.polyval([1.0, -2.0, 1.0], z) / np.polyval([0.99007225036621, -1.99004745483398, 1.0], z)
    response: F32 = (np.abs(shelf * high_pass) ** 2).astype(np.float32)
    return response


def band_edges(sample_rate: float, n_fft: int) -> npt.NDArray[np.int64]:
    """First bins of the low, mid and high band and one past the last, (4,)."""
    return np.round(np.array(_BAND_EDGES_HZ) * n_fft / sample_rate).astype(np.int64)


@kernel
def rms(frame: F32) -> float:
    """Root mean square of ``frame`` (n,)."""
    total = np.float32(0.0)
    for i in range(frame.size):
        total += frame[i] * frame[i]
    return math.sqrt(total / frame.size)


@kernel
def decibels(mean_square: float) -> float:
    """10 log10, at least ``FLOOR_DB``."""
    return 10.0 * math.log10(max(mean_square, 1e-12))


@kernel
def loudness(power: F32, weighting: F32, scale: float) -> float:
    """Loudness of one frame in LUFS (one channel), at least -120; ``scale`` makes power a mean square."""
    total = np.float32(0.0)
    for k in range(power.size):
        total += weighting[k] * power[k]
    return max(-0.691 + decibels(float(total) * scale), FLOOR_DB)


@kernel
def band_levels(power: F32, edges: npt.NDArray[np.int64], scale: float, out: F32) -> None:
    """Level of the low, mid and high band in dB re full scale, into ``out`` (3,)."""
    for b in range(out.size):
        total = np.float32(0.0)
        for k in range(edges[b], edges[b + 1]):
            total += power[k]
        out[b] = decibels(float(total) * scale)
