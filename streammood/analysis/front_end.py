"""The first half of the analysis, shared by live, files and training: from blocks of the input to features."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streammood.analysis.features import FeatureStream
from streammood.analysis.framer import Framer
from streammood.analysis.gain import Gain
from streammood.analysis.resampler import Resampler
from streammood.config import InputSettings
from streammood.dsp.layout import HOP, LAYOUT, N_FFT
from streammood.dsp.spectrum import sanitize
from streammood.events import ANALYSIS_RATE, F32, Features

TICK = 256  # samples of the analysis rate; every hop is a whole number of these


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """The newest samples, and the features of the frame that they complete, if they do."""

    sample: int  # one past the newest sample, on the stream clock
    decided: int  # the last sample of the input, on the stream clock, that was needed
    frame: F32  # (n_fft,), reused: copy to keep
    rms: float  # of what can be heard of the frame, in -1..1
    features: Features | None


class FrontEnd:
    """Sanitises, resamples, amplifies by ``gain`` (by default not at all), frames, and extracts features."""

    def __init__(self, sample_rate: float, gain: Gain | None = None) -> None:
        self._rate = sample_rate
        self._gain = gain or Gain(InputSettings(agc=False), 0.0)
        self._resampler = Resampler(sample_rate)
        self._framer = Framer(N_FFT, TICK)
        self._features = FeatureStream()
        self._powers: deque[float] = deque(maxlen=N_FFT // TICK)  # audible, of each tick in a frame
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
        self._gain.restart()
        self._powers.extend([0.0] * (self._powers.maxlen or 0))

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
            # In place: the framer keeps it for the frames that overlap.
            self._powers.append(self._gain.push(frame[-TICK:]))
            rms = math.sqrt(sum(self._powers) / len(self._powers))
            self._sample += TICK
            sample = self._sample
            whole_hop = (sample - self._origin) % HOP == 0
            features = None
            if whole_hop:
                features = self._features.push(frame, sample)
                features.values[LAYOUT.rms] = rms
            yield Tick(sample, sample + self._resampler.delay, frame, rms, features)
