"""The load of the machine, and the events that are left out when it is too high."""

from __future__ import annotations

from enum import IntEnum

_SMOOTHING = 0.5  # s of sound over which the share of time is averaged
_BUSY, _FULL = 0.8, 1.0  # shares of the time from which on values are thinned out, and moods left out
_BEHIND, _FAR_BEHIND = 0.1, 0.25  # s of sound that wait, with the same effect
_CALM = 0.6  # share below which, with nothing waiting, one thing more is done again …
_PATIENCE = 2.0  # … after so many seconds


class Shed(IntEnum):
    """The events that are left out; beats and onsets never are."""

    NOTHING = 0
    VALUES = 1  # levels and phase go out seldom
    MOODS = 2  # and moods are not asked for


class Load:
    """Compares the time that blocks take with the time that they last."""

    def __init__(self) -> None:
        self.share = 0.0  # of the time there is, smoothed; may exceed 1
        self.shed = Shed.NOTHING
        self._peak = 0.0
        self._calm = 0.0  # s

    def update(self, busy: float, lasts: float, waiting: float) -> Shed:
        """Take in that a block took ``busy`` and ``lasts`` so long, with ``waiting`` more sound behind it; all in s."""
        if lasts <= 0.0:
            return self.shed
        self.share += min(1.0, lasts / _SMOOTHING) * (busy / lasts - self.share)
        self._peak = max(self._peak, self.share)
        if self.share > _FULL or waiting > _FAR_BEHIND:
            needed = Shed.MOODS
        elif self.share > _BUSY or waiting > _BEHIND:
            needed = Shed.VALUES
        else:
            needed = Shed.NOTHING
        self._calm = self._calm + lasts if self.share < _CALM and waiting < _BEHIND else 0.0
        if needed > self.shed:  # one after the other, so that moods go only where thin values did not help
            self.shed = Shed(self.shed + 1)
        elif self._calm > _PATIENCE and self.shed > Shed.NOTHING:
            self.shed, self._calm = Shed(self.shed - 1), 0.0
        return self.shed

    def take_peak(self) -> float:
        """The largest share since this was last asked."""
        peak, self._peak = self._peak, self.share
        return peak
