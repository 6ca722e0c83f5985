"""Laws of the mood stream: causal, repeatable, deaf to the level, silent in silence, steady yet awake."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streammood.analysis.front_end import FrontEnd
from streammood.analysis.hops import Hops
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.analysis.mood.slots import SlotPool
from streammood.analysis.mood.statistics import SHORTEST, Statistics
from streammood.config import MoodSettings
from streammood.dsp import mel
from streammood.dsp.layout import HOP, LAYOUT, N_MELS
from streammood.events import ANALYSIS_RATE, F32, Mood
from streammood.models import embedding_model
from streammood.models.mood_model import MoodModel, MoodPrediction


@pytest.fixture(scope="module")
def model() -> MoodModel:
    return MoodModel.load("mood")


def sound(seconds: float, seed: int = 0, bright: bool = True) -> F32:
    """Chords with strokes in noise, or soft low tones: something with a spectrum that moves."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * ANALYSIS_RATE)) / ANALYSIS_RATE
    notes = [220.0, 277.2, 329.6] if bright else [110.0, 130.8, 164.8]
    tones = sum(np.sin(2 * np.pi * f * k * t) / k for f in notes for k in range(1, 12 if bright else 3))
    strokes = np.exp(-(t % 0.2) / 0.06) * rng.standard_normal(t.size) * (20.0 if bright else 0.02)
    return (0.03 * (tones + strokes) * (1.0 + 0.3 * np.sin(2 * np.pi * 0.7 * t))).astype(np.float32)


def features(signal: F32) -> F32:
    """Features (n_hops, n_values) by the live front end."""
    return np.concatenate([hops.values.copy() for _, hops in FrontEnd(ANALYSIS_RATE).push(signal)])


def moods(stream: MoodStream, values: F32, signal: bool = True, sample: int = HOP) -> list[Mood]:
    return stream.push(Hops.of(values, sample), np.full(len(values), signal))


def told(music: Callable[[int], float], **settings: Any) -> MoodStream:
    """A stream whose music model answers ``music`` of how often it was asked before."""
    numbers = itertools.count()
    model = MoodModel.load("mood")
    model.music = lambda _: music(next(numbers))  # type: ignore[assignment]
    return MoodStream(MoodSettings(**settings), model)


@pytest.fixture(scope="module")
def music() -> F32:
    return features(sound(12.0))


@pytest.fixture(scope="module")
def heard(model: MoodModel, music: F32) -> list[Mood]:
    return moods(MoodStream(MoodSettings(), model), music)


def test_the_first_mood_comes_within_three_seconds_and_then_twice_a_second(heard: list[Mood]) -> None:
    times = np.array([mood.decided for mood in heard]) / ANALYSIS_RATE
    assert times[0] <= 3.0
    assert np.diff(times).max() <= 0.5 + HOP / ANALYSIS_RATE


def test_moods_are_within_their_ranges(heard: list[Mood], model: MoodModel) -> None:
    for mood in heard:
        assert tuple(mood.probabilities) == model.manifest.labels
        assert sum(mood.probabilities.values()) == pytest.approx(1.0, abs=1e-5)
        assert all(0.0 <= p <= 1.0 for p in mood.probabilities.values())
        assert 0.0 <= mood.confidence <= 1.0
        assert -1.0 <= mood.valence <= 1.0
        assert -1.0 <= mood.arousal <= 1.0
        assert mood.label in mood.probabilities
        assert mood.sample <= mood.decided


def test_the_first_label_and_every_other_one_is_a_change(heard: list[Mood]) -> None:
    assert heard[0].changed
    for before, after in pairwise(heard):
        assert after.changed == (before.label != after.label)


@settings(max_examples=10)
@given(end=st.integers(200, 1000))
def test_more_sound_never_changes_earlier_moods(end: int, model: MoodModel, music: F32, heard: list[Mood]) -> None:
    early = moods(MoodStream(MoodSettings(), model), music[:end])
    assert early == heard[: len(early)]


def test_reset_equals_a_new_stream(model: MoodModel, music: F32, heard: list[Mood]) -> None:
    stream = MoodStream(MoodSettings(), model)
    moods(stream, features(sound(7.3, seed=3, bright=False)))
    stream.reset()
    assert stream.summary() is None
    assert moods(stream, music) == heard


@pytest.mark.parametrize("decibels", [-20.0, 20.0])
def test_the_level_of_the_desk_does_not_matter(model: MoodModel, heard: list[Mood], decibels: float) -> None:
    louder = features(sound(12.0) * np.float32(10.0 ** (decibels / 20.0)))
    others = moods(MoodStream(MoodSettings(), model), louder)
    for ours, theirs in zip(heard, others, strict=True):  # an int8 input may round to its neighbour
        assert theirs.valence == pytest.approx(ours.valence, abs=0.05)
        assert theirs.arousal == pytest.approx(ours.arousal, abs=0.05)
        assert theirs.probabilities == pytest.approx(ours.probabilities, abs=0.05)


