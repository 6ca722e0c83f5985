"""A long night: inputs that go and come back changed, machines that are too slow, disks that fill up."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

from streammood import config
from streammood.capture import Deliver
from streammood.capture.health import InputState
from streammood.demo.synth import render, steady
from streammood.dsp.jit import kernel
from streammood.engine.free_run import FreeRun
from streammood.engine.live import Engine
from streammood.engine.load import Load, Shed
from streammood.engine.scheduler import Firing
from streammood.errors import SinkError
from streammood.events import ANALYSIS_RATE, F32, Beat, Event, Level, Mood, Onset, Status, Tempo
from streammood.log.event_log import EventLog
from streammood.log.last_run import LastRun
from streammood.log.notes import Notes
from streammood.log.writer import Logbook
from streammood.models import Models
from streammood.models.mood_model import MoodModel
from streammood.outputs import Sink
from tests.outputs import Made
from tests.test_engine import Collect, Scripted
from tests.waiting import wait_for

RATE = ANALYSIS_RATE
TEMPO = Tempo(44_100, 44_100, 120.0, 0.8, True, anchor=44_000.0, period=22_050.0, count=7, number=3, meter=4)


@pytest.fixture(scope="module")
def models() -> Models:
    settings = config.load()
    return Models.load(settings)


Start = Callable[..., tuple[Engine, Scripted, Collect]]


@pytest.fixture
def start(models: Models) -> Iterator[Start]:
    engines: list[Engine] = []

    def begin(*sinks: Sink, source: Scripted | None = None, **changed: Any) -> tuple[Engine, Scripted, Collect]:
        source, collect = source or Scripted(), Collect()
        settings = config.load(None, {key.replace("__", "."): value for key, value in changed.items()})
        engine = Engine(settings, source, models, Made(lambda now: [*sinks, collect]), EventLog(io.StringIO()))
        engine.start()
        engines.append(engine)
        return engine, source, collect

    yield begin
    for engine in engines:
        engine.stop()


def of(kind: type[Any], collect: Collect) -> list[Any]:
    return [event for _, event in list(collect.got) if isinstance(event, kind)]


def states(collect: Collect) -> list[int]:
    return [event.input for event in of(Status, collect)]


def last_state(collect: Collect, state: InputState) -> bool:
    return states(collect)[-1:] == [state]


def test_the_state_of_the_input_is_told(start: Start) -> None:
    engine, source, collect = start()
    now = time.monotonic()
    sounds: list[tuple[F32, InputState]] = [
        (np.full(5 * RATE, 0.25, np.float32), InputState.STUCK),
        ((0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32), InputState.FINE),
        (np.zeros(12 * RATE, np.float32), InputState.ZEROS),
    ]
    for sound, state in sounds:
        assert source.deliver is not None
        for block in np.split(sound, range(4096, sound.size, 4096)):
            now += block.size / RATE
            while engine._capture.waiting > 1.0:
                time.sleep(0.001)
            source.deliver(block, now, time.monotonic())  # values are due when their block arrives
        assert wait_for(partial(last_state, collect, state)), state
    notes = engine.take_notes()
    assert sum("stuck" in note for note in notes) == 1
    assert sum("zeros" in note for note in notes) == 1
    source.active = False
    source.refusals = 1000
    assert wait_for(lambda: states(collect)[-1] == InputState.GONE)
    assert not of(Level, collect)[-1].signal
    assert of(Level, collect)[-1].rms == 0.0


class Changed(Scripted):
    """Comes back at another rate, under another name."""

    def start(self, deliver: Deliver) -> None:
        super().start(deliver)
        if self.starts > 1:
            self.sample_rate, self.name = 48_000, "another"


def test_an_input_may_come_back_at_another_rate(start: Start) -> None:
    engine, source, collect = start(source=Changed(), input__buffer=15.0)
    music = render(steady("happy", 120.0, 6.0), 48_000).sound
    source.feed(music[: 2 * RATE])
    source.active = False
    assert wait_for(lambda: engine.now.connected and source.starts >= 2)
    began, base = time.monotonic(), engine._capture.sample
    for n, block in enumerate(np.split(music, range(480, music.size, 480))):
        assert source.deliver is not None
        source.deliver(block, began + (n + 1) * 0.01, time.monotonic())

    def heard() -> bool:
        """Whether levels have come to the end of what was delivered."""
        level = engine.now.level
        return level is not None and engine._capture.sample - level.sample < 1024

    assert wait_for(lambda: engine._capture.waiting == 0.0 and heard())
    assert engine._capture.sample - base == pytest.approx(6.0 * RATE, abs=1.0)  # as long as it was, whatever the rate
    samples = [level.sample for level in of(Level, collect)]
    assert samples == sorted(samples)
    assert "`another` is back" in " ".join(engine.take_notes())


def test_beats_that_run_on_keep_time_bar_and_count() -> None:
    free = FreeRun(TEMPO, 8, 44_100.0, 0.05)
    beats = [beat for sample in range(44_100, 44_100 + 5 * RATE, 900) for beat in free.beats(float(sample))]
    assert [beat.count for beat in beats] == list(range(9, 9 + len(beats)))
    assert len(beats) == 9
    assert [beat.number for beat in beats[:5]] == [1, 2, 3, 4, 1]
    np.testing.assert_allclose(np.diff([beat.sample for beat in beats]), 22_050, atol=1)
    assert all(-900 - 0.06 * RATE < beat.decided - beat.sample < 900 for beat in beats)
    assert free.count == beats[-1].count
    late = FreeRun(TEMPO, 8, 44_100.0 + 3 * RATE, 0.05)  # noticed after three seconds: those beats are over
    first = next(late.beats(44_100.0 + 4 * RATE))
    assert first.count == 9
    assert first.sample >= 44_100 + 3 * RATE
    assert first.number == 1 + (2 + round((first.sample - TEMPO.anchor) / TEMPO.period)) % 4


@pytest.mark.parametrize("after", [0.0, 1.0, 700.0, 21_000.0])
def test_a_beat_that_was_handed_out_early_is_not_repeated(after: float) -> None:
    """The eighth, at 66,050, was given before; if the input goes before it, the ninth comes next, a period later."""
    free = FreeRun(TEMPO, 8, 44_100.0 + after, 0.05)
    first = next(free.beats(44_100.0 + 2 * RATE))
    assert (first.count, first.sample) == (9, 88_100)


@pytest.mark.parametrize("lost", ["run", "stop"])
def test_beats_stop_or_run_while_the_input_has_gone(start: Start, lost: str) -> None:
    engine, source, collect = start(input__lost=lost, input__buffer=15.0)
    music = render(steady("happy", 120.0, 9.0), RATE).sound
    now = time.monotonic()
    for n, block in enumerate(np.split(music, range(441, music.size, 441))):
        assert source.deliver is not None
        source.deliver(block, now - 9.0 + (n + 1) * 0.01, now)
    assert wait_for(lambda: engine._capture.waiting == 0.0)
    assert wait_for(lambda: engine.now.tempo is not None and engine.now.tempo.locked)
    source.refusals, source.active = 1000, False
    assert wait_for(lambda: states(collect)[-1:] == [InputState.GONE])

    def unheard() -> list[Beat]:
        """Beats after the last sample, beyond those that were predicted from it."""
        return [beat for beat in of(Beat, collect) if beat.sample > music.size + engine._settings.beat.lookahead * RATE]

    if lost == "stop":
        time.sleep(1.2)  # two beats long
        assert unheard() == []
        assert of(Tempo, collect)[-1].period == 0.0
        assert of(Tempo, collect)[-1].bpm == pytest.approx(120.0, abs=2.0)
        return
    assert wait_for(lambda: len(unheard()) >= 4)
    beats = of(Beat, collect)
    counts = [beat.count for beat in beats]
    assert counts == list(range(1, len(counts) + 1))
    assert np.diff([beat.sample for beat in beats[-3:]]) == pytest.approx(22_050, rel=0.02)
    source.refusals = 1  # it is back, with silence: beats end
    assert wait_for(lambda: engine.now.connected)
    source.feed(np.zeros(4 * RATE, np.float32))
    assert wait_for(lambda: engine._free is None)


def test_load_leaves_out_one_thing_after_the_other_and_takes_them_up_again() -> None:
    load = Load()
    assert [load.update(0.001, 0.01, 0.0) for _ in range(300)][-1] == Shed.NOTHING
    assert load.share == pytest.approx(0.1, abs=0.01)
    course = [load.update(0.02, 0.01, 0.0) for _ in range(100)]
    assert course[-1] == Shed.MOODS
    assert course.index(Shed.VALUES) < course.index(Shed.MOODS)
    assert load.update(0.002, 0.01, 0.0) == Shed.MOODS
    calm = [load.update(0.002, 0.01, 0.0) for _ in range(600)]
    assert calm[-1] == Shed.NOTHING
    assert calm.index(Shed.VALUES) < calm.index(Shed.NOTHING)
    assert load.update(0.002, 0.01, 0.15) == Shed.VALUES  # behind, if not busy


def test_where_firing_is_late_only_the_newest_values_go_out() -> None:
    collect = Collect()
    firing = Firing([collect])
    now = time.monotonic()

    def level(sample: int) -> Level:
        return Level(sample, sample, 0.5, 0.5, 0.5, 0.5, 0.5, -20.0, True)

    batch: list[Event] = []
    for n in range(10):
        batch += [level(n), Onset(n, n, 1.0), Tempo(n, n, 120.0, 1.0, True, 0.0, 1.0)]
        batch += [
            Beat(n, n, 120.0, 1.0, True, 0, n),
            Mood(n, n, 0.0, 0.0, {"happy": 1.0}, "happy", 1.0, changed=n == 4),
        ]
    firing.submit([(now, event) for event in batch], now)
    firing.start()
    firing.stop()
    assert [event.sample for event in of(Level, collect)] == [9]
    assert [event.sample for event in of(Tempo, collect)] == [9]
    assert [event.sample for event in of(Mood, collect)] == [4, 9]  # a change is a trigger
    assert [event.sample for event in of(Beat, collect)] == list(range(10))
    assert [event.sample for event in of(Onset, collect)] == list(range(10))


def test_a_machine_that_is_too_slow_drops_values_then_moods_but_no_beat(
    start: Start, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mood model that takes as long as the sound lasts; beats are those of a machine that is quick enough."""
    engine, source, collect = start(input__buffer=20.0)
    whole = type(models.mood).__call__

    def slow(self: MoodModel, statistics: F32) -> Any:
        time.sleep(0.7)  # of the half second from mood to mood
        return whole(self, statistics)

    monkeypatch.setattr(MoodModel, "__call__", slow)
    music = render(steady("happy", 120.0, 12.0), RATE).sound
    assert source.deliver is not None
    began = time.monotonic()
    for n, block in enumerate(np.split(music, range(441, music.size, 441))):
        due = began + (n + 1) * 0.01
        time.sleep(max(0.0, due - time.monotonic()))
        source.deliver(block, due, time.monotonic())
    assert wait_for(lambda: engine._capture.waiting == 0.0)
    assert engine.lost == 0
    beats = [beat.count for beat in of(Beat, collect)]
    assert beats == list(range(1, len(beats) + 1))
    assert len(beats) >= 14  # of 24, some of them before the tempo is known
    assert len(of(Mood, collect)) < 15  # of 20
    assert len(of(Level, collect)) < 0.9 * 12 * RATE / 512
    assert max(status.load for status in of(Status, collect)) > 0.5
    assert any("too slow" in note for note in engine.take_notes())


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_event_log_rotates_and_each_file_begins_with_the_stream_line(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    log = EventLog.rotating(path, size=1000, files=3)
    first = {"event": "stream", "version": 1}
    log.write(first)
    for n in range(100):
        log.write({"event": "onset", "time": n})
    log.close()
    files = [tmp_path / name for name in ("night.jsonl.2", "night.jsonl.1", "night.jsonl")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    times = []
    for file in files:
        assert file.stat().st_size <= 1000
        head, *rest = lines(file)
        assert head == first
        times += [row["time"] for row in rest]
    assert times[-1] == 99
    assert all(b == a + 1 for a, b in pairwise(times))


def test_a_new_start_puts_the_old_log_aside(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    for n in range(2):
        log = EventLog.rotating(path, size=1000, files=3)
        log.write({"event": "stream", "run": n})
        log.close()
    assert lines(path)[0]["run"] == 1
    assert lines(tmp_path / "night.jsonl.1")[0]["run"] == 0


@contextlib.contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """A real limit of the system on the size of files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_log_that_met_a_full_disk_goes_on_when_there_is_space(tmp_path: Path) -> None:
    path, notes = tmp_path / "night.jsonl", Notes()
    book = Logbook(EventLog.rotating(path, size=100_000, files=3), notes, retry=0.05)
    book.start()
    book.write({"event": "stream"})
    told: list[str] = []

    def said(text: str) -> bool:
        told.extend(notes.to_show())
        return any(text in note for note in told)

    with full_disk(300):
        for n in range(100):
            book.write({"event": "onset", "time": n})
        assert wait_for(lambda: said("the event log stopped: File too large"))
        assert all(line for line in lines(path)), "the last row is whole"
    assert wait_for(lambda: said("the event log goes on"))
    book.close()
    assert [row.get("time") for row in lines(path)] == [None, *range(100)]
    assert len(told) == 2


def test_a_row_that_is_none_costs_one_row(tmp_path: Path) -> None:
    path, notes = tmp_path / "night.jsonl", Notes()
    book = Logbook(EventLog.rotating(path, size=100_000, files=3), notes)
    book.start()
    for time_of in (1.0, float("nan"), 2.0):
        book.write({"event": "onset", "time": time_of})
    book.close()
    assert [row["time"] for row in lines(path)] == [1.0, 2.0]
    failed, missing = notes.to_show()
    assert failed.startswith("the event log failed and goes on: ValueError")
    assert missing == "the event log misses 1 rows"


def test_a_log_that_another_program_writes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    log = EventLog.rotating(path, size=300, files=3)
    log.write({"event": "stream"})
    for _ in range(2):  # before and after the first has begun another file
        with pytest.raises(SinkError, match="another streammood writes this event log; choose another"):
            EventLog.rotating(path, size=1000, files=3)
        for n in range(20):
            log.write({"event": "onset", "time": n})
    log.close()
    EventLog.rotating(path, size=1000, files=3).close()


def test_a_disk_that_is_full_stops_the_log_not_the_show(tmp_path: Path) -> None:
    """A real limit of the system on the size of files, in a process of its own."""
    limit = 500

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    path = tmp_path / "night.jsonl"
    command = [sys.executable, "-m", "streammood.cli", "run", "--input", "demo", "--target", "127.0.0.1:9"]
    done = subprocess.run(
        [*command, "--events", str(path), "--duration", "6", "--set", "control.port=0"],
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the event log stopped: File too large") == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert path.stat().st_size <= limit
    assert "BPM" in done.stdout


def test_a_disk_that_is_full_keeps_no_kernel_from_being_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def full(_self: IndexDataCacheFile, key: object, _data: object) -> None:
        tried.append(str(key))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    assert kernel(lambda number: number + 1)(1) == 2
    assert len(tried) == 1


class Stuck(io.StringIO):
    """A log that is not read: writing does not return until the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def write(self, text: str) -> int:
        self.let.wait(20)
        return super().write(text)


def test_a_log_that_nobody_reads_holds_up_nobody(models: Models) -> None:
    log, source, collect = Stuck(), Scripted(), Collect()
    engine = Engine(config.load(), source, models, Made(lambda now: [collect]), EventLog(log))
    engine.start()
    source.feed((0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32))
    assert wait_for(lambda: engine._capture.waiting == 0.0 and of(Status, collect))
    assert log.getvalue() == ""
    log.let.set()
    engine.stop()
    rows = [json.loads(line) for line in log.getvalue().splitlines()]
    assert rows[0]["event"] == "stream"
    assert rows[-1]["event"] == "summary"
    assert len(rows) >= 3  # a status between them


def doctor(tmp_path: Path, *arguments: str, **environment: str) -> str:
    """What `streammood doctor` writes."""
    out = tmp_path / "report.txt"
    done = subprocess.run(
        [sys.executable, "-m", "streammood.cli", "doctor", "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "HOME": str(tmp_path)} | environment,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return out.read_text(encoding="utf-8")


def test_the_doctor_tells_everything_but_secrets(tmp_path: Path) -> None:
    settings = tmp_path / "venue.yaml"
    settings.write_text("dashboard: {token: hush-hush-hush-hush}\nbeat: {bpm_max: 181}\n", encoding="utf-8")
    last = LastRun(tmp_path / "streammood" / "last-run.json")
    last.write({"event": "stream", "input": "line"})
    last.write({"event": "status", "time": 7.0, "lost": 12, "notes": ["the input lost 12 samples"]})
    last.close()
    log = tmp_path / "night.jsonl"
    log.write_text("".join(f'{{"event": "onset", "time": {n}}}\n' for n in range(500)), encoding="utf-8")
    report = doctor(tmp_path, "--config", str(settings), "--events", str(log), PULSE_COOKIE_TOKEN="hush")
    for part in ("streammood 0", "Python 3", "numpy", "bpm_max: 181", "token: (hidden)", "sha256", "== devices =="):
        assert part in report
    for part in ("the input lost 12 samples", '"lost": 12', '"time": 499}', "~/venue.yaml"):
        assert part in report
    assert "hush" not in report
    assert '"time": 100}' not in report


def test_the_doctor_works_where_everything_is_broken(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    report = doctor(
        tmp_path, "--config", "nothing.yaml", "--events", "nothing.jsonl",
        ALSA_CONFIG_PATH=str(tmp_path / "empty"), PULSE_SERVER="nowhere",
    )  # fmt: skip
    assert "ConfigError: no configuration `nothing.yaml`" in report
    assert "FileNotFoundError" in report
    assert "none that is known of" in report
    assert "exit status" in report or "no input devices" in report  # an empty ALSA configuration aborts PortAudio
