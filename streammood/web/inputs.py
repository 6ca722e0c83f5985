"""The inputs of this machine over HTTP: a list with live meters while a page asks, and a test recording of one.

The meters listen in this process, beside the engine's, and are closed before the engine is to open another input: some
drivers let one program alone have a device.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
from aiohttp import web

from streammood.capture import Source
from streammood.capture.advice import advise
from streammood.capture.device import Device, DeviceSource, devices
from streammood.capture.meter import Meter
from streammood.config import InputSettings
from streammood.errors import StreammoodError
from streammood.events import F32
from streammood.lasting import reason_of
from streammood.web.bodies import read_object

_SHOWN = 3.0  # s over which the meters look
_IDLE = 4.0  # s after the last question until the meters are closed
_MOST = 16  # devices that are listened to at a time
_RECORDED = 5.0  # s of a test recording


@dataclass(slots=True)
class _Listening:
    """One device that is listened to."""

    device: Device
    meter: Meter = field(default_factory=lambda: Meter(_SHOWN))
    source: Source | None = None
    error: str = ""
    recorded: list[F32] | None = None  # blocks of a test recording, while there is one

    def open(self) -> None:
        """Open it; why it cannot be, if so, is its ``error``."""
        try:
            self.source = DeviceSource(InputSettings(device=self.device.index, block=1024))
            self.source.start(self._take)
        except (StreammoodError, OSError, ValueError) as error:
            self.close()
            self.error = str(error) if isinstance(error, StreammoodError) else reason_of(error)

    def _take(self, block: F32, captured: float, arrived: float) -> None:
        self.meter.take(block)
        recorded = self.recorded
        if recorded is not None:
            recorded.append(block.copy())

    def close(self) -> None:
        """Close it."""
        source, self.source = self.source, None
        if source is not None:
            source.stop()

    def as_json(self, alone: bool) -> dict[str, Any]:
        """What the page shows; ``alone``: no other device has its name."""
        device, meter = self.device, self.meter
        state: dict[str, Any] = {
            "name": device.name,
            "choice": device.name if alone else str(device.index),
            "api": device.host_api,
            "channels": device.channels,
            "default": device.default,
            "error": self.error,
        }
        if meter.heard:
            advice = advise(meter.peak, meter.clipped)
            state |= {"peak": round(meter.peak, 1), "word": advice.word, "advice": advice.text}
        return state


class Inputs:
    """The routes below ``/inputs``; ``here``: the engine runs on this machine, so that its inputs are these."""

    def __init__(self, here: bool) -> None:
        self._here = here
        self._found: list[_Listening] | None = None  # None while nothing is listened to
        self._asked = 0.0  # host time in s of the latest question
        self._recording: bytes = b""
        self._recorded = 0
        self._driver = ThreadPoolExecutor(1, "inputs")  # PortAudio takes one call at a time
        self._ending = threading.Event()
        self._closing: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        """What the application serves."""
        return [
            web.get("/inputs", self._list),
            web.post("/inputs", self._act),
            web.get("/inputs/recording.wav", self._sound),
        ]

    async def close(self) -> None:
        """Stop listening."""
        if self._closing is not None:
            self._closing.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._release(), _IDLE)
        self._driver.shutdown(wait=False)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response(await self._state())

    async def _state(self) -> dict[str, Any]:
        if not self._here:
            return {"here": False, "devices": []}
        self._asked = time.monotonic()
        if self._found is None:
            self._found = []
            await self._in_driver(self._open)
            self._closing = asyncio.create_task(self._close_when_idle())
        found = self._found or []
        names = [listening.device.name for listening in found]
        listed = [one.as_json(names.count(one.device.name) == 1) for one in found]
        return {"here": True, "devices": listed, "recorded": self._recorded}

    async def _act(self, request: web.Request) -> web.Response:
        """``action``: `record` the device called by its ``choice``, or `close` the meters."""
        wanted = await read_object(request)
        action, choice = wanted.get("action"), wanted.get("choice")
        if action == "close":
            await self._release()
            return web.json_response({})
        if action != "record":
            raise web.HTTPUnprocessableEntity(text="action must be record or close\n")
        await self._state()
        chosen = next((one for one in self._found or [] if choice in (one.device.name, str(one.device.index))), None)
        if chosen is None or chosen.source is None:
            raise web.HTTPUnprocessableEntity(text="There is no such input, or it cannot be opened.\n")
        await self._record(chosen)
        return web.json_response(await self._state())

    async def _record(self, chosen: _Listening) -> None:
        recorded: list[F32] = []
        chosen.recorded = recorded
        end = time.monotonic() + _RECORDED
        while time.monotonic() < end and chosen.source is not None:
            self._asked = time.monotonic()
            await asyncio.sleep(0.1)
        chosen.recorded = None
        rate = 0 if chosen.source is None else chosen.source.sample_rate
        if not recorded or not rate:
            raise web.HTTPUnprocessableEntity(text="The input delivered nothing.\n")
        file = io.BytesIO()
        soundfile.write(file, np.concatenate(recorded), rate, format="WAV", subtype="PCM_16")
        self._recording = file.getvalue()
        self._recorded += 1

    async def _sound(self, _: web.Request) -> web.Response:
        if not self._recording:
            raise web.HTTPNotFound(text="Nothing was recorded.\n")
        return web.Response(body=self._recording, content_type="audio/wav")

    def _open(self) -> None:
        """Open every device, one after the other; what hangs keeps the others waiting, but no page."""
        for device in devices()[:_MOST]:
            one = _Listening(device)
            one.open()
            if self._found is None or self._ending.is_set():
                one.close()
                return
            self._found.append(one)

    async def _in_driver(self, work: Any) -> None:
        """Have the driver's thread do ``work``, and wait for it for a while."""
        with contextlib.suppress(TimeoutError, StreammoodError):
            await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._driver, work), _IDLE)

    async def _close_when_idle(self) -> None:
        while time.monotonic() - self._asked < _IDLE:
            await asyncio.sleep(0.5)
        await self._release()

    async def _release(self) -> None:
        """Close every meter."""
        found, self._found = self._found, None
        if found:

            def close() -> None:
                for one in found:
                    one.close()

            await self._in_driver(close)
