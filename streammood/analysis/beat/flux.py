"""How much the spectrum rises: the cue for beats that needs no model."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import F32

F64 = npt.NDArray[np.float64]


@kernel
def flux(log_mel: F32, recent: F32, state: F64) -> float:
    """Rise of ``log_mel`` (n_mels,) over two hops above its mean, in units of its usual size, 0..5.

    Only the upper 40 dB count. ``recent`` (2, n_mels) holds the last spectra, ``state`` (3,) the peak in dB, and the
    mean and the mean square of the rise; see ``reset_flux``.
    """
    peak = state[0] - 0.02  # dB a hop
    for m in range(log_mel.size):
        peak = max(peak, log_mel[m])
    floor = peak - 40.0
    total = 0.0
    for m in range(log_mel.size):
        total += max(0.0, max(floor, log_mel[m]) - max(floor, recent[0, m]))
        recent[0, m] = recent[1, m]
        recent[1, m] = log_mel[m]
    mean = total / log_mel.size
    excess = max(0.0, mean - state[1])
    state[0] = peak
    state[1] += 0.01 * (mean - state[1])
    state[2] += 0.005 * (excess * excess - state[2])
    return float(min(5.0, excess / math.sqrt(max(state[2], 0.01))))


def reset_flux(recent: F32, state: F64) -> None:
    """Begin a new stream: silence before, a quiet peak, and a usual rise of less than a dB."""
    recent[:] = -200.0
    state[:] = (-30.0, 0.0, 0.5)
