"""Buttons to OSC: what may be sent to an engine's control port, and its answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from streammood.client.engine_state import PREFIX, Json
from streammood.client.listener import Listener
from streammood.protocol.commands import ACK, COMMANDS, packet
from streammood.protocol.signals import plain

_ANSWER = 1.0  # s within which an engine answers


class Control:
    """The way to one engine's control port; answers come back to the same socket."""

    def __init__(self, host: str, port: int, tell: Callable[[Json], None]) -> None:
        """``tell`` is given each answer, and the lack of one, as an object for the pages."""
        self._address = (host, port)
        self._tell = tell
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    async def send(self, command: object, arguments: object) -> None:
        """Send a command; nothing here waits for the answer.

        Raises:
            ControlError: there is no such command, or its arguments are not right.
        """
        wanted = packet(command, arguments, PREFIX)
        name = str(command)
        try:
            transport = await self._open()
            transport.sendto(wanted)
        except OSError as error:
            self._fail(name, f"{self._address[0]}:{self._address[1]} cannot be reached ({error.strerror})")
            return
        self._forget(name)
        loop = asyncio.get_running_loop()
        reason = f"no answer from {self._address[0]}:{self._address[1]}"
        self._waiting[name] = loop.call_later(_ANSWER, self._fail, name, reason)

    def close(self) -> None:
        """Forget what is waited for, and close the socket."""
        for name in list(self._waiting):
            self._forget(name)
        if self._transport is not None:
            self._transport.close()

    async def _open(self) -> asyncio.DatagramTransport:
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: Listener(self._answered), remote_addr=self._address
            )
        return self._transport

    def _answered(self, address: str, arguments: tuple[object, ...], _now: float) -> None:
        name = address.removeprefix(f"{PREFIX}/{ACK}/")
        if name == address or name not in COMMANDS or not arguments:
            return
        self._forget(name)
        values = _plain(arguments[1:])
        self._tell({"type": "ack", "name": name, "ok": arguments[0] == 1, "values": values})

    def _fail(self, name: str, reason: str) -> None:
        self._forget(name)
        self._tell({"type": "ack", "name": name, "ok": False, "values": [reason]})

    def _forget(self, name: str) -> None:
        timer = self._waiting.pop(name, None)
        if timer is not None:
            timer.cancel()


def _plain(arguments: Sequence[object]) -> list[float | str]:
    """What of ``arguments`` JSON can carry and a screen can show."""
    return [
        plain(argument) if isinstance(argument, str) else argument
        for argument in arguments
        if isinstance(argument, str) or (isinstance(argument, int | float) and math.isfinite(argument))
    ]
