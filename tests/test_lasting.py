"""Threads that must live: whatever goes wrong in one is reported once, and it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from streammood.capture import Deliver
from streammood.capture.paced import Paced
from streammood.capture.supervisor import Capture
from streammood.config import ControlSettings
from streammood.engine.control_server import ControlServer
from streammood.engine.scheduler import Firing
from streammood.errors import SourceError
from streammood.events import F32, Onset
from streammood.lasting import LastResort
from streammood.log.notes import Notes
from streammood.protocol.commands import Answer, Command
from tests.operator import Operator
from tests.test_engine import Collect, Scripted
from tests.waiting import wait_for


def test_each_reason_is_reported_once_and_all_are_counted() -> None:
    notes: list[str] = []
    resort = LastResort("the oven", notes.append, pause=0.0)
    for reason in ("hot", "hot", "cold\nand wet"):
        with resort:
            raise ValueError(reason)
    assert notes == [
        "the oven failed and goes on: ValueError: hot",
        "the oven failed and goes on: ValueError: cold and wet",
    ]
    assert resort.count == 3
    for number in range(100):
        with resort:
            raise ValueError(f"{number} " + "x" * 5000)
    assert len(notes) == 20
    assert max(map(len, notes)) < 300


def test_a_report_that_fails_and_an_end_that_is_wanted() -> None:
    def report(_text: str) -> None:
        raise OSError("nobody is left")

    with LastResort("the oven", report, pause=0.0):
        raise ValueError("hot")
    with pytest.raises(SystemExit), LastResort("the oven", report, pause=0.0):
        raise SystemExit(3)


def test_a_command_that_fails_leaves_the_control_port_open() -> None:
    notes: list[str] = []

    def obey(command: Command, at: float, reply: Callable[[Answer], None]) -> None:
        if command.name != "panic":
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "rubbish")
        reply(Answer(command.name, True))

    server = ControlServer(ControlSettings(port=0), obey, notes.append)
    server.start()
    with Operator(server.port) as operator:
        for _ in range(3):
            operator.send("tap")
        assert operator.ask("panic") == ("panic", 1)
    server.stop()
    (told,) = [note for note in notes if "failed" in note]
    assert told.startswith("the control port failed and goes on: UnicodeDecodeError: ")


class Unruly(Collect):
    """A sink that breaks the thread that polls it, and cannot be closed."""

    def poll(self, now: float) -> float:
        return "never"  # type: ignore[return-value]

    def close(self) -> None:
        raise RuntimeError("stuck")


def test_a_sink_of_the_worst_kind_keeps_no_event_and_no_end_from_the_others() -> None:
    good, notes = Collect(), list[str]()
    firing = Firing([Unruly(), good], notes.append)
    firing.start()
    for number in range(3):
        firing.submit([(time.monotonic(), Onset(number, number, 1.0))], time.monotonic())
        assert wait_for(lambda number=number: len(good.got) == number + 1)  # type: ignore[misc]
    firing.stop()
    assert good.closed
    assert any("TypeError" in note for note in notes)
    assert any("stuck" in note for note in notes)


class Odd(Scripted):
    """A driver whose errors are of no kind that is known."""

    def start(self, deliver: Deliver) -> None:
        self.starts += 1
        if self.starts < 3:
            raise KeyError("no such card")
        self.deliver = deliver


def test_a_driver_that_fails_oddly_is_asked_again() -> None:
    source, notes = Odd(), Notes()
    search = Capture(source, 1.0, notes).search()
    assert wait_for(lambda: search.wait(0.01), 10)
    search.stop()
    assert [note for note in notes.to_show() if "failed" in note] == [
        "the search for the input failed and goes on: KeyError: 'no such card'"
    ]


def test_an_error_in_the_capture_thread_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Scripted()
    capture = Capture(source, 1.0, Notes())

    def write(block: F32, captured: float, arrived: float, frames: F32 | None) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(capture._ring, "write", write)
    capture.start()
    assert source.deliver is not None
    source.deliver(None, 0.0, 0.0)  # type: ignore[arg-type]
    assert capture.failure == "MemoryError: no room"


class Failing:
    """A file whose decoder breaks."""

    name, sample_rate, duration = "failing", 8000, None

    def blocks(self, size: int) -> list[F32]:
        raise ZeroDivisionError("in the decoder")


def test_a_reader_that_fails_ends_the_show_with_its_reason() -> None:
    source = Paced(Failing(), 256)  # type: ignore[arg-type]
    source.start(lambda block, captured, arrived: None)
    assert wait_for(lambda: not source.active)
    source.stop()
    assert isinstance(source.error, SourceError)
    assert "ZeroDivisionError: in the decoder" in str(source.error)
