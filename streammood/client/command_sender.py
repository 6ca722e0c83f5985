"""Buttons to OSC: what may be sent to an engine's control port, and its answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from pythonosc.osc_message_builder import OscMessageBuilder

from streammood.client.engine_state import PREFIX, Json
from streammood.client.listener import Listener

_TEXT = 80  # characters
_ANSWER = 1.0  # s within which an engine answers
_SWITCH, _NUMBER, _NAME = "0 or 1", "a number", "a name"
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "tap": (),
    "double": (),
    "half": (),
    "downbeat": (),
    "bpm": (_NUMBER,),
    "bpm/min": (_NUMBER,),
    "bpm/max": (_NUMBER,),
    "nudge": (_NUMBER,),
    "offset": (_NAME, _NUMBER),
    "hold": (_SWITCH,),
    "mood": (_NAME,),
    "mute": (_NAME, _SWITCH),
    "panic": (),
    "gain": (_NUMBER,),
    "reload": (),
}
"""Every command that an engine takes, and what its arguments are; the engine itself checks their ranges."""


def message(command: object, arguments: object) -> bytes:
    """The OSC packet of a command; one without arguments is a trigger and carries a 1.

    Raises:
        ValueError: there is no such command, or its arguments are of another kind.
    """
    kinds = ARGUMENTS.get(command) if isinstance(command, str) else None
    if kinds is None:
        raise ValueError(f"no such command {command!r}"[:_TEXT])
    if not isinstance(arguments, list) or len(arguments) != len(kinds):
        raise ValueError(f"{command} takes {len(kinds)} arguments")
    builder = OscMessageBuilder(f"{PREFIX}{command}")
    for kind, argument in zip(kinds, arguments, strict=True):
        _add(builder, f"{command}: ", kind, argument)
    if not kinds:
        builder.add_arg(1)
    return bytes(builder.build().dgram)


def _add(builder: OscMessageBuilder, where: str, kind: str, argument: object) -> None:
    if kind is _NAME and isinstance(argument, str) and len(argument) <= _TEXT:
        builder.add_arg(argument)
    elif kind is _SWITCH and argument in (0, 1):
        builder.add_arg(int(bool(argument)))
    elif kind is _NUMBER and isinstance(argument, int | float) and math.isfinite(argument) and abs(argument) < 1e6:
        builder.add_arg(float(argument))
    else:
        raise ValueError(f"{where}must be {kind}")


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
            ValueError: the command is not allowed.
        """
        packet = message(command, arguments)
        name = str(command)
        try:
            transport = await self._open()
            transport.sendto(packet)
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
        name = address.removeprefix(f"{PREFIX}ack/")
        if name == address or name not in ARGUMENTS or not arguments:
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
    """What of ``arguments`` JSON can carry."""
    return [
        argument
        for argument in arguments
        if isinstance(argument, str) or (isinstance(argument, int | float) and math.isfinite(argument))
    ]
