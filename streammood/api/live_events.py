"""The live engine as an iterator: events of a device as they happen, without OSC."""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterator

from streammood.api.inputs import AUTO, DEMO, is_path, open_source
from streammood.api.stream_analyzer import models_of, settings_of
from streammood.capture import Source
from streammood.capture.paced import Paced
from streammood.config import Settings
from streammood.engine.live import Engine
from streammood.events import Event, Level, Tempo
from streammood.log.event_log import EventLog
from streammood.outputs import SampleNow, Sink
from streammood.outputs.build import Outputs
from streammood.protocol.udp import Report, ignore

_LOOK = 0.1  # s between looks whether the input has ended
_LONGEST = 10_000  # events that wait for a reader; then levels and tempi are left out, and never anything else


class _Queue(Outputs):
    """The only output: events wait there until they are asked for."""

    def __init__(self, settings: Settings, labels: tuple[str, ...]) -> None:
        super().__init__(settings, labels)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def build(self, sample_now: SampleNow, report: Report = ignore) -> list[Sink]:
        """This queue as a sink."""
        return [self]

    def send(self, event: Event, now: float) -> None:
        """Store one event."""
        if self.events.qsize() < _LONGEST or not isinstance(event, Level | Tempo):
            self.events.put(event)

    def poll(self, now: float) -> float:
        """Nothing becomes due later."""
        return now + 1.0

    def close(self) -> None:
        """Nothing is open."""


def listen(input: str | int | None = None, settings: Settings | str | None = None) -> Iterator[Event]:
    """Listen to a live input and yield its events as they happen, without OSC.

    A beat is yielded when it sounds. An input that goes away is looked for by name until it is back; ``Status`` events
    report that, once a second. Leaving the loop, or ``close()`` of the iterator, ends the engine.

    Args:
        input: A device by name, part of it, or index; a sound file, which is played in real time; ``"demo"``; or
            ``"auto"``: the default device, or the demo where there is none. The default device by default.
        settings: Settings, or the name of a preset or of a YAML file; the shipped ones by default. Those of outputs
            (``osc``, ``link``, ``midi``, ``lights``) and of the control port are not used.

    Yields:
        ``Beat``, ``Onset``, ``Level``, ``Tempo``, ``Mood`` and ``Status``, with times in samples of 44.1 kHz since the
        stream began.

    Raises:
        SourceError: There is no such input, or it cannot be opened.
        ConfigError: The settings are not right.
        ModelError: A model that they name cannot be used.

    Examples:
        >>> import streammood as sm
        >>> for event in sm.listen("demo"):
        ...     if isinstance(event, sm.Level):
        ...         break
        >>> 0.0 <= event.rms <= 1.0
        True
    """
    chosen = settings_of(settings)
    name = None if input is None else str(input)
    if name is not None and name not in (DEMO, AUTO) and not is_path(name):
        device = int(name) if name.isdigit() else name
        chosen = chosen.model_copy(update={"input": chosen.input.model_copy(update={"device": device})})
    source = open_source(name, chosen)
    outputs = _Queue(chosen, models_of(chosen).labels)
    return _events(source, Engine(chosen, source, models_of(chosen), outputs, EventLog()), outputs)


def _events(source: Source, engine: Engine, outputs: _Queue) -> Iterator[Event]:
    interval = sys.getswitchinterval()
    try:
        engine.start()
        while not (engine.finished.is_set() and outputs.events.empty()):
            try:
                yield outputs.events.get(timeout=_LOOK)
            except queue.Empty:
                continue
    finally:
        engine.stop()
        sys.setswitchinterval(interval)
    if engine.error is not None:
        raise engine.error
    if isinstance(source, Paced) and source.error is not None:
        raise source.error
