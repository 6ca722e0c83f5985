"""Signals for views alone: the state of every target, the operator's settings, notes."""

from __future__ import annotations

import math

from streammood.config import TargetSettings
from streammood.events import Event
from streammood.protocol.osc import encode
from streammood.protocol.signals import details
from streammood.protocol.udp import Datagrams


class DetailedReport:
    """Sends the details of every status, once a second, to one host and port."""

    def __init__(self, settings: TargetSettings) -> None:
        self._prefix = settings.prefix
        self._wire = Datagrams(settings.host, settings.port, False, settings.interface)

    def send(self, event: Event, now: float) -> None:
        """Send the details of a status; other events have none."""
        for _, name, value in details(event):
            self._wire.put(encode(f"{self._prefix}/{name}", value))

    def poll(self, now: float) -> float:
        """Nothing ever becomes due."""
        return math.inf

    def close(self) -> None:
        """Close the socket."""
        self._wire.close()
