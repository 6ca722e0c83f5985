"""The live engine keeps going: losses, inputs that go, parts that fail; and fires events when they are due."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from streammood import config
from streammood.capture import Deliver
from streammood.capture.timeline import Timeline
from streammood.engine.live import Engine
from streammood.engine.scheduler import Firing
from streammood.errors import SourceError
from streammood.events import ANALYSIS_RATE, F32, Event, Onset, Status
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.outputs import Sink
from tests.outputs import Made
from tests.waiting import wait_for

RATE = ANALYSIS_RATE


class Collect:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.got: list[tuple[float, Event]] = []
        self.closed = False

    def send(self, event: Event, now: float) -> None:
        self.got.append((now, event))

    def poll(self, now: float) -> float:
        return now + 0.01

    def close(self) -> None:
        self.closed = True


class Broken(Collect):
    """A sink that cannot."""

    def send(self, event: Event, now: float) -> None:
        raise OSError("no")

    def poll(self, now: float) -> float:
        raise OSError("neither")


class Scripted:
    """A source whose blocks and absences the test decides."""

    name = "scripted"
    sample_rate = RATE
    ends = False
    overflows = 0
    failure = ""
    advice = ""

    def __init__(self) -> None:
        self.active = True
        self.deliver: Deliver | None = None
        self.refusals = 0
        self.starts = 0

    def start(self, deliver: Deliver) -> None:
        self.starts += 1
        if self.refusals > 0:
            self.refusals -= 1
            raise SourceError("not yet") if self.refusals else OSError("nor now")
        self.deliver = deliver
        self.active = True

    def stop(self) -> None:
        self.active = False

    def feed(self, sound: F32, captured: float | None = None, size: int = 512) -> None:
        assert self.deliver is not None
        for block in np.split(sound, range(size, sound.size, size)):
            now = time.monotonic()
            self.deliver(block, now if captured is None else captured, now)
            time.sleep(0.0005)


def noise(seconds: float) -> F32:
    return (0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def models() -> Models:
    settings = config.load()
    return Models.load(settings)


@pytest.fixture
def running(models: Models) -> Iterator[Callable[..., tuple[Engine, Scripted, Collect, io.StringIO]]]:
    engines: list[Engine] = []

    def start(*sinks: Sink, **changed: Any) -> tuple[Engine, Scripted, Collect, io.StringIO]:
        source, collect, log = Scripted(), Collect(), io.StringIO()
        settings = config.load(None, {key.replace("__", "."): value for key, value in changed.items()})
        engine = Engine(settings, source, models, Made(lambda now: [*sinks, collect]), EventLog(log))
        engine.start()
        engines.append(engine)
        return engine, source, collect, log

    yield start
    for engine in engines:
        engine.stop()


Running = Callable[..., tuple[Engine, Scripted, Collect, io.StringIO]]


def test_stopping_releases_and_writes_the_summary(running: Running) -> None:
    engine, source, collect, log = running()
    source.feed(noise(0.5))
    assert wait_for(lambda: collect.got)
    engine.stop()
    assert collect.closed
    rows = [json.loads(line) for line in log.getvalue().splitlines()]
    assert rows[0]["event"] == "stream"
    assert rows[-1]["event"] == "summary"
    assert rows[-1]["duration"] == pytest.approx(0.5, abs=0.001)


def test_dropped_blocks_are_counted_and_move_the_clock(running: Running) -> None:
    engine, source, collect, _ = running(input__buffer=0.1)
    sound = noise(1.0)
    assert source.deliver is not None
    now = time.monotonic()
    for block in np.split(sound, 10):  # all at once: more than the ring holds
        source.deliver(block, now, now)
    assert wait_for(lambda: engine._capture.waiting == 0.0)
    source.feed(noise(0.1))
    assert wait_for(lambda: engine.lost > 0)
    assert wait_for(lambda: any(isinstance(e, Status) and e.lost for _, e in collect.got))
    assert engine.lost % 4410 == 0
    assert max(e.decided for _, e in collect.got if not isinstance(e, Status)) > RATE * 0.9
    assert "dropped" in " ".join(engine.take_notes())


def test_an_input_that_goes_is_looked_for_until_it_is_back(running: Running) -> None:
    engine, source, collect, _ = running()
    source.feed(noise(0.5))
    source.refusals = 2
    source.active = False
    assert wait_for(lambda: source.starts == 4)
    assert wait_for(lambda: engine.now.connected)
    source.feed(noise(0.3))
    assert wait_for(lambda: any(isinstance(e, Status) and not e.signal for _, e in collect.got))
    notes = " ".join(engine.take_notes())
    assert "has gone" in notes
    assert "is back" in notes
    assert engine.lost >= 0.8 * RATE  # two looks a second; the sound before came faster than its time
    assert engine.error is None


def test_a_fault_in_the_analysis_is_reported_once_and_the_show_goes_on(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, source, collect, _ = running()
    whole = engine._analyzer.push
    faults = iter([True, True, True])

    def push(block: F32) -> list[Event]:
        if next(faults, False):
            raise ZeroDivisionError("oh")
        return whole(block)

    monkeypatch.setattr(engine._analyzer, "push", push)
    source.feed(noise(0.5))
    assert wait_for(lambda: collect.got)
    assert [note for note in engine.take_notes() if "ZeroDivisionError" in note] == [
        "the analysis failed and begins anew: ZeroDivisionError: oh"
    ]


def test_a_broken_sink_does_not_keep_events_from_the_others(running: Running) -> None:
    engine, source, collect, _ = running(Broken())
    bad = noise(0.3)
    bad[::100] = np.nan
    source.feed(bad)
    assert wait_for(lambda: len(collect.got) > 10)
    assert wait_for(lambda: sum(isinstance(event, Status) for _, event in collect.got) >= 3)  # each is told once
    assert sorted(engine.take_notes()) == [
        "an output refuses events; the others are served",
        "the input delivers samples that are no numbers; taken as silence",
    ]


def test_a_full_disk_stops_the_log_not_the_show(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, source, collect, log = running()

    def full(text: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "write", full)
    burst = noise(2.0)
    burst[: RATE // 2] = 0
    source.feed(burst)
    assert wait_for(lambda: any(isinstance(e, Status) for _, e in collect.got))
    stopped = "the event log stopped: No space left on device; it goes on when it can be written"
    assert stopped in engine.take_notes()


def test_events_fire_in_order_when_they_are_due() -> None:
    collect = Collect()
    firing = Firing([collect])
    firing.start()
    now = time.monotonic()
    delays = [0.12, 0.03, 0.0, 0.08]
    for delay in delays:
        firing.submit([(now + delay, Onset(int(delay * 1000), 0, 1.0))], now)
    assert wait_for(lambda: len(collect.got) == len(delays))
    firing.stop()
    assert [event.sample for _, event in collect.got] == [0, 30, 80, 120]
    late = [at - now - event.sample / 1000 for at, event in collect.got]
    assert 0.0 <= min(late) < 0.02  # a machine that does other things may hold up some, but hardly all


def test_stopping_fires_what_is_due_and_drops_what_is_not() -> None:
    collect = Collect()
    firing = Firing([collect])
    now = time.monotonic()
    firing.submit([(now - 1, Onset(1, 0, 1.0)), (now + 60, Onset(2, 0, 1.0))], now)
    firing.start()
    firing.stop()
    assert [event.sample for _, event in collect.got] == [1]
    assert collect.closed
    assert threading.active_count() < 20


def test_timeline_there_and_back() -> None:
    line = Timeline(1000.0, 5.0, 1 / 44_100)
    assert line.time_of(1000.0 + 44_100) == pytest.approx(6.0)
    assert line.sample_at(line.time_of(123.0)) == pytest.approx(123.0)
