"""One reading of the sample clock, which any thread may ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeline:
    """A straight line between the stream clock and the host's monotonic clock, replaced with every block."""

    sample: float  # on the stream clock
    time: float  # host time in s at which that sample was captured
    period: float  # s a sample

    def time_of(self, sample: float) -> float:
        """Host time in s at which ``sample`` is captured."""
        return self.time + (sample - self.sample) * self.period

    def sample_at(self, time: float) -> float:
        """The sample that is captured at host ``time``, in s."""
        return self.sample + (time - self.time) / self.period
