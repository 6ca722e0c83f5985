"""Tempogram: at which lags onsets repeat, hop by hop (P. Grosche, M. Müller and F. Kurth, 2010), as in librosa."""

from __future__ import annotations

import numpy as np

from streammood.events import F32

N_LAGS = 384  # hops, 4.5 s; the lag of n hops stands for 60 * rate / (n * hop) BPM
_BLOCK = 1024  # hops that are worked on at a time, so that a long song needs little memory


def tempogram(strength: F32, n_lags: int = N_LAGS) -> F32:
    """Autocorrelation (n, n_lags), its largest value 1, of the onset strength (n,) around each hop.

    Each hop is the middle of a Hann window of ``n_lags`` hops, so this looks half a window ahead: it is for sound that
    is there as a whole, and no part of the live analysis.
    """
    out = np.empty((strength.size, n_lags), dtype=np.float32)
    if strength.size == 0:
        return out
    before = n_lags // 2
    padded = np.pad(strength.astype(np.float64), before, mode="linear_ramp", end_values=0.0)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_lags)[: strength.size]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_lags) / n_lags)
    for start in range(0, strength.size, _BLOCK):
        spectra = np.fft.rfft(windows[start : start + _BLOCK] * window, 2 * n_lags, axis=1)
        lags = np.fft.irfft(np.abs(spectra) ** 2, 2 * n_lags, axis=1)[:, :n_lags]
        top = np.abs(lags).max(axis=1, keepdims=True)
        out[start : start + _BLOCK] = lags / np.where(top > np.finfo(np.float64).tiny, top, 1.0)
    return out
