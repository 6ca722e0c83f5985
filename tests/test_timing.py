"""The metronome and a target's own time: each beat once and in order, early or late, however the clock is corrected."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.demo.synth import Rendered
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE, Beat, Event, Onset, Tempo
from streammood.models import Models
from streammood.outputs.metronome import Metronome
from streammood.outputs.timing import Timing

LOOKAHEAD = round(0.05 * ANALYSIS_RATE)


@dataclass(frozen=True)
class Change:
    """What happens to the beat clock at some hop."""

    hop: int
    shift: float = 0.0  # beats by which the phase is corrected
    ratio: float = 1.0  # of the tempo
    silence: int = 0  # hops without music
    downbeat: int = 0  # beats by which the bar is corrected


changes = st.lists(
    st.builds(
        Change,
        hop=st.integers(1, 350),
        shift=st.sampled_from([0.0, 0.0, 0.01, -0.02, 0.1, -0.1, 0.45, -0.45]),
        ratio=st.sampled_from([1.0, 1.0, 1.003, 0.997, 1.1, 0.5, 2.0]),
        silence=st.sampled_from([0, 0, 0, 40, 200]),
        downbeat=st.sampled_from([0, 0, 0, 1, 2]),
    ),
    max_size=6,
)


def stream(changes: list[Change], hops: int = 400, bpm: float = 120.0, meter: int = 4) -> Iterator[tuple[float, Event]]:
    """Events with the time in s at which each fires, as the analysis gives them: beats are decided ahead."""
    period, anchor, count, last, quiet = 60 * ANALYSIS_RATE / bpm, 10_000.0, 0, -math.inf, 0
    first = 1  # count of a downbeat
    for hop in range(1, hops):
        decided = hop * HOP
        for change in changes:
            if change.hop == hop:
                anchor += change.shift * period
                period = min(max(period / change.ratio, 0.15 * ANALYSIS_RATE), ANALYSIS_RATE)
                quiet = max(quiet, change.silence)
                first += change.downbeat
        quiet -= 1
        if quiet > 0:
            yield decided / ANALYSIS_RATE, Tempo(decided, decided, 120.0, 0.0, False, 0.0, 0.0)
            continue
        after = max(decided - 2 * HOP, last + 0.5 * period)
        upcoming = anchor + (math.floor((after - anchor) / period) + 1) * period
        at_anchor = count + 1 + round((anchor - upcoming) / period)
        number = (at_anchor - first) % meter + 1
        state = 60 * ANALYSIS_RATE / period, 0.9, True
        yield decided / ANALYSIS_RATE, Tempo(decided, decided, *state, anchor, period, at_anchor, number, meter, 0.8)
        if upcoming <= decided + LOOKAHEAD:
            last, count = upcoming, count + 1
            beat = Beat(round(upcoming), decided, *state, (count - first) % meter + 1, count, 0.8)
            yield max(upcoming, decided) / ANALYSIS_RATE, beat


def played(
    script: list[tuple[float, Event]], offset: float = 0.0, ratio: float = 1.0, shifts: dict[float, float] | None = None
) -> list[tuple[float, Event]]:
    """Run a target's timing as the firing thread does; what came out, and when. ``shifts``: offsets set on the way."""
    timing = Timing(lambda now: now * ANALYSIS_RATE, offset, ratio, unlocked=True)
    queue = [(at, i, event) for i, (at, event) in enumerate(script)]
    heapq.heapify(queue)
    later = sorted((shifts or {}).items())
    end = max(at for at, _ in script) + max(0.0, offset)
    out: list[tuple[float, Event]] = []
    now = 0.0
    while (now := max(now, min(queue[0][0] if queue else math.inf, timing.next_at(now)))) <= end:
        while later and later[0][0] <= now:
            timing.offset = later.pop(0)[1]
        while queue and queue[0][0] <= now:
            out += [(now, event) for event in timing.push(heapq.heappop(queue)[2], now)]
        out += [(now, event) for event in timing.due(now)]
    return out


def beats(out: list[tuple[float, Event]]) -> list[tuple[float, Beat]]:
    return [(at, event) for at, event in out if isinstance(event, Beat)]


