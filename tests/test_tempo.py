"""The one arithmetic of beats: where, when, which, and how far to the next."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streammood.events import ANALYSIS_RATE, Tempo

PERIODS = st.floats(ANALYSIS_RATE * 60 / 400, ANALYSIS_RATE * 60 / 20)
TEMPI = st.builds(
    lambda anchor, period, count, number, meter: Tempo(
        0, 0, 60 * ANALYSIS_RATE / period, 1.0, True, anchor, period, count, min(number, meter), meter, 1.0
    ),
    st.floats(0, 1e8),
    PERIODS,
    st.integers(0, 10_000),
    st.integers(1, 8),
    st.integers(1, 8),
)
SAMPLES = st.floats(0, 2e8)
COUNTS = st.integers(0, 20_000)


@given(tempo=TEMPI, count=COUNTS)
def test_when_and_where_undo_each_other(tempo: Tempo, count: int) -> None:
    assert tempo.position(tempo.time_of(count)) == pytest.approx(count, abs=1e-4)
    assert tempo.time_of(tempo.count) == tempo.anchor


@given(tempo=TEMPI, sample=SAMPLES)
def test_the_next_beat_is_the_first_that_is_not_over(tempo: Tempo, sample: float) -> None:
    beat = tempo.next_beat(sample)
    assert tempo.time_of(beat) >= sample - 1e-2
    assert tempo.time_of(beat - 1) < sample + 1e-2


@given(tempo=TEMPI, sample=SAMPLES)
def test_phase_and_seconds_speak_of_the_same_beat(tempo: Tempo, sample: float) -> None:
    behind = tempo.position(sample) - math.floor(tempo.position(sample))
    apart = abs(tempo.phase(sample) - behind)
    assert min(apart, 1.0 - apart) < 1e-4
    ahead = sample + tempo.seconds_to_next(sample) * ANALYSIS_RATE
    assert tempo.position(ahead) == pytest.approx(round(tempo.position(ahead)), abs=1e-4)


@given(tempo=TEMPI, count=COUNTS)
def test_bars_go_round(tempo: Tempo, count: int) -> None:
    numbers = [tempo.number_of(count + i) for i in range(tempo.meter)]
    assert sorted(numbers) == list(range(1, tempo.meter + 1))
    assert tempo.number_of(count + tempo.meter) == numbers[0]
    assert tempo.number_of(tempo.count) == tempo.number


@given(tempo=TEMPI, count=COUNTS, other=COUNTS)
def test_another_anchor_is_the_same_clock(tempo: Tempo, count: int, other: int) -> None:
    moved = tempo.at_beat(count)
    assert moved.count == count
    assert moved.time_of(other) == pytest.approx(tempo.time_of(other), rel=1e-9, abs=1e-2)
    assert moved.number_of(other) == tempo.number_of(other)


def test_where_nothing_is_known_nothing_is_said() -> None:
    nothing = Tempo(0, 0, 0.0, 0.0, False, 0.0, 0.0)
    assert (nothing.phase(5), nothing.position(5), nothing.seconds_to_next(5)) == (0.0, 0.0, 0.0)
    assert nothing.time_of(3) == math.inf
    assert nothing.number_of(3) == 0
