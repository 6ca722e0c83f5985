"""MIDI clock at the boundary of rtmidi: what goes out, when, and what a system without MIDI is told."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from streammood.config import MidiSettings
from streammood.errors import ConfigError, SinkError
from streammood.events import ANALYSIS_RATE, Event, Tempo
from streammood.outputs import Output
from streammood.outputs.midi import CLOCK, CONTINUE, PPQ, START, STOP, MidiClock, open_port
from tests.test_timing import Change, stream


class Wire:
    """Takes the place of a MIDI port."""

    def __init__(self) -> None:
        self.now = 0.0
        self.got: list[tuple[float, list[int]]] = []
        self.closed = False

    def send_message(self, message: list[int]) -> None:
        self.got.append((self.now, message))

    def close_port(self) -> None:
        self.closed = True

    def times(self, message: list[int]) -> list[float]:
        return [at for at, got in self.got if got == message]


def played(script: list[tuple[float, Event]], **settings: Any) -> Wire:
    """Run the clock as the firing thread does."""
    wire = Wire()
    clock = MidiClock(MidiSettings.model_validate(settings), lambda now: now * ANALYSIS_RATE, wire)
    assert isinstance(clock, Output)
    for at, event in sorted(script, key=lambda entry: entry[0]):
        while (due := clock.poll(wire.now)) <= at:
            wire.now = max(due, wire.now + 1e-6)
        wire.now = at
        clock.send(event, at)
        clock.poll(at)
    clock.close()
    assert wire.closed
    return wire


def test_it_starts_on_a_downbeat_with_24_ticks_a_beat() -> None:
    script = list(stream([]))
    wire = played(script)
    first = next(event for _, event in script if isinstance(event, Tempo))
    assert wire.got[0][1] == START
    assert wire.got[1][1] == CLOCK
    beats = (wire.times(START)[0] * ANALYSIS_RATE - first.anchor) / first.period + first.count
    assert beats == pytest.approx(round(beats), abs=1e-3)
    assert (round(beats) - first.count + first.number - 1) % 4 == 0
    np.testing.assert_allclose(np.diff(wire.times(CLOCK)), 0.5 / PPQ, atol=1e-5)
    assert wire.got[-1][1] == STOP
    early = played(script, offset=-50.0)
    assert early.times(START)[0] == pytest.approx(wire.times(START)[0] - 0.05, abs=1e-3)


def test_it_stops_with_the_music_and_goes_on_in_the_bar() -> None:
    wire = played(list(stream([Change(150, silence=100)], 600)))
    kinds = [message for _, message in wire.got if message != CLOCK]
    assert kinds[:2] == [START, STOP]
    assert kinds[2][0] == 0xF2
    assert kinds[2][1] % 4 == 0
    assert kinds[2][1] < 16
    assert kinds[3] == CONTINUE
    gap = [at for at in wire.times(CLOCK) if wire.times(STOP)[0] < at < wire.times(CONTINUE)[0]]
    assert gap == []


def test_a_bar_that_lies_elsewhere_is_told() -> None:
    wire = played(list(stream([Change(200, downbeat=1)])))
    assert [message[0] for _, message in wire.got if message != CLOCK] == [0xFA, 0xFC, 0xF2, 0xFB, 0xFC]


def test_no_tick_is_lost_or_doubled_when_the_clock_is_corrected() -> None:
    changes = [Change(100, shift=0.1), Change(160, shift=-0.1), Change(220, ratio=1.05)]
    script = list(stream(changes))
    wire = played(script)
    tempi = [event for _, event in script if isinstance(event, Tempo)]
    last = tempi[-1]
    began = wire.times(START)[0] * ANALYSIS_RATE
    start = round(tempi[0].count + (began - tempi[0].anchor) / tempi[0].period)
    passed = last.count + (last.sample - last.anchor) / last.period - start
    assert len(wire.times(CLOCK)) == pytest.approx(passed * PPQ, abs=1.5)


def test_muted_receivers_stand_still() -> None:
    wire = Wire()
    clock = MidiClock(MidiSettings(), lambda now: now * ANALYSIS_RATE, wire)
    for step in range(1, 200):
        sample = step * 441
        clock.send(Tempo(sample, sample, 120.0, 0.9, True, 0.0, ANALYSIS_RATE / 2, 1, 1, 4), step / 100)
        clock.muted = step > 100
        clock.poll(step / 100)
    assert [message for _, message in wire.got if message != CLOCK] == [START, STOP]


class Refusing(Wire):
    def send_message(self, message: list[int]) -> None:
        raise OSError("gone")


def test_a_port_that_goes_away_is_counted() -> None:
    clock = MidiClock(MidiSettings(), lambda now: now * ANALYSIS_RATE, Refusing())
    clock.send(Tempo(100, 100, 120.0, 0.9, True, 0.0, ANALYSIS_RATE / 2, 1, 1, 4), 0.0)
    clock.poll(0.9)
    assert clock.failed > 20


def test_a_real_port_or_a_clear_line() -> None:
    """Where there is a sequencer, a virtual port is heard by rtmidi's input; where there is none, that is told."""
    rtmidi = pytest.importorskip("rtmidi")
    try:
        port = open_port(MidiSettings(port="streammood-test", virtual=True))
    except SinkError as error:
        assert str(error).startswith("midi.port streammood-test: this system offers no MIDI output (")  # noqa: PT017
        return
    hears = rtmidi.MidiIn()
    hears.ignore_types(timing=False)
    (number,) = (i for i, name in enumerate(hears.get_ports()) if "streammood-test" in name)
    hears.open_port(number)
    port.send_message(CLOCK)
    port.close_port()
    with pytest.raises(SinkError, match="no such MIDI output; there are: "):
        open_port(MidiSettings(port="no such port"))


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    with pytest.raises(ConfigError, match=r"pip install 'streammood\[midi\]'"):
        open_port(MidiSettings(port="x"))