@settings(max_examples=25)
@given(changes=changes, offset=st.sampled_from([-0.2, -0.12, -0.03, -0.001]))
def test_early_targets_count_the_same_beats(changes: list[Change], offset: float) -> None:
    script = list(stream(changes))
    punctual = [beat.count for _, beat in beats(played(script))]
    early = [beat.count for _, beat in beats(played(script, offset))]
    assert punctual == list(range(1, len(punctual) + 1))
    assert early[: len(punctual)] == punctual
    assert len(early) <= len(punctual) + 2  # those that are ahead of the end


@settings(max_examples=20)
@given(changes=changes, at=st.lists(st.floats(0.1, 4.4), max_size=5), to=st.lists(st.floats(-0.2, 1.0), min_size=5))
def test_no_beat_is_lost_or_doubled_when_the_offset_is_changed(
    changes: list[Change], at: list[float], to: list[float]
) -> None:
    script = list(stream(changes))
    out = played(script, shifts=dict(zip(at, to, strict=False)))
    counts = [beat.count for _, beat in beats(out)]
    assert counts == list(range(1, len(counts) + 1))


@settings(max_examples=20)
@given(changes=changes, offset=st.sampled_from([-0.15, 0.0, 0.1]))
def test_twice_the_beats_are_all_of_them_and_those_between(changes: list[Change], offset: float) -> None:
    script = list(stream(changes))
    counts = [beat.count for _, beat in beats(played(script, offset, 2.0))]
    assert counts == sorted(set(counts))
    heard = [event.count for _, event in script if isinstance(event, Beat)]
    assert {2 * count - 1 for count in heard} <= set(counts)
    if not any(change.silence for change in changes):  # where the music stops, what was to follow does not
        assert counts == list(range(1, len(counts) + 1))


@settings(max_examples=20)
@given(changes=changes, offset=st.sampled_from([-0.15, 0.0, 0.1]))
def test_half_the_beats_are_never_closer_than_two(changes: list[Change], offset: float) -> None:
    script = list(stream([Change(c.hop, c.shift, c.ratio) for c in changes]))
    halved = [beat.count for _, beat in beats(played(script, offset, 0.5))]
    heard = sum(isinstance(event, Beat) for _, event in script)
    assert halved == list(range(1, len(halved) + 1))
    assert (heard + 1) // 2 <= len(halved) <= (heard + 1) // 2 + 1


@pytest.mark.parametrize("offset", [-0.2, -0.12, -0.06, -0.02, 0.02, 0.08, 0.5])
def test_a_steady_beat_is_shifted_by_the_offset(offset: float) -> None:
    script = list(stream([]))
    due = {event.count: event.sample / ANALYSIS_RATE for _, event in script if isinstance(event, Beat)}
    told = beats(played(script, offset))
    shift = [at - due[beat.count] for at, beat in told if beat.count in due]
    np.testing.assert_allclose(shift[1:], offset, atol=1e-4)  # half a sample of rounding; nothing predicts the first


def test_what_cannot_be_predicted_is_late_by_a_positive_offset_alone() -> None:
    onset = [(1.0, Onset(1, 2, 0.5)), (1.5, Onset(3, 4, 0.5))]
    assert [at for at, _ in played(list(onset), -0.1)] == [1.0, 1.5]
    assert [at for at, _ in played([*onset, *stream([], 200)], 0.3) if isinstance(_, Onset)] == pytest.approx(
        [1.3, 1.8]
    )


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("offset", [-0.1, 0.0])
def test_bars_and_tempo_follow_the_ratio(ratio: float, offset: float) -> None:
    out = played(list(stream([])), offset, ratio)
    told = [beat for _, beat in beats(out)]
    first = next(i for i, beat in enumerate(told) if beat.number == 1)
    assert [beat.number for beat in told[first : first + 4]] == [1, 2, 3, 4]
    assert {(a.number, b.number) for a, b in pairwise(told)} <= {(1, 2), (2, 3), (3, 4), (4, 1)}
    assert {round(beat.bpm) for beat in told} == {round(120 * ratio)}
    gaps = np.diff([at for at, _ in beats(out)])[1:]
    np.testing.assert_allclose(gaps, 0.5 / ratio, atol=1e-3)
    at, tempo = next((at, event) for at, event in out[300:] if isinstance(event, Tempo))
    assert tempo.bpm == pytest.approx(120 * ratio)
    latest = max(when for when, _ in beats(out) if when <= at)
    phase = (at - latest) * ratio / 0.5
    assert tempo.phase(at * ANALYSIS_RATE) == pytest.approx(phase % 1.0, abs=1e-3)


