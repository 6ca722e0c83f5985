"""From the rate of the input to the analysis rate, so that features mean the same on every device.

The windowed sinc of libsamplerate's fastest converter: its delay is constant and below 1 ms, and its output does not
depend on how the input was cut into blocks. libsamplerate interpolates every coefficient anew for every sample. Between
two fixed rates the same few rows of coefficients come again and again: here they are stored, and the samples are those
of libsamplerate, bit for bit, in a third of the time.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
import samplerate

from streammood.dsp.jit import exact_kernel
from streammood.events import ANALYSIS_RATE, F32

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_DELAY = 20  # samples of the slower rate: half the length of the sinc, rounded up
_STEPS = 128  # coefficients of the sinc from one sample of the slower rate to the next
_FINE = 4096  # places from one coefficient to the next
_MOST = 1024  # rows that are stored; 48 kHz takes 147


@cache
def _sinc() -> F32:
    """One half of the sinc, ``_STEPS`` coefficients a sample: what libsamplerate makes of an impulse."""
    impulse = np.zeros(64, dtype=np.float32)
    impulse[32] = 1.0
    half: F32 = samplerate.resample(impulse, float(_STEPS), "sinc_fastest")[32 * _STEPS :]
    return half[: np.flatnonzero(half)[-1] + 2]  # with one zero


@exact_kernel
def _coefficient(sinc: F32, place: int) -> float:
    """The sinc at ``place``, on the straight line between two coefficients."""
    i = place // _FINE
    share = (place % _FINE) * (1.0 / _FINE)
    coefficient: float = sinc[i] + share * (sinc[i + 1] - sinc[i])
    return coefficient


@exact_kernel
def _fill(sinc: F32, start: int, step: int, row: F64) -> tuple[int, int]:
    """The coefficients of an output sample into ``row``; returns how many are for samples before it, and after it.

    First come those for the samples up to it, the oldest first, then those for the samples after it, the newest first.
    ``start`` is the place of the nearest sample before it, ``step`` the places from sample to sample.
    """
    last, count = (sinc.size - 2) * _FINE, 0
    place = start + (last - start) // step * step
    while place >= 0:
        row[count] = _coefficient(sinc, place)
        count, place = count + 1, place - step
    before = count
    place = step - start + (last - step + start) // step * step
    while count == before or place > 0:
        row[count] = _coefficient(sinc, place)
        count, place = count + 1, place - step
    return before, count - before


@exact_kernel
def _convert(
    samples: F64, ratio: float, reach: int, offset: float, turn: int, sinc: F32, rows: F64, starts: I64, counts: I64,
    out: F32,
) -> tuple[int, int, float]:  # fmt: skip
    """Convert ``samples`` (n,), of which the first ``reach`` were given before, into ``out``.

    The first output lies ``offset`` (0..1) after the sample number ``reach``, and is number ``turn`` of the stream.
    Returns the number of outputs, and where the next one lies: whole samples from the start, and the offset.
    """
    width = _STEPS * min(ratio, 1.0)
    step, scale = round(width * _FINE), width / _STEPS
    centre, made = reach, 0
    while samples.size - centre > reach:
        row = (turn + made) % starts.size
        start = round(offset * width * _FINE)
        nearest, start = centre + start // step, start % step
        if starts[row] != start:
            counts[row] = _fill(sinc, start, step, rows[row])
            starts[row] = start
        before, after = counts[row]
        left = right = 0.0  # from slices, whose indices cannot be negative: that need not be tested for each sample
        p, q = rows[row, :before], rows[row, before : before + after]
        x, y = samples[nearest + 1 - before : nearest + 1], samples[nearest + after : nearest : -1]
        common = min(before, after)
        for i in range(common):  # two sums at a time
            left += p[i] * x[i]
            right += q[i] * y[i]
        for i in range(common, before):
            left += p[i] * x[i]
        for i in range(common, after):
            right += q[i] * y[i]
        out[made] = scale * (left + right)
        made += 1
        place = offset + 1.0 / ratio
        offset = place - round(place)
        if offset < 0.0:
            offset += 1.0
        centre += round(place - offset)
    return made, centre, offset


class Resampler:
    """Converts a stream from ``sample_rate`` to the analysis rate; passes it through where they are equal."""

    def __init__(self, sample_rate: float) -> None:
        self._ratio = ANALYSIS_RATE / sample_rate
        slower = max(1.0, 1.0 / self._ratio)  # samples of the input for one of the slower rate
        self.delay = 0 if self._ratio == 1.0 else round(_DELAY * max(1.0, self._ratio))
        self._reach = round(_sinc().size / _STEPS * slower) + 1  # samples of the input on either side of an output
        whole = sample_rate == int(sample_rate)
        n_rows = min(_MOST, ANALYSIS_RATE // math.gcd(ANALYSIS_RATE, int(sample_rate)) if whole else _MOST)
        self._rows = np.zeros((n_rows, 2 * self._reach + 2))
        self._starts = np.full(n_rows, -1)
        self._counts = np.zeros((n_rows, 2), dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, after silence."""
        self._last = np.zeros(self._reach)  # the last samples of the input
        self._offset, self._turn = 0.0, 0

    def push(self, block: F32) -> F32:
        """Samples at the analysis rate; they end ``delay`` samples before the block (n,) does."""
        if self._ratio == 1.0 or block.size == 0:
            return block
        samples = np.concatenate([self._last, block])
        out = np.empty(int(samples.size * self._ratio) + 1, dtype=np.float32)
        made, centre, self._offset = _convert(
            samples, self._ratio, self._reach, self._offset, self._turn, _sinc(), self._rows, self._starts,
            self._counts, out,
        )  # fmt: skip
        self._turn += made
        self._last = samples[centre - self._reach :]
        return out[:made]
