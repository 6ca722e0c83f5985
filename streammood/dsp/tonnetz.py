"""Tonal centroids: where a chroma lies on circles of fifths, minor and major thirds (C. Harte et al., 2006)."""

from __future__ import annotations

import numpy as np

from streammood.dsp.chroma import N_CHROMA
from streammood.events import F32

_STEPS = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])  # of half a turn, from one pitch class to the next
_RADII = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 0.5])
_ANGLES = np.pi * (np.outer(_STEPS, np.arange(N_CHROMA)) - np.array([0.5, 0.0] * 3)[:, None])
_CENTROIDS = _RADII[:, None] * np.cos(_ANGLES)  # (6, 12)


def tonnetz(chroma: F32) -> F32:
    """Tonal centroids (n, 6) in -1..1 of chroma (n, 12), as in librosa; silence gives zeros."""
    sums = np.abs(chroma).sum(axis=1, keepdims=True)
    shares = chroma / np.where(sums > np.finfo(np.float32).tiny, sums, 1.0)
    centroids: F32 = (shares @ _CENTROIDS.T).astype(np.float32)
    return centroids
