"""Distinguishes a fader that was moved from music that became softer or louder.

A fader changes low, middle and high sounds alike and at once; a breakdown takes the bass away, a chorus adds cymbals.
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.hops import F64, TICK, Records
from streammood.dsp.jit import exact_kernel, kernel
from streammood.events import ANALYSIS_RATE, F32

_DC, _LOW, _MID = (1.0 - math.exp(-2.0 * math.pi * hz / ANALYSIS_RATE) for hz in (30.0, 200.0, 2000.0))
_PIECE = round(0.5 * ANALYSIS_RATE / TICK)  # ticks of which one mean is taken
_RECENT = 6  # pieces that are compared with those before them
_USUAL = 20  # pieces before those, of which the mean is taken
_ENOUGH = 4  # of these, at least
_CHANGE = 8.0  # dB by which the whole must have changed; less is within what the gain leaves alone
_ALIKE = 3.0  # dB by which the changes of the bands may differ
_STEADY = 9.0  # dB by which the recent pieces may differ: a change that goes on is waited for
_BANDS = 3  # low, middle, high; the last column of a piece is the level that the gain goes by

FADER = np.dtype(
    [
        ("split", "f8", (3,)),  # memory of the low-passes at 30, 200 and 2000 Hz
        ("power", "f8", (_BANDS,)),  # mean squares of the bands of the last tick
        ("piece", "f8", (_BANDS + 1,)),  # sums of mean squares
        ("ticks", "i8"),  # of which they are sums
        ("recent", "f8", (_RECENT, _BANDS + 1)),  # mean squares of the last pieces, in turn
        ("level", "f8"),  # mean of the recent pieces when a fader was last moved
        ("pieces", "i8"),  # since the stream began
        ("usual", "f8", (_BANDS,)),  # mean of the pieces before those
    ],
    align=True,
)


@kernel
def _split(samples: F32, split: F64, power: F64) -> None:
    """Mean squares of low, middle and high ``samples`` (n,) into ``power``; first order, so the bands overlap."""
    dc, low, mid = split[0], split[1], split[2]
    lows = mids = highs = 0.0
    for i in range(samples.size):
        x = samples[i]
        dc += _DC * (x - dc)
        low += _LOW * (x - low)
        mid += _MID * (x - mid)
        lows += (low - dc) * (low - dc)
        mids += (mid - low) * (mid - low)
        highs += (x - mid) * (x - mid)
    split[0], split[1], split[2] = dc, low, mid
    power[0], power[1], power[2] = lows / samples.size, mids / samples.size, highs / samples.size


@exact_kernel
def push(fader: Records, samples: F32, level: float) -> float:
    """Take one tick: its ``samples`` and its ``level``, a mean square.

    Returns by how much a fader has changed the power, or 0 where none was moved; ``level`` is the mean since then.
    """
    f = fader[0]
    _split(samples, f.split, f.power)
    for k in range(_BANDS):
        f.piece[k] += f.power[k]
    f.piece[_BANDS] += level
    f.ticks += 1
    if f.ticks < _PIECE:
        return 0.0
    place = f.pieces % _RECENT
    older = f.pieces - _RECENT  # pieces before the recent ones
    if older >= 0:
        for k in range(_BANDS):
            f.usual[k] += (f.recent[place, k] - f.usual[k]) / min(older + 1, _USUAL)
    for k in range(_BANDS + 1):
        f.recent[place, k] = f.piece[k] / f.ticks
        f.piece[k] = 0.0
    f.ticks = 0
    f.pieces += 1
    return _moved(fader) if older + 1 >= _ENOUGH else 0.0


@exact_kernel
def _moved(fader: Records) -> float:
    """By how much the power has changed if the recent pieces are like those before by another gain, or 0."""
    f = fader[0]
    least, most, softest, loudest = math.inf, -math.inf, math.inf, -math.inf
    recent = usual = level = 0.0
    for k in range(_BANDS):
        now = 0.0
        for i in range(_RECENT):
            now += f.recent[i, k] / _RECENT
        change = 10.0 * math.log10((now + 1e-12) / (f.usual[k] + 1e-12))
        least, most = min(least, change), max(most, change)
        recent += now
        usual += f.usual[k]
    for i in range(_RECENT):
        whole = 10.0 * math.log10(f.recent[i, 0] + f.recent[i, 1] + f.recent[i, 2] + 1e-12)
        softest, loudest = min(softest, whole), max(loudest, whole)
        level += f.recent[i, _BANDS] / _RECENT
    ratio = (recent + 1e-12) / (usual + 1e-12)
    if abs(10.0 * math.log10(ratio)) < _CHANGE or most - least > _ALIKE or loudest - softest > _STEADY:
        return 0.0
    for k in range(_BANDS):
        f.usual[k] *= ratio
    f.level = level
    moved: float = ratio
    return moved
