"""Onsets from the rise of a whitened spectrum, as aubio's ``specflux`` finds them, a whole block in one compiled pass.

aubio computes the phase of every bin too, which this method never reads, and a logarithm for every bin: that takes
three times as long, with the interpreter's lock held. Each magnitude is divided by the largest of the last seconds
(D. Stowell and M. Plumbley, 2007) and compressed; their rise is smoothed, and its peaks above a moving threshold are
onsets (J. Bello et al., 2005).
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.hops import F64, TICK, Record, Records
from streammood.dsp.jit import kernel
from streammood.dsp.spectrum import hann, power_spectrum
from streammood.events import ANALYSIS_RATE, F32

_FRAME = 2 * TICK
_BINS = TICK + 1
_FLOOR = np.float32(1.0)  # the least that a magnitude is divided by
_FADE = np.float32(0.001 ** (TICK / ANALYSIS_RATE / 100.0))  # of the largest magnitude, 60 dB in 100 s
_COMPRESSION = np.float32(10.0)
_FACTORS = 64  # compressed magnitudes, each at most 11, whose product is taken before its logarithm
_LOWPASS = (0.15998789, 0.31997577, 0.15998789, 0.23484048)  # b0, b1, b2 and a1 of a filter that is run both ways
_RECENT, _MIDDLE = 7, 5  # values of the rise that are smoothed together, and which of them is judged
_STATE = np.dtype(
    [
        ("frame", "f4", (_FRAME,)),
        ("powers", "f4", (_BINS,)),  # room for the spectrum of a frame
        ("largest", "f4", (_BINS,)),  # magnitude of the last seconds
        ("before", "f4", (_BINS,)),  # compressed magnitudes of the tick before, without their logarithm
        ("recent", "f8", (_RECENT,)),  # rises
        ("peak", "f8", (3,)),  # the last three that were judged, above their threshold
        ("samples", "i8"),  # since the stream began
        ("last", "i8"),  # of them at the last onset
    ],
    align=True,
)


@kernel
def _rise(s: Record, window: F32) -> float:
    """How much the logarithms of the compressed magnitudes of the frame rise, summed over all bins."""
    power_spectrum(s.frame, window, s.powers)
    rise = 0.0
    for start in range(0, _BINS, _FACTORS):
        risen = fallen = 1.0
        for k in range(start, min(start + _FACTORS, _BINS)):
            magnitude = np.float32(math.sqrt(s.powers[k]))
            s.largest[k] = max(magnitude, _FADE * s.largest[k], _FLOOR)
            now = _COMPRESSION * (magnitude / s.largest[k]) + np.float32(1.0)
            risen *= max(now, s.before[k])
            fallen *= s.before[k]
            s.before[k] = now
        rise += math.log(risen / fallen)
    return rise


@kernel
def _lowpass(values: F64) -> None:
    """Filter ``values`` (n,) in place."""
    b0, b1, b2, a1 = _LOWPASS
    x1 = x2 = y1 = 0.0
    for i in range(values.size):
        x = values[i]
        y1 = b0 * x + b1 * x1 + b2 * x2 - a1 * y1
        values[i], x1, x2 = y1, x, x1


@kernel
def _above(recent: F64, threshold: float) -> float:
    """How far the judged one of the smoothed rises lies above their median and a share of their mean."""
    smooth = recent.copy()
    _lowpass(smooth)
    _lowpass(smooth[::-1])
    judged, mean = smooth[_MIDDLE], smooth.mean()
    above: float = judged - np.sort(smooth)[_RECENT // 2] - threshold * mean
    return above


@kernel
def _push(
    ticks: F32, window: F32, threshold: float, silence: float, interval: float, state: Records, found: F64
) -> int:
    """Onsets in ``ticks`` (n, TICK) into ``found`` (n, 3): tick, ticks after its beginning, rise. Returns how many."""
    s, count = state[0], 0
    for i in range(ticks.shape[0]):
        energy = np.float32(0.0)
        for k in range(TICK):
            s.frame[k] = s.frame[TICK + k]
            s.frame[TICK + k] = ticks[i, k]
            energy += ticks[i, k] * ticks[i, k]
        s.recent[:-1] = s.recent[1:]
        s.recent[-1] = _rise(s, window)
        a, b, c = s.peak[1], s.peak[2], _above(s.recent, threshold)
        s.peak[0], s.peak[1], s.peak[2] = a, b, c
        if b > a and b > c and b > 0.0 and energy >= silence:
            offset = 1.0 + 0.5 * (a - c) / (a - 2.0 * b + c)
            at = s.samples + math.floor(offset * TICK + 0.5)
            if s.last + interval < at:
                s.last = at
                found[count, 0], found[count, 1], found[count, 2] = i, offset, s.recent[-1]
                count += 1
        s.samples += TICK
    return count


class FluxOnsets:
    """Finds onsets in ticks of sound."""

    def __init__(self, threshold: float, silence: float, interval: float) -> None:
        """``threshold``: share of the mean rise that an onset must exceed; ``silence`` in dB; ``interval`` in s."""
        self._window = hann(_FRAME)
        self._limits = float(threshold), TICK * 10.0 ** (silence / 10.0), float(int(interval * ANALYSIS_RATE))
        self._state = np.zeros(1, dtype=_STATE)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._state[:] = np.zeros(1, dtype=_STATE)
        self._state["largest"], self._state["before"] = _FLOOR, 1.0

    def push(self, ticks: F32) -> list[tuple[int, float, float]]:
        """Onsets found in ``ticks`` (n, TICK): number of the tick, ticks after its beginning, and size."""
        found = np.empty((len(ticks), 3))
        count = _push(ticks, self._window, *self._limits, self._state, found)
        if count == 0:
            return []
        return [(int(tick), offset, size) for tick, offset, size in found[:count].tolist()]
