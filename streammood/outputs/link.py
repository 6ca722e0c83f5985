"""Ableton Link: tempo and beat phase shared with every Link program on the network, leading it or following it."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from streammood.config.outputs import LinkSettings
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE, Beat, Event, Tempo
from streammood.outputs import SampleNow, Sink
from streammood.outputs.metronome import Metronome
from streammood.protocol.udp import Report, ignore

_STEP = 0.02  # s between two looks at the session
_SAME_TEMPO = 0.02  # BPM; smaller changes are not passed on
_SAME_PHASE = 0.01  # s; a smaller error is left, so that the others are not pulled about
_BPM_RANGE = (20.0, 999.0)  # that Link allows
_START = 2.0  # s that the thread has to join the session


@dataclass(frozen=True, slots=True)
class LinkState:
    """The session at one moment."""

    time: float  # host time in s
    beat: float  # on the session's timeline; a multiple of the quantum begins a bar
    bpm: float
    peers: int  # others


Wanted = Callable[[float], tuple[float, float] | None]
"""BPM, and the beat at a host time in s, that the session shall have; None without a tempo."""


class LinkSession:
    """One Link peer on a thread and an event loop of its own, away from sound and from firing.

    Raises:
        ConfigError: aalink is not installed.
    """

    def __init__(self, quantum: int, wanted: Wanted | None = None, report: Report = ignore) -> None:
        try:
            import aalink  # noqa: F401, PLC0415  an extra
        except ModuleNotFoundError:
            raise ConfigError("link.mode needs aalink: pip install 'streammood[link]'") from None
        self.state: LinkState | None = None
        self.changes = self.failed = 0  # times that the session was changed, or could not be
        self._quantum = quantum
        self._wanted = wanted
        self._report = report
        self._stop = threading.Event()
        self._joined = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="link", daemon=True)
        self._thread.start()
        self._joined.wait(_START)

    def close(self) -> None:
        """Leave the session."""
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        from aalink import Link  # noqa: PLC0415  an extra

        link = Link(120.0)
        link.quantum = float(self._quantum)
        link.enabled = True
        while not self._stop.is_set():
            try:
                self._step(link)
            except Exception as error:  # noqa: BLE001  a network that goes away must not end the show
                if not self.failed:
                    self._report(f"link: the session cannot be reached ({error}); is the network up?")
                self.failed += 1
            self._joined.set()
            await asyncio.sleep(_STEP)
        link.enabled = False

    def _step(self, link: Any) -> None:
        now = time.monotonic()
        wanted = None if self._wanted is None else self._wanted(now)
        if wanted is not None:
            bpm, beat = min(max(wanted[0], _BPM_RANGE[0]), _BPM_RANGE[1]), wanted[1]
            if abs(link.tempo - bpm) > _SAME_TEMPO:
                link.tempo = bpm
                self.changes += 1
            here = link.beat
            error = (beat - here + 0.5 * self._quantum) % self._quantum - 0.5 * self._quantum
            if abs(error) * 60.0 / bpm > _SAME_PHASE:
                link.force_beat(here + error)
                self.changes += 1
        self.state = LinkState(now, link.beat, link.tempo, link.num_peers)


class LinkLead:
    """Gives the tracker's tempo, phase and bar to the session, while the tempo is locked."""

    def __init__(self, settings: LinkSettings, sample_now: SampleNow, report: Report = ignore) -> None:
        self.name = "link"
        self.beats = 0
        self.offset = settings.offset
        self.muted = False
        self._sample_now = sample_now
        self._quantum = settings.quantum
        self._metronome = Metronome()
        self._session = LinkSession(settings.quantum, self._wanted, report)

    @property
    def sent(self) -> int:
        """Times that the session was changed."""
        return self._session.changes

    @property
    def failed(self) -> int:
        """Times that it could not be changed."""
        return self._session.failed

    def panic(self) -> None:
        """There are no triggers here."""

    def send(self, event: Event, now: float) -> None:
        """Follow the beat clock."""
        if isinstance(event, Tempo):
            self._metronome.follow(event)
        self.beats += isinstance(event, Beat)

    def poll(self, now: float) -> float:
        """The session's own thread does all there is to do."""
        return math.inf

    def close(self) -> None:
        """Leave the session; the others keep its tempo."""
        self._session.close()

    def _wanted(self, now: float) -> tuple[float, float] | None:
        """In the session's thread: tempo and beat of the tracker; beat 0 is the first of a bar, if there are bars."""
        tempo = self._metronome.tempo
        if tempo is None or not tempo.locked or self.muted:
            return None
        first = tempo.count - (tempo.number - 1) if tempo.number and tempo.meter == self._quantum else 1
        return tempo.bpm, tempo.position(self._sample_now(now - self.offset / 1e3)) - first


