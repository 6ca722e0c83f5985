"""Songs over HTTP: upload, progress, result, sound. Everything is found only in the session that brought it."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web

from streammood.config import Settings
from streammood.web.analyst import Analyst, SongError
from streammood.web.downloads import DOWNLOADS
from streammood.web.guard import SESSION
from streammood.web.kinds import SOUND_TYPES
from streammood.web.store import RefusedError, Stored, UploadStore

_STALLED = 30.0  # s without a byte after which an upload is abandoned
_LONGEST = 1800.0  # s that an upload may take in all
_PIECE = 1 << 16  # bytes
_SWEEP = 5.0  # s between searches for expired songs


class Uploads:
    """The routes below ``/songs``, and the analysis behind them."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.dashboard.upload_limit
        self._songs = UploadStore(settings.dashboard.songs, settings.dashboard.keep)
        self._analyst = Analyst(settings)
        self._converter = Analyst(settings)  # a song may be played before other analyses end
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._conversions: dict[Path, asyncio.Task[None]] = {}

    def routes(self) -> list[web.RouteDef]:
        """What the application serves."""
        return [
            web.get("/songs", self._list),
            web.post("/songs", self._upload),
            web.get("/songs/{id}", self._state),
            web.delete("/songs/{id}", self._remove),
            web.get("/songs/{id}/result", self._result),
            web.get("/songs/{id}/outline", self._outline),
            web.get("/songs/{id}/sound", self._sound),
            web.get("/songs/{id}/download/{name}", self._download),
        ]

    async def sweep(self) -> None:
        """Delete expired songs, for ever."""
        while True:
            await asyncio.sleep(_SWEEP)
            self._songs.expire()

    async def close(self) -> None:
        """Stop the analysis and delete every song."""
        for task in (*self._tasks.values(), *self._conversions.values()):
            task.cancel()
        await self._analyst.close()
        await self._converter.close()
        self._songs.close()

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"songs": [song.summary() for song in self._songs.of(request[SESSION])]})

    async def _upload(self, request: web.Request) -> web.Response:
        try:
            if (request.content_length or 0) > self._limit * 1e6:
                raise RefusedError(413, f"Songs may have at most {self._limit:g} MB.")
            song = self._songs.admit(request[SESSION], request.query.get("name", ""))
        except RefusedError as refusal:
            return _refused(refusal)
        try:
            await self._receive(request, song)
        except RefusedError as refusal:
            self._songs.remove(song)
            return _refused(refusal)
        except BaseException:  # the browser has gone away, or the server stops
            self._songs.remove(song)
            raise
        self._begin(song)
        return web.json_response(song.summary(), status=201)

    def open(self, session: str, path: Path) -> dict[str, Any]:
        """Have a file of this machine analysed among the songs of ``session``; its own is never changed or deleted.

        Raises:
            HTTPException: there is no room for it, or it cannot be linked.
        """
        try:
            song = self._songs.admit(session, path.name)
            song.path.symlink_to(path)
        except RefusedError as refusal:
            raise web.HTTPTooManyRequests(text=f"{refusal.text}\n") from None
        except OSError as error:
            self._songs.remove(song)
            raise web.HTTPInsufficientStorage(text=f"The song cannot be linked to ({error.strerror}).\n") from None
        self._begin(song)
        return song.summary()

    def _begin(self, song: Stored) -> None:
        song.state, song.touched = "waiting", time.monotonic()
        task = asyncio.create_task(self._analyse(song))
        self._tasks[song.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(song.id, None))

    async def _receive(self, request: web.Request, song: Stored) -> None:
        size = 0
        try:
            with song.path.open("xb") as file:
                async with asyncio.timeout(_LONGEST):
                    while piece := await asyncio.wait_for(request.content.read(_PIECE), _STALLED):
                        size += len(piece)
                        if size > self._limit * 1e6:
                            raise RefusedError(413, f"Songs may have at most {self._limit:g} MB.")
                        file.write(piece)
                        song.touched = time.monotonic()
        except TimeoutError:
            raise RefusedError(408, "The upload stood still, or took too long.") from None
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise RefusedError(507, "There is no room left on the disk of this machine.") from None
        if size == 0:
            raise RefusedError(400, "The file is empty.")

    async def _analyse(self, song: Stored) -> None:
        def progress(done: float) -> None:
            song.state, song.progress, song.touched = "analysing", done, time.monotonic()

        try:
            await self._analyst.analyse(song, progress)
            song.state, song.progress = "done", 1.0
        except SongError as error:
            song.state, song.error = "failed", str(error)
            song.path.unlink(missing_ok=True)
        song.touched = time.monotonic()

    def _find(self, request: web.Request) -> Stored:
        song = self._songs.find(request.match_info["id"], request[SESSION])
        if song is None:
            raise web.HTTPNotFound(text="There is no such song here; songs are deleted when they are not used.\n")
        return song

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).summary())

    async def _remove(self, request: web.Request) -> web.Response:
        song = self._find(request)
        task = self._tasks.pop(song.id, None)
        if task is not None:
            task.cancel()
        self._songs.remove(song)
        return web.Response(status=204)

    def _finished(self, request: web.Request) -> Stored:
        song = self._find(request)
        if song.state != "done":
            raise web.HTTPConflict(text="The song is not analysed yet.\n")
        return song

    async def _outline(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._finished(request).outline)

    async def _result(self, request: web.Request) -> web.StreamResponse:
        song = self._finished(request)
        return web.FileResponse(song.result, headers=_named(song, ".json"))

    async def _sound(self, request: web.Request) -> web.StreamResponse:
        song = self._find(request)
        if song.state in {"uploading", "failed"}:
            raise web.HTTPConflict(text="There is no sound of this song.\n")
        if request.query.get("as") != "wav":
            kind = SOUND_TYPES.get(song.path.suffix, "application/octet-stream")
            return web.FileResponse(song.path, headers={"Content-Type": kind})
        await self._made(song, song.wav, lambda: self._converter.convert(song))
        return web.FileResponse(song.wav, headers={"Content-Type": "audio/wav"})

    async def _download(self, request: web.Request) -> web.StreamResponse:
        song, name = self._finished(request), request.match_info["name"]
        if name not in DOWNLOADS:
            raise web.HTTPNotFound(text=f"There are {', '.join(DOWNLOADS)}.\n")
        path = song.download(name)
        await self._made(song, path, lambda: self._converter.make(song, name))
        return web.FileResponse(path, headers=_named(song, f".{name}"))

    async def _made(self, song: Stored, path: Path, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have ``path``, which belongs to ``song``, made once however many ask.

        Raises:
            HTTPException: it cannot be made; the text is the reason.
        """
        task = self._conversions.get(path)
        if task is None:
            if path.exists():
                return
            task = asyncio.create_task(make())
            self._conversions[path] = task
            task.add_done_callback(lambda _: self._conversions.pop(path, None))
        try:
            await asyncio.shield(task)
            if self._songs.find(song.id, song.session) is None:  # it was removed meanwhile
                path.unlink(missing_ok=True)
                raise SongError("the song was removed")
        except SongError as error:
            kind = web.HTTPInsufficientStorage if error.status == web.HTTPInsufficientStorage.status_code else None
            raise (kind or web.HTTPUnprocessableEntity)(text=f"{error}\n") from None


def _named(song: Stored, ending: str) -> dict[str, str]:
    """The header that has a browser store a file under the song's name."""
    name = quote(f"{Path(song.name).stem}{ending}")
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}


def _refused(refusal: RefusedError) -> web.Response:
    headers = {"Retry-After": "10"} if refusal.status == 429 else {}
    body = json.dumps({"error": refusal.text})
    return web.Response(status=refusal.status, text=body, content_type="application/json", headers=headers)
