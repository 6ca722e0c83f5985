"""OSC as UDP packets, alone or in bundles; nothing here waits, not for the network and not for a name either."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, TypeAlias

from streammood.errors import SinkError
from streammood.protocol.osc import encode_bundle

_LARGEST = 1400  # bytes in a bundle, so that it fits into one Ethernet frame
_TRY_AGAIN = 2.0  # s until a receiver that was not found is looked for again


def resolve(host: str, port: int, number_only: bool = False) -> tuple[socket.AddressFamily, Any]:
    """Family and socket address of ``host``, IPv4 where it has one, since many receivers listen on that alone.

    In IPv6 the address keeps the scope that ``host`` names.

    Raises:
        SinkError: the host does not resolve, or is a name although ``number_only``, which sends no query.
    """
    flags = socket.AI_NUMERICHOST if number_only else 0
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
    except (OSError, UnicodeError) as error:
        raise SinkError(f"target {host}:{port}: the host does not resolve ({error}); check its name") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return found[0][0], found[0][4]


def numeric(address: Any) -> str:
    """The host of a socket address as a number, with its scope in IPv6."""
    return socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def connect(host: str, port: int, interface: str | None, number_only: bool = False) -> tuple[socket.socket, Any]:
    """A socket that sends to ``host`` (a broadcast or multicast address, too) and never waits, and that address.

    ``interface`` is the own address to send from; for ``number_only`` see ``resolve``.

    Raises:
        SinkError: the host does not resolve, or there is no such interface.
    """
    # By number: otherwise the name server would be asked with every message.
    family, address = resolve(host, port, number_only)
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if interface is not None:
            made.bind((interface, 0))
            if family == socket.AF_INET:
                made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
    except OSError as error:
        made.close()
        raise SinkError(
            f"target {host}:{port}: interface {interface} cannot be used ({error.strerror or error}); "
            "give the address of one of this machine's network cards"
        ) from None
    return made, address


def comes_back(host: str) -> bool:
    """Whether packets to ``host`` come to this machine: to one of its own addresses, or to everybody's."""
    try:
        family, address = resolve(host, 0)
    except SinkError:
        return False
    number = ip_address(address[0].partition("%")[0])
    if number.is_unspecified or number.is_loopback or str(number) == "255.255.255.255":
        return True
    if number.is_multicast:
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)  # only one's own address can be bound; on Linux, the broadcast of an own network too
        except OSError:
            return False
    return True


Report: TypeAlias = Callable[[str], None]
"""Takes messages for people, from any thread."""


def ignore(_note: str) -> None:
    """Discards messages."""


class Datagrams:
    """A way to one receiver, a broadcast or a multicast address.

    Where the host does not resolve or the interface is not there, a thread tries again until they are; messages until
    then count as failed. So a missing receiver, or a network that comes up late, delays nothing.
    """

    def __init__(
        self,
        host: str,
        port: int,
        bundle: bool = False,
        interface: str | None = None,
        report: Report = ignore,
    ) -> None:
        """With ``bundle``, messages wait for ``flush``; ``interface`` is the own address to send from."""
        self.sent = 0  # messages
        self.failed = 0  # messages that the system would not send, or that had nowhere to go
        self.last = b""  # packet that was sent
        self.error = ""  # the latest, for people
        self._recent: dict[bytes, tuple[int, float, bytes]] = {}  # by address: how many, host time in s, the latest
        self._place = host, port, interface
        self._title = f"target {host}:{port}"
        self._reported = False  # that the system does not send
        self._bundle = bundle
        self._report = report
        self._parts: list[bytes] = []
        self._size = 0
        self._way: tuple[socket.socket, Any] | None = None  # None until there is one
        self._closed = threading.Event()
        try:
            self._way = connect(*self._place, number_only=True)
        except SinkError:
            threading.Thread(target=self._try, name=f"resolve {host}", daemon=True).start()

    def recent(self) -> list[tuple[int, float, bytes]]:
        """The latest message on each address, newest first: how many there were, when it was sent (host, s), itself."""
        return sorted(self._recent.values(), key=lambda row: row[1], reverse=True)

    def _remember(self, message: bytes) -> None:
        address = message[: message.find(0)]
        self._recent[address] = self._recent.get(address, (0,))[0] + 1, time.monotonic(), message

    def put(self, message: bytes) -> None:
        """Send ``message``, or add it to the bundle."""
        self._remember(message)
        if not self._bundle:
            self._send(message, 1)
            return
        if self._parts and self._size + len(message) + 4 > _LARGEST:
            self.flush()
        self._parts.append(message)
        self._size += len(message) + 4

    def flush(self) -> None:
        """Send the bundle."""
        if not self._parts:
            return
        packet, count = encode_bundle(self._parts), len(self._parts)
        self._parts.clear()
        self._size = 0
        self._send(packet, count)

    def at_once(self, message: bytes) -> None:
        """Send ``message`` now and alone, from any thread."""
        self._remember(message)
        self._send(message, 1)

    def close(self) -> None:
        """Send the bundle, and close the socket."""
        self.flush()
        self._closed.set()
        if self._way is not None:
            self._way[0].close()

    def _try(self) -> None:
        """In a thread: try to connect until it works, or the socket was closed."""
        failed = False
        while not self._closed.is_set():
            try:
                self._way = connect(*self._place)
            except SinkError as error:
                self.error = str(error)
                if not failed:
                    self._report(f"{error}; it is tried again every {_TRY_AGAIN:g} s, the others are served")
                failed = True
                self._closed.wait(_TRY_AGAIN)
                continue
            self.error = ""
            if failed:
                self._report(f"{self._title}: found at {numeric(self._way[1])}")
            if self._closed.is_set():
                self._way[0].close()
            return

    def _send(self, packet: bytes, messages: int) -> None:
        if self._way is None:
            self.failed += messages
            return
        try:
            self._way[0].sendto(packet, self._way[1])
            self.sent += messages
            self.last = packet
        except OSError as error:  # buffer full, network down: the next repeat will do
            self.error = error.strerror or str(error)
            if not self._reported:
                self._reported = True
                self._report(f"{self._title}: the system does not send ({error.strerror or error}); is the network up?")
            self.failed += messages
