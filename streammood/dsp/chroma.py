"""Chroma: how much of each pitch class a spectrum holds (D. Ellis, 2007), as in librosa, tuned to A = 440 Hz."""

from __future__ import annotations

import numpy as np

from streammood.dsp.jit import kernel
from streammood.events import F32

N_CHROMA = 12
_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0  # a Gaussian that favours the middle octaves
_TINY = np.float32(1.1754944e-38)


def chroma_filters(sample_rate: float, n_fft: int) -> F32:
    """Weights (12, n_fft // 2 + 1); the first row is C."""
    freqs = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    octaves = np.log2(freqs / (440.0 / 16))
    pitch = np.concatenate([[N_CHROMA * octaves[0] - 1.5 * N_CHROMA], N_CHROMA * octaves])
    widths = np.concatenate([np.maximum(np.diff(pitch), 1.0), [1.0]])
    distance = pitch[None, :] - np.arange(N_CHROMA)[:, None]
    distance = np.remainder(distance + N_CHROMA // 2 + 10 * N_CHROMA, N_CHROMA) - N_CHROMA // 2
    weights = np.exp(-0.5 * (2 * distance / widths) ** 2)
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * ((pitch / N_CHROMA - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)
    filters: F32 = np.roll(weights, -3, axis=0)[:, : n_fft // 2 + 1].astype(np.float32)
    return np.ascontiguousarray(filters)


@kernel
def chroma(power: F32, filters: F32, n_bins: int, out: F32) -> None:
    """Pitch class profile (12,), its maximum 1, of the first ``n_bins`` bins; silence gives zeros."""
    top = np.float32(0.0)
    for c in range(out.size):
        total = np.float32(0.0)
        for k in range(n_bins):
            total += filters[c, k] * power[k]
        out[c] = total
        top = max(top, total)
    if top > _TINY:
        for c in range(out.size):
            out[c] /= top
    else:
        out[:] = 0.0
