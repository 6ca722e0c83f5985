"""Faults of an input that delivers: nothing but zeros, a stuck constant, or samples at the wrong rate.

Music that pauses is none of these. An analogue input is never quite still, so samples that do not move at all come
from a converter that hangs, a muted channel or an unplugged digital cable. A rate is wrong where samples come evenly,
but too many or too few of them for the clock of the host; losses are neither even nor too many.
"""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from streammood.events import F32

_STUCK, _ZEROS = 3.0, 10.0  # s in which samples must not move; players that pause send zeros, too
_MOVES = 1e-5  # -100 dB, peak to peak: less counts as silence
_WINDOW = 3.0  # s over which samples are counted
_OFF = 0.03  # share by which a count must differ from the nominal rate
_EVEN = 0.01  # share by which two counts in a row may differ
_COMMON_RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)


class InputState(IntEnum):
    """The state of the input, as sent in ``status/input``."""

    GONE = 0
    FINE = 1
    SILENT = 2
    STUCK = 3
    ZEROS = 4
    WRONG_RATE = 5


class InputHealth:
    """Judges blocks as they come; only times that came with them count."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.reset()

    def reset(self) -> None:
        """Begin anew, as with another input."""
        self.measured = 0.0  # Hz, of the last window that was even; 0 while the rate is right
        self._low, self._high = math.inf, -math.inf  # of the samples since they last moved
        self._still = 0  # samples since then
        self._samples = 0
        self._window_at: float | None = None  # host time at which the first sample of the window was captured
        self._before = 0.0  # Hz, of the window before

    @property
    def state(self) -> InputState:
        """Fine, or the fault; silence is the gate's decision."""
        zeros = self._low == self._high == 0.0
        if self._still >= (_ZEROS if zeros else _STUCK) * self._rate:
            return InputState.ZEROS if zeros else InputState.STUCK
        return InputState.WRONG_RATE if self.measured else InputState.FINE

    def fault(self, name: str) -> str:
        """The present fault of the input ``name``, for people, and what to do; empty while it is fine."""
        match self.state:
            case InputState.ZEROS:
                return f"the input `{name}` delivers nothing but zeros: is it muted, unplugged, or the wrong one?"
            case InputState.STUCK:
                return f"the input `{name}` is stuck at {self._high:.3g}: unplug it and plug it in again"
            case InputState.WRONG_RATE:
                near = min(_COMMON_RATES, key=lambda rate: abs(rate - self.measured))
                rate = near if abs(near / self.measured - 1.0) < _OFF else round(self.measured)
                return f"the input `{name}` delivers {rate} samples a second, not {self._rate}: set input.sample_rate"
        return ""

    def push(self, block: F32, captured: float) -> None:
        """Take in ``block`` (n,), whose last sample was captured at host time ``captured`` in s."""
        if block.size == 0:
            return
        self._watch(float(np.minimum.reduce(block)), float(np.maximum.reduce(block)), block.size)
        self._count(block.size, captured)

    def _watch(self, low: float, high: float, size: int) -> None:
        self._low, self._high = min(self._low, low), max(self._high, high)
        if self._high - self._low < _MOVES and (self._low == self._high or abs(self._high) > _MOVES):
            self._still += size
        else:
            self._low, self._high, self._still = low, high, 0

    def _count(self, size: int, captured: float) -> None:
        if self._window_at is None:
            self._window_at, self._samples = captured, 0
            return
        self._samples += size
        elapsed = captured - self._window_at
        if elapsed < _WINDOW:
            return
        rate = self._samples / elapsed
        even = abs(rate / self._before - 1.0) < _EVEN if self._before else False
        if abs(rate / self._rate - 1.0) < _OFF:
            self.measured = 0.0
        elif even:
            self.measured = rate
        self._before, self._window_at, self._samples = rate, captured, 0
