"""OSC in: packets to messages, stamped with the time at which they came.

python-osc's parser does the decoding. Its dispatcher is left out, since it sleeps on bundles that carry a time
tag in the future, and one such packet would stop the page for everybody.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TypeAlias

from pythonosc.osc_packet import OscPacket

from streammood.errors import SourceError

Message: TypeAlias = tuple[str, tuple[object, ...]]
"""Address and arguments."""

Take: TypeAlias = Callable[[str, tuple[object, ...], float], None]
"""What is called with the address, the arguments and the host time in s of every message."""

_BUFFER = 1 << 20  # bytes; enough for a second of everything


def decode(packet: bytes) -> list[Message]:
    """The messages of ``packet``, those of bundles at once whatever their time tag says.

    Raises:
        ValueError: the packet is not OSC.
    """
    try:
        return [(timed.message.address, tuple(timed.message.params)) for timed in OscPacket(packet).messages]
    except Exception as error:
        raise ValueError(f"not OSC: {error}") from error


class Listener(asyncio.DatagramProtocol):
    """Hands over every message of one socket, and counts what is none."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self.refused = 0  # packets that are not OSC

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Decode one packet; never fails."""
        now = time.monotonic()
        try:
            messages = decode(data)
        except ValueError:
            self.refused += 1
            return
        for address, arguments in messages:
            self._take(address, arguments, now)


async def listen(host: str, port: int, take: Take) -> asyncio.DatagramTransport:
    """Receive OSC at ``host`` and ``port`` until the transport is closed.

    Raises:
        SourceError: the port cannot be had.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: Listener(take), local_addr=(host, port))
    except OSError as error:
        raise SourceError(
            f"OSC port {host}:{port} cannot be listened on ({error.strerror or error}); "
            "end the other program there, or choose another with dashboard.osc_port"
        ) from None
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    return transport
