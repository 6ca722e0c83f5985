"""Mel bands and cepstral coefficients (S. Davis and P. Mermelstein, 1980), with Slaney's mel scale as in librosa."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import F32

AMIN = np.float32(1e-10)  # power floor, -100 dB

_LINEAR_STEP = 200.0 / 3  # Hz per mel below 1 kHz
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _LINEAR_STEP
_LOG_STEP = math.log(6.4) / 27.0


def hz_to_mel(hz: float) -> float:
    """Mel of a frequency in Hz."""
    if hz < _LOG_START_HZ:
        return hz / _LINEAR_STEP
    return _LOG_START_MEL + math.log(hz / _LOG_START_HZ) / _LOG_STEP


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    high = _LOG_START_HZ * np.exp(_LOG_STEP * (mel - _LOG_START_MEL))
    return np.where(mel < _LOG_START_MEL, mel * _LINEAR_STEP, high)


def mel_filters(sample_rate: float, n_fft: int, n_mels: int, fmin: float, fmax: float) -> F32:
    """Triangular filters of equal area (n_mels, n_fft // 2 + 1), between ``fmin`` and ``fmax`` in Hz."""
    edges = _mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2))
    bins = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    filters: F32 = (np.maximum(0.0, np.minimum(rise, fall)) * area[:, None]).astype(np.float32)
    return filters


def support(filters: F32) -> npt.NDArray[np.int64]:
    """First and one-past-last bin where each filter is not zero, (n_filters, 2)."""
    spans = [np.flatnonzero(row) for row in filters]
    return np.array([(s[0], s[-1] + 1) if s.size else (0, 0) for s in spans], dtype=np.int64)


def dct_matrix(n_out: int, n_in: int) -> F32:
    """Orthonormal DCT-II (n_out, n_in)."""
    angles = np.pi / n_in * (np.arange(n_in) + 0.5) * np.arange(n_out)[:, None]
    matrix = np.sqrt(2.0 / n_in) * np.cos(angles)
    matrix[0] /= math.sqrt(2.0)
    dct: F32 = matrix.astype(np.float32)
    return dct


@kernel
def log_mel(power: F32, filters: F32, spans: npt.NDArray[np.int64], out: F32) -> None:
    """Power in each mel band (n_mels,), in dB re 1, at least -100."""
    for m in range(out.size):
        total = np.float32(0.0)
        for k in range(spans[m, 0], spans[m, 1]):
            total += filters[m, k] * power[k]
        out[m] = np.float32(10.0) * np.float32(math.log10(max(total, AMIN)))


@kernel
def mfcc(log_mel_db: F32, dct: F32, out: F32) -> None:
    """Mel-frequency cepstral coefficients (n_mfcc,) of a log mel spectrum (n_mels,)."""
    for c in range(out.size):
        total = np.float32(0.0)
        for m in range(log_mel_db.size):
            total += dct[c, m] * log_mel_db[m]
        out[c] = total
