"""Block hygiene and the short-time power spectrum."""

from __future__ import annotations

import math

import numpy as np
from rocket_fft import r2c

from streammood.dsp.jit import kernel
from streammood.events import F32

_LIMIT = np.float32(8.0)  # 18 dB over full scale: louder than any converter, harmless to float32 squares
_TINY = np.float32(1e-20)  # below this a float32 square is denormal, which is slow and means nothing


def hann(n: int) -> F32:
    """Periodic Hann window, (n,)."""
    window: F32 = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    return window


@kernel
def sanitize(block: F32, out: F32) -> int:
    """Copy ``block`` (n,) to ``out``: NaN, infinity and denormals become 0, huge samples are limited.

    Returns how many samples were not finite.
    """
    bad = 0
    for i in range(block.size):
        x = block[i]
        if not math.isfinite(x):
            bad += 1
            x = np.float32(0.0)
        elif abs(x) < _TINY:
            x = np.float32(0.0)
        out[i] = min(max(x, -_LIMIT), _LIMIT)
    return bad


@kernel
def power_spectrum(frame: F32, window: F32, out: F32) -> None:
    """Squared magnitudes (n_fft // 2 + 1,) of the windowed ``frame`` (n_fft,)."""
    spectrum = np.empty(out.size, dtype=np.complex64)
    r2c(frame * window, spectrum, np.zeros(1, dtype=np.int64), True, 1.0, 1)
    for k in range(out.size):
        re, im = spectrum[k].real, spectrum[k].imag
        out[k] = re * re + im * im