def test_half_the_beats_are_the_first_and_third_of_the_bar() -> None:
    script = list(stream([Change(3, downbeat=1)]))  # the second beat is a downbeat
    numbers = {event.count: event.number for _, event in script if isinstance(event, Beat)}
    due = {count: next(e.sample for _, e in script if isinstance(e, Beat) and e.count == count) for count in numbers}
    kept = [round(at * ANALYSIS_RATE) for at, _ in beats(played(script, 0.0, 0.5))]
    taken = [count for count, sample in due.items() if any(abs(sample - k) < 2 for k in kept)]
    assert {numbers[count] for count in taken} == {1, 3}


@settings(max_examples=20)
@given(changes=changes, per_beat=st.sampled_from([1, 2, 24]))
def test_ticks_come_once_in_order_and_not_before_they_are_due(changes: list[Change], per_beat: int) -> None:
    metronome = Metronome(per_beat)
    ticks: list[int] = []
    for at, event in stream([Change(c.hop, c.shift, c.ratio) for c in changes]):
        if isinstance(event, Tempo):
            metronome.follow(event)
            sample = at * ANALYSIS_RATE
            for tick in metronome.ticks(sample):
                assert tick <= per_beat * event.position(sample) + 1e-6
                ticks.append(tick)
            assert metronome.due > sample
    assert ticks == list(range(per_beat, per_beat + len(ticks)))


def test_nothing_is_predicted_of_a_clock_that_is_not_heard_of() -> None:
    """An input that hangs for three seconds: early targets wait for it as the punctual ones do."""
    script = list(stream([], 200))
    end = script[-1][0]
    last = next(event for _, event in reversed(script) if isinstance(event, Tempo))
    samples = range(round((end + 3) * ANALYSIS_RATE), round((end + 5) * ANALYSIS_RATE), HOP)
    count = max(event.count for _, event in script if isinstance(event, Beat))
    for sample in samples:  # the count goes on where it was
        state = replace(last, sample=sample, anchor=samples[0] + 2000.0, count=count + 1)
        script.append((sample / ANALYSIS_RATE, state))
    counts = [beat.count for _, beat in beats(played(script, -0.1))]
    assert counts == list(range(1, len(counts) + 1))
    silent = [at for at, _ in beats(played(script, -0.1)) if end + 1.0 < at < end + 2.5]
    assert silent == []


def test_a_count_that_begins_anew_is_followed() -> None:
    script = list(stream([], 300))
    end = script[-1][0] + 0.1
    move = round(end * ANALYSIS_RATE)
    for at, event in stream([], 300):
        if isinstance(event, Tempo):
            script.append((at + end, replace(event, sample=event.sample + move, anchor=event.anchor + move)))
        elif isinstance(event, Beat):
            script.append((at + end, replace(event, sample=event.sample + move)))
    counts = [beat.count for _, beat in beats(played(script, -0.1))]
    assert counts.count(3) == 2


def test_early_beats_of_real_analysis_are_those_that_are_heard(music: Rendered) -> None:
    """The whole chain hears music that stops and begins again; early targets count the same beats."""
    settings = config.load()
    analyzer = AnalysisChain(settings, ANALYSIS_RATE, Models.load(settings))
    sound = np.concatenate([music.sound, np.zeros(5 * ANALYSIS_RATE, np.float32), music.sound[: 10 * ANALYSIS_RATE]])
    script: list[tuple[float, Event]] = []
    for block in np.split(sound, range(256, sound.size, 256)):
        for event in analyzer.push(block):
            due = max(event.sample, event.decided) if isinstance(event, Beat) else event.decided
            script.append((due / ANALYSIS_RATE, event))
    heard = [event.count for _, event in script if isinstance(event, Beat)]
    assert len(heard) > 25
    times = {beat.count: at for at, beat in beats(played(script))}
    for offset in (-0.2, -0.08):
        early = {beat.count: at for at, beat in beats(played(script, offset))}
        assert list(early)[: len(heard)] == heard
        lead = [early[count] - times[count] for count in heard[8:]]
        assert np.median(lead) == pytest.approx(offset, abs=0.005)
    doubled = [beat.count for _, beat in beats(played(script, 0.0, 2.0))]
    assert {2 * count - 1 for count in heard} <= set(doubled)
