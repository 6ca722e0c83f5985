"""From sample counts to host time and back, and how many samples an input lost on the way."""

from __future__ import annotations

import math

_JITTER_SMOOTHING = 0.02  # share of each new deviation in the jitter that is shown
_PLAUSIBLE_DRIFT = 1e-3  # no converter's clock is further off than this; a stall must not look like one that is


class SampleClock:
    """A delay-locked loop over capture times.

    F. Adriaensen, "Using a DLL to filter time", Linux Audio Conference 2005: a second-order loop whose
    bandwidth is wide at first and then narrow, so that it settles within a second and then hardly moves.
    """

    def __init__(self, sample_rate: float, bandwidth: float = 0.05, settle: float = 2.0) -> None:
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
            nominal = 1.0 / self._rate
            period = self._period + omega * omega * error / elapsed
            limit = _PLAUSIBLE_DRIFT * nominal
            self._period = min(max(period, nominal - limit), nominal + limit)
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
        """Forget every time that was seen; the first second after this is the input's own, to find its pace."""
        self._before: float | None = None
        self._settled = False
        self._earliest = math.inf
        self._end: int | None = None

    def update(self, sample: int, time: float) -> int:
        """Take in that ``sample`` samples had been captured at host ``time``.

        Returns the samples now known to be missing; negative, if more came than time allows.
        """
        self._earliest = min(self._earliest, time - sample / self._rate)
        if self._end is None:
            self._end = sample + self._window
        if sample < self._end:
            return 0
        earliest, before = self._earliest, self._before
        self._earliest, self._end = math.inf, sample + self._window
        if not self._settled:
            self._settled = True
            return 0
        step = 0.0 if before is None else earliest - before
        self._before = earliest if abs(step) < self._threshold else None
        return 0 if self._before is not None else round(step * self._rate)
