"""Songs of a set: another song is found in a splice and after a pause, and its key is the one that is played."""

from __future__ import annotations

import numpy as np
import pytest

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.demo.synth import ScoreSection, render
from streammood.events import F32, Event, SongChange, Structure, seconds
from streammood.log import rows
from streammood.models import Models
from streammood.protocol.signals import values

RATE = 44_100


def heard(sound: F32, block: int = 16_384) -> tuple[list[Event], SongChange | None]:
    settings = config.load()
    chain = AnalysisChain(settings, RATE, Models.load(settings), {SongChange, Structure})
    found = [event for at in range(0, sound.size, block) for event in chain.push(sound[at : at + block])]
    return found, chain.song()


def changes(events: list[Event]) -> list[SongChange]:
    return [event for event in events if isinstance(event, SongChange)]


def song(mood: str, bpm: float, seconds_: float) -> F32:
    bars = int(seconds_ * bpm / 240.0) + 1
    return render((ScoreSection(mood, bpm, bars),), RATE, 3).sound[: int(seconds_ * RATE)].astype(np.float32)


@pytest.fixture(scope="module")
def pair() -> F32:
    return np.concatenate([song("happy", 120.0, 30.0), song("aggressive", 158.0, 25.0)])


@pytest.fixture(scope="module")
def events(pair: F32) -> list[Event]:
    return heard(pair)[0]


def test_a_splice_begins_another_song(events: list[Event]) -> None:
    (change,) = changes(events)
    assert seconds(change.sample) == pytest.approx(30.0, abs=3.0)
    assert 8.0 < seconds(change.decided - change.sample) < 10.0  # eight seconds are heard, and the next ones compared
    assert change.length == pytest.approx(30.0, abs=3.0)
    assert change.bpm == pytest.approx(120.0, rel=0.02)
    assert {name: value for _, name, value in values(change)} == {"song/changed": 1}
    row = rows.line(change)
    assert row is not None
    assert (row["event"], row["length"]) == ("song", round(change.length, 3))


def test_songs_do_not_depend_on_blocks(pair: F32, events: list[Event]) -> None:
    assert heard(pair, 1_111)[0] == events


def test_a_pause_ends_a_song_and_the_end_of_the_file_the_last() -> None:
    part = song("happy", 120.0, 16.0)
    found, last = heard(np.concatenate([part, np.zeros(6 * RATE, dtype=np.float32), part]))
    (change,) = changes(found)
    assert seconds(change.sample) == pytest.approx(22.0, abs=0.6)
    assert last is not None
    assert last.length == pytest.approx(16.0, abs=0.6)


def test_silence_is_no_song() -> None:
    found, last = heard(np.zeros(5 * RATE, dtype=np.float32))
    assert not changes(found)
    assert last is None


def test_the_key_is_known_after_eight_seconds_and_not_before() -> None:
    times = np.arange(14 * RATE) / RATE
    chords = [[220.0, 261.63, 329.63], [293.66, 349.23, 440.0], [164.81, 196.0, 246.94], [220.0, 261.63, 329.63]]
    sound = np.zeros(times.size, dtype=np.float32)
    for number, chord in enumerate(chords * 4):
        now = (times >= number) & (times < number + 1)
        for pitch in chord:
            sound[now] += 0.1 * np.sin(2 * np.pi * pitch * times[now])
    states = [event for event in heard(sound)[0] if isinstance(event, Structure)]
    assert {state.key for state in states if seconds(state.sample) < 7.5} == {-1}
    assert {(state.key, state.minor) for state in states if seconds(state.sample) > 10.0} == {(9, True)}
