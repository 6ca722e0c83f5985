"""Whether the clock's beats are the beats: on the right side, on the right level, or none at all.

The last bars are stored as a pattern: the cues and the rises of three bands at the quarters of even and of odd beats.
A multinomial logistic model reads from it whether the beats are right, on the off-beat, twice too fast, half too slow,
or none. Its weights belong to the beat network and stand in its manifest.
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.hops import F64, Records
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE

RIGHT, OFF, FAST, SLOW, NONE = range(5)
"""What the clock's beats may be: right, on the off-beat, twice as many, half as many, or anything else."""

CHANNELS = 5  # of a cue: beat and downbeat of the network, rises of low, middle and high bands
ACT, DOWN, LOW, MID, HIGH = range(CHANNELS)
_READ = 3 * CHANNELS + 4 + 2 + 4 + 5  # numbers that are read from the pattern
N_FEATURES = 2 * _READ  # and again, as far as the pattern is young: few beats weigh otherwise
N_CLASSES = 5
_QUARTERS = 4  # places in a beat
_SPREAD = 1.5  # hops, standard deviation of the weight of hops around such a place
_MEMORY = math.exp(-1.0 / 12.0)  # share of the pattern that stays from beat to beat
_MEAN = 6.0 * ANALYSIS_RATE / HOP  # hops over which a channel's mean is taken
_FLOOR, _LEAST = 0.3, 1e-4  # added before logarithms: a share of the mean, and a constant
_CENTRE = 115.0  # BPM
_YOUNG = 8.0  # beats
_RECENT = 0.35  # weight of the latest beat in the mean of the last few
_PRESENT = 2.0  # half of the usual strength is enough
_RARE = 1e-3  # added to the filter's masses before logarithms

JUDGE = np.dtype(
    [
        ("now", "f8", (_QUARTERS, CHANNELS + 1)),  # sums over the beat that sounds; the last column is their weight
        ("seen", "f8", (2, _QUARTERS, CHANNELS)),  # fading sums over even and odd beats
        ("weight", "f8", (2,)),  # and their weights
        ("mean", "f8", (CHANNELS,)),
        ("hops", "f8"),  # that the means are of
        ("parity", "i8"),  # of the beat that sounds
        ("quarter", "i8"),  # in which the last hop was
        ("beats", "f8"),  # in the pattern
        ("recent", "f8"),  # the network's beat on the last few beats
        (
            "masses",
            "f8",
            (5,),
        ),  # of the filter: at the clock, half a beat off, at twice its tempo, at half (both sides)
        ("features", "f8", (N_FEATURES,)),
        ("odds", "f8", (N_CLASSES,)),  # probability of each class
    ],
    align=True,
)


@exact_kernel
def reset(judge: Records) -> None:
    """Clear the pattern and the means."""
    j = judge[0]
    j.now[:] = 0.0
    j.seen[:] = 0.0
    j.weight[:] = 0.0
    j.mean[:] = 0.0
    j.hops = 0.0
    forget(judge)


@exact_kernel
def forget(judge: Records) -> None:
    """Begin a new pattern."""
    j = judge[0]
    j.now[:] = 0.0
    j.seen[:] = 0.0
    j.weight[:] = 0.0
    j.parity = j.quarter = 0
    j.beats = j.recent = 0.0
    j.odds[:] = 0.0
    j.odds[NONE] = 1.0


@exact_kernel
def push(judge: Records, cue: F64, phase: float, period: float) -> bool:
    """Add the ``cue`` (CHANNELS,) of one hop at ``phase`` (0..1) of a beat of ``period`` hops to the pattern.

    Returns whether a beat is complete.
    """
    j = judge[0]
    j.hops = min(j.hops + 1.0, _MEAN)
    place = int(phase * _QUARTERS + 0.5)
    quarter = place % _QUARTERS
    complete: bool = quarter < j.quarter
    if complete:
        _fold(judge)
    j.quarter = quarter
    distance = (phase * _QUARTERS - place) * period / _QUARTERS
    share = math.exp(-0.5 * (distance / _SPREAD) ** 2)
    for c in range(CHANNELS):
        j.mean[c] += (cue[c] - j.mean[c]) / j.hops
        j.now[quarter, c] += share * cue[c]
    j.now[quarter, CHANNELS] += share
    return complete


@exact_kernel
def _fold(judge: Records) -> None:
    """Take the beat that sounded into the pattern."""
    j = judge[0]
    for p in range(2):
        j.weight[p] *= _MEMORY
        for q in range(_QUARTERS):
            for c in range(CHANNELS):
                j.seen[p, q, c] *= _MEMORY
    p = j.parity
    if j.now[0, CHANNELS] > 0.2:
        j.recent += max(_RECENT, 1.0 / (j.beats + 1.0)) * (j.now[0, ACT] / j.now[0, CHANNELS] - j.recent)
    for q in range(_QUARTERS):
        weight = j.now[q, CHANNELS]
        for c in range(CHANNELS):
            j.seen[p, q, c] += j.now[q, c] / weight if weight > 0.2 else j.mean[c]
            j.now[q, c] = 0.0
        j.now[q, CHANNELS] = 0.0
    j.weight[p] += 1.0
    j.parity = 1 - p
    j.beats += 1.0


