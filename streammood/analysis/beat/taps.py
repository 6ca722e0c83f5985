"""A tempo tapped by hand: the straight line through the last taps."""

from __future__ import annotations

import numpy as np

from streammood.events import ANALYSIS_RATE

ENOUGH = 4  # taps that make a tempo
_STORED = 8  # taps; older ones are forgotten, so that the line can follow a hand
_PAUSE = 2.5  # s without a tap after which a new series begins; also where a tap is far off the line, in periods
_OFF = 0.4


class Taps:
    """Taps in, beats out."""

    def __init__(self) -> None:
        self._places: list[float] = []

    def reset(self) -> None:
        """Forget all taps."""
        self._places.clear()

    @property
    def count(self) -> int:
        """Taps in a row so far, up to as many as are remembered."""
        return len(self._places)

    def push(self, sample: float) -> tuple[float, float] | None:
        """Place of the beat nearest to this tap and samples from beat to beat, once there are four taps in a row."""
        if self._places and not self._continues(sample - self._places[-1]):
            self._places.clear()
        self._places = [*self._places[1 - _STORED :], sample]
        if len(self._places) < ENOUGH:
            return None
        period, first = np.polyfit(np.arange(len(self._places)), np.array(self._places) - sample, 1)
        return sample + float(first + (len(self._places) - 1) * period), float(period)

    def _continues(self, step: float) -> bool:
        """Whether a tap ``step`` samples after the last one belongs to its series."""
        if not 0.0 < step < _PAUSE * ANALYSIS_RATE:
            return False
        if len(self._places) < 2:
            return True
        usual = (self._places[-1] - self._places[0]) / (len(self._places) - 1)
        return abs(step / usual - 1.0) < _OFF