def test_silence_ends_what_was_known(model: MoodModel, music: F32) -> None:
    stream = MoodStream(MoodSettings(), model)
    assert moods(stream, music, signal=False) == []
    assert stream.summary() is None
    before = moods(stream, music)
    whole = stream.summary()
    silence = features(np.zeros(3 * ANALYSIS_RATE, dtype=np.float32))
    fading = moods(stream, silence, signal=False, sample=before[-1].sample + HOP)
    assert fading
    assert {mood.label for mood in fading} == {""}
    assert stream.summary() == whole
    again = fading[-1].sample // HOP
    after = moods(stream, music, sample=(again + 1) * HOP)
    sure = [mood.probabilities for mood in after if mood.label]
    assert sure == [mood.probabilities for mood in before if mood.label][: len(sure)]  # nothing of before was left


@pytest.mark.parametrize("ending", ["silence", "a gate that closes late", "other sound"])
def test_without_music_the_mood_fades_to_none_within_three_seconds(ending: str, music: F32) -> None:
    heard = [1.0] * 50
    stream = told(lambda number: heard[number] if number < len(heard) else 0.0)
    before = moods(stream, music)
    assert before[-1].label
    assert before[-1].music
    heard[:] = []
    start = (len(music) + 1) * HOP
    n = 4 * ANALYSIS_RATE // HOP
    hops = Hops.of(np.resize(music, (n, music.shape[1])), start)
    signal = np.full(n, ending != "silence")
    after = stream.push(hops, signal, np.full(n, ending == "other sound"))
    first = next(mood for mood in after if not mood.music)
    assert first.changed
    assert (first.label, first.index, first.confidence) == ("", -1, 0.0)
    late = [mood for mood in after if mood.sample - start >= 3.0 * ANALYSIS_RATE - HOP] or after[-1:]
    for mood in late:
        assert (mood.label, mood.confidence, mood.valence, mood.arousal) == ("", 0.0, 0.0, 0.0)
        assert set(mood.probabilities.values()) == {0.25}
    strengths = [abs(mood.arousal) for mood in after if not mood.music]
    assert strengths == sorted(strengths, reverse=True), "it glides"
    assert sum(mood.changed for mood in after) == 1


def test_music_after_other_sound_begins_anew(music: F32) -> None:
    stream = told(lambda number: float(not 4 <= number < 10))
    heard = moods(stream, np.concatenate([music, music]))
    assert [mood.music for mood in heard[:11]] == [True] * 4 + [False] * 6 + [True]
    back = heard[10]
    assert back.label
    assert back.changed
    assert back.music_confidence > 0.6


def test_one_doubtful_answer_changes_nothing(music: F32) -> None:
    heard = moods(told(lambda number: 0.3 if number == 5 else 1.0), music)
    assert all(mood.music for mood in heard)
    assert heard[5].confidence < heard[4].confidence


def test_what_is_not_music_is_not_in_the_summary(music: F32) -> None:
    stream = told(lambda number: 0.0)
    assert moods(stream, music)
    assert stream.summary() is None


def test_a_mood_that_is_held_stays_without_confidence(music: F32) -> None:
    stream = told(lambda number: float(number < 6), unmusical="hold")
    heard = moods(stream, music)
    last = next(mood for mood in reversed(heard) if mood.music)
    for mood in heard[7:]:
        assert not mood.music
        assert mood.confidence == 0.0
        assert (mood.label, mood.valence, mood.probabilities) == (last.label, last.valence, last.probabilities)


def test_a_user_may_take_all_sound_for_music(music: F32) -> None:
    heard = moods(told(lambda number: 0.0, unmusical="ignore"), music)
    assert all(mood.music and mood.label for mood in heard)


