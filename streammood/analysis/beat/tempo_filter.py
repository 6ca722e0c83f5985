"""Probability of each tempo and beat phase, given cues that come hop by hop.

A forward filter over every pair of period and phase (the bar-pointer model of F. Krebs, S. Böck and G. Widmer, 2015,
here for single beats). A cue is the logarithm of how much likelier a hop is if a beat lies there; a shift of phase, a
change of tempo and an error of octave all cost probability, so none happens for one stroke.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import exact_kernel, kernel
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE, F32

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_BAND = 4  # hops by which the period may change at a beat
_REACH = 5  # hops around a beat within which a cue speaks for it
_SPREAD = 1.2  # hops, standard deviation of cues around a beat
_STIFFNESS = 100.0  # how unlikely a relative change of the period is
_CENTRE = 115.0  # BPM, the middle of the tempi that listeners tap
_SCALE, _PERIOD, _PHASE, _MASS = 0, 1, 2, 3  # places in the state


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """How the cues of a tracker are to be read."""

    offbeat: float = 0.0  # a cue half way between beats counts so much
    centred: bool = False  # cues are never against a beat: only those above the mean of a tempo speak for it
    dither: float = 0.0  # at least so likely is a change of the period by one hop
    forget: float = 1e-5  # share of the belief that starts anew each hop
    octaves: float = 0.6  # standard deviation of the preference for usual tempi
    prior: float = 0.3  # power of that preference at every beat


class TempoFilter(NamedTuple):
    """The probability of every period (whole hops) and phase, and what it is computed with."""

    first: int  # shortest period
    periods: I64  # (n,) hops
    starts: I64  # (n,) where the phases of each period lie in the belief
    heads: I64  # (n,) and which of them is the present
    belief: F32
    ends: F32  # (n,), room
    transition: F32  # (n, 2 * _BAND + 1)
    prior: F32  # (n,)
    start: F32  # (n,) prior belief of each phase
    restart: F32  # (n,) the part of it that is added each hop
    mean: F32  # (n,)
    near: F32  # (2 * _REACH + 1,)
    offbeat: float
    factors: F64  # (2, 2 * _REACH + 1), room
    state: F64  # (4,) factor that brings the sum to 1; the latest period in hops, phase in beats, and mass


@kernel
def _weigh(phases: F32, middle: int, factors: F64, reach: int) -> None:
    """Multiply up to ``reach`` phases on both sides of ``middle`` by the middle ones of ``factors``."""
    place = (middle - reach) % phases.size
    for k in range(_REACH - reach, _REACH + reach + 1):
        phases[place] *= factors[k]
        place = place + 1 if place + 1 < phases.size else 0


@kernel
def _settle(phases: F32, factor: np.float32, fresh: np.float32) -> tuple[np.float32, np.float32]:
    """Scale, and let some belief start anew; returns the sum and the largest."""
    total, top = np.float32(0.0), np.float32(0.0)
    for i in range(phases.size):
        value = phases[i] * factor + fresh
        phases[i] = value
        total += value
        top = value if value > top else top
    return total, top


@kernel
def _around(belief: F32, heads: I64, starts: I64, first: int, peak: int, phase: float) -> tuple[float, float, float]:
    """Belief in about the period ``first + peak`` (hops) and ``phase`` (beats), its mean error of phase times itself,
    and its mean period times itself."""
    mass, drift, length = 0.0, 0.0, 0.0
    for p in range(max(0, peak - 3), min(heads.size, peak + 4)):
        period = first + p
        middle, reach = int(phase * period + 0.5), int(0.12 * period)
        for k in range(middle - reach, middle + reach + 1):
            value = belief[starts[p] + (heads[p] + k) % period]
            mass += value
            drift += value * (k / period - phase)
            length += value * period
    return mass, drift, length


@kernel
def _advance(f: TempoFilter, cue: float) -> None:
    """One hop on, and Bayes' rule for its ``cue``.

    Every phase advances by one; at its end a beat falls and the period may change. The state takes the mean period, the
    mean phase and the mass of the belief around its likeliest place.
    """
    first, n, scale, offbeat = f.first, f.heads.size, f.state[_SCALE], f.offbeat
    belief, heads, starts, ends, near, mean = f.belief, f.heads, f.starts, f.ends, f.near, f.mean
    on_beat, beside = f.factors[0], f.factors[1]
    for p in range(n):
        heads[p] = heads[p] - 1 if heads[p] > 0 else first + p - 1
        ends[p] = belief[starts[p] + heads[p]]
    for k in range(near.size):
        on_beat[k], beside[k] = math.exp(cue * near[k]), math.exp(cue * offbeat * near[k])
    centred = mean[0] > 0.0
    total, highest, peak = np.float32(0.0), np.float32(-1.0), 0
    for p in range(n):
        arrived = np.float32(0.0)
        for q in range(max(0, p - _BAND), min(n, p + _BAND + 1)):
            arrived += ends[q] * f.transition[q, p - q + _BAND]
        period, head = first + p, heads[p]
        phases = belief[starts[p] : starts[p] + period]
        phases[head] = arrived * f.prior[p]
        reach = min(_REACH, (period - 2) // 4)
        _weigh(phases, head, on_beat, reach)
        if offbeat > 0.0:
            _weigh(phases, head + period // 2, beside, reach)
        factor = np.float32(scale * math.exp(-cue * mean[p]) if centred else scale)
        sums, top = _settle(phases, factor, f.restart[p])
        total += sums
        if top > highest:
            highest, peak = top, p
    start, place = starts[peak], 0
    for i in range(first + peak):
        if belief[start + i] == highest:
            place = i
    phase = ((place - heads[peak]) % (first + peak)) / (first + peak)
    mass, drift, length = _around(belief, heads, starts, first, peak, phase)
    f.state[_PERIOD], f.state[_PHASE], f.state[_MASS] = length / mass, phase + drift / mass, mass / total
    f.state[_SCALE] = float(1.0 / total)


@exact_kernel
def push(f: TempoFilter, cue: float) -> tuple[float, float, float]:
    """After one more hop: period in hops, phase in beats, and the probability (0..1) that both are about right."""
    _advance(f, cue)
    return f.state[_PERIOD], f.state[_PHASE], f.state[_MASS]


@exact_kernel
def mass(f: TempoFilter, period: float, phase: float) -> float:
    """The probability (0..1) that the period is about ``period`` (hops) and the phase about ``phase`` (beats)."""
    peak = round(period) - f.first
    near: float = f.state[_SCALE] * _around(f.belief, f.heads, f.starts, f.first, peak, phase)[0]
    return near


@exact_kernel
def reset(f: TempoFilter) -> None:
    """Return to the prior: the tempi that listeners prefer."""
    for p in range(f.heads.size):
        f.heads[p] = 0
        for i in range(f.periods[p]):
            f.belief[f.starts[p] + i] = f.start[p]
    f.state[_SCALE] = 1.0


def seed(f: TempoFilter, period: float, phase: float, width: float) -> None:
    """Believe in ``period`` (hops) and ``phase`` (beats), with a relative standard deviation of ``width``."""
    f.heads[:] = 0
    f.state[_SCALE] = 1.0
    for start, length in zip(f.starts, f.periods, strict=True):
        off = np.arange(length) / length - phase
        off -= np.round(off)
        log = -0.5 * ((math.log(length / period) / width) ** 2 + (off / width) ** 2)
        f.belief[start : start + length] = np.exp(log) / length
    f.belief[:] /= f.belief.sum()
    f.belief[:] += f.restart.repeat(f.periods)


def tempo_filter(bpm_min: float, bpm_max: float, settings: FilterSettings) -> TempoFilter:
    """A filter over these tempi, at its prior."""
    hops_per_minute = 60.0 * ANALYSIS_RATE / HOP
    first = math.floor(hops_per_minute / bpm_max)
    periods = np.arange(first, math.ceil(hops_per_minute / bpm_min) + 1)
    usual = np.exp(-0.5 * (np.log2(hops_per_minute / periods / _CENTRE) / settings.octaves) ** 2)
    start = (usual / usual.sum() / periods).astype(np.float32)
    near = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / _SPREAD) ** 2).astype(np.float32)
    made = TempoFilter(
        first,
        periods,
        np.concatenate(([0], np.cumsum(periods)[:-1])),
        np.zeros(periods.size, dtype=np.int64),
        np.empty(int(periods.sum()), dtype=np.float32),
        np.zeros(periods.size, dtype=np.float32),
        _transitions(periods, settings.dither),
        ((usual / usual.max()) ** settings.prior).astype(np.float32),
        start,
        np.float32(settings.forget) * start,
        ((1.0 + settings.offbeat) * near.sum() / periods * settings.centred).astype(np.float32),
        near,
        settings.offbeat,
        np.empty((2, near.size)),
        np.zeros(4),
    )
    reset(made)
    return made


def _transitions(periods: I64, dither: float) -> F32:
    """Probability of each change by -_BAND.._BAND hops (n, 2 * _BAND + 1) at the end of each of ``periods``."""
    step = np.arange(-_BAND, _BAND + 1)
    likely = np.exp(-_STIFFNESS * np.abs(step / periods[:, None]))
    likely = np.maximum(likely, dither * (np.abs(step) < 2))
    ahead = np.arange(periods.size)[:, None] + step
    likely *= (ahead >= 0) & (ahead < periods.size)
    table: F32 = (likely / likely.sum(1, keepdims=True)).astype(np.float32)
    return table
