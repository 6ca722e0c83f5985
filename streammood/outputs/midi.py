"""MIDI clock: 24 ticks a beat, drawn from the beat clock, with start, stop and continue."""

from __future__ import annotations

from typing import Protocol

from streammood.config.outputs import MidiSettings
from streammood.errors import ConfigError, SinkError
from streammood.events import ANALYSIS_RATE, Beat, Event, Tempo
from streammood.outputs import SampleNow
from streammood.outputs.metronome import Metronome
from streammood.protocol.udp import Report, ignore

PPQ = 24
CLOCK, START, CONTINUE, STOP = [0xF8], [0xFA], [0xFB], [0xFC]
_POSITION = 0xF2  # and two octets: sixteenths from the start
_SIXTEENTHS = 4  # a beat


class Port(Protocol):
    """What MIDI goes out of; rtmidi's ``MidiOut`` is one."""

    def send_message(self, message: list[int]) -> None: ...

    def close_port(self) -> None: ...


def open_port(settings: MidiSettings) -> Port:
    """The MIDI output that the settings name, by its name or a part of it.

    Raises:
        ConfigError: python-rtmidi is not installed.
        SinkError: this system has no MIDI, or no such port.
    """
    try:
        import rtmidi  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise ConfigError("midi.port needs python-rtmidi: pip install 'streammood[midi]'") from None
    name = settings.port or "streammood"
    try:
        output = rtmidi.MidiOut(name="streammood")
        ports = output.get_ports()
        if settings.virtual:
            output.open_virtual_port(name)
            return output  # type: ignore[no-any-return]
        found = [i for i, port in enumerate(ports) if name == port] or [i for i, p in enumerate(ports) if name in p]
        if len(found) == 1:
            output.open_port(found[0])
            return output  # type: ignore[no-any-return]
    except (rtmidi.RtMidiError, NotImplementedError) as error:
        reason = str(error).rstrip(".")
        raise SinkError(f"midi.port {name}: this system offers no MIDI output ({reason})") from None
    which = "fits several ports" if found else "there is no such MIDI output"
    raise SinkError(f"midi.port {name}: {which}; there are: {', '.join(ports) or 'none'}")


class MidiClock:
    """Sends MIDI clock while there are beats.

    It starts with a beat, with the first of the bar, if there are bars; it stops with the beats and goes on with
    them. Where the bar turns out to lie elsewhere, the position is sent again.
    """

    def __init__(self, settings: MidiSettings, sample_now: SampleNow, port: Port, report: Report = ignore) -> None:
        """``report`` takes messages for people."""
        self.name = "midi"
        self.sent = self.failed = self.beats = 0
        self.offset = settings.offset
        self._sample_now = sample_now
        self._port = port
        self._report = report
        self._metronome = Metronome(PPQ)
        self._started = False  # ever
        self._running = False
        self._number = 0  # that the next beat should have in the bar, 0 where it is not known
        self._muted = False

    @property
    def muted(self) -> bool:
        """True while nothing is sent; receivers are stopped when this begins."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted

    def panic(self) -> None:
        """There are no triggers here."""

    def send(self, event: Event, now: float) -> None:
        """Follow the beat clock."""
        if isinstance(event, Tempo):
            self._metronome.follow(event)
        elif isinstance(event, Beat) and event.count < self._metronome.tick // PPQ - 1:
            self._metronome.tick = event.count * PPQ  # the count has begun anew

    def poll(self, now: float) -> float:
        """Send the ticks that are due."""
        metronome = self._metronome
        sample = self._sample_now(now - self.offset / 1e3)
        metronome.expire(sample)
        if self._muted or metronome.tempo is None:
            self._stop()
        for tick in metronome.ticks(sample):
            if tick % PPQ == 0:
                self._beat(metronome.number(tick // PPQ))
            if self._running:
                self._put(CLOCK)
        return now + max(0.0, (metronome.due - sample) / ANALYSIS_RATE)

    def close(self) -> None:
        """Stop the receivers and let the port go."""
        self._stop()
        self._port.close_port()

    def _beat(self, number: int) -> None:
        tempo = self._metronome.tempo
        if tempo is None or self._muted:
            return
        if not self._running:
            if self._started:
                self._go_on(number)
            elif tempo.locked and number in (0, 1):
                self._put(START)
                self._started = self._running = True
        elif number and self._number and number != self._number:
            self._stop()
            self._go_on(number)
        self._number = number % tempo.meter + 1 if number and tempo.meter else 0
        self.beats += self._running

    def _go_on(self, number: int) -> None:
        self._put([_POSITION, _SIXTEENTHS * max(0, number - 1), 0])
        self._put(CONTINUE)
        self._running = True

    def _stop(self) -> None:
        if self._running:
            self._put(STOP)
            self._running = False

    def _put(self, message: list[int]) -> None:
        try:
            self._port.send_message(message)
            self.sent += 1
        except Exception as error:  # noqa: BLE001  a port that goes away must not end the show
            if not self.failed:
                self._report(f"midi: the port takes no messages ({error}); is it still there?")
            self.failed += 1
