"""The whole analysis: the laws that a stage can rely on, and what it hears in the synthesiser's music."""

from __future__ import annotations

from itertools import pairwise

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.demo.synth import DEMO, SILENCE, Rendered, render, steady
from streammood.events import ANALYSIS_RATE, F32, Beat, Event, Level, Mood, Onset, Tempo
from streammood.models import Models

SETTINGS = config.load()


@pytest.fixture(scope="module")
def models() -> Models:
    return Models.load(SETTINGS)


@pytest.fixture(scope="module")
def at_48k() -> F32:
    return render(steady("aggressive", 150.0, 8.0), 48_000).sound


def listen(analyzer: AnalysisChain, sound: F32, cuts: list[int] | None = None) -> list[Event]:
    ends = np.cumsum(np.resize(cuts or [4096], sound.size // min(cuts or [4096]) + 1))
    return [event for block in np.split(sound, ends[ends < sound.size]) for event in analyzer.push(block)]


@given(cuts=st.lists(st.integers(16, 6000), min_size=1, max_size=8))
@given_settings(max_examples=8)
@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_no_cut_changes_any_event(rate: int, cuts: list[int], music: Rendered, at_48k: F32, models: Models) -> None:
    sound = music.sound[: 6 * 44_100] if rate == 44_100 else at_48k
    whole = listen(AnalysisChain(SETTINGS, rate, models), sound)
    assert listen(AnalysisChain(SETTINGS, rate, models), sound, cuts) == whole
    assert {type(event) for event in whole} >= {Beat, Level, Mood, Onset, Tempo}


def test_later_sound_never_changes_earlier_events(music: Rendered, models: Models) -> None:
    rng = np.random.default_rng(4)
    until = 5 * ANALYSIS_RATE
    sound = music.sound[: 9 * ANALYSIS_RATE].copy()
    first = [e for e in listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), sound) if e.decided <= until]
    sound[until:] = rng.uniform(-1, 1, sound.size - until)
    second = [e for e in listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), sound) if e.decided <= until]
    assert first == second
    assert len(first) > 400


@pytest.mark.parametrize("kinds", [{Level}, {Onset}, {Beat, Onset}])
def test_events_are_the_same_where_others_are_not_made(
    kinds: set[type[Event]], music: Rendered, models: Models
) -> None:
    sound = music.sound[: 8 * ANALYSIS_RATE]
    every = listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models, {Level, Onset, Beat, Tempo}), sound)
    some = listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models, kinds), sound)
    assert some == [event for event in every if type(event) in kinds]


def test_reset_equals_new(music: Rendered, at_48k: F32, models: Models) -> None:
    used, new = AnalysisChain(SETTINGS, 48_000, models), AnalysisChain(SETTINGS, 48_000, models)
    listen(used, music.sound[: 5 * 44_100])
    used.reset()
    assert listen(used, at_48k) == listen(new, at_48k)
    assert used.summary() == new.summary()


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_the_desks_level_changes_neither_beats_nor_mood(gain: float, music: Rendered, models: Models) -> None:
    sound = 0.3 * music.sound
    plain, loud = (
        listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), g * sound) for g in (np.float32(1), np.float32(gain))
    )
    beats = [np.array([e.sample for e in events if isinstance(e, Beat)]) / ANALYSIS_RATE for events in (plain, loud)]
    assert mir_eval.beat.f_measure(beats[0], beats[1], 0.02) > 0.9
    moods = [[e for e in events if isinstance(e, Mood)] for events in (plain, loud)]
    for a, b in zip(*moods, strict=True):
        assert a.valence == pytest.approx(b.valence, abs=0.1)
        assert a.arousal == pytest.approx(b.arousal, abs=0.1)


