"""OSC in: a port that is listened on, and every message of it, with its time and its sender."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import TypeAlias

from streammood.errors import OscError, SourceError
from streammood.protocol.osc import Message, decode

Take: TypeAlias = Callable[[Message, float, str], None]
"""Is called with every message, the host time in s at which it came, and the host that sent it."""

_BUFFER = 1 << 20  # bytes; enough for a second of everything


def bind(host: str, port: int, option: str) -> socket.socket:
    """A socket that receives at ``host`` and ``port``; port 0 is any that is free.

    Raises:
        SourceError: they cannot be had; ``option`` is where the user chose the port.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        made = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"OSC port {host}:{port}: {host} is no address of this machine ({error})") from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        made.bind(address)
    except OSError as error:
        made.close()
        raise SourceError(
            f"OSC port {host}:{port} cannot be listened on ({error.strerror or error}); another dashboard or terminal "
            f"view may have it: end that, or choose another port with {option}"
        ) from None
    made.setblocking(False)
    return made


def start_command(host: str, port: int) -> str:
    """The command that starts an engine which sends to ``port`` of this machine, where ``host`` is listened on."""
    if host in {"0.0.0.0", "::"}:
        host = "THIS-MACHINE"
    return f"streammood run --target {f'[{host}]' if ':' in host else host}:{port}"


class SignalListener(asyncio.DatagramProtocol):
    """Hands over every message of one socket; packets that are not OSC are counted, and reported once."""

    def __init__(self, take: Take, report: Callable[[str], None]) -> None:
        self.refused = 0  # packets that are not OSC
        self._take = take
        self._report = report

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Decode one packet; never fails."""
        now, sender = time.monotonic(), str(addr[0])
        try:
            messages = decode(data)
        except OscError as error:
            if not self.refused:
                self._report(f"{sender} sends what is not OSC; such packets are ignored ({error})")
            self.refused += 1
            return
        for message in messages:
            self._take(message, now, sender)


async def listen(bound: socket.socket, take: Take, report: Callable[[str], None]) -> asyncio.DatagramTransport:
    """Receive OSC at a socket of ``bind`` until the transport is closed; ``report`` takes messages for people."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: SignalListener(take, report), sock=bound)
    return transport
