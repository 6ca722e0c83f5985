"""The judge of the clock's beats: what it keeps, and what it says of beats that are right and wrong."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.beat_trials import grid, play
from streammood.analysis.beat import judge
from streammood.analysis.beat.cues import NetworkCues
from streammood.analysis.beat.judge import CHANNELS, FAST, JUDGE, N_CLASSES, N_FEATURES, NONE, OFF, RIGHT, SLOW
from streammood.analysis.front_end import FrontEnd
from streammood.analysis.hops import F64
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE
from streammood.models.beat_model import BeatModel
from streammood.training.beat import hypotheses, judging

MODEL = BeatModel.load("beat")


def heard(bpm: float, groove: str, seconds: float = 24.0) -> tuple[F64, F64, F64]:
    """Cues of drums, the time in s that each is about, and the beats."""
    cues, beats = NetworkCues(MODEL), grid(bpm, seconds)
    rows = [cues.push(hops) for _, hops in FrontEnd(ANALYSIS_RATE).push(play(beats, seconds, groove))]
    said = np.concatenate(rows)
    return said, ((1.0 + np.arange(len(said))) * HOP - cues.delay) / ANALYSIS_RATE, beats


def said_of(beats: F64, cues: F64, places: F64) -> F64:
    """Probability of each class (N_CLASSES,) after the last of ``beats``."""
    table = MODEL.judge
    assert table is not None
    features, _ = hypotheses.watch(cues, places, beats, NetworkCues.reading)
    odds = table[:, :-1] @ features[-1] + table[:, -1]
    likely = np.exp(odds - odds.max())
    shares: F64 = likely / likely.sum()
    return shares


@pytest.mark.parametrize("bpm", [122, 128, 136])
def test_beats_on_the_kick_are_right_and_those_on_open_hats_are_not(bpm: float) -> None:
    cues, places, beats = heard(bpm, "four on the floor")
    assert said_of(beats, cues, places).argmax() == RIGHT
    middle = 0.5 * (beats[1:] + beats[:-1])
    assert said_of(middle, cues, places).argmax() == OFF


def test_twice_and_half_the_beats_are_known() -> None:
    cues, places, beats = heard(90, "rock")
    twice = np.sort(np.concatenate((beats, 0.5 * (beats[1:] + beats[:-1]))))
    assert said_of(twice, cues, places).argmax() == FAST
    cues, places, beats = heard(128, "four on the floor")
    assert said_of(beats[::2], cues, places)[SLOW] > 10.0 * said_of(beats, cues, places)[SLOW]


def test_what_known_beats_and_their_rivals_are() -> None:
    beats = np.arange(1.0, 20.0, 0.5)
    found = [np.median(hypotheses.classes(rival, beats)) for rival in hypotheses.rivals(beats)]
    assert found == [RIGHT, OFF, FAST, SLOW, SLOW]
    slow = np.arange(1.0, 30.0, 0.8)
    assert [np.median(hypotheses.classes(rival, slow)) for rival in hypotheses.rivals(slow)] == [RIGHT, OFF, FAST]


def test_two_moves_by_half_a_beat_leave_the_pattern_as_it_was() -> None:
    state = np.zeros(1, dtype=JUDGE)
    judge.reset(state)
    rng = np.random.default_rng(1)
    for hop in range(1000):
        judge.push(state, rng.random(CHANNELS), (hop / 40.0) % 1.0, 40.0)
    before = state["seen"].copy()
    judge.turn(state, OFF, 0)
    assert not np.array_equal(state["seen"], before)
    judge.turn(state, OFF, 0)
    moved = state["seen"][0]
    np.testing.assert_array_equal(moved[::-1], before[0])  # by a whole beat: even and odd have changed places


def test_probabilities_sum_to_one_and_a_reset_judge_is_a_new_one() -> None:
    rng = np.random.default_rng(2)
    table = rng.standard_normal((N_CLASSES, N_FEATURES + 1))
    one, two = np.zeros(1, dtype=JUDGE), np.zeros(1, dtype=JUDGE)
    judge.reset(two)
    for _ in range(2):
        judge.reset(one)
        for hop in range(500):
            if judge.push(one, rng.random(CHANNELS), (hop / 37.0) % 1.0, 37.0):
                judge.ask(one, table, 120.0)
                assert one["odds"][0].sum() == pytest.approx(1.0)
                assert 0.0 <= judge.presence(one) <= 1.0
    judge.reset(one)
    for field in ("now", "seen", "weight", "mean", "beats", "odds", "recent"):
        np.testing.assert_array_equal(one[field], two[field])


def test_a_judge_fitted_to_a_groove_knows_it() -> None:
    frames = np.concatenate(
        [hops.values.copy() for _, hops in FrontEnd(ANALYSIS_RATE).push(play(grid(124, 20.0), 20.0))]
    )
    known = grid(124, 20.0)
    features, classes, weights = judging.examples(MODEL, frames, known)
    assert features.shape == (classes.size, N_FEATURES)
    assert weights.min() > 0.0
    table = judging.fit([(features, classes, 100.0 * weights)])  # as of many tracks
    assert table.shape == (np.unique(classes).size, N_FEATURES + 1)
    said = np.unique(classes)[(features @ table[:, :-1].T + table[:, -1]).argmax(axis=1)]
    assert np.mean(said == classes) > 0.9
    nothing = judging.examples(MODEL, frames, np.zeros(0))
    assert set(nothing[1].tolist()) <= {NONE}
