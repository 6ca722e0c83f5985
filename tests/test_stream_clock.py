"""The stream clock: over any order of open, silent, lost and found it never runs back, and what is lost adds up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streammood.capture import Deliver
from streammood.capture.supervisor import Capture
from streammood.events import ANALYSIS_RATE
from streammood.log.notes import Notes

BLOCK = 0.1  # s


class Device:
    """An input in a world whose time the test makes."""

    name = "line"
    ends = False
    active = True
    overflows = 0
    failure = ""
    advice = ""

    def __init__(self) -> None:
        self.time = 1000.0  # s
        self.sample_rate = 8000
        self.deliver: Deliver | None = None

    def start(self, deliver: Deliver) -> None:
        self.deliver = deliver

    def stop(self) -> None:
        self.deliver = None

    def sound(self, late: float) -> None:
        """One block, that arrives ``late`` s after its end."""
        assert self.deliver is not None
        self.time += BLOCK
        block = np.full(round(BLOCK * self.sample_rate), 0.1, np.float32)
        self.deliver(block, self.time, self.time + late)


ACTS = st.one_of(
    st.tuples(st.just("sound"), st.integers(1, 30)),  # blocks
    st.tuples(st.just("silent"), st.floats(0.0, 3.0)),  # s without a block, while it is open
    st.tuples(st.just("unread"), st.integers(1, 5)),  # blocks that nobody reads before the input goes
    st.tuples(st.just("lost"), st.floats(0.0, 5.0)),  # s until it is found
    st.tuples(st.just("changed"), st.sampled_from([8000, 16_000, 44_100])),  # lost, and found at another rate
)


def live(acts: list[tuple[str, float]]) -> Iterator[tuple[Capture, Device, float, bool]]:
    """Play ``acts``; yields after each step, with the seconds that were delivered and whether the input is away."""
    device = Device()
    capture = Capture(device, 10.0, Notes(), lambda: device.time)
    capture.start()
    delivered = 0.0

    def read() -> None:
        nonlocal delivered
        for block in capture.blocks():
            capture.account(block)
            delivered += block.samples.size / device.sample_rate

    for kind, amount in acts:
        if kind == "sound":
            for _ in range(int(amount)):
                device.sound(0.01)
                read()
                yield capture, device, delivered, False
        elif kind == "silent":
            device.time += amount
        else:
            for _ in range(int(amount) if kind == "unread" else 0):
                device.sound(0.01)
            device.stop()
            for _ in range(3):
                device.time += amount / 3 if kind == "lost" else 0.2
                yield capture, device, delivered, True
            device.sample_rate = int(amount) if kind == "changed" else device.sample_rate
            capture.take_up()
            capture.resume()
        yield capture, device, delivered, False


@given(acts=st.lists(ACTS, min_size=1, max_size=12))
@settings(deadline=None)
def test_the_stream_clock_never_runs_back(acts: list[tuple[str, float]]) -> None:
    latest, ended = 0, 0.0
    for capture, _, _, gone in live(acts):
        present = capture.present(gone)
        assert present >= latest
        assert capture.sample >= ended
        assert present >= capture.sample - 1
        latest, ended = present, capture.sample


@given(acts=st.lists(ACTS.filter(lambda act: act[0] != "changed"), min_size=1, max_size=12))
@settings(deadline=None)
def test_what_is_lost_adds_up(acts: list[tuple[str, float]]) -> None:
    """Every second of the stream was delivered or is counted as lost."""
    for capture, device, delivered, _ in live(acts):
        assert capture.sample / ANALYSIS_RATE == pytest.approx(delivered + capture.lost / device.sample_rate, abs=2e-3)


def test_an_input_that_opens_but_delivers_nothing_is_lost_time() -> None:
    *_, (capture, device, _, _) = live([("sound", 30), ("lost", 1.0), ("silent", 1.0), ("lost", 1.0), ("sound", 10)])
    assert capture.sample / ANALYSIS_RATE == pytest.approx(3.0 + 3.0 + 1.0, abs=0.02)
    assert capture.lost / device.sample_rate == pytest.approx(3.0, abs=0.02)