@pytest.mark.parametrize(("mood", "bpm"), [("happy", 120.0), ("aggressive", 150.0), ("happy", 128.0)])
def test_beats_are_those_of_the_synthesiser(mood: str, bpm: float, models: Models) -> None:
    truth = render(steady(mood, bpm, 16.0), ANALYSIS_RATE)
    events = listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), truth.sound)
    fired = np.array([max(e.sample, e.decided) for e in events if isinstance(e, Beat)]) / ANALYSIS_RATE
    known = np.array([beat.sample for beat in truth.beats]) / ANALYSIS_RATE
    trim = mir_eval.beat.trim_beats
    assert mir_eval.beat.f_measure(trim(known), trim(np.sort(fired))) > 0.9
    locked = [e for e in events if isinstance(e, Tempo) and e.locked]
    assert locked[-1].bpm == pytest.approx(bpm, rel=0.02)


def test_every_part_of_the_demo_is_heard_as_the_mood_that_it_plays(models: Models) -> None:
    demo = render(DEMO, ANALYSIS_RATE)
    moods = [e for e in listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), demo.sound) if isinstance(e, Mood)]
    for start, end, section in demo.sections:
        if section.mood != SILENCE:
            late = [mood.label for mood in moods if start + 6 * ANALYSIS_RATE <= mood.decided < end]
            assert set(late) == {section.mood}, f"from {start / ANALYSIS_RATE:.0f} s"


def test_beats_count_up_and_come_once(music: Rendered, models: Models) -> None:
    beats = [e for e in listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), music.sound) if isinstance(e, Beat)]
    assert [b.count for b in beats] == list(range(1, len(beats) + 1))
    assert all(b.sample > a.sample for a, b in pairwise(beats))


def test_after_silence_there_are_neither_beats_nor_moods(music: Rendered, models: Models) -> None:
    silence = np.zeros(8 * ANALYSIS_RATE, dtype=np.float32)
    analyzer = AnalysisChain(SETTINGS, ANALYSIS_RATE, models)
    listen(analyzer, music.sound)
    events = listen(analyzer, silence)
    quiet = music.sound.size + 4 * ANALYSIS_RATE
    assert not [e for e in events if isinstance(e, Beat | Onset | Mood) and e.decided > quiet]
    last = [e for e in events if isinstance(e, Tempo)][-1]
    assert not last.locked
    assert last.bpm == pytest.approx(120.0, abs=3)  # kept for show


@pytest.mark.parametrize("kind", ["silence", "dc", "nan", "clipped", "impulses"])
def test_whatever_comes_the_numbers_stay_numbers(kind: str, models: Models) -> None:
    n = 6 * ANALYSIS_RATE
    t = np.arange(n)
    sound = {
        "silence": np.zeros(n),
        "dc": np.full(n, 0.5),
        "nan": np.where(t % 50 == 0, np.nan, 0.1 * np.sin(t / 20)),
        "clipped": np.clip(10 * np.sin(t / 30), -1, 1),
        "impulses": (t % 10_000 == 0) * 1.0,
    }[kind].astype(np.float32)
    analyzer = AnalysisChain(SETTINGS, ANALYSIS_RATE, models)
    for event in listen(analyzer, sound):
        for name in event.__slots__:
            value = getattr(event, name)
            if isinstance(value, float):
                assert np.isfinite(value), event
    assert analyzer.not_finite == (n // 50 if kind == "nan" else 0)


def test_lost_samples_move_the_clock_and_beats_go_on(music: Rendered, models: Models) -> None:
    analyzer = AnalysisChain(SETTINGS, ANALYSIS_RATE, models)
    lost = ANALYSIS_RATE // 4
    listen(analyzer, music.sound[: 8 * ANALYSIS_RATE])
    analyzer.skip(lost)
    rest = music.sound[8 * ANALYSIS_RATE + lost :]
    events = listen(analyzer, rest)
    assert events[0].sample > 8 * ANALYSIS_RATE + lost
    fired = np.array([e.sample for e in events if isinstance(e, Beat)])
    known = np.array([beat.sample for beat in music.beats])
    errors = [np.min(np.abs(known - sample)) for sample in fired]
    assert np.median(errors) < 0.03 * ANALYSIS_RATE


def test_events_are_plain_python_values(music: Rendered, models: Models) -> None:
    for event in listen(AnalysisChain(SETTINGS, ANALYSIS_RATE, models), music.sound[: 5 * ANALYSIS_RATE]):
        for name in event.__slots__:
            assert type(getattr(event, name)) in (int, float, bool, str, dict), (event, name)
