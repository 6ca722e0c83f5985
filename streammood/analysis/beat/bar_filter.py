"""Where in the bar a beat lies: a small forward filter over bars of three and of four, stepped once a beat."""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.hops import F64, Records
from streammood.dsp.jit import exact_kernel

_METERS = (4, 3)
_PRIOR = (0.8, 0.2)  # of the two meters
_SLIP = 0.004  # share of the belief that starts anew at every beat: bars are cut, and beats are missed
_SHOWN = 0.3  # belief from which a number is shown
_WEIGHT = 1.2  # of one downbeat activation: neighbouring bars of one song repeat each other
_DOWNBEAT = 0.9  # of the largest activation of the last bars: more speaks for a downbeat, less against it
_AGAINST = -2.5  # the least log odds of one activation
_FADE = 0.95  # a beat, of that largest activation
_QUIET = 0.05  # and its least value
_NONE = -(2**62)  # count of no beat

BAR = np.dtype(
    [
        ("sounding", "i8"),  # count of the beat that is sounding
        ("loudest", "f8"),  # the largest activation of a downbeat near it
        ("peak", "f8"),  # the largest activation of the last bars
        ("count", "i8"),  # of the beat that the belief is about
        ("belief", "f8", (sum(_METERS),)),  # of each number in a bar, meter after meter
        ("likeliest", "i8"),  # place in the belief
        ("set_meter", "i8"),  # by hand; 0 if none
        ("set_start", "i8"),  # number, from 0, of beat 0 by hand
    ],
    align=True,
)


@exact_kernel
def reset(bar: Records) -> None:
    """Return to the prior of the meters: no beat was counted."""
    b = bar[0]
    b.sounding, b.loudest, b.peak, b.count, b.set_meter = _NONE, 0.0, _QUIET, 0, 0
    start = 0
    for i in range(len(_METERS)):
        for k in range(_METERS[i]):
            b.belief[start + k] = _PRIOR[i] / _METERS[i]
        start += _METERS[i]
    b.likeliest = 0


@exact_kernel
def push(bar: Records, count: int, downbeat: float) -> None:
    """A hop nearest to the beat ``count`` is a downbeat with probability ``downbeat``."""
    b = bar[0]
    if count != b.sounding:
        if b.sounding != _NONE and b.loudest > 0.0:
            _step(bar, b.sounding, b.loudest)
        b.sounding, b.loudest = count, 0.0
    b.loudest = max(b.loudest, downbeat)


@exact_kernel
def _step(bar: Records, count: int, downbeat: float) -> None:
    """The beat ``count`` was a downbeat with probability ``downbeat``."""
    b = bar[0]
    _advance(bar, count)
    b.peak = max(downbeat, _FADE * b.peak, _QUIET)
    weight = _WEIGHT * max(_AGAINST, math.log(max(downbeat, 1e-4) / (_DOWNBEAT * b.peak)))
    start, total = 0, 0.0
    for i in range(len(_METERS)):
        b.belief[start] *= math.exp(weight)
        start += _METERS[i]
    for k in range(b.belief.size):
        total += b.belief[k]
    for k in range(b.belief.size):
        b.belief[k] /= total
    b.likeliest = np.argmax(b.belief)


@exact_kernel
def _advance(bar: Records, count: int) -> None:
    """Carry the belief on to the beat ``count``."""
    b = bar[0]
    steps, b.count = count - b.count, count
    stay = (1.0 - _SLIP) ** float(max(0, steps))
    before = b.belief.copy()
    start = 0
    for i in range(len(_METERS)):
        meter = _METERS[i]
        for k in range(meter):
            b.belief[start + k] = stay * before[start + (k - steps) % meter] + (1.0 - stay) * _PRIOR[i] / meter
        start += meter


@exact_kernel
def place(bar: Records, count: int) -> tuple[int, int, float]:
    """Number of the beat ``count`` in its bar, beats in the bar, and how sure both are; zeros if unknown."""
    b = bar[0]
    if b.set_meter > 0:
        return (b.set_start + count) % b.set_meter + 1, b.set_meter, 1.0
    confidence = b.belief[b.likeliest]
    if confidence < _SHOWN:
        return 0, 0, 0.0
    first = b.likeliest < _METERS[0]
    meter = _METERS[0] if first else _METERS[1]
    number = b.likeliest if first else b.likeliest - _METERS[0]
    return (number + count - b.count) % meter + 1, meter, confidence


class BarFilter:
    """Probability of each position in bars of three and of four, for the beats as they are counted."""

    def __init__(self) -> None:
        self.state = np.zeros(1, dtype=BAR)  # for the kernels
        self.reset()

    def reset(self) -> None:
        """Return to the prior of the meters: no beat was counted."""
        reset(self.state)

    def push(self, count: int, downbeat: float) -> None:
        """A hop nearest to the beat ``count`` is a downbeat with probability ``downbeat``."""
        push(self.state, count, downbeat)

    def place(self, count: int) -> tuple[int, int, float]:
        """Number of the beat ``count`` in its bar, beats in the bar, and how sure both are; zeros if unknown."""
        return place(self.state, count)

    def fix(self, count: int, number: int) -> None:
        """Take the beat ``count`` for ``number``, whatever comes, until ``reset``."""
        meter = self.place(count)[1] or _METERS[0]
        self.state["set_meter"], self.state["set_start"] = meter, (number - 1 - count) % meter

    def seed(self, count: int, number: int, confidence: float) -> None:
        """Believe with this ``confidence`` that the beat ``count`` is ``number`` in a bar of four."""
        self.reset()
        belief: F64 = self.state["belief"][0]
        belief *= 1.0 - confidence
        belief[number - 1] += confidence
        self.state["count"], self.state["likeliest"] = count, belief.argmax()
