"""Fires events at their time: a thread that sleeps until the next one is due, and never waits for a sink."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from streammood.events import Event, Level, Mood, Tempo
from streammood.lasting import LastResort
from streammood.outputs import Group, Output, Sink

_Due: TypeAlias = "tuple[float, int, Event | Addressed, float | None]"
"""When an event is due (host, s), its place among those of the same time, and when the block behind it arrived."""

_POLL_AGAIN = 1.0  # s, after a sink failed at it
_LAST_WORDS = 3.0  # s that outputs may take at the end
_LATENCIES = 2048  # the most recent ones; a dozen seconds of hops


@dataclass(frozen=True, slots=True)
class Addressed:
    """An event for one sink alone."""

    sink: Sink
    event: Event


class Firing:
    """Takes events with the host time at which they are due, and hands them to every sink at that time."""

    def __init__(
        self, sinks: Sequence[Sink], report: Callable[[str], None] = lambda _: None, awake: float = 0.0
    ) -> None:
        """``report`` takes what people should know, from the thread that fires.

        ``awake`` s before something is due, the thread does not sleep any more: it fires sooner, and computes more.
        """
        self._awake = awake
        self.sinks = sinks
        self._resort = LastResort("sending", report)
        self._poll_at = 0.0
        self._rehearsing: dict[int, float] = {}  # until when a sink gets nothing else, host time in s
        self._old: list[Sink] = []  # that were replaced and are to be closed
        self._queue: list[_Due] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._stopped = False
        self._woken = False
        self.failed = 0  # events that a sink refused with an error
        self.busy = 0.0  # s, spent with sinks so far
        self.latencies: deque[float] = deque(maxlen=_LATENCIES)  # s, from arrival of a block to its packets
        self._thread = threading.Thread(target=self._run, name="firing", daemon=True)

    @property
    def outputs(self) -> list[Output]:
        """The sinks that an operator may correct while they run, in the order of the settings."""
        return [sink for sink in self.served if isinstance(sink, Output)]

    @property
    def served(self) -> list[Sink]:
        """Every sink, those within a group too."""
        return [one for sink in self.sinks for one in (sink.sinks if isinstance(sink, Group) else (sink,))]

    def start(self) -> None:
        """Begin to fire."""
        self._thread.start()

    def submit(self, events: Sequence[tuple[float, Event]], arrived: float) -> None:
        """Queue events with their due times (host, s), made known by a block that ``arrived`` then."""
        if not events:
            return
        with self._wake:
            for due, event in events:
                # Only events that are due at once measure the program's speed; a predicted beat waits for its time.
                since = arrived if due <= arrived else None
                heapq.heappush(self._queue, (due, next(self._order), event, since))
            self._wake.notify()

    def rehearse(self, sink: Sink, events: Iterable[tuple[float, Event]]) -> None:
        """Give ``sink`` alone these ``events``, each with its time in s from now, and nothing else meanwhile."""
        now = time.monotonic()
        with self._wake:
            for after, event in events:
                self._rehearsing[id(sink)] = now + after
                heapq.heappush(self._queue, (now + after, next(self._order), Addressed(sink, event), None))
            self._wake.notify()

    def wake(self) -> None:
        """Let every sink send the events that are due now."""
        with self._wake:
            self._woken = True
            self._wake.notify()

    def replace(self, sinks: Sequence[Sink]) -> None:
        """Serve these from now on, in the group if there is one; those that are left out are closed."""
        remaining = {id(sink) for sink in sinks}
        with self._wake:
            self._old += [sink for sink in self.served if id(sink) not in remaining]
            group = next((sink for sink in self.sinks if isinstance(sink, Group)), None)
            if group is not None:
                group.sinks = sinks
            else:
                self.sinks = sinks
            self._woken = True
            self._wake.notify()

    def stop(self) -> None:
        """Drop events that are not due yet, release every trigger, close the sinks."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(_LAST_WORDS)  # one that hangs must not keep the others from their zeros
        for sink in self.sinks:
            with self._resort:
                sink.close()

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stopped  # before the pass: events due at the stop are still fired
            with self._resort:
                self._fire()

    def _fire(self) -> None:
        """Sleep until something is due, and hand it to every sink."""
        with self._wake:
            now = time.monotonic()
            while not (self._stopped or self._woken) and min(self._poll_at, self._next_due()) > now:
                left = min(self._poll_at - now, self._next_due() - now, threading.TIMEOUT_MAX)
                self._wake.wait(max(0.0, left - self._awake))
                now = time.monotonic()
            self._woken = False
            old, self._old = self._old, []
            batch = []
            while self._next_due() <= now:
                batch.append(heapq.heappop(self._queue))
        began = time.monotonic()
        for sink in old:
            with self._resort:
                sink.close()
        for _, _, event, since in _newest(batch):
            self._send(event, began)  # the same time for all: values that wait for their rate are due together then
            if since is not None:
                self.latencies.append(time.monotonic() - since)
        self._poll_at = min(map(self._poll, self.sinks), default=float("inf"))
        self.busy += time.monotonic() - began

    def _next_due(self) -> float:
        return self._queue[0][0] if self._queue else float("inf")

    def _poll(self, sink: Sink) -> float:
        now = time.monotonic()
        try:
            return sink.poll(now)
        except Exception:  # noqa: BLE001  as in _send
            self.failed += 1
            return now + _POLL_AGAIN

    def _send(self, event: Event | Addressed, now: float) -> None:
        if isinstance(event, Addressed):
            sinks, event = [event.sink], event.event
        else:
            sinks = [sink for sink in self.sinks if self._rehearsing.get(id(sink), 0.0) < now]
        for sink in sinks:
            try:
                sink.send(event, now)
            except Exception:  # noqa: BLE001  a show goes on: one broken sink is counted, the others are served
                self.failed += 1


def _newest(batch: list[_Due]) -> list[_Due]:
    """``batch`` without levels, states of the clock and moods that a later one makes old; beats and triggers stay."""
    if len(batch) < 3:
        return batch
    remaining: list[_Due] = []
    seen: set[type[Event]] = set()
    for entry in reversed(batch):
        event = entry[2]
        if isinstance(event, Level | Tempo | Mood):
            if type(event) in seen and not (isinstance(event, Mood) and event.changed):
                continue
            seen.add(type(event))
        remaining.append(entry)
    return remaining[::-1]
