"""One way to compile a kernel: cached on disk where that is possible, never holding the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba
import rocket_fft  # noqa: F401  (teaches numba scipy.fft)

P = ParamSpec("P")
R = TypeVar("R")

# Sums may be reordered for SIMD; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "arcp", "nsz"}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` at its first call; without a writable cache folder, anew in every process."""
    try:
        compiled: Callable[P, R] = numba.njit(cache=True, nogil=True, fastmath=_FAST)(function)
    except RuntimeError:  # numba found no folder that it may write to
        compiled = numba.njit(nogil=True, fastmath=_FAST)(function)
    return compiled
