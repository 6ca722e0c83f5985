"""A night fired again: rows become the events that they were, each at its time, at real receivers too."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.cli.night_commands import seconds_of
from streammood.demo.synth import render, steady
from streammood.engine.replay import Replay, Rows, labels_of
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Onset, Status, Tempo
from streammood.log import rows
from streammood.models import Models
from streammood.outputs import SampleNow, Sink
from streammood.protocol.commands import Answer, Command
from tests.outputs import Made
from tests.receiver import Receiver
from tests.test_cli import streammood


@pytest.fixture(scope="module")
def night() -> list[dict[str, Any]]:
    """The rows of some seconds of music, with a status and a command in between."""
    settings = config.load()
    events: list[Event] = AnalysisChain(settings, ANALYSIS_RATE, Models.load(settings)).push(
        render(steady("aggressive", 128.0, 12.0), ANALYSIS_RATE).sound
    )
    made = [rows.header("demo", ANALYSIS_RATE), *filter(None, map(rows.line, events))]
    status = rows.line(Status(5 * ANALYSIS_RATE, 5 * ANALYSIS_RATE, True, 0, 0.004))
    assert status is not None
    made.insert(len(made) // 2, status)
    made.insert(len(made) // 2, rows.action(6.0, Command("panic"), Answer("panic", True)))
    return made


def test_rows_become_the_events_that_they_were(night: list[dict[str, Any]]) -> None:
    again = [rows.line(event) for event in Rows().events(night)]
    assert again == [row for row in night if row["event"] not in {"stream", "command"}]
    moods = [event for event in Rows().events(night) if isinstance(event, Mood)]
    assert [mood.changed for mood in moods] == [
        i == 0 or mood.label != moods[i - 1].label for i, mood in enumerate(moods)
    ]
    assert labels_of(next(row for row in night if row["event"] == "mood")) == ("happy", "aggressive", "calm", "sad")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time", 1e300),
        ("time", -5.0),
        ("decided", float("nan")),
        ("decided", 32 * 24 * 3600.0),
        ("bpm", float("inf")),
        ("bpm", 1e308),
        ("confidence", float("nan")),
        ("count", -(10**40)),
        ("number", "one"),
        ("bpm", None),
    ],
)
def test_rows_with_values_of_no_night_are_left_out(night: list[dict[str, Any]], name: str, value: Any) -> None:
    beats = [row for row in night if row["event"] == "beat"]
    made = Rows()
    assert len(list(made.events([beats[0], beats[1] | {name: value}, beats[2]]))) == 2
    assert (made.left_out, made.count) == (1, 2)


@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff\xfb\x90" * 1000 + b'\n{"event": "beat"}\n'])
def test_a_file_that_is_no_log_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    done = streammood("replay", str(path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("song.mp3: no events; give an event log of `run --events`")


def test_a_pipe_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for command in (("replay",), ("report", "--out", str(tmp_path / "x.html"))):
        done = streammood(*command, str(tmp_path / "pipe"))
        assert done.returncode == 1
        assert "is a pipe or a device; save the log as a file first" in done.stderr


def test_runs_of_one_log_follow_each_other(night: list[dict[str, Any]]) -> None:
    once = list(Rows().events(night))
    twice = list(Rows().events(night * 2))
    assert len(twice) == 2 * len(once)
    end = max(event.sample for event in once)
    assert [event.sample for event in twice[len(once) :]] == pytest.approx([e.sample + end for e in once], abs=1)


def test_what_is_no_event_is_left_out_and_counted(night: list[dict[str, Any]]) -> None:
    broken: list[Any] = [
        {"event": "beat"},
        {"event": "beat", "time": "x", "decided": 0},
        {"event": "onset", "time": 1e999, "decided": 0.0, "strength": 1.0},
        {"event": "chorus", "time": 1.0, "decided": 1.0},
    ]
    found = Rows()
    assert len(list(found.events([*broken, *night]))) == len(list(Rows().events(night)))
    assert found.left_out == len(broken)
    assert [*rows.read(['{"event": "stream"}\n', "{\n", "[1]\n", "\0\xff\n", '{"a": 1}\n', "\n"])] == [
        {"event": "stream"}
    ]


class Ticking(Sink):
    """A sink that remembers when on the stream clock it was given each event."""

    def __init__(self, sample_now: SampleNow) -> None:
        self.got: list[tuple[float, Event]] = []
        self._sample_now = sample_now

    def send(self, event: Event, now: float) -> None:
        self.got.append((self._sample_now(now), event))

    def poll(self, now: float) -> float:
        return float("inf")

    def close(self) -> None: ...


@pytest.mark.parametrize(("start", "speed"), [(0.0, 20.0), (6.0, 4.0)])
def test_each_event_is_due_at_its_time(night: list[dict[str, Any]], start: float, speed: float) -> None:
    sinks: list[Ticking] = []

    def made(sample_now: SampleNow) -> Sequence[Sink]:
        sinks.append(Ticking(sample_now))
        return sinks

    replay = Replay(Made(made), start, speed)
    replay.run(night, threading.Event())
    got = [event for _, event in sinks[0].got if isinstance(event, Beat | Onset)]
    later = [event for event in Rows().events(night) if event.sample >= start * ANALYSIS_RATE]
    wanted = [event for event in later if isinstance(event, Beat | Onset)]
    assert sorted(event.sample for event in got) == pytest.approx(
        sorted((event.sample - start * ANALYSIS_RATE) / speed for event in wanted), abs=1
    )
    assert all(given >= event.sample - 1 for given, event in sinks[0].got), "nothing is fired before its time"
    bpm = {round(event.bpm / speed, 2) for event in got if isinstance(event, Beat)}
    assert bpm == {round(event.bpm, 2) for event in wanted if isinstance(event, Beat)}
    last = next(event for _, event in reversed(sinks[0].got) if isinstance(event, Beat))
    tempo = next(event for _, event in reversed(sinks[0].got) if isinstance(event, Tempo) and event.period)
    assert abs((last.sample - tempo.anchor) / tempo.period) < 0.05


def test_a_log_reaches_a_receiver(night: list[dict[str, Any]], tmp_path: Path) -> None:
    log = tmp_path / "night.jsonl"
    log.write_text("".join(map(rows.to_text, night)) + '{"event": "be', encoding="utf-8")
    with Receiver() as receiver:
        done = streammood(
            "replay", str(log), "--from", "0:06", "--speed", "4", "--target", f"127.0.0.1:{receiver.port}"
        )
        assert done.returncode == 0, done.stderr
        got = receiver.messages(0.1)
    beats = [message for message in got if message.address == "/streammood/beat" and message.value == 1]
    locked = [row for row in night if row["event"] == "beat" and row["time"] >= 6.0 and row["locked"]]
    assert len(beats) == len(locked) > 8
    last = {message.address: message.value for message in got}
    assert last["/streammood/beat"] == 0
    assert last["/streammood/status/alive"] == 0
    assert 0 <= last["/streammood/mood/index"] < 4  # type: ignore[operator]
    assert f"{json.dumps(str(log))[1:-1]} from 0:06 at 4 x" in done.stdout


def test_what_cannot_be_replayed_says_why(tmp_path: Path) -> None:
    done = streammood("replay", str(tmp_path / "none.jsonl"))
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert [seconds_of(text) for text in ("90", "12:30", "1:02:03.5")] == [90.0, 750.0, 3723.5]
    with pytest.raises(ConfigError, match="MM:SS"):
        seconds_of("half past")
