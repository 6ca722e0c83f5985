"""The open pages: each has a web socket, receives new values, and may send commands."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import time

from aiohttp import WSMsgType, web

from streammood import __version__
from streammood.client.command_sender import CommandSender
from streammood.client.engine_state import EngineState, Json
from streammood.client.listener import start_command
from streammood.config import DashboardSettings
from streammood.errors import ControlError
from streammood.protocol.commands import Answer
from streammood.protocol.osc import Message
from streammood.protocol.signals import plain

_TICK = 0.04  # s between two messages of values; beats do not wait
_ALIVE = 10.0  # s between questions whether a page is there; one that answers nothing for half of it is cut off
_HEARTBEAT = 1.0  # s; a page that receives nothing for three of these connects anew
_WAITING = 128  # messages that a slow page may be behind before it has to begin anew
_PAGES = 64  # open at a time
_RATE = 40.0  # messages a second that a page may send, and as many at once
_LARGEST = 4096  # bytes of a message from a page
_PANIC = '"panic"'  # in a message that counts apart: a panic is sent however many other messages there were
_AGAIN = 1013  # code of a closed socket: try again later


class Pages:
    """Sends the state of the engines to all pages, and the commands of pages to the engines."""

    def __init__(self, settings: DashboardSettings) -> None:
        self._settings = settings
        controls = settings.controls
        self.engines = [
            EngineState(i, port, start_command(settings.osc_host, port)) for i, port in enumerate(settings.osc_ports)
        ]
        self._commands = [
            CommandSender(*controls[min(i, len(controls) - 1)], functools.partial(self._broadcast_answer, i))
            for i in range(len(self.engines))
        ]
        self._open: dict[web.WebSocketResponse, asyncio.Queue[str]] = {}

    def take(self, number: int, message: Message, now: float, _sender: str) -> None:
        """Take a message of engine ``number``, and pass on at once what cannot wait."""
        engine = self.engines[number]
        engine.take(message, now)
        for news in engine.take_news():
            self._broadcast(number, news)

    async def run(self) -> None:
        """Pass on the values that flow, for ever."""
        beat_at = 0.0
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            for number, engine in enumerate(self.engines):
                engine.watch(now)
                for news in engine.take_news():
                    self._broadcast(number, news)
                changes = engine.take_changes()
                if changes is not None:
                    self._broadcast(number, changes)
            if now >= beat_at:
                beat_at = now + _HEARTBEAT
                self._broadcast(-1, {"type": "here"})

    def close(self) -> None:
        """Close the ways to the engines."""
        for control in self._commands:
            control.close()

    async def hang_up(self) -> None:
        """Close every page's socket: the server stops."""
        for socket in list(self._open):
            await socket.close(code=1001, message=b"the dashboard stops")

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One page, until it goes."""
        socket = web.WebSocketResponse(heartbeat=_ALIVE, max_msg_size=_LARGEST, compress=False)
        try:
            await socket.prepare(request)
        except ValueError:  # aiohttp takes the key to be ASCII
            raise web.HTTPBadRequest(text="Sec-WebSocket-Key must be base64.\n") from None
        if len(self._open) >= _PAGES:
            await socket.close(code=_AGAIN, message=f"{_PAGES} pages are open already".encode())
            return socket
        queue: asyncio.Queue[str] = asyncio.Queue(_WAITING)
        self._open[socket] = queue
        queue.put_nowait(self._hello())
        sender = asyncio.create_task(_send(socket, queue))
        allowed, urgent = _Allowance(), _Allowance()
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    continue
                if allowed.use() or (_PANIC in message.data and urgent.use()):
                    await self._receive(queue, message.data)
                else:
                    _offer(queue, _refusal(f"more than {_RATE:.0f} messages a second"))
        finally:
            del self._open[socket]
            sender.cancel()
        return socket

    def _hello(self) -> str:
        engines = [{"port": engine.port} | engine.snapshot() for engine in self.engines]
        return _json(
            {
                "type": "hello",
                "version": __version__,
                "server": time.monotonic(),
                "colors": self._settings.colors,
                "engines": engines,
                "uploadLimit": self._settings.upload_limit,
            }
        )

    async def _receive(self, queue: asyncio.Queue[str], text: str) -> None:
        """Answer a page's question for the time, or pass on its command; whatever it sends, its socket stays open."""
        came = time.monotonic()
        try:
            message = json.loads(text)
            if not isinstance(message, dict):
                raise ValueError("not an object")
            if "ping" in message:
                _offer(queue, _json({"type": "pong", "ping": message["ping"], "server": came}))
                return
            number = message.get("engine", 0)
            if not isinstance(number, int) or not 0 <= number < len(self._commands):
                raise ValueError("there is no such engine")
            await self._commands[number].send(message.get("command"), message.get("arguments", []))
        except (ControlError, ValueError, RecursionError) as error:
            _offer(queue, _refusal(str(error)))
        except Exception as error:  # noqa: BLE001  one message must not end the page of an operator
            _offer(queue, _refusal(f"it cannot be sent: {type(error).__name__}"))

    def _broadcast_answer(self, number: int, answer: Answer) -> None:
        self._broadcast(number, {"type": "ack", "name": answer.name, "ok": answer.done, "values": answer.values})

    def _broadcast(self, number: int, message: Json) -> None:
        if not self._open:
            return
        text = _json(message | {"engine": number})
        for socket, queue in list(self._open.items()):
            if not _offer(queue, text):
                # A page that cannot follow is disconnected; it reconnects and begins with the present state.
                asyncio.get_running_loop().create_task(socket.close(code=_AGAIN, message=b"too slow"))
                self._open[socket] = asyncio.Queue(1)


def _refusal(reason: str) -> str:
    """The answer to a message that is not passed on."""
    return _json({"type": "ack", "name": "", "ok": False, "values": [plain(reason)]})


def _json(message: Json) -> str:
    """``message`` as a browser reads it.

    Raises:
        ValueError: it holds a number that is not finite.
    """
    return json.dumps(message, allow_nan=False)


def _offer(queue: asyncio.Queue[str], text: str) -> bool:
    with contextlib.suppress(asyncio.QueueFull):
        queue.put_nowait(text)
        return True
    return False


async def _send(socket: web.WebSocketResponse, queue: asyncio.Queue[str]) -> None:
    """Send the queued messages; ends with the connection."""
    with contextlib.suppress(ConnectionError):
        while True:
            await socket.send_str(await queue.get())


class _Allowance:
    """How many messages a page may still send; it grows with time."""

    def __init__(self) -> None:
        self._left, self._at = _RATE, time.monotonic()

    def use(self) -> bool:
        """Use up one, if there is one."""
        now = time.monotonic()
        self._left = min(_RATE, self._left + (now - self._at) * _RATE)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
