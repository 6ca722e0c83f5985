"""What an operator's view wants to know beyond what receivers do: targets, what was told, what went wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator

from streammood.config import TargetSettings
from streammood.events import Event, Status
from streammood.outputs.event_signals import Value
from streammood.protocol.udp import Datagrams, Message


def details(status: Status) -> Iterator[tuple[str, Value]]:
    """Name and value of everything; targets are numbered from 1, as commands number them."""
    for number, target in enumerate(status.targets, 1):
        yield f"target/{number}/name", target.name
        yield f"target/{number}/sent", target.sent
        yield f"target/{number}/failed", target.failed
        yield f"target/{number}/offset", float(target.offset)
        yield f"target/{number}/muted", int(target.muted)
    yield "target/count", len(status.targets)
    yield "control/hold", int(status.held)
    yield "control/mood", status.imposed
    for note in status.notes:
        yield "status/note", note


class DetailedReport:
    """Sends the details of every status, once a second, to one host and port.

    Raises:
        SinkError: the host does not resolve.
    """

    def __init__(self, settings: TargetSettings) -> None:
        self._prefix = settings.prefix
        self._wire = Datagrams(settings.host, settings.port, False, settings.interface)

    def send(self, event: Event, now: float) -> None:
        """Send what a status says; other events say nothing here."""
        if isinstance(event, Status):
            for name, value in details(event):
                self._wire.put(Message(f"{self._prefix}/{name}").encode(value))

    def poll(self, now: float) -> float:
        """Nothing ever becomes due."""
        return math.inf

    def close(self) -> None:
        """Let go."""
        self._wire.close()
