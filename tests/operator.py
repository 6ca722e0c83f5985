"""An operator with OSC programs that are not ours: python-osc's client, and liblo's ``oscsend``."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient


class Operator:
    """Sends commands to a port of this machine and reads the answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._client = SimpleUDPClient("127.0.0.1", port)

    def __enter__(self) -> Operator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def send(self, name: str, *arguments: float | int | str | bool) -> None:
        """Send one command and do not wait."""
        self._client.send_message(f"/streammood/do/{name}", arguments)

    def send_bytes(self, datagram: bytes) -> None:
        """Send what may be no OSC."""
        self._client._sock.sendto(datagram, ("127.0.0.1", self.port))

    def answer(self, seconds: float = 5.0) -> tuple[object, ...]:
        """The next answer: its address below /streammood/ack/, and its arguments; empty if none comes."""
        packet = self._client.receive(seconds)
        if not packet:
            return ()
        message = OscMessage(packet)
        return message.address.removeprefix("/streammood/ack/"), *message.params

    def ask(self, name: str, *arguments: float | int | str | bool) -> tuple[object, ...]:
        """Send one command and return its answer."""
        self.send(name, *arguments)
        return self.answer()

    def tap(self, period: float, offsets: Sequence[float], sleep: Callable[[float], None] = time.sleep) -> list[float]:
        """Tap once every ``period`` s, each tap late by one of ``offsets`` in s; returns when the beats were meant."""
        began = time.monotonic() + max(0.0, -min(offsets))
        meant = [began + i * period for i in range(len(offsets))]
        for at, offset in zip(meant, offsets, strict=True):
            sleep(max(0.0, at + offset - time.monotonic()))
            self.send("tap", 1)
        return meant


needs_liblo = pytest.mark.skipif(
    not (shutil.which("oscsend") and shutil.which("oscdump")), reason="needs liblo: apt-get install liblo-tools"
)


def oscsend(port: int, address: str, *types_and_values: str) -> None:
    """Send one message with liblo."""
    subprocess.run(["oscsend", "127.0.0.1", str(port), address, *types_and_values], check=True, timeout=10)
