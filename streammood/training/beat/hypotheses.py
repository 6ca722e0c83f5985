"""What the judge learns from: beats that are right, and beats that are wrong in each of the ways that clocks are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from streammood.analysis.beat import beat_clock, judge, tempo_filter
from streammood.analysis.beat.cues import WEIGHT
from streammood.analysis.beat.judge import FAST, JUDGE, N_FEATURES, NONE, OFF, RIGHT, SLOW
from streammood.analysis.beat.tempo_filter import FilterSettings, TempoFilter
from streammood.analysis.hops import F64, Records
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE
from streammood.training.beat.scores import TOLERANCE, distance

Ints = npt.NDArray[np.int64]
_SAME, _SLOWEST, _FASTEST = 0.08, 45.0, 200.0  # relative difference of tempi that are one; BPM of the filter


@exact_kernel
def _watch(filter_: TempoFilter, judge_: Records, cues: F64, phase: F64, period: F64, features: F64, hops: Ints) -> int:
    """Features after every beat of a clock that goes by ``phase`` and ``period`` (n,) in hops, NaN where it stands."""
    found = 0
    for i in range(cues.shape[0]):
        tempo_filter.push(filter_, cues[i, WEIGHT])
        if np.isnan(phase[i]):
            judge.forget(judge_)
        elif judge.push(judge_, cues[i, 1:], phase[i], period[i]):
            beat_clock.probe(judge_, filter_, phase[i], period[i])
            judge.read(judge_, 60.0 * ANALYSIS_RATE / HOP / period[i])
            features[found], hops[found] = judge_[0].features, i
            found += 1
    return found


def watch(cues: F64, places: F64, beats: F64, reading: FilterSettings) -> tuple[F64, Ints]:
    """Features (m, N_FEATURES) that the judge sees of ``beats`` (n,), and which beat each follows (m,).

    ``places`` (n_hops,) is the time in s that each of ``cues`` (n_hops, N_CUES) is about.
    """
    at = np.interp(places, beats, np.arange(beats.size), left=np.nan, right=np.nan)
    period = np.append(np.diff(beats), np.diff(beats)[-1:])[np.nan_to_num(at).astype(np.int64)] * ANALYSIS_RATE / HOP
    features, hops = np.empty((beats.size + 1, N_FEATURES)), np.empty(beats.size + 1, dtype=np.int64)
    state = np.zeros(1, dtype=JUDGE)
    judge.reset(state)
    filter_ = tempo_filter.tempo_filter(_SLOWEST, _FASTEST, reading)
    found = _watch(filter_, state, cues, at % 1.0, period, features, hops)
    return features[:found], np.round(at[hops[:found]]).astype(np.int64)


def classes(beats: F64, truth: F64) -> Ints:
    """What each of ``beats`` (n,) in s is (n,), where ``known`` (m,) are the beats; all are none where m is below 4."""
    if truth.size < 4 or beats.size < 4:
        return np.full(beats.size, NONE, dtype=np.int64)
    on = np.abs(distance(beats, truth)) <= TOLERANCE
    half = np.abs(distance(beats, 0.5 * (truth[1:] + truth[:-1]))) <= TOLERANCE
    ratio = _local(beats, beats) / _local(truth, beats)
    same, fast, slow = (np.abs(ratio / r - 1.0) < _SAME for r in (1.0, 0.5, 2.0))
    found = np.full(beats.size, NONE, dtype=np.int64)
    found[slow & (on | half)] = SLOW
    found[fast & (on | half)] = FAST
    found[same & half] = OFF
    found[same & on] = RIGHT
    return found


def _local(beats: F64, at: F64) -> F64:
    """The median interval of ``beats`` near each time ``at``."""
    steps = np.diff(beats)
    medians = np.array([np.median(steps[max(0, i - 2) : i + 2]) for i in range(steps.size)])
    places: F64 = medians[np.clip(np.searchsorted(beats, at) - 1, 0, steps.size - 1)]
    return places


def rivals(truth: F64) -> Iterator[F64]:
    """Beats (n,) as they are ``known``, on the off-beat, twice as many, and half as many, as far as people tap them."""
    middle = 0.5 * (truth[1:] + truth[:-1])
    tempo = 60.0 / float(np.median(np.diff(truth)))
    yield truth
    yield middle
    if 2.0 * tempo <= 1.2 * _FASTEST:
        yield np.sort(np.concatenate((truth, middle)))
    if tempo >= 1.8 * _SLOWEST:
        yield from (truth[::2], truth[1::2])
