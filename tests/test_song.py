"""A song as a whole: laws of the structure that pictures, tables, pages and the dashboard read."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Onset, seconds
from streammood.songs.song import Song

LABELS = ("day", "night")
HEARD = 2.5  # s, from the middle of what an answer hears to the answer


def beat(time: float, number: int = 0) -> Beat:
    sample = round(time * ANALYSIS_RATE)
    return Beat(sample, sample, 120.0, 0.5, True, number, 1, 0.25)


def mood(time: float, label: str) -> Mood:
    sample = round(time * ANALYSIS_RATE)
    share = {"day": (0.8, 0.2), "night": (0.1, 0.9)}[label]
    return Mood(sample, sample, 0.5, -0.5, dict(zip(LABELS, share, strict=True)), label, max(share), False)


def song(*events: Event, duration: float = 20.0) -> Song:
    return Song.of("x.wav", duration, LABELS, events, None)


def half_seconds(first: float, end: float, label: str) -> list[Mood]:
    return [mood(first + 0.5 * i, label) for i in range(round((end - first) / 0.5))]


def test_each_beat_has_the_mood_that_was_answered_half_a_window_later() -> None:
    moods = [*half_seconds(2.5, 10.0, "day"), *half_seconds(10.0, 20.0, "night")]
    beats = [beat(0.1 + 0.5 * i) for i in range(38)]
    for at, found in zip(beats, song(*beats, *moods).beat_moods(), strict=True):
        assert found is not None
        assert found.label == ("day" if seconds(at.sample) < 10.0 - HEARD else "night")


def test_without_a_mood_beats_stay_and_have_none() -> None:
    written = song(beat(1.0), beat(1.5)).to_dict()
    assert written["mood"] is None
    assert [row["mood"] for row in written["beats"]] == [None, None]
    assert written["stretches"] == []


def test_stretches_leave_out_silence_and_reach_the_end() -> None:
    # Music until 8 s, heard until the gate closes at 11 s; again from 15 s, first answered at 17.5 s.
    moods = [*half_seconds(2.5, 6.0, "day"), *half_seconds(6.0, 11.0, "night"), *half_seconds(17.5, 20.0, "night")]
    parts = song(*moods).stretches()
    assert [part.label for part in parts] == ["day", "night", "night"]
    assert parts[0].start == 0.0
    assert parts[0].end == parts[1].start == 6.0 - HEARD
    assert 8.0 <= parts[1].end <= 10.0
    assert parts[2].start == 15.0
    assert parts[2].end == 20.0


@given(
    times=st.lists(st.integers(0, 400), max_size=40, unique=True),
    labels=st.lists(st.sampled_from(LABELS), min_size=40, max_size=40),
    order=st.randoms(use_true_random=False),
)
def test_stretches_follow_each_other_and_are_the_moods(times: list[int], labels: list[str], order: object) -> None:
    moods = [mood(time / 10, label) for time, label in zip(times, labels, strict=False)]
    whole = song(*moods, duration=41.0)
    shuffled = list(moods)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert song(*shuffled, duration=41.0) == whole
    parts = whole.stretches()
    for before, after in pairwise(parts):
        assert before.end <= after.start
    assert all(0.0 <= part.start <= part.end <= 41.0 for part in parts)
    for time, said in zip(whole.mood_times, whole.moods, strict=True):
        holding = [part for part in parts if part.start <= time <= part.end]
        assert said.label in {part.label for part in holding}


def test_the_document_is_plain_json_and_says_what_the_events_said() -> None:
    whole = mood(20.0, "night")
    events: list[Event] = [beat(1.0, 1), beat(1.5, 2), *half_seconds(2.5, 20.0, "day"), Onset(44_100, 44_200, 0.75)]
    written = Song.of("x.wav", 20.0, LABELS, events, whole).to_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written["version"] == 1
    assert written["labels"] == list(LABELS)
    assert written["bpm"] == 120.0
    assert written["mood"] == {
        "valence": 0.5,
        "arousal": -0.5,
        "probabilities": {"day": 0.1, "night": 0.9},
        "label": "night",
        "confidence": 0.9,
    }
    first, second = written["beats"]
    assert (first["time"], first["number"], second["time"], second["number"]) == (1.0, 1, 1.5, 2)
    assert (first["bpm"], first["confidence"], first["locked"], first["bar_confidence"]) == (120.0, 0.5, True, 0.25)
    assert first["mood"]["label"] == "day"
    assert written["onsets"] == [{"time": 1.0, "strength": 0.75}]
    assert written["moods"][2]["time"] == pytest.approx(1.0)
