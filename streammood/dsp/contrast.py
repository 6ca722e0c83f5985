"""Spectral contrast: peaks against valleys in octave bands (D.-N. Jiang et al., ICME 2002), as in librosa."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import F32

_QUANTILE = 0.02  # share of a band's bins that makes its peak and its valley
_AMIN = 1e-10


def contrast_bands(freqs: npt.NDArray[np.floating], fmin: float, n_bands: int) -> npt.NDArray[np.int64]:
    """Rows of first bin, end bin and number of extreme bins, (n_bands + 1, 3).

    The lowest band lies below ``fmin`` Hz, the others are octaves above it; the highest also takes every
    remaining bin of ``freqs`` (n_bins,).
    """
    edges = np.concatenate([[0.0], fmin * 2.0 ** np.arange(n_bands + 1)])
    rows = []
    for band, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((freqs >= low) & (freqs <= high))
        first, end = int(inside[0]), int(inside[-1]) + 1
        if band > 0:
            first -= 1
        if band == n_bands:
            end = freqs.size
        extremes = max(1, round(_QUANTILE * (end - first)))
        rows.append((first, end if band == n_bands else end - 1, extremes))
    return np.array(rows, dtype=np.int64)


@kernel
def _extreme_mean(power: F32, first: int, end: int, count: int, sign: float) -> float:
    """Mean magnitude of the ``count`` largest (sign 1) or smallest (sign -1) bins of ``power``."""
    best = np.full(count, np.float32(-np.inf), dtype=np.float32)  # ascending
    for k in range(first, end):
        x = np.float32(sign) * power[k]
        if x > best[0]:
            i = 1
            while i < count and best[i] < x:
                best[i - 1] = best[i]
                i += 1
            best[i - 1] = x
    total = np.float32(0.0)
    for i in range(count):
        total += math.sqrt(abs(best[i]))
    return float(total / count)


@kernel
def spectral_contrast(power: F32, bands: npt.NDArray[np.int64], out: F32) -> None:
    """Peak over valley in each band, in dB of magnitude (10 log10 of the ratio, as librosa has it)."""
    for b in range(bands.shape[0]):
        first, end, count = bands[b, 0], bands[b, 1], bands[b, 2]
        peak = _extreme_mean(power, first, end, count, 1.0)
        valley = _extreme_mean(power, first, end, count, -1.0)
        out[b] = 10.0 * (math.log10(max(peak, _AMIN)) - math.log10(max(valley, _AMIN)))
