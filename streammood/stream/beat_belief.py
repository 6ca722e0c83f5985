"""What is believed of tempo and beat phase, given cues that come hop by hop.

A forward filter over every pair of period and phase (the bar-pointer model of F. Krebs, S. Böck and G. Widmer, 2015,
here for single beats). A cue is a number that is large where a beat is likely; a shift of phase, a change of tempo and
an error of octave all cost probability, so none happens for one stroke.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import ANALYSIS_RATE, F32

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

_BAND = 4  # hops by which the period may change at a beat
_REACH = 5  # hops around a beat within which a cue speaks for it
_SPREAD = 1.2  # hops, standard deviation of cues around a beat
_OFFBEAT = 0.5  # a cue half way between beats counts so much
_STIFFNESS = 100.0  # how unlikely a relative change of the period is
_DITHER = 0.2  # at least so likely is a change by one hop, since true periods lie between hops
_FORGET = 1e-4  # share of the belief that starts anew each hop
_USUAL_BPM, _OCTAVES = 115.0, 0.5  # the listener's preference: centre and standard deviation


@kernel
def rise(log_mel: F32, recent: F32, state: F64) -> float:
    """Rise of ``log_mel`` (n_mels,) over two hops above its mean, in units of its usual size, 0..5.

    Only the upper 40 dB count. ``recent`` (2, n_mels) holds the last spectra, ``state`` (3,) the peak in dB, and the
    mean and the mean square of the rise; see ``forget_rise``.
    """
    peak = state[0] - 0.02  # dB a hop
    for m in range(log_mel.size):
        peak = max(peak, log_mel[m])
    floor = peak - 40.0
    total = 0.0
    for m in range(log_mel.size):
        total += max(0.0, max(floor, log_mel[m]) - max(floor, recent[0, m]))
        recent[0, m] = recent[1, m]
        recent[1, m] = log_mel[m]
    mean = total / log_mel.size
    excess = max(0.0, mean - state[1])
    state[0] = peak
    state[1] += 0.01 * (mean - state[1])
    state[2] += 0.005 * (excess * excess - state[2])
    return float(min(5.0, excess / math.sqrt(max(state[2], 0.01))))


def forget_rise(recent: F32, state: F64) -> None:
    """Begin anew: silence before, a quiet peak, and a usual rise of less than a dB."""
    recent[:] = -200.0
    state[:] = (-30.0, 0.0, 0.5)


@kernel
def _carry(belief: F32, heads: I64, starts: I64, first: int, transition: F32, ends: F64) -> None:
    """One hop on: every phase advances by one; at its end a beat falls and the period may change."""
    n = heads.size
    for p in range(n):
        heads[p] = heads[p] - 1 if heads[p] > 0 else first + p - 1
        ends[p] = belief[starts[p] + heads[p]]
    for p in range(n):
        arrived = 0.0
        for q in range(max(0, p - _BAND), min(n, p + _BAND + 1)):
            arrived += ends[q] * transition[q, p - q + _BAND]
        belief[starts[p] + heads[p]] = arrived


@kernel
def _weigh(belief: F32, heads: I64, starts: I64, first: int, restart: F32, gain: F32, mean: F32, cue: float) -> int:
    """Bayes' rule for one ``cue``; returns the place of the likeliest state."""
    total, best, place = 0.0, -1.0, 0
    for p in range(heads.size):
        period, a, head = first + p, starts[p], heads[p]
        scale, fresh = np.float32(math.exp(-cue * mean[p])), restart[p]
        for i in range(a, a + period):
            belief[i] *= scale
        reach = min(_REACH, (period - 2) // 4)
        for centre in (0, period // 2):
            for k in range(centre - reach, centre + reach + 1):
                belief[a + (head + k + period) % period] *= math.exp(cue * gain[a + (k + period) % period])
        for i in range(a, a + period):
            value = belief[i] + fresh
            belief[i] = value
            total += value
            if value > best:
                best, place = value, i
    inverse = np.float32(1.0 / total)
    for i in range(belief.size):
        belief[i] *= inverse
    return place


@kernel
def _read(belief: F32, heads: I64, starts: I64, first: int, place: int, out: F64) -> None:
    """Mean period (hops), mean phase (beats) and mass of the belief around its likeliest state, into ``out`` (3,)."""
    peak = heads.size - 1
    while starts[peak] > place:
        peak -= 1
    phase = ((place - starts[peak] - heads[peak]) % (first + peak)) / (first + peak)
    mass, drift, length = 0.0, 0.0, 0.0
    for p in range(max(0, peak - 3), min(heads.size, peak + 4)):
        period = first + p
        middle, reach = int(phase * period + 0.5), int(0.12 * period)
        for k in range(middle - reach, middle + reach + 1):
            value = belief[starts[p] + (heads[p] + k) % period]
            mass += value
            drift += value * (k / period - phase)
            length += value * period
    out[0], out[1], out[2] = length / mass, phase + drift / mass, mass


class Belief:
    """Probability of every period (whole hops) and phase, given the cues so far."""

    def __init__(self, bpm_min: float, bpm_max: float, hop: int) -> None:
        hops_per_minute = 60.0 * ANALYSIS_RATE / hop
        self._first = math.floor(hops_per_minute / bpm_max)
        periods = np.arange(self._first, math.ceil(hops_per_minute / bpm_min) + 1)
        self._starts = np.concatenate(([0], np.cumsum(periods)[:-1]))
        prior = np.exp(-0.5 * (np.log2(hops_per_minute / periods / _USUAL_BPM) / _OCTAVES) ** 2)
        change = np.arange(-_BAND, _BAND + 1) / periods[:, None]
        transition = np.maximum(
            np.exp(-_STIFFNESS * np.abs(change)), _DITHER * (np.abs(change) * periods[:, None] < 1.5)
        )
        ahead = np.arange(periods.size)[:, None] + np.arange(-_BAND, _BAND + 1)
        transition *= (ahead >= 0) & (ahead < periods.size)
        self._transition = (transition / transition.sum(1, keepdims=True)).astype(np.float32)
        self._start = (prior / prior.sum() / periods).astype(np.float32)
        self._restart = np.float32(_FORGET) * self._start
        pulses = [_pulse(int(period)) for period in periods]
        self._gain = np.concatenate(pulses).astype(np.float32)
        self._mean = np.array([pulse.mean() for pulse in pulses], dtype=np.float32)
        self._periods = periods
        self._belief = np.empty(int(periods.sum()), dtype=np.float32)
        self._heads = np.zeros(periods.size, dtype=np.int64)
        self._ends = np.zeros(periods.size)
        self._out = np.zeros(3)
        self.reset()

    def reset(self) -> None:
        """Know nothing but the listener's preference."""
        self._belief[:] = np.repeat(self._start, self._periods)
        self._heads[:] = 0

    def lean(self, period: float, phase: float, width: float) -> None:
        """Believe in ``period`` (hops) and ``phase`` (beats), with a relative standard deviation of ``width``."""
        self._heads[:] = 0
        for start, length in zip(self._starts, self._periods, strict=True):
            off = np.arange(length) / length - phase
            off -= np.round(off)
            log = -0.5 * ((math.log(length / period) / width) ** 2 + (off / width) ** 2)
            self._belief[start : start + length] = np.exp(log) / length
        self._belief /= self._belief.sum()
        self._belief += self._restart.repeat(self._periods)

    def push(self, cue: float) -> tuple[float, float, float]:
        """After one more hop: period in hops, phase in beats, and the probability (0..1) that both are about right."""
        where = self._heads, self._starts, self._first
        _carry(self._belief, *where, self._transition, self._ends)
        place = _weigh(self._belief, *where, self._restart, self._gain, self._mean, cue)
        _read(self._belief, *where, place, self._out)
        period, phase, mass = self._out.tolist()
        return period, phase, mass


def _pulse(period: int) -> F64:
    """How well a cue at each phase (period,) speaks for a beat: 1 on it, less half way."""
    phase = np.arange(period)
    off_beat = np.abs(phase - period / 2)
    pulse: F64 = np.exp(-0.5 * (np.minimum(phase, period - phase) / _SPREAD) ** 2)
    pulse += _OFFBEAT * np.exp(-0.5 * (off_beat / _SPREAD) ** 2)
    return pulse
