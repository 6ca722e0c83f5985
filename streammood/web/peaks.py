"""The outline of a song, for the timeline on the page."""

from __future__ import annotations

import numpy as np

from streammood.events import F32

_OUTLINE = 1200  # values, about as many as a wide screen has columns


class Waveform:
    """The outline of a sound: its largest absolute sample in each of equal parts."""

    def __init__(self, samples: int) -> None:
        """``samples`` is the length by the file's header; samples beyond it count to the last part."""
        self._size = max(1, -(-samples // _OUTLINE))
        self._peaks = np.zeros(_OUTLINE, dtype=np.float32)
        self._at = 0

    def push(self, block: F32) -> None:
        """Go on with ``block`` (n,)."""
        parts = np.minimum((self._at + np.arange(block.size)) // self._size, _OUTLINE - 1)
        np.maximum.at(self._peaks, parts, np.abs(np.nan_to_num(block)))
        self._at += block.size

    @property
    def values(self) -> list[float]:
        """One value for each part that there is, 0..1."""
        used = min(_OUTLINE, -(-self._at // self._size))
        return [round(float(value), 3) for value in np.clip(self._peaks[:used], 0.0, 1.0)]
