"""The shape of a spectrum and of a waveform in single numbers, as in librosa."""

from __future__ import annotations

import math

import numpy as np

from streammood.dsp.jit import kernel
from streammood.events import F32

_AMIN = np.float32(1e-10)
_ROLLOFF = 0.85
_FACTORS = 8  # float32 lies within 1e±38, float64 within 1e±308
_ZERO = np.float32(1e-10)  # samples nearer to zero than this have no sign


@kernel
def centroid_rolloff_flatness(power: F32, n_bins: int, bin_hz: float, out: F32) -> None:
    """Centroid and roll-off (85 % of the magnitude) in Hz, and flatness in 0..1, into ``out`` (3,)."""
    total = 0.0
    weighted = 0.0
    logs = 0.0
    product = 1.0  # of so many powers that it can neither overflow nor vanish: one logarithm for all of them
    floored = 0.0
    for k in range(n_bins):
        magnitude = math.sqrt(power[k])
        total += magnitude
        weighted += k * magnitude
        p = float(max(power[k], _AMIN))
        floored += p
        product *= p
        if k % _FACTORS == _FACTORS - 1:
            logs += math.log(product)
            product = 1.0
    logs += math.log(product)
    reached = 0.0
    rolloff = 0
    while rolloff < n_bins - 1:
        reached += math.sqrt(power[rolloff])
        if reached >= _ROLLOFF * total:
            break
        rolloff += 1
    silent = total <= 0.0
    out[0] = 0.0 if silent else bin_hz * weighted / total
    out[1] = 0.0 if silent else bin_hz * rolloff
    out[2] = math.exp(logs / n_bins) / (floored / n_bins)


@kernel
def zero_crossing_rate(frame: F32) -> float:
    """Share of the samples of ``frame`` (n,) whose sign differs from that of the sample before."""
    crossings = 0
    before = frame[0] < -_ZERO
    for i in range(1, frame.size):
        negative = frame[i] < -_ZERO
        crossings += negative != before
        before = negative
    return crossings / frame.size
