"""Setting up on a page: a test for a receiver that is not in any file yet, and the first settings file."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import threading
from pathlib import Path
from typing import Any

import platformdirs
from aiohttp import web

from streammood.config import Settings, TargetSettings
from streammood.config.first import First
from streammood.config.presets import shipped_presets, with_preset
from streammood.engine.trial import send_trial
from streammood.errors import StreammoodError
from streammood.web.bodies import read_object

_TRIAL = 6.5  # s that a test takes
_NAME = re.compile(r"[\w][\w .-]{0,60}\.yaml")


class Setup:
    """The routes below ``/setup``."""

    def __init__(self, folders: tuple[Path, ...] | None = None) -> None:
        """``folders``: where a settings file may be written; by default here, and among the user's settings."""
        self._folders = folders or (Path.cwd(), platformdirs.user_config_path("streammood", appauthor=False))
        self._stopped = threading.Event()  # ends the test that runs
        self._trial: asyncio.Task[None] | None = None

    def routes(self) -> list[web.RouteDef]:
        """What the application serves."""
        return [
            web.get("/setup/state", self._state),
            web.post("/setup/test", self._test),
            web.post("/setup/file", self._write),
        ]

    async def close(self) -> None:
        """End the test that runs."""
        await self._end()

    async def _state(self, _: web.Request) -> web.Response:
        """Presets with their ports, and folders."""
        presets = {}
        for name, words in shipped_presets().items():
            target = TargetSettings.model_validate(with_preset({"preset": name}))
            presets[name] = {"words": words, "host": target.host, "port": target.port}
        return web.json_response({"presets": presets, "folders": [str(folder) for folder in self._folders]})

    async def _test(self, request: web.Request) -> web.Response:
        """Send the test; answers when it has begun: beats come at 0, 0.5, 1 and 1.5 s."""
        chosen = _first(await read_object(request))
        await self._end()
        self._stopped = threading.Event()
        try:
            target = {"name": "first", "preset": chosen.preset, "host": chosen.host, "port": chosen.port}
            settings = Settings.model_validate({"osc": {"targets": [target]}, "control": {"enabled": False}})
        except ValueError as error:
            raise web.HTTPUnprocessableEntity(text=f"{_reason(error)}\n") from None
        self._trial = asyncio.create_task(asyncio.to_thread(send_trial, settings, _TRIAL, self._stopped))
        return web.json_response({"seconds": _TRIAL})

    async def _end(self) -> None:
        self._stopped.set()
        trial, self._trial = self._trial, None
        if trial is not None:
            with contextlib.suppress(StreammoodError, OSError):
                await trial

    async def _write(self, request: web.Request) -> web.Response:
        wanted = await read_object(request)
        chosen, folder, name = _first(wanted), wanted.get("folder"), wanted.get("name")
        if not isinstance(folder, int) or isinstance(folder, bool) or not 0 <= folder < len(self._folders):
            raise web.HTTPUnprocessableEntity(text="folder must be one of those that are listed\n")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise web.HTTPUnprocessableEntity(text="The file's name: letters, digits, - and _, and .yaml at its end.\n")
        path = self._folders[folder] / name
        try:
            await asyncio.to_thread(self._store, path, chosen)
        except (StreammoodError, OSError) as error:
            raise web.HTTPUnprocessableEntity(text=f"{error}\n") from None
        shown = name if self._folders[folder] == Path.cwd() else str(path)
        quoted = f'"{shown}"' if " " in shown else shown
        demo = " --input demo" if chosen.device is None else ""
        return web.json_response({"path": str(path), "command": f"streammood run --config {quoted}{demo} --dashboard"})

    def _store(self, path: Path, chosen: First) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        chosen.write(path)


def _first(wanted: dict[str, Any]) -> First:
    """What was chosen.

    Raises:
        HTTPUnprocessableEntity: something of it cannot be.
    """
    device, preset, host = (wanted.get(name) for name in ("device", "preset", "host"))
    port: Any = wanted.get("port")
    channels, gain = wanted.get("channels") or [], wanted.get("gain") or 0.0
    wrong = ""
    if device is not None and not _is_text(device):
        wrong = "device must be a name"
    elif preset is not None and preset not in shipped_presets():
        wrong = "there is no such preset"
    elif not _is_text(host):
        wrong = "host must be a name or an address"
    elif not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535:
        wrong = "port must be a number in 1..65535"
    elif not isinstance(channels, list) or not all(isinstance(n, int) and 1 <= n <= 999 for n in channels):
        wrong = "channels must be numbers"
    elif not isinstance(gain, int | float) or not math.isfinite(gain):
        wrong = "gain must be a number"
    if wrong:
        raise web.HTTPUnprocessableEntity(text=f"{wrong}\n")
    return First(device, preset, str(host).strip(), port, channels, float(gain))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= 200


def _reason(error: ValueError) -> str:
    return str(error).splitlines()[-1].strip()[:200]