class LinkFollow:
    """Hands the session's beats to other sinks in place of the tracker's, as long as anybody else is in the session.

    The count of the beats goes on over every change of who leads.
    """

    def __init__(
        self, settings: LinkSettings, sample_now: SampleNow, sinks: Sequence[Sink], report: Report = ignore
    ) -> None:
        self.sinks = sinks
        self._offset = settings.offset / 1e3
        self._quantum = settings.quantum
        self._sample_now = sample_now
        self._metronome = Metronome()
        self._leads = False  # the session does
        self._shift = 0  # beats that our count is ahead of that of whoever leads
        self._count = 0  # of the latest beat that was handed on
        self._tempo: Tempo | None = None  # the latest of the tracker
        self._session = LinkSession(settings.quantum, report=report)

    def send(self, event: Event, now: float) -> None:
        """Pass ``event`` on; the tracker's beats only while no other peer leads."""
        if isinstance(event, Tempo):
            self._tempo = event
            self._choose()
            event = self._linked(event, now) if self._leads else replace(event, count=event.count + self._shift)
        elif isinstance(event, Beat):
            if self._leads:
                return
            event = replace(event, count=max(self._count + 1, event.count + self._shift))
            self._count = event.count
        for sink in self.sinks:
            sink.send(event, now)

    def poll(self, now: float) -> float:
        """Hand on the session's beats that are due."""
        due = math.inf
        if self._leads:
            for beat in self._beats(now):
                for sink in self.sinks:
                    sink.send(beat, now)
            due = now + max(0.0, (self._metronome.due - self._sample_now(now)) / ANALYSIS_RATE)
        return min([due, *(sink.poll(now) for sink in self.sinks)])

    def close(self) -> None:
        """Leave the session."""
        self._session.close()
        for sink in self.sinks:
            sink.close()

    def _choose(self) -> None:
        state = self._session.state
        leads = state is not None and state.peers > 0
        if leads == self._leads:
            return
        self._leads = leads
        if leads and state is not None:
            self._shift = self._count - math.floor(state.beat)
            self._metronome = Metronome()
        elif self._tempo is not None and self._tempo.period > 0.0:
            self._shift = self._count - math.floor(self._tempo.position(self._tempo.sample))

    def _linked(self, tempo: Tempo, now: float) -> Tempo:
        """The session as a state of the beat clock."""
        state = self._session.state
        assert state is not None
        place = math.floor(state.beat)
        period = 60.0 / state.bpm * ANALYSIS_RATE
        anchor = self._sample_now(state.time + self._offset) - (state.beat - place) * period
        linked = replace(
            tempo,
            bpm=state.bpm,
            confidence=1.0,
            locked=True,
            anchor=anchor,
            period=period,
            count=place + self._shift,
            number=place % self._quantum + 1,
            meter=self._quantum,
            bar_confidence=1.0,
        )
        self._metronome.follow(linked)
        return linked

    def _beats(self, now: float) -> Iterator[Beat]:
        for count in self._metronome.ticks(self._sample_now(now)):
            tempo = self._metronome.tempo
            if tempo is None or count <= self._count:
                continue
            self._count = count
            number = tempo.number_of(count)
            yield Beat(round(tempo.time_of(count)), tempo.decided, tempo.bpm, 1.0, True, number, count, 1.0)
