"""From the rate of the input to the analysis rate, so that features mean the same on every device.

A polyphase filter (R. Crochiere and L. Rabiner, 1983) of windowed sincs. It is our own for three laws that no converter
we know of keeps at once, at a price that the live path can pay: every sample is handed out as soon as it is known (soxr
keeps them back and hands out bursts), the delay is constant and below 1 ms, and the output does not depend on how the
input was cut into blocks. libsamplerate keeps all three, and costs more than every feature together.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import ANALYSIS_RATE, F32

_HALF_WIDTH = 20  # samples of the slower rate that the filter looks to each side
_CUTOFF = 0.831  # of half the slower rate, where a tone is halved; flat to 0.7 of it
_BETA = 11.0  # of the Kaiser window: what is filtered out lies 110 dB below


def _filters(up: int, down: int, half: int) -> F32:
    """The taps (up, 2 * half) for each place of an output between two samples of the input."""
    cutoff = _CUTOFF * min(1.0, up / down)
    place = np.arange(up)[:, None] / up
    away = np.arange(1 - half, half + 1) - place  # samples of the input
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1.0 - (away / half) ** 2)))
    taps = np.sinc(cutoff * away) * window
    filters: F32 = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return filters


@kernel
def _convert(samples: F32, filters: F32, down: int, state: npt.NDArray[np.int64]) -> F32:
    """Every output that ``samples`` (n,) suffice for; ``state``: where the next one's taps begin, and its phase."""
    up, taps = filters.shape
    first, phase = state[0], state[1]
    room = samples.size - taps - first  # by how much the taps can still move on
    out = np.empty(max(0, (room * up + up - 1 - phase) // down + 1) if room >= 0 else 0, dtype=np.float32)
    for i in range(out.size):
        row, part = filters[phase], samples[first : first + taps]
        total = np.float32(0.0)
        for k in range(row.size):
            total += row[k] * part[k]
        out[i] = total
        phase += down
        first += phase // up
        phase %= up
    state[0], state[1] = first, phase
    return out


class Resampler:
    """Converts a stream from ``sample_rate`` in Hz to the analysis rate; passes it through where they are equal."""

    def __init__(self, sample_rate: float) -> None:
        rate = round(sample_rate)
        common = math.gcd(ANALYSIS_RATE, rate)
        up, self._down = ANALYSIS_RATE // common, rate // common
        self._same = up == self._down
        half = math.ceil(_HALF_WIDTH * max(1.0, self._down / up))  # samples of the input
        self.delay = 0 if self._same else round(half * up / self._down)
        self._filters = _filters(up, self._down, 1 if self._same else half)
        self._state = np.zeros(2, dtype=np.int64)
        self._before = np.zeros(half - 1, dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget everything that was pushed: before the stream began there was silence."""
        self._state[:] = 0
        self._kept = self._before

    def push(self, block: F32) -> F32:
        """Samples at the analysis rate; they end ``delay`` samples before the block does."""
        if self._same or block.size == 0:
            return block
        samples = np.concatenate((self._kept, block))
        out = _convert(samples, self._filters, self._down, self._state)
        used = min(int(self._state[0]), samples.size)
        self._kept = samples[used:].copy()
        self._state[0] -= used
        return out
