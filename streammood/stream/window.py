"""The last slots, as one piece of memory that never moves, and as the network wants them."""

from __future__ import annotations

import numpy as np

from streammood.events import F32
from streammood.stream.slots import SlotLayout


class SlotWindow:
    """Keeps the last ``length`` slots."""

    def __init__(self, layout: SlotLayout, length: int) -> None:
        self.length = length
        self._mel = layout.mel
        self._buffer = np.zeros(
            (2 * length, layout.size), dtype=np.float32
        )  # every slot twice, so a window is one slice
        self._arranged = np.zeros((length, layout.size), dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget all slots."""
        self.count = 0  # of slots that are kept
        self._next = 0

    def add(self, slot: F32) -> None:
        """Keep ``slot`` (n_values,), forget the oldest where the window is full."""
        self._buffer[self._next] = self._buffer[self._next + self.length] = slot
        self._next = (self._next + 1) % self.length
        self.count = min(self.count + 1, self.length)

    def recent(self) -> F32:
        """The slots that are kept (count, n_values), oldest first; a view."""
        end = self._next + self.length
        return self._buffer[end - self.count : end]

    def arranged(self) -> F32:
        """A full window (length, n_values) without its mean level; a short one is repeated. The array is reused."""
        return arrange(self.recent(), self._mel, self._arranged)


def arrange(recent: F32, mel: slice, out: F32) -> F32:
    """``recent`` (n, n_values) repeated to fill ``out`` (length, n_values), less the mean level of its mel bands."""
    n = recent.shape[0]
    for start in range(0, out.shape[0], n):
        part = out[start : start + n]
        part[:] = recent[: part.shape[0]]
    out[:, mel] -= recent[:, mel].mean()
    return out
