"""What receivers get, decoded by a parser that is not ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streammood.config import TargetSettings
from streammood.errors import ConfigError
from streammood.events import (
    ANALYSIS_RATE,
    Beat,
    Event,
    Level,
    Mood,
    Onset,
    Section,
    SongChange,
    Status,
    Structure,
    Tempo,
)
from streammood.outputs.osc_target import OscTarget
from streammood.protocol.signals import TRIGGERS, VALUES
from tests.receiver import Message, Receiver

LABELS = ("happy", "aggressive", "sad", "calm")

PERIOD = ANALYSIS_RATE / 2  # 120 BPM
BEAT = Beat(44_100, 40_000, 120.0, 0.9, True, 1, 17)
TEMPO = Tempo(44_100, 44_100, 120.0, 0.8, True, 44_100.0, PERIOD)
LEVEL = Level(44_100, 44_100, 0.5, 0.4, 0.3, 0.2, 0.6, -30.0, True)
STATUS = Status(44_100, 44_100, True, 7, 0.0021)


def mood(label: str = "happy", changed: bool = True, valence: float = 0.5) -> Mood:
    return Mood(1, 2, valence, -0.25, dict(zip(LABELS, (0.4, 0.3, 0.2, 0.1), strict=True)), label, 0.4, changed)


def sent(settings: dict[str, Any], script: list[tuple[float, Event | None]], unlocked: bool = False) -> list[Message]:
    """Play ``script`` (time in s, event or None to only poll) into a target; what arrived."""
    with Receiver() as receiver:
        target = OscTarget(
            TargetSettings.model_validate({"port": receiver.port, **settings}),
            LABELS,
            lambda now: now * ANALYSIS_RATE,
            unlocked=unlocked,
        )
        for now, event in script:
            if event is not None:
                target.send(event, now)
            target.poll(now)
        target.close()
        return receiver.messages(0.05)


def values(messages: list[Message], address: str) -> list[object]:
    return [m.value for m in messages if m.address == address]


def test_default_addresses_one_number_each() -> None:
    structure: list[Event] = [
        Structure(1, 1, 0.7, 0.2, True, 4, 3, 5, 0.8, 3, 0.6, 9, True, 0.5),
        SongChange(1, 1, 0.8, 200.0, 128.0, 9, True, 0.5, "happy", 0.4, 0.3, 0.7),
        Section(1, 1, "drop", 0.8, 8, True),
    ]
    events: list[Event] = [LEVEL, TEMPO, BEAT, Onset(1, 2, 0.5), mood(), *structure, STATUS]
    messages = sent({}, [(float(i), event) for i, event in enumerate(events)])
    got = {m.address.removeprefix("/streammood/") for m in messages}
    assert got == (TRIGGERS | VALUES - {"mood/label"}) | {f"mood/{label}" for label in LABELS}
    for m in messages:
        assert len(m.arguments) == 1
        assert type(m.value) in (float, int)
    whole = {"beat", "downbeat", "onset", "mood/changed", "beat/number", "beat/count", "beat/locked", "mood/index"}
    whole |= {"level/clipping", "beat/meter", "drop", "breakdown", "phrase/countin", "music"}
    whole |= {"section/changed", "section/index", "section/bars", "section/kind"}
    whole |= {"song/changed", "key", "key/minor"}
    shares = {"status/latency", "status/load"}
    for m in messages:
        name = m.address.removeprefix("/streammood/")
        assert (type(m.value) is int) == (name in whole or (name.startswith("status/") and name not in shares)), m
    assert values(messages, "/streammood/bpm")[0] == 120.0
    assert values(messages, "/streammood/mood/arousal")[0] == -0.25
    assert values(messages, "/streammood/status/lost")[0] == 7
    assert values(messages, "/streammood/status/latency")[0] == pytest.approx(2.1)


def test_triggers_fall_back_after_the_hold_time() -> None:
    messages = sent({"hold": 0.05}, [(1.0, BEAT), (1.04, None), (1.06, None), (1.2, None)])
    assert values(messages, "/streammood/beat") == [1, 0, 0]  # the last one when it closes
    before_release = sent({"hold": 0.05}, [(1.0, BEAT), (1.04, None)])
    assert values(before_release, "/streammood/beat") == [1, 0]  # only the one of closing


def test_a_trigger_that_comes_again_while_held_is_an_edge_again() -> None:
    messages = sent({"hold": 1.0}, [(1.0, Onset(1, 2, 1.0)), (1.1, Onset(3, 4, 1.0))])
    assert values(messages, "/streammood/onset") == [1, 0, 1, 0]


def test_downbeats_only_when_known() -> None:
    unknown = Beat(44_100, 40_000, 120.0, 0.9, True, 0, 17)
    assert values(sent({}, [(1.0, unknown)]), "/streammood/downbeat") == []
    assert values(sent({}, [(1.0, BEAT)]), "/streammood/downbeat") == [1, 0]


@pytest.mark.parametrize("unlocked", [False, True])
def test_tempo_and_beats_leave_only_while_locked_unless_all_are_asked_for(unlocked: bool) -> None:
    lost: list[Event] = [replace(TEMPO, bpm=90.0, locked=False), replace(BEAT, locked=False, count=18)]
    events: list[Event] = [*lost, TEMPO, BEAT, *lost]
    script: list[tuple[float, Event | None]] = [(float(i), event) for i, event in enumerate(events)]
    messages = sent({"hold": 0.05, "resend": 0.4}, [*script, *((6.0 + t / 5, None) for t in range(10))], unlocked)
    count = values(messages, "/streammood/beat/count")
    assert values(messages, "/streammood/beat").count(1) == (3 if unlocked else 1)
    assert set(count) == ({17, 18} if unlocked else {17})
    assert (90.0 in values(messages, "/streammood/bpm")) is unlocked
    assert values(messages, "/streammood/bpm")
    assert values(messages, "/streammood/beat/locked")[0] == 0
    assert values(messages, "/streammood/beat/confidence")
    assert bool(values(messages, "/streammood/beat/phase")[4:]) is unlocked  # no more once the lock is lost


def test_flowing_values_keep_to_the_rate_and_the_last_one_arrives() -> None:
    hops = [(i / 500, Level(i, i, i / 1000, 0, 0, 0, 0, -30.0, True)) for i in range(501)]
    messages = sent({"rate": 60, "resend": 60}, [*hops, (1.1, None)])
    got = values(messages, "/streammood/level/rms")
    assert 50 <= len(got) <= 62
    assert got[-1] == pytest.approx(0.5)


def test_state_is_sent_again() -> None:
    messages = sent({"resend": 0.5}, [(0.0, TEMPO), *[(t / 10, None) for t in range(1, 31)]])
    assert len(values(messages, "/streammood/bpm")) == pytest.approx(7, abs=1)


def test_phase_is_that_of_the_moment_of_sending() -> None:
    messages = sent({"rate": 60, "resend": 0.25}, [(1.0, TEMPO), (1.25, None), (1.375 + 0.2, None)])
    assert values(messages, "/streammood/beat/phase") == pytest.approx([0.0, 0.5, 0.15], abs=1e-3)


def test_nothing_out_of_range_ever() -> None:
    nan = float("nan")
    events: list[Event] = [
        Level(1, 1, nan, 2.0, -1.0, nan, 9.0, nan, True),
        Mood(1, 1, nan, 5.0, dict.fromkeys(LABELS, nan), "sad", nan, True),
    ]
    for message in sent({}, [(float(i), event) for i, event in enumerate(events)]):
        assert -1.0 <= float(message.value) <= 2.0


def test_label_only_when_asked() -> None:
    assert values(sent({"label": True}, [(0.0, mood("sad"))]), "/streammood/mood/label") == ["sad"]
    assert values(sent({}, [(0.0, mood("sad"))]), "/streammood/mood/label") == []


def test_map_scales_bounds_conditions_and_counts() -> None:
    entries = [
        {"from": "bpm", "to": "/tempo", "in": [20, 500], "out": [0, 1], "when": "beat/locked"},
        {"from": "mood/valence", "to": "/v", "in": [-1, 1], "out": [10, 20]},
        {"from": "mood/changed", "to": "/sad", "when": "mood/index == 2"},
        {"from": "beat", "to": "/fourth", "every": 4},
        {"from": "level/rms", "to": "/down", "in": [0, 1], "out": [1, 0]},
    ]
    unlocked = Tempo(1, 1, 999.0, 0.1, False, 0.0, PERIOD)
    script: list[tuple[float, Event | None]] = [(0.0, unlocked), (1.0, TEMPO), (2.0, mood("happy")), (3.0, mood("sad"))]
    script += [(4.0 + i, BEAT) for i in range(8)]
    script += [(20.0, Level(1, 1, 0.25, 0, 0, 0, 0, -45.0, True))]
    messages = sent({"defaults": False, "map": entries}, script)
    assert set(values(messages, "/tempo")) == {np.float32(100 / 480)}
    assert set(values(messages, "/v")) == {17.5}
    assert values(messages, "/sad") == [1, 0, 0, 0]  # released, told once more, and when it closes
    assert values(messages, "/fourth") == [1, 0, 0, 1, 0, 0, 0]
    assert set(values(messages, "/down")) == {0.75}


def test_a_mood_the_model_does_not_know_is_refused() -> None:
    settings = TargetSettings.model_validate({"map": [{"from": "mood/grumpy", "to": "/x"}]})
    with pytest.raises(ConfigError, match=r"mood/grumpy.*happy, aggressive"):
        OscTarget(settings, LABELS, lambda now: now)


def test_a_target_that_is_away_delays_nobody() -> None:
    """Nobody listens on the port: sending goes on, and nothing is raised."""
    with Receiver() as receiver:
        port = receiver.port
    target = OscTarget(TargetSettings(port=port), LABELS, lambda now: now)
    for i in range(200):
        target.send(LEVEL, float(i))
    target.close()
