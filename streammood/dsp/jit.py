"""Two ways to compile a kernel: cached on disk where that is possible, never holding the interpreter's lock."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

from streammood import resources

P = ParamSpec("P")
R = TypeVar("R")

# Sums may be reordered for SIMD; NaN and infinity keep their meaning.
_FAST = frozenset({"reassoc", "contract", "arcp", "nsz"})
_KERNELS: list[Any] = []  # of this process


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
        compiled: Any = numba.njit(cache=_may_store(function), nogil=True, fastmath=fast)(function)
    except RuntimeError:  # numba found no folder that it may write to
        compiled = numba.njit(nogil=True, fastmath=fast)(function)
    if compiled.stats.cache_path is not None:
        _store_if_possible(compiled._cache)
    _KERNELS.append(compiled)
    ready: Callable[P, R] = compiled
    return ready


def _store_if_possible(cache: Any) -> None:
    """Let a disk that is full cost no more than the time to compile anew."""
    save = cache.save_overload

    def save_if_possible(signature: object, data: object) -> None:
        with contextlib.suppress(OSError):
            save(signature, data)

    cache.save_overload = save_if_possible


def _may_store(function: Callable[..., Any]) -> bool:
    """Whether there is a folder for compiled code; without a home numba would create one called ``~``."""
    beside = Path(function.__code__.co_filename).parent
    return "NUMBA_CACHE_DIR" in os.environ or resources.home() is not None or os.access(beside, os.W_OK)


def loaded() -> int:
    """Kernels that the modules loaded so far hold."""
    return len(_KERNELS)


def compiled() -> int:
    """How many of them had to be compiled, since no earlier process had stored them."""
    return sum(bool(kernel.stats.cache_misses) for kernel in _KERNELS)


def stored() -> bool:
    """Whether compiled code is stored for the next process."""
    return all(kernel.stats.cache_path for kernel in _KERNELS)
