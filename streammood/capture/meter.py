"""How loud an input is, for people: the highest peak of the last seconds, and whether it was clipped."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from streammood.events import F32

_FULL = 0.999  # of full scale
_CLIPPED = 3  # samples at full scale, in a block or several
_BLOCKS = 2048  # that are looked at, at most


class Meter:
    """Takes blocks in a capture thread; any thread may read it."""

    def __init__(self, seconds: float = 10.0) -> None:
        """``seconds``: over which it looks."""
        self._seconds = seconds
        self._blocks: deque[tuple[float, float, int]] = deque(maxlen=_BLOCKS)  # host time, peak, samples at full scale

    def take(self, block: F32, captured: float = 0.0, arrived: float = 0.0) -> None:
        """Take one block (n,), or (n, channels)."""
        loud = np.abs(block)
        self._blocks.append((time.monotonic(), float(loud.max(initial=0.0)), int(np.count_nonzero(loud >= _FULL))))

    def _latest(self) -> list[tuple[float, float, int]]:
        since = time.monotonic() - self._seconds
        return [row for row in list(self._blocks) if row[0] >= since]

    @property
    def heard(self) -> bool:
        """Whether anything has come, be it silence."""
        return bool(self._latest())

    @property
    def peak(self) -> float:
        """In dB re full scale, at least -120."""
        return 20.0 * float(np.log10(max([1e-6, *(peak for _, peak, _ in self._latest())])))

    @property
    def clipped(self) -> bool:
        """Whether some samples were at full scale."""
        return sum(full for _, _, full in self._latest()) >= _CLIPPED
