"""Two ways to compile a kernel: cached on disk where that is possible, never holding the interpreter's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
import rocket_fft  # noqa: F401  (teaches numba scipy.fft)

P = ParamSpec("P")
R = TypeVar("R")

# Sums may be reordered for SIMD; NaN and infinity keep their meaning.
_FAST = frozenset({"reassoc", "contract", "arcp", "nsz"})


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` at its first call, for speed: sums may be added in another order."""
    return _compiled(function, _FAST)


def exact_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` at its first call; every operation rounds as it does in Python."""
    return _compiled(function, frozenset())


def _compiled(function: Callable[P, R], flags: frozenset[str]) -> Callable[P, R]:
    """Where nothing can be stored on disk, ``function`` is compiled anew in every process."""
    fast = set(flags) or False
    try:
        compiled: Any = numba.njit(cache=True, nogil=True, fastmath=fast)(function)
    except RuntimeError:  # numba found no folder that it may write to
        compiled = numba.njit(nogil=True, fastmath=fast)(function)
    else:
        _store_if_possible(compiled._cache)
    ready: Callable[P, R] = compiled
    return ready


def _store_if_possible(cache: Any) -> None:
    """Let a disk that is full cost no more than the time to compile anew."""
    save = cache.save_overload

    def save_if_possible(signature: object, data: object) -> None:
        with contextlib.suppress(OSError):
            save(signature, data)

    cache.save_overload = save_if_possible
