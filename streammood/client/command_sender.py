"""Commands to an engine's control port, and its answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from streammood.client.engine_state import PREFIX
from streammood.client.listener import SignalListener
from streammood.protocol.commands import ACK, COMMANDS, Answer, packet, refused
from streammood.protocol.osc import Message
from streammood.protocol.signals import Value, plain


class CommandSender:
    """The way to one engine's control port; answers come back to the same socket."""

    def __init__(self, host: str, port: int, answered: Callable[[Answer], None]) -> None:
        """``answered`` is given each answer, and a refusal where none comes."""
        self._address = (host, port)
        self._answered = answered
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    async def send(self, name: object, arguments: object) -> None:
        """Send a command; nothing here waits for the answer.

        Raises:
            ControlError: the command does not exist, or its arguments are wrong.
        """
        wanted, command = packet(name, arguments, PREFIX), str(name)
        try:
            transport = await self._open()
            transport.sendto(wanted)
        except (OSError, UnicodeError) as error:
            self._fail(command, f"{self._place} cannot be reached ({getattr(error, 'strerror', None) or error})")
            return
        self._forget(command)
        loop = asyncio.get_running_loop()
        self._waiting[command] = loop.call_later(
            COMMANDS[command].patience, self._fail, command, f"no answer from {self._place}"
        )

    def close(self) -> None:
        """Wait for no answer any more, and close the socket."""
        for name in list(self._waiting):
            self._forget(name)
        if self._transport is not None:
            self._transport.close()

    @property
    def _place(self) -> str:
        return f"{self._address[0]}:{self._address[1]}"

    async def _open(self) -> asyncio.DatagramTransport:
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: SignalListener(self._take, lambda _: None), remote_addr=self._address
            )
        return self._transport

    def _take(self, message: Message, _now: float, _sender: str) -> None:
        name = message.address.removeprefix(f"{PREFIX}/{ACK}/")
        if name == message.address or name not in COMMANDS or not message.arguments:
            return
        self._forget(name)
        done, *values = message.arguments
        self._answered(Answer(name, done == 1, tuple(map(_shown, filter(_finite, values)))))

    def _fail(self, name: str, reason: str) -> None:
        self._forget(name)
        self._answered(refused(name, reason))

    def _forget(self, name: str) -> None:
        timer = self._waiting.pop(name, None)
        if timer is not None:
            timer.cancel()


def _finite(value: Value) -> bool:
    return isinstance(value, str) or math.isfinite(value)


def _shown(value: Value) -> Value:
    return plain(value) if isinstance(value, str) else value
