"""OSC in: packets to messages, stamped with the time at which they came."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TypeAlias

from streammood.errors import OscError, SourceError
from streammood.protocol.osc import decode

Take: TypeAlias = Callable[[str, tuple[object, ...], float], None]
"""What is called with the address, the arguments and the host time in s of every message."""

_BUFFER = 1 << 20  # bytes; enough for a second of everything


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
        except OscError:
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
