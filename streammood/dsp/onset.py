"""Onset strength: how much the spectrum rises from one frame to the next (S. Böck and G. Widmer, 2013)."""

from __future__ import annotations

import numpy as np

from streammood.dsp.jit import kernel
from streammood.events import F32


@kernel
def onset_strength(log_mel: F32, previous: F32) -> float:
    """Mean rise of the log mel spectrum (n_mels,) since the previous frame, in dB."""
    total = np.float32(0.0)
    for m in range(log_mel.size):
        total += max(log_mel[m] - previous[m], np.float32(0.0))
    return float(total / log_mel.size)
