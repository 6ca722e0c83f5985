"""Blocks of any length in, overlapping frames out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from streammood.events import F32


class Framer:
    """Cuts a stream into frames of ``n_fft`` samples, one every ``hop`` samples.

    Before the stream began there was silence, so frame k ends with sample (k + 1) * hop.
    """

    def __init__(self, n_fft: int, hop: int) -> None:
        self._n_fft = n_fft
        self._hop = hop
        self._buffer = np.zeros(8 * n_fft, dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget everything that was pushed."""
        self._buffer[: self._n_fft] = 0.0
        self._end = self._n_fft - self._hop  # one past the newest sample in the buffer
        self._next = self._n_fft  # where the next frame will end

    def push(self, block: F32) -> Iterator[F32]:
        """Yield every frame (n_fft,) that ``block`` completes; the array is reused, copy to keep."""
        position = 0
        while position < block.size:
            count = min(self._next - self._end, block.size - position)
            self._buffer[self._end : self._end + count] = block[position : position + count]
            self._end += count
            position += count
            if self._end == self._next:
                yield self._buffer[self._end - self._n_fft : self._end]
                if self._end + self._hop > self._buffer.size:
                    self._rewind()
                self._next = self._end + self._hop

    def _rewind(self) -> None:
        kept = self._n_fft - self._hop
        self._buffer[:kept] = self._buffer[self._end - kept : self._end]
        self._end = kept
