"""OSC as UDP packets: one number to a message, alone or in bundles; nothing here waits."""

from __future__ import annotations

import socket
import struct

from pythonosc.osc_message_builder import OscMessageBuilder

from streammood.errors import SinkError

_IMMEDIATELY = struct.pack(">Q", 1)  # the time tag of OSC that means now
_LARGEST = 1400  # bytes in a bundle, so that it fits into one Ethernet frame


def resolve(host: str, port: int) -> str:
    """The numeric address of ``host``, IPv4 where it has one, since many receivers listen on that alone.

    Raises:
        SinkError: the host does not resolve.
    """
    return _resolve(host, port)[1]


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SinkError(f"target {host}:{port}: the host does not resolve ({error}); check its name") from None
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return found[0][0], str(found[0][4][0])


class Message:
    """One OSC address; encodes a number in a fraction of the time that a builder takes, for the head never changes."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._float = self._built(0.0)[:-4]
        self._int = self._built(0)[:-4]

    def encode(self, value: float | int | str) -> bytes:
        """The message with ``value`` as its one argument; a whole number stays one within 32 bits."""
        if isinstance(value, str):
            return self._built(value)
        if isinstance(value, int):
            return self._int + struct.pack(">i", max(-(1 << 31), min(value, (1 << 31) - 1)))
        return self._float + struct.pack(">f", value)

    def _built(self, value: float | int | str) -> bytes:
        builder = OscMessageBuilder(self.address)
        builder.add_arg(value)
        return builder.build().dgram


class Datagrams:
    """A UDP socket for one receiver, a broadcast or a multicast address.

    Raises:
        SinkError: the host does not resolve, or there is no such network interface.
    """

    def __init__(self, host: str, port: int, bundle: bool = False, interface: str | None = None) -> None:
        """With ``bundle``, messages wait for ``flush``; ``interface`` is the own address to send from."""
        self.sent = 0  # messages
        self.failed = 0  # messages that the system would not send
        # By number: otherwise the name server would be asked with every message.
        family, address = _resolve(host, port)
        self._to = (address, port)
        self._bundle = bundle
        self._parts: list[bytes] = []
        self._size = 0
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if interface is not None:
            try:
                self._socket.bind((interface, 0))
                if family == socket.AF_INET:
                    own = socket.inet_aton(interface)
                    self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
            except OSError as error:
                self._socket.close()
                raise SinkError(
                    f"target {host}:{port}: interface {interface} cannot be used ({error.strerror or error}); "
                    "give the address of one of this machine's network cards"
                ) from None

    def put(self, message: bytes) -> None:
        """Send ``message``, or keep it for the bundle."""
        if not self._bundle:
            self._send(message, 1)
            return
        if self._parts and self._size + len(message) + 4 > _LARGEST:
            self.flush()
        self._parts.append(message)
        self._size += len(message) + 4

    def flush(self) -> None:
        """Send what has been kept as one bundle."""
        if not self._parts:
            return
        body = b"".join(struct.pack(">i", len(part)) + part for part in self._parts)
        count, self._size = len(self._parts), 0
        self._parts.clear()
        self._send(b"#bundle\0" + _IMMEDIATELY + body, count)

    def at_once(self, message: bytes) -> None:
        """Send ``message`` now and alone, from any thread."""
        self._send(message, 1)

    def close(self) -> None:
        """Send what was kept, and close the socket."""
        self.flush()
        self._socket.close()

    def _send(self, packet: bytes, messages: int) -> None:
        try:
            self._socket.sendto(packet, self._to)
            self.sent += messages
        except OSError:  # buffer full, network down: the next repeat will do
            self.failed += messages
