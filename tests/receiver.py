"""A UDP socket that decodes what arrives with python-osc's parser, which is not ours."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from types import TracebackType

from pythonosc.osc_packet import OscPacket


@dataclass(frozen=True)
class Message:
    """One message as it came."""

    packet: int  # messages of one bundle share it

    at: float  # host time in s
    address: str
    arguments: tuple[object, ...]

    @property
    def value(self) -> float | int | str:
        """Its only argument."""
        (argument,) = self.arguments
        assert isinstance(argument, float | int | str)
        return argument


class Receiver:
    """Listens on a free port of the loopback interface; with ``group``, for that multicast address too."""

    def __init__(self, host: str = "127.0.0.1", group: str | None = None) -> None:
        self._packets = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind((host, 0))
        if group is not None:
            member = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self.port = int(self._socket.getsockname()[1])

    def __enter__(self) -> Receiver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def messages(self, wait: float = 0.0) -> list[Message]:
        """Everything that came so far, and that comes within ``wait`` seconds."""
        end = time.monotonic() + wait
        found: list[Message] = []
        while True:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                packet = self._socket.recv(65_536)
            except TimeoutError:
                return found
            self._packets += 1
            now = time.monotonic()
            for timed in OscPacket(packet).messages:
                message = timed.message
                found.append(Message(self._packets, now, message.address, tuple(message.params)))
