"""The trust report: a mistake has a beginning and an end, and what is right is none."""

from __future__ import annotations

from benchmarks.trust import Mistake, Stretch, mistakes, sent
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood

SET = [Stretch("music", 0.0, 30.0), Stretch("speech", 30.0, 50.0)]


def mood(at: float, label: str = "happy", confidence: float = 0.8) -> Mood:
    sample = round(at * ANALYSIS_RATE)
    return Mood(sample, sample, 0.1, 0.1, {"happy": confidence}, label, confidence, changed=False)


def beat(at: float, locked: bool = True) -> Beat:
    sample = round(at * ANALYSIS_RATE)
    return Beat(sample, sample - 100, 120.0, 0.9, locked, 1, 1)


def test_what_is_sent_where_it_belongs_is_no_mistake() -> None:
    events: list[Event] = [
        mood(10.0),
        beat(10.5),
        mood(31.0),
        beat(30.9),
        mood(35.0, "", 0.0),
        beat(40.0, locked=False),
    ]
    assert mistakes(events, SET) == []


def test_neighbours_are_one_mistake_and_those_apart_are_two() -> None:
    events: list[Event] = [mood(20.0, "", 0.0), mood(36.0), mood(36.5), mood(37.0), mood(45.0), beat(40.0), beat(40.5)]
    assert mistakes(events, SET) == [
        Mistake("no mood in music", 20.0, 20.0),
        Mistake("a mood in speech", 36.0, 37.0),
        Mistake("a mood in speech", 45.0, 45.0),
        Mistake("locked beats in speech", 40.0, 40.5),
    ]


def test_shares_are_of_what_is_sent_after_the_wait() -> None:
    events: list[Event] = [
        mood(2.0, "", 0.0),
        mood(10.0),
        mood(12.0, "", 0.0),
        mood(40.0, "", 0.0),
        beat(41.0),
        beat(42.0),
    ]
    found = {kind: (round(minutes * 60.0), believed, beats) for kind, minutes, believed, beats in sent(events, SET)}
    assert found["music"] == (25, 0.5, 0.0)
    assert found["speech"][:2] == (17, 0.0)
    assert round(found["speech"][2] * 17.0 / 60.0) == 2
