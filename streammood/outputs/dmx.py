"""Frames of DMX as Art-Net and sACN packets, built by their libraries; only the levels change from frame to frame."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from streammood.config.outputs import ArtnetSettings, SacnSettings
from streammood.errors import ConfigError
from streammood.protocol.udp import Datagrams, Report

_CHANNELS = 512
_SACN_PORT = 5568
_SACN_SEQUENCE, _SACN_OPTIONS, _SACN_LEVELS = 111, 112, 126  # octets of an E1.31 data packet
_SACN_TERMINATED = 0x40
_GOODBYES = 3  # packets that end a source, as E1.31 wants


class Universe(Protocol):
    """Where frames go."""

    wire: Datagrams

    def send(self, levels: bytes) -> None:
        """Send one frame: the first channels from the address on, 0..255 each."""
        ...

    def close(self) -> None:
        """Announce the end of the stream."""
        ...


@contextmanager
def _extra(setting: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"{setting} needs {error.name}: pip install 'streammood[lights]'") from None


class Artnet:
    """One Art-Net universe.

    Raises:
        ConfigError: the library is not installed.
    """

    def __init__(self, settings: ArtnetSettings, report: Report) -> None:
        with _extra("lights.artnet"):
            from stupidArtnet import StupidArtnet  # noqa: PLC0415  an extra
        library = StupidArtnet(settings.host, settings.universe, _CHANNELS, port=settings.port)
        self._head = bytes(library.packet_header)
        library.close()  # its own socket waits, and prints its errors
        self._levels = bytearray(_CHANNELS)
        self._first = settings.address - 1
        self.wire = Datagrams(settings.host, settings.port, report=report)

    def send(self, levels: bytes) -> None:
        """Send one frame."""
        self._levels[self._first : self._first + len(levels)] = levels
        self.wire.put(self._head + self._levels)

    def close(self) -> None:
        """Close the socket."""
        self.wire.close()


class Sacn:
    """One sACN universe, by multicast where no host is given.

    Raises:
        ConfigError: the library is not installed.
    """

    def __init__(self, settings: SacnSettings, report: Report) -> None:
        with _extra("lights.sacn"):
            from sacn.messages.data_packet import DataPacket  # noqa: PLC0415  an extra
        packet = DataPacket(tuple(uuid.uuid4().bytes), "streammood", settings.universe, priority=settings.priority)
        self._packet = bytearray(packet.getBytes())
        self._first = _SACN_LEVELS + settings.address - 1
        self.wire = Datagrams(
            settings.host or packet.calculate_multicast_addr(), _SACN_PORT, interface=settings.interface, report=report
        )

    def send(self, levels: bytes) -> None:
        """Send one frame."""
        self._packet[self._first : self._first + len(levels)] = levels
        self.wire.put(bytes(self._packet))
        self._packet[_SACN_SEQUENCE] = (self._packet[_SACN_SEQUENCE] + 1) % 256

    def close(self) -> None:
        """End the source, so that others take over at once."""
        self._packet[_SACN_OPTIONS] |= _SACN_TERMINATED
        for _ in range(_GOODBYES):
            self.send(b"")
        self.wire.close()
