"""From sample counts to host time and back, and how many samples an input lost on the way."""

from __future__ import annotations

import math

_JITTER_SMOOTHING = 0.02  # share of each new deviation in the jitter that is shown


class SampleClock:
    """A delay-locked loop over capture times.

    F. Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005: a second-order loop whose
    bandwidth is wide at first and then narrow, so that it settles within a second and then hardly moves.
    """

    def __init__(self, sample_rate: float, bandwidth: float = 0.1, settle: float = 1.0) -> None:
        """``bandwidth`` in Hz once ``settle`` seconds of sound have passed, ten times that before."""
        self._rate = sample_rate
        self._bandwidth = bandwidth
        self._settle = settle
        self.reset()

    def reset(self) -> None:
        """Forget every time that was seen."""
        self._sample: int | None = None
        self._first = 0
        self._time = 0.0
        self._period = 1.0 / self._rate  # seconds a sample, filtered
        self.jitter = 0.0  # seconds, smoothed deviation of capture times from the filtered clock

    def update(self, sample: int, time: float) -> float:
        """Take in that ``sample`` samples had been captured at host ``time``; returns how late it came, in s."""
        if self._sample is None:
            self._sample = self._first = sample
            self._time = time
            return 0.0
        elapsed = sample - self._sample
        error = time - self.time(sample)
        settling = sample - self._first < self._settle * self._rate
        omega = 2 * math.pi * self._bandwidth * (10.0 if settling else 1.0) * elapsed / self._rate
        self._time = self.time(sample) + math.sqrt(2.0) * omega * error
        if elapsed:
            self._period += omega * omega * error / elapsed
        self._sample = sample
        self.jitter += _JITTER_SMOOTHING * (abs(error) - self.jitter)
        return error

    def time(self, sample: float) -> float:
        """Host time in seconds at which ``sample`` samples had been (or will have been) captured."""
        return self._time + (sample - (self._sample or 0)) * self._period

    def sample(self, time: float) -> float:
        """How many samples had been (or will have been) captured at host ``time``."""
        return (self._sample or 0) + (time - self._time) / self._period

    @property
    def drift(self) -> float:
        """Input clock against the host's clock, in parts per million; positive: the input runs fast."""
        return 1e6 * (1.0 / (self._period * self._rate) - 1.0)


class LossDetector:
    """Finds samples that an input lost without a word.

    A stall makes blocks late, but they catch up, so the earliest block of a second is hardly late. When even
    that one comes later than the earliest of the second before, the missing time never comes: it is lost.
    """

    def __init__(self, sample_rate: float, window: float = 1.0, threshold: float = 0.03) -> None:
        """``window`` and ``threshold`` in seconds: how long to look, and the step that counts."""
        self._rate = sample_rate
        self._window = round(window * sample_rate)
        self._threshold = threshold
        self.reset()

    def reset(self) -> None:
        """Forget every time that was seen."""
        self._before: float | None = None
        self._begin(0)

    def _begin(self, sample: int) -> None:
        self._earliest = math.inf
        self._end = sample + self._window

    def update(self, sample: int, time: float) -> int:
        """Take in that ``sample`` samples had been captured at host ``time``.

        Returns the samples now known to be missing; negative, if more came than time allows.
        """
        self._earliest = min(self._earliest, time - sample / self._rate)
        if sample < self._end:
            return 0
        earliest = self._earliest
        step = 0.0 if self._before is None else earliest - self._before
        self._begin(sample)
        if abs(step) < self._threshold:
            self._before = earliest
            return 0
        self._before = None
        return round(step * self._rate)
