"""Another input while the show runs: beats go on, the stream clock never runs back, what cannot be opened changes
nothing; and the file or the demo can be heard and be silent again without a gap."""

from __future__ import annotations

import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streammood import config
from streammood.capture import Source
from streammood.capture.paced import Paced
from streammood.config import Settings
from streammood.demo.synth import Synth, steady
from streammood.engine.live import Engine
from streammood.engine.operator import PREPARED, Order, Values
from streammood.errors import SourceError
from streammood.events import ANALYSIS_RATE, Beat, Event
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.outputs.osc_target import OscTarget
from streammood.protocol.commands import Answer, Command
from tests.outputs import Made
from tests.receiver import Receiver
from tests.test_engine import Collect, Scripted, noise
from tests.waiting import wait_for

BPM = 120.0


class Line(Paced):
    """A device that plays the same music as every other one, from its own beginning, and can only go away."""

    ends = False

    def __init__(self, name: str, rate: int = 48_000) -> None:
        super().__init__(Synth(steady("aggressive", BPM, 20.0), repeat=True, sample_rate=rate), 256)
        self.name = name


class Rack:
    """The devices of a venue by their names; those ``taken`` refuse."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.opened: list[tuple[str, object]] = []
        self.first = Line("first")

    def open(self, name: str | None, settings: Settings) -> Source:
        wanted = name or str(settings.input.device)
        self.opened.append((wanted, settings.input.channels))
        if wanted not in ("first", "second", "demo"):
            raise SourceError(f"no input device called `{wanted}`; there are first; second")
        made = Line(wanted, 44_100 if wanted == "second" else 48_000)
        if wanted in self.taken:

            def refuse(_: object) -> None:
                if wanted in self.taken and self.first.active:
                    raise SourceError(f"`{wanted}` cannot be opened; is another program using it?")
                Paced.start(made, _)  # type: ignore[arg-type]

            made.start = refuse  # type: ignore[method-assign, assignment]
        return made


@pytest.fixture(scope="module")
def models() -> Models:
    return Models.load(config.load())


Show = tuple[Engine, Rack, Collect, Callable[..., Answer], io.StringIO]


@pytest.fixture
def show(models: Models) -> Iterator[Show]:
    """A show that is locked, on the first device; a function that commands it."""
    rack, collect, log = Rack(), Collect(), io.StringIO()
    settings = config.load(None, {"input.device": "first", "mood.interval": 10.0})
    outputs = Made(lambda now: [collect])
    engine = Engine(settings, rack.first, models, outputs, EventLog(log), open_input=rack.open)

    def ask(name: str, *values: Any) -> Answer:
        answers: list[Answer] = []
        engine.command(Command(name, values), time.monotonic(), answers.append)
        assert wait_for(lambda: answers)
        return answers[0]

    engine.start()
    assert wait_for(lambda: engine.now.beat is not None and engine.now.beat.locked)
    yield engine, rack, collect, ask, log
    engine.stop()


def beats(collect: Collect) -> list[tuple[float, Beat]]:
    return [(now, event) for now, event in list(collect.got) if isinstance(event, Beat)]


def holds(events: list[tuple[float, Event]]) -> None:
    """The stream clock does not run back, and every beat follows the one before it by one."""
    decided = [event.decided for _, event in events if not isinstance(event, Beat)]
    assert all(b >= a for a, b in itertools.pairwise(decided))
    counts = [event.count for _, event in events if isinstance(event, Beat)]
    assert counts == list(range(counts[0], counts[0] + len(counts)))


def test_another_device_is_taken_without_a_gap(show: Show) -> None:
    engine, _, collect, ask, log = show
    before = beats(collect)[-1][1].count
    assert ask("input", "second") == Answer("input", True, ("second",))
    assert set(engine._slow) == PREPARED
    assert engine.now.operator.input == "second"
    assert wait_for(lambda: beats(collect)[-1][1].count > before + 6)
    holds(list(collect.got))
    places = [beat.sample for _, beat in beats(collect) if beat.count >= before]
    # the other music begins anywhere in its bar: a beat may have to move, none may be missing
    longest = max(b - a for a, b in itertools.pairwise(places)) / ANALYSIS_RATE
    assert longest < 2.5 * 60.0 / BPM + engine.lost / ANALYSIS_RATE  # a busy machine may lose some
    rows = [json.loads(line) for line in log.getvalue().splitlines() if '"command"' in line]
    assert any("second" in str(row) for row in rows), "the log holds what the operator did"


def test_a_change_between_two_blocks_loses_none(models: Models) -> None:
    """The input changes while blocks of the one before wait: those that were not read belong to nobody."""
    first, second = Scripted(), Scripted()
    engine = Engine(config.load(), first, models, Made(lambda now: []), EventLog())
    engine._capture.start()
    first.feed(noise(0.5))
    engine._drain()
    first.feed(noise(0.1))  # waits
    ring = engine._capture.open(second)
    second.feed(noise(0.1))
    settings = engine._operator.settings

    def change() -> Values:
        return engine._change_input(second, ring, settings)

    answers: list[Answer] = []
    engine._operator.put(Order(Command("input", ("second",)), time.monotonic(), answers.append, change))
    engine._drain()
    second.feed(noise(0.1))
    engine._drain()
    assert answers[0].done
    assert engine.lost == 0
    assert not any("dropped" in note for note in engine.take_notes())
    assert engine.received >= 0.6 * ANALYSIS_RATE


def test_blocks_of_a_closed_input_do_not_run_the_clock_back(models: Models) -> None:
    """The input is closed for another while blocks of it wait: the present is now, and they are lost."""
    first, second = Scripted(), Scripted()
    engine = Engine(config.load(), first, models, Made(lambda now: []), EventLog())
    engine._capture.start()
    first.feed(noise(0.5))
    engine._drain()
    first.feed(noise(0.2))  # waits
    settings, answers, read = engine._operator.settings, list[Answer](), engine.received

    def change() -> Values:
        return engine._change_with_gap(second, settings)

    engine._operator.put(Order(Command("input", ("second",)), time.monotonic(), answers.append, change))
    engine._drain()
    assert answers[0].done
    assert engine.received == read
    assert engine._search is not None
    engine._search.stop()


def test_other_channels_of_the_same_device(show: Show) -> None:
    engine, rack, collect, ask, _ = show
    assert ask("channels", "3,4").done
    assert rack.opened[-1] == ("first", (3, 4))
    assert engine.now.operator.channels == "3,4"
    assert not ask("channels", "3,4,5").done
    assert "one channel or a pair" in str(ask("channels", "left").values)
    holds(list(collect.got))


def test_a_device_that_cannot_be_opened_twice_is_changed_with_beats_that_count_on(show: Show) -> None:
    engine, rack, collect, ask, _ = show
    rack.taken.add("first")
    before = beats(collect)[-1][1].count
    assert ask("channels", "2").done
    assert wait_for(lambda: engine.now.connected)
    assert wait_for(lambda: beats(collect)[-1][1].count > before + 4)
    holds(list(collect.got))


@pytest.mark.parametrize("name", ["third", "second"])
def test_what_cannot_be_opened_changes_nothing(show: Show, name: str) -> None:
    engine, rack, collect, ask, _ = show
    rack.taken.add("second")
    answer = ask("input", name)
    assert not answer.done
    assert "no input device" in str(answer.values) or "cannot be opened" in str(answer.values)
    count = beats(collect)[-1][1].count
    assert wait_for(lambda: beats(collect)[-1][1].count > count + 1)
    assert engine.now.operator.input == "first"
    holds(list(collect.got))
    assert not ask("play", True).done, "a device is heard already"


def test_a_monitor_shows_the_latest_message_of_each_address(models: Models) -> None:
    settings = config.load(None, {"mood.interval": 10.0})
    with Receiver() as receiver:
        target = config.TargetSettings(name="wall", port=receiver.port, bundle=True)
        outputs = Made(lambda now: [OscTarget(target, models.labels, now)])
        engine = Engine(settings, Line("first"), models, outputs, EventLog(log := io.StringIO()))
        engine.start()
        answers: list[Answer] = []
        assert wait_for(lambda: engine.now.beat is not None)
        engine.command(Command("monitor", ("wall",)), time.monotonic(), answers.append)
        assert wait_for(lambda: answers)
        engine.stop()
        addresses = {message.address for message in receiver.messages(0.1)}
    rows = [str(value).split() for value in answers[0].values]
    assert answers[0].done
    assert 20 < len(rows) <= 50
    assert {row[2] for row in rows} <= addresses
    ages = [float(row[0]) for row in rows]
    assert ages == sorted(ages)
    assert all(int(row[1]) > 0 for row in rows)
    assert '"monitor"' not in log.getvalue(), "a question is no action of the operator"


def test_a_file_that_is_read_again_may_name_another_input(models: Models, tmp_path: Path) -> None:
    path = tmp_path / "venue.yaml"
    path.write_text("input: {device: first}\n")
    rack = Rack()
    settings = config.load(str(path))
    outputs = Made(lambda now: [], settings, models.labels, lambda: config.load(str(path)))
    engine = Engine(settings, rack.first, models, outputs, EventLog(), open_input=rack.open)
    engine.start()
    answers: list[Answer] = []
    path.write_text("input: {device: second, channels: 2}\n")
    engine.command(Command("reload"), time.monotonic(), answers.append)
    assert wait_for(lambda: answers)
    engine.stop()
    assert answers[0] == Answer("reload", True, ("changed: input.device, input.channels",))
    assert engine.now.operator.input == "second"
    assert engine.now.operator.channels == "2"


def test_targets_of_a_file_whose_input_cannot_be_opened_are_closed(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, rack = tmp_path / "venue.yaml", Rack()
    path.write_text("input: {device: first}\n")
    settings = config.load(str(path))
    outputs = Made(lambda now: [], settings, models.labels, lambda: config.load(str(path)))
    engine = Engine(settings, rack.first, models, outputs, EventLog(), open_input=rack.open)
    engine.start()
    closed: list[str] = []
    close = OscTarget.close

    def note(target: OscTarget) -> None:
        closed.append(target.name)
        close(target)

    monkeypatch.setattr(OscTarget, "close", note)
    answers: list[Answer] = []
    path.write_text("input: {device: third}\nosc: {targets: [{name: hall, host: 127.0.0.1, port: 9}]}\n")
    engine.command(Command("reload"), time.monotonic(), answers.append)
    assert wait_for(lambda: answers)
    before_the_end = list(closed)
    engine.stop()
    assert not answers[0].done
    assert before_the_end == ["hall"]
