"""The last slots, as one piece of memory that never moves."""

from __future__ import annotations

import numpy as np

from streammood.events import F32


class SlotWindow:
    """Keeps the last ``length`` slots."""

    def __init__(self, size: int, length: int) -> None:
        self.length = length
        self._buffer = np.zeros((2 * length, size), dtype=np.float32)  # every slot twice, so a window is one slice
        self.reset()

    def reset(self) -> None:
        """Forget all slots."""
        self.count = 0  # of slots that are stored
        self._next = 0

    def add(self, slot: F32) -> None:
        """Keep ``slot`` (n_values,), forget the oldest where the window is full."""
        self._buffer[self._next] = self._buffer[self._next + self.length] = slot
        self._next = (self._next + 1) % self.length
        self.count = min(self.count + 1, self.length)

    def shorten(self, slots: int) -> None:
        """Forget all but the newest ``slots``."""
        self.count = min(self.count, slots)

    def recent(self) -> F32:
        """The stored slots (count, n_values), oldest first; a view."""
        end = self._next + self.length
        return self._buffer[end - self.count : end]

    def newest(self, slots: int) -> F32:
        """At most so many of them, the newest; a view."""
        return self.recent()[-slots:]
