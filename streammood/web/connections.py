"""Counts open connections by address, so that one host that opens many cannot exclude others.

Where there are too many, one that waits for a request makes room: first one that has not yet shown that it may
use the dashboard. A newcomer is refused only while all others are being served.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import sys
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from streammood.web.guard import SESSION, Handler

TOTAL = 256  # connections; 64 pages, each with a web socket, and what browsers open beside
EACH = 128  # from one address; a proxy brings many people from one
_FIRST = 10.0  # s in which a connection must have asked for something that it may have
_SHARE = 4  # of the files that a process may open, one in so many may be a connection
_OPTIONS: dict[str, Any] = {
    "keepalive_timeout": 15.0,  # s after an answer until the next request must be there
    "lingering_time": 2.0,  # s for which the rest of a request is read whose answer was given already
    "auto_decompress": False,  # no browser compresses its requests here
    "access_log": None,
}


class Connection(web.RequestHandler):
    """One connection of the server."""

    __slots__ = ("address", "busy", "connections", "first", "proven", "since")

    def __init__(self, connections: Connections, server: web.Server, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(server, loop=loop, **_OPTIONS, **options)
        self.connections = connections
        self.address = ""
        self.busy = False  # a request is being answered
        self.proven = False  # a request has passed the guard
        self.since = loop.time()
        self.first = loop.call_later(_FIRST, self._late)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = _group(peer[0]) if peer else ""
        if self.connections.admit(self):
            super().connection_made(transport)
        else:
            cast(asyncio.Transport, transport).abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.first.cancel()
        self.connections.forget(self)
        super().connection_lost(exc)

    def _late(self) -> None:
        if not self.proven and self.transport is not None:
            self.transport.abort()


class Connections:
    """All connections of one server."""

    def __init__(self, report: Callable[[str], None], total: int = TOTAL, each: int = EACH) -> None:
        """``report`` is given a line when there are too many connections, once."""
        self._total = min(total, max(16, _files() // _SHARE))
        self._each = min(each, self._total)
        self._open: set[Connection] = set()
        self._report = report
        self._reported = False

    def __len__(self) -> int:
        return len(self._open)

    def factory(self, server: web.Server, **options: Any) -> Callable[[], Connection]:
        """What makes a connection for each that comes in."""
        return lambda: Connection(self, server, **options)

    def admit(self, newcomer: Connection) -> bool:
        """Count ``newcomer`` in, if need be in the place of one that waits."""
        same = [connection for connection in self._open if connection.address == newcomer.address]
        rivals = same if len(same) >= self._each else list(self._open) if len(self._open) >= self._total else None
        if rivals is not None:
            if not self._reported:
                self._reported = True
                self._report(
                    f"{len(rivals)} connections are open, the last from {newcomer.address}: idle ones are closed "
                    "(this is reported once)"
                )
            idle = [connection for connection in rivals if not connection.busy]
            if not idle:
                return False
            oldest = min(idle, key=lambda connection: (connection.proven, connection.since))
            self._open.discard(oldest)
            if oldest.transport is not None:
                oldest.transport.abort()
        self._open.add(newcomer)
        return True

    def forget(self, connection: Connection) -> None:
        """Count ``connection`` out."""
        self._open.discard(connection)

    async def close(self) -> None:
        """Cut all that are still open when the server has ended."""
        for connection in self._open:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # the loop releases their sockets

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Mark the connection of a request that belongs to a session; files that anybody may have prove nothing."""
        connection = cast(Connection, request.protocol)
        if SESSION not in request:
            return await handler(request)
        connection.busy = connection.proven = True
        try:
            return await handler(request)
        finally:
            connection.busy = False
            connection.since = asyncio.get_running_loop().time()


def _group(address: str) -> str:
    """Whose address it is: in IPv6 a machine has a network of 64 bits for itself."""
    with contextlib.suppress(ValueError):
        number = ipaddress.ip_address(address)
        if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(number) >> 64 << 64, 64)))
    return address


def _files() -> int:
    """How many files this process may open."""
    if sys.platform == "win32":
        return TOTAL * _SHARE
    import resource  # noqa: PLC0415  not on Windows

    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1 << 20)
