"""The targets and the input of the settings file over HTTP: list, add, change, copy, remove, undo."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from streammood.config.edit import SettingsFile
from streammood.config.presets import shipped_presets
from streammood.errors import ConfigError
from streammood.web.bodies import read_object


class Venue:
    """The routes of ``/targets``; without a file, they answer that there is none."""

    def __init__(self, path: Path | None) -> None:
        self._file = SettingsFile(path) if path is not None else None

    def routes(self) -> list[web.RouteDef]:
        """What the application serves."""
        return [web.get("/targets", self._list), web.post("/targets", self._change)]

    async def _list(self, _: web.Request) -> web.Response:
        if self._file is None:
            return web.json_response({"file": "", "targets": [], "presets": {}, "undo": 0, "input": {}})
        try:
            return web.json_response(await asyncio.to_thread(self._state, self._file))
        except ConfigError as error:
            raise web.HTTPConflict(text=f"{error}\n") from None

    async def _change(self, request: web.Request) -> web.Response:
        """One change, as JSON: ``action``, ``index`` from 0, ``fields``."""
        if self._file is None:
            raise web.HTTPConflict(text="The settings do not come from a file: start with --config FILE.\n")
        wanted = await read_object(request)
        try:
            await asyncio.to_thread(self._apply, self._file, wanted)
            return web.json_response(await asyncio.to_thread(self._state, self._file))
        except ConfigError as error:
            raise web.HTTPUnprocessableEntity(text=f"{error}\n") from None

    def _state(self, file: SettingsFile) -> dict[str, Any]:
        return {
            "file": file.path.name,
            "targets": file.targets(),
            "presets": shipped_presets(),
            "undo": file.undoable,
            "input": file.input(),
        }

    def _apply(self, file: SettingsFile, wanted: dict[str, Any]) -> None:
        action, index, fields = wanted.get("action"), wanted.get("index"), wanted.get("fields", {})
        if not isinstance(fields, dict):
            raise ConfigError("fields must be an object")
        if action == "undo":
            file.undo()
        elif action == "add":
            file.add(fields)
        elif action == "input":
            file.set_input(fields)
        elif not isinstance(index, int) or isinstance(index, bool):
            raise ConfigError("index must be the place of a target, from 0")
        elif action == "change":
            file.change(index, fields)
        elif action == "copy":
            file.copy(index)
        elif action == "remove":
            file.remove(index)
        else:
            raise ConfigError("action must be add, change, copy, remove, input or undo")