def test_the_first_full_window_counts_in_labels_as_much_as_all_that_were_not_full_and_in_axes_as_any(
    model: MoodModel, music: F32, heard: list[Mood]
) -> None:
    window = model.manifest.window
    full = [mood.sample >= window.slots * window.hops * HOP for mood in heard].index(True)
    assert full >= 4, "there must be several short windows for this test to mean anything"
    neutral = model(np.array(model.manifest.statistics.offset, dtype=np.float32))
    one, other = np.eye(2, len(model.manifest.labels), dtype=np.float32)
    short, first = replace(neutral, logits=one, valence=0.0), replace(neutral, logits=other, valence=1.0)
    answers = iter([short] * full + [first])

    class Scripted(MoodModel):
        def __call__(self, _: F32) -> MoodPrediction:
            return next(answers)

    stream = MoodStream(MoodSettings(unmusical="ignore"), Scripted.load("mood"))
    mood = moods(stream, music[: heard[full].sample // HOP])[-1]
    shares = list(mood.probabilities.values())
    assert abs(np.log(shares[1] / shares[0])) < 0.3, "1 or -1 where one of both counts for nothing"
    assert mood.valence == pytest.approx(1.0 / (full + 1), abs=0.01)


def test_the_summary_agrees_with_a_mood_that_never_moved(model: MoodModel, music: F32) -> None:
    stream = MoodStream(MoodSettings(), model)
    last = moods(stream, music)[-1]
    summary = stream.summary()
    assert summary is not None
    assert summary.label == max(summary.probabilities, key=lambda label: summary.probabilities[label])
    assert summary.valence == pytest.approx(last.valence, abs=0.15)


def test_other_music_is_followed(model: MoodModel) -> None:
    loud, soft = features(sound(20.0)), features(sound(20.0, seed=1, bright=False))
    alone = moods(MoodStream(MoodSettings(), model), soft)[-1]
    stream = MoodStream(MoodSettings(), model)
    before = moods(stream, loud)[-1]
    assert abs(before.arousal - alone.arousal) > 0.1, "the two sounds must differ for this test to mean anything"
    after = moods(stream, soft, sample=(len(loud) + 1) * HOP)[-1]
    assert abs(after.arousal - alone.arousal) < 0.5 * abs(after.arousal - before.arousal)


def test_a_stream_of_one_feature_value_stays_finite(model: MoodModel) -> None:
    for level in (-100.0, 0.0, 90.0):
        values = np.zeros(LAYOUT.size, dtype=np.float32)
        values[LAYOUT.log_mel] = level
        for mood in moods(MoodStream(MoodSettings(), model), np.tile(values, (400, 1))):
            assert np.isfinite([mood.valence, mood.arousal, mood.confidence, *mood.probabilities.values()]).all()


def test_settings_decide_how_often(model: MoodModel, music: F32) -> None:
    slow = moods(MoodStream(MoodSettings(interval=2.0), model), music)
    assert len(slow) == pytest.approx((12.0 - 2.4) / 2.0, abs=1)


def test_cepstra_of_a_window_are_those_of_its_mean_spectrum() -> None:
    """An independent path: the DCT of the mean equals the mean of the DCTs."""
    pool = SlotPool(embedding_model.shipped())
    slots = pool.slots(features(sound(3.0)))
    vector = Statistics(pool.layout)(slots)
    expected = mel.dct_matrix(20, N_MELS) @ slots[:, pool.layout.mel].mean(axis=0)
    np.testing.assert_allclose(vector[:19], expected[1:], atol=2e-3)  # float32 sums of 64 values up to 100 dB


@settings(max_examples=20)
@given(seed=st.integers(0, 100), n=st.integers(SHORTEST, 27), gain=st.floats(-40.0, 40.0))
def test_statistics_do_not_know_the_level(seed: int, n: int, gain: float) -> None:
    pool = SlotPool(embedding_model.shipped())
    window = np.random.default_rng(seed).normal(0.0, 5.0, (n, pool.layout.size)).astype(np.float32)
    louder = window.copy()
    louder[:, pool.layout.mel] += np.float32(gain)
    statistics = Statistics(pool.layout)
    np.testing.assert_allclose(statistics(louder), statistics(window), atol=5e-3)  # float32 at 40 dB offset


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 40), min_size=1), silent=st.integers(0, 900))
def test_moods_do_not_depend_on_how_many_hops_come_at_once(
    cuts: list[int], silent: int, model: MoodModel, music: F32
) -> None:
    signal = np.ones(len(music), dtype=bool)
    signal[silent : silent + 30] = False
    whole = MoodStream(MoodSettings(), model).push(Hops.of(music), signal)
    stream, parts, at = MoodStream(MoodSettings(), model), [], 0
    for size in np.resize(cuts, len(music)).tolist():
        parts += stream.push(Hops.of(music[at : at + size], (at + 1) * HOP), signal[at : at + size])
        at += size
    assert parts == whole


@pytest.mark.parametrize("kind", ["white noise", "hum", "whistle"])
def test_what_is_not_music_gets_little_confidence(model: MoodModel, kind: str) -> None:
    t = np.arange(8 * ANALYSIS_RATE) / ANALYSIS_RATE
    signal = {
        "white noise": np.random.default_rng(0).standard_normal(t.size),
        "hum": np.sign(np.sin(2 * np.pi * 50 * t)),
        "whistle": np.sin(2 * np.pi * 440 * t),
    }[kind]
    last = moods(MoodStream(MoodSettings(), model), features((0.1 * signal).astype(np.float32)))[-1]
    assert last.confidence < 0.1
    assert not last.music
