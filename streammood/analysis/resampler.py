"""From the rate of the input to the analysis rate, so that features mean the same on every device.

A windowed-sinc converter (libsamplerate): its delay is constant and below 1 ms, and its output does not
depend on how the input was cut into blocks.
"""

from __future__ import annotations

import samplerate

from streammood.events import ANALYSIS_RATE, F32

_HALF_WIDTH = 20  # samples of the slower rate that libsamplerate's fastest sinc looks ahead


class Resampler:
    """Converts a stream from ``sample_rate`` to the analysis rate; passes it through where they are equal."""

    def __init__(self, sample_rate: float) -> None:
        self._ratio = ANALYSIS_RATE / sample_rate
        self.delay = 0 if self._ratio == 1.0 else round(_HALF_WIDTH * max(1.0, self._ratio))
        self._converter = samplerate.Resampler("sinc_fastest", channels=1)

    def reset(self) -> None:
        """Forget everything that was pushed."""
        self._converter.reset()

    def push(self, block: F32) -> F32:
        """Samples at the analysis rate; they end ``delay`` samples before the block does."""
        if self._ratio == 1.0 or block.size == 0:
            return block
        resampled: F32 = self._converter.process(block, self._ratio)
        return resampled
