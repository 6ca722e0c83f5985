"""The buffer between the capture thread and the engine: one writer, one reader, no locks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streammood.events import F32


@dataclass(frozen=True, slots=True)
class Block:
    """Samples as they were captured."""

    start: int  # input sample count of the first sample, lost samples included
    samples: F32
    captured: float  # host time in seconds at which the last sample was captured
    arrived: float  # host time in seconds at which the block was handed over
    frames: F32 | None = None  # the same with all channels of the input (n, channels), where these are kept


class Ring:
    """Preallocated samples and, for each block, where it began and when it came.

    A block that does not fit is dropped whole: ``dropped`` counts its samples, and the next block's
    ``start`` shows the gap. Writer and reader each own one counter, so neither needs a lock.
    """

    def __init__(self, capacity: int, min_block: int = 32) -> None:
        self._samples = np.zeros(capacity, dtype=np.float32)
        slots = max(4, capacity // min_block)
        self._frames: F32 | None = None  # (capacity, channels), made with the first block that has them
        self._blocks = [(0, 0, 0.0, 0.0)] * slots  # start, size, captured, arrived
        self._blocks_in = self._blocks_out = 0
        self._samples_in = self._samples_out = 0
        self._clock = 0
        self.dropped = 0

    def write(self, block: F32, captured: float, arrived: float, frames: F32 | None = None) -> None:
        """Store ``block`` (n,), or count it as dropped; called by the capture thread alone.

        ``frames`` (n, channels) are stored with it, with as many channels in each call.
        """
        n = block.size
        start = self._clock
        self._clock = start + n
        free = self._samples.size - (self._samples_in - self._samples_out)
        if n > free or self._blocks_in - self._blocks_out >= len(self._blocks):
            self.dropped += n
            return
        at = self._samples_in % self._samples.size
        head = min(n, self._samples.size - at)
        self._samples[at : at + head] = block[:head]
        if head < n:
            self._samples[: n - head] = block[head:]
        if frames is not None:
            if self._frames is None:
                self._frames = np.zeros((self._samples.size, frames.shape[1]), dtype=np.float32)
            self._frames[at : at + head] = frames[:head]
            self._frames[: n - head] = frames[head:]
        self._blocks[self._blocks_in % len(self._blocks)] = start, n, captured, arrived
        self._samples_in += n
        self._blocks_in += 1  # last: from here on the reader may see the block

    @property
    def waiting(self) -> int:
        """Samples that were not read yet."""
        return self._samples_in - self._samples_out

    def read(self) -> Block | None:
        """The oldest block that was not read yet, copied out; called by the engine alone."""
        if self._blocks_out == self._blocks_in:
            return None
        start, n, captured, arrived = self._blocks[self._blocks_out % len(self._blocks)]
        at = self._samples_out % self._samples.size
        head = min(n, self._samples.size - at)
        samples = self._samples[at : at + n].copy()
        if head < n:
            samples = np.concatenate((samples, self._samples[: n - head]))
        frames = (
            None if self._frames is None else np.concatenate((self._frames[at : at + head], self._frames[: n - head]))
        )
        block = Block(start, samples, captured, arrived, frames)
        self._samples_out += n
        self._blocks_out += 1  # last: from here on the writer may reuse the space
        return block
