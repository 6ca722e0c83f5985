"""The first half of the analysis, shared by live, files and training: from blocks of the input to features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streammood.analysis.features import FeatureStream
from streammood.analysis.framer import Framer
from streammood.analysis.gain import Gain
from streammood.analysis.resampler import Resampler
from streammood.dsp.layout import HOP, N_FFT
from streammood.dsp.spectrum import sanitize
from streammood.events import ANALYSIS_RATE, F32, Features

TICK = 256  # samples of the analysis rate; every hop is a whole number of these


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The newest samples, and the features of the frame that they complete, if they do."""

    sample: int  # one past the newest sample, on the stream clock
    decided: int  # the last sample of the input, on the stream clock, that was needed
    frame: F32  # (n_fft,), reused: copy to keep
    features: Features | None


class FrontEnd:
    """Sanitises, resamples, amplifies where a ``gain`` is given, frames, and extracts features."""

    def __init__(self, sample_rate: float, gain: Gain | None = None) -> None:
        self._rate = sample_rate
        self._gain = gain
        self._resampler = Resampler(sample_rate)
        self._framer = Framer(N_FFT, TICK)
        self._features = FeatureStream()
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._clear()
        self._base = 0  # stream clock at which the present rate of the input began
        self._input = 0  # samples of the input since then
        self._origin = 0  # stream clock at which the current run of frames began
        self._sample = 0
        self.not_finite = 0  # samples that were NaN or infinite

    def _clear(self) -> None:
        self._resampler.reset()
        self._framer.reset()
        self._features.reset()

    def skip(self, samples: int) -> None:
        """Account for ``samples`` of the input that were lost: the clock moves on, frames begin anew."""
        self._clear()
        self._input += samples
        self._sample = self._origin = self._base + round(self._input * ANALYSIS_RATE / self._rate)

    def jump(self, sample: int, sample_rate: float) -> None:
        """Go on at ``sample`` of the stream clock with an input of ``sample_rate``; frames begin anew."""
        if sample_rate != self._rate:
            self._rate = sample_rate
            self._resampler = Resampler(sample_rate)
        self._clear()
        self._base = self._sample = self._origin = sample
        self._input = 0

    def push(self, block: F32) -> Iterator[Tick]:
        """Yield a tick for every ``TICK`` samples of the analysis rate that ``block`` (n,) completes."""
        clean = np.empty(block.size, dtype=np.float32)
        self.not_finite += sanitize(block, clean)
        self._input += block.size
        for frame in self._framer.push(self._resampler.push(clean)):
            if self._gain is not None:
                self._gain.push(frame[-TICK:])  # in place: the framer keeps it for the frames that overlap
            self._sample += TICK
            sample = self._sample
            whole_hop = (sample - self._origin) % HOP == 0
            features = self._features.push(frame, sample) if whole_hop else None
            yield Tick(sample, sample + self._resampler.delay, frame, features)