@exact_kernel
def ask(judge: Records, table: F64, bpm: float) -> None:
    """Probability of each class from the pattern and the filter's masses, by ``table`` (N_CLASSES, N_FEATURES + 1)."""
    j = judge[0]
    read(judge, bpm)
    top = -math.inf
    for k in range(N_CLASSES):
        value = table[k, N_FEATURES]
        for i in range(N_FEATURES):
            value += table[k, i] * j.features[i]
        j.odds[k] = value
        top = max(top, value)
    total = 0.0
    for k in range(N_CLASSES):
        j.odds[k] = math.exp(j.odds[k] - top)
        total += j.odds[k]
    for k in range(N_CLASSES):
        j.odds[k] /= total


@exact_kernel
def read(judge: Records, bpm: float) -> None:
    """The pattern as features: how much stronger each channel is on beats than half way, than at odd quarters, and on
    one beat than on the next; whether low and high take turns; tempo; age; the filter's masses."""
    j, x = judge[0], judge[0].features
    even, odd = max(j.weight[0], 1e-9), max(j.weight[1], 1e-9)
    both = even + odd
    turns = np.zeros(CHANNELS)
    for c in range(CHANNELS):
        floor = _FLOOR * j.mean[c] + _LEAST
        on = math.log2((j.seen[0, 0, c] + j.seen[1, 0, c]) / both + floor)
        half = math.log2((j.seen[0, 2, c] + j.seen[1, 2, c]) / both + floor)
        eighths = 0.5 * (j.seen[0, 0, c] + j.seen[1, 0, c] + j.seen[0, 2, c] + j.seen[1, 2, c]) / both
        others = 0.5 * (j.seen[0, 1, c] + j.seen[1, 1, c] + j.seen[0, 3, c] + j.seen[1, 3, c]) / both
        if min(j.weight[0], j.weight[1]) > 0.5:
            turns[c] = math.log2(j.seen[0, 0, c] / even + floor) - math.log2(j.seen[1, 0, c] / odd + floor)
        x[c] = on - half
        x[CHANNELS + c] = math.log2(eighths + floor) - math.log2(others + floor)
        x[2 * CHANNELS + c] = abs(turns[c])
        if c <= DOWN:
            x[3 * CHANNELS + 4 + c] = on
    i = 3 * CHANNELS
    x[i], x[i + 1] = turns[LOW] * turns[MID], turns[LOW] * turns[HIGH]
    x[i + 2], x[i + 3] = turns[ACT] * turns[LOW], turns[ACT] * turns[MID]
    i += 6
    tempo = math.log2(bpm / _CENTRE)
    x[i], x[i + 1] = tempo, tempo * tempo
    x[i + 2], x[i + 3] = min(j.beats, 24.0) / 24.0, min(j.beats, _YOUNG) / _YOUNG
    for k in range(5):
        x[i + 4 + k] = math.log(j.masses[k] + _RARE)
    young = 1.0 - min(j.beats, _YOUNG) / _YOUNG
    for k in range(_READ):
        x[_READ + k] = young * x[k]


@exact_kernel
def presence(judge: Records) -> float:
    """0..1, how much of what the pattern has on its beats was there on the last few."""
    j = judge[0]
    if j.beats < 2.0:
        return 1.0
    usual = (j.seen[0, 0, ACT] + j.seen[1, 0, ACT]) / max(j.weight[0] + j.weight[1], 1e-9)
    there: float = min(1.0, _PRESENT * j.recent / max(usual, 1e-6))
    return there


@exact_kernel
def stronger(judge: Records) -> int:
    """0 if even beats of the pattern are the stronger ones, 1 if the odd ones are."""
    j = judge[0]
    even, odd = max(j.weight[0], 1e-9), max(j.weight[1], 1e-9)
    total = 0.0
    for c in (ACT, DOWN, LOW):
        floor = _FLOOR * j.mean[c] + _LEAST
        total += math.log2(j.seen[0, 0, c] / even + floor) - math.log2(j.seen[1, 0, c] / odd + floor)
    return 0 if total >= 0.0 else 1


@exact_kernel
def turn(judge: Records, move: int, first: int) -> None:
    """Read the pattern as it is after the clock has moved by half a beat, or to half or twice its tempo.

    At half the tempo, beats of the parity ``first`` stay.
    """
    j = judge[0]
    before, weight = j.seen.copy(), j.weight.copy()
    mean = 0.5 * (weight[0] + weight[1])
    if move == OFF:
        for p in range(2):
            for q in range(_QUARTERS):
                for c in range(CHANNELS):
                    j.seen[p, q, c] = before[p if q < 2 else 1 - p, (q + 2) % _QUARTERS, c]
    else:
        for p in range(2):
            for q in range(_QUARTERS):
                for c in range(CHANNELS):
                    if move == FAST:  # two beats make one
                        j.seen[p, q, c] = 0.5 * before[(q // 2 + first) % 2, 2 * (q % 2), c]
                    else:  # eighths of the old beats were not measured
                        j.seen[p, q, c] = 0.5 * (before[0, p * 2 + q // 2, c] + before[1, p * 2 + q // 2, c])
            j.weight[p] = 0.5 * mean if move == FAST else mean
    j.now[:] = 0.0
    j.beats = min(j.beats, 8.0)
