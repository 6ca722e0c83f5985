"""The collection over HTTP: a map of it, questions, sound and covers, playlists, progress of a scan.

Everything that touches the database or the disk runs in one thread of its own, so that the page's beats never wait.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast, get_args
from urllib.parse import quote

import numpy as np
from aiohttp import web

from streammood.analysis.key import Key
from streammood.client.engine_state import Json
from streammood.config import LibrarySettings
from streammood.config.library import Feeling
from streammood.errors import ConfigError, LibraryError, ModelError, SourceError
from streammood.library import covers, face, playlists
from streammood.library.catalogue import Catalogue
from streammood.library.find import Query, Range, find
from streammood.library.journey import journey, point
from streammood.library.recommend import recommend
from streammood.library.store import Store
from streammood.web.kinds import SOUND_TYPES

T = TypeVar("T")

_LISTED = 200  # songs that are described in one answer
_FACE = 1_000_000  # bytes of a picture of a face
_STALLED = 10.0  # s without a byte of it
_EXPORTED = 100_000  # songs of a playlist, at most
_KINDS = {"m3u8": "audio/x-mpegurl", "xspf": "application/xspf+xml", "xml": "application/xml"}
_NO_COVER = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="#2b323d" d="M0 0h8v8H0z"/></svg>'
Open = Callable[[str, Path], Json]
"""Takes a session and a file; has it analysed among the songs of that session, and returns its state."""


class Refused(Exception):  # noqa: N818  an answer, not a fault
    """An invalid request; the text names the allowed values."""


class LibraryPages:
    """The routes below ``/library``."""

    def __init__(self, settings: LibrarySettings, open_song: Open, session: web.RequestKey[str]) -> None:
        self._path = settings.path
        self._feelings = settings.feelings
        self._expressions = settings.expressions
        self._open_song = open_song
        self._session = session
        self._thread = ThreadPoolExecutor(1, "library")
        self._store: Store | None = None
        self._catalogue = Catalogue([])
        self._map = _map(self._catalogue)
        self._loaded: int | None = None  # generation of the database
        self._counted: tuple[int, Json] | None = None  # and its content

    def routes(self) -> list[web.RouteDef]:
        """What the application serves."""
        return [
            web.get("/library", self._summary),
            web.get("/library/points", self._points),
            web.get("/library/find", self._find),
            web.get("/library/journey", self._journey),
            web.get("/library/recommend", self._recommend),
            web.post("/library/face", self._face),
            web.post("/library/playlist", self._playlist),
            web.get("/library/songs/{id}/sound", self._sound),
            web.get("/library/songs/{id}/cover", self._cover),
            web.post("/library/songs/{id}/open", self._open),
        ]

    async def close(self) -> None:
        """Release the database."""
        await self._run(self._release)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _release(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _ask(self, work: Callable[[], T]) -> T:
        """Do ``work`` in the thread; its errors become answers in words."""
        try:
            return await self._run(work)
        except (LibraryError, ConfigError, ModelError, SourceError, Refused, ValueError) as error:
            raise web.HTTPUnprocessableEntity(text=f"{error}\n") from None

    def _songs(self) -> tuple[Store, Catalogue]:
        """The database and its present content; only in the thread."""
        if self._store is None:
            self._store = Store(self._path)
        now = self._store.generation
        if now != self._loaded:
            self._catalogue = Catalogue.load(self._store)
            self._map = _map(self._catalogue)
            self._loaded = now
        return self._store, self._catalogue

    async def _summary(self, _: web.Request) -> web.Response:
        def work() -> Json:
            try:
                if self._store is None:
                    self._store = Store(self._path)
            except LibraryError as error:
                return {"songs": 0, "why": str(error)}
            state = self._store.scanning()
            scan = state and {
                "running": not state.ended and state.alive,
                "total": state.total,
                "done": state.done,
                "failed": state.failed,
                "rate": _rate(state.done, state.updated - state.began),
            }
            now = self._store.generation
            if self._counted is None or self._counted[0] != now:
                self._counted = now, {**self._store.counts()}
            return self._counted[1] | {"scan": scan, "feelings": list(get_args(Feeling)), "version": str(now)}

        return web.json_response(await self._ask(work))

    async def _points(self, _: web.Request) -> web.Response:
        def work() -> tuple[bytes, list[str], int | None]:
            _, songs = self._songs()
            return self._map, [*songs.labels], self._loaded

        try:
            body, labels, version = await self._ask(work)
        except web.HTTPUnprocessableEntity:  # there is no library, as the summary says: no fault of who asks ahead
            return web.Response(status=204)
        headers = {"X-Labels": quote(json.dumps(labels)), "X-Version": f"{version}"}
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    async def _find(self, request: web.Request) -> web.Response:
        def work() -> Json:
            _, songs = self._songs()
            hits = find(songs, _query(request.query, len(songs)))
            return _answer(songs, [hit.place for hit in hits])

        return web.json_response(await self._ask(work))

    async def _journey(self, request: web.Request) -> web.Response:
        def work() -> Json:
            _, songs = self._songs()
            start, end = point(request.query.get("from", "")), point(request.query.get("to", ""))
            minutes = _number(request.query.get("minutes", "60"), 1.0, 1440.0)
            return _answer(songs, journey(songs, start, end, minutes))

        return web.json_response(await self._ask(work))

    async def _recommend(self, request: web.Request) -> web.Response:
        def work() -> Json:
            feeling = request.query.get("feeling", "")
            if feeling not in get_args(Feeling):
                raise Refused(f"a feeling is one of {', '.join(get_args(Feeling))}")
            _, songs = self._songs()
            found = recommend(songs, cast(Feeling, feeling), self._feelings, _LISTED)
            return _answer(songs, [hit.place for hit in found.hits]) | {"way": found.way, "at": found.at}

        return web.json_response(await self._ask(work))

    async def _face(self, request: web.Request) -> web.Response:
        """The feeling that a face shows; the picture is forgotten with this request."""
        picture = bytearray()
        try:
            while piece := await asyncio.wait_for(request.content.read(1 << 16), _STALLED):
                picture += piece
                if len(picture) > _FACE:
                    text = f"A picture of a face may have at most {_FACE / 1e6:g} MB.\n"
                    raise web.HTTPRequestEntityTooLarge(_FACE, len(picture), text=text)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="The picture stood still.\n") from None

        def work() -> Json:
            place = None if self._expressions is None else Path(self._expressions).expanduser()
            try:
                seen = face.expression(bytes(picture), face.weights(place))
            except ModuleNotFoundError as error:
                raise Refused(f"this needs {error.name}: pip install 'streammood[face]'") from None
            return {"feeling": seen.feeling, "seen": str(seen)}

        return web.json_response(await self._ask(work))

    async def _playlist(self, request: web.Request) -> web.Response:
        kind = request.query.get("kind", "m3u8")
        if kind not in _KINDS:
            raise web.HTTPUnprocessableEntity(text=f"A playlist is one of {', '.join(_KINDS)}.\n")
        try:
            numbers = json.loads(await request.text())
        except ValueError:
            numbers = None
        if not isinstance(numbers, list) or len(numbers) > _EXPORTED or not all(type(n) is int for n in numbers):
            raise web.HTTPUnprocessableEntity(text="The songs must come as a list of numbers.\n")

        def work() -> bytes:
            _, songs = self._songs()
            places = [place for place in map(songs.place, numbers) if place is not None]
            chosen = [songs.entry(place) for place in places]
            if kind == "m3u8":
                return playlists.m3u8(chosen)
            return playlists.xspf(chosen, "streammood") if kind == "xspf" else playlists.rekordbox(chosen, "streammood")

        headers = {"Content-Disposition": f'attachment; filename="streammood.{kind}"'}
        return web.Response(body=await self._ask(work), content_type=_KINDS[kind], headers=headers)

    async def _file(self, request: web.Request) -> Path:
        """The file of the song that is asked for.

        Raises:
            HTTPNotFound: there is none.
        """
        text = request.match_info["id"]

        def work() -> Path | None:
            store, _ = self._songs()
            song = store.track(int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else None
            return song.path if song is not None and song.path.is_file() else None

        path = await self._ask(work)
        if path is None:
            raise web.HTTPNotFound(text="There is no such song in the library, or its file is gone.\n")
        return path

    async def _sound(self, request: web.Request) -> web.StreamResponse:
        path = await self._file(request)
        kind = SOUND_TYPES.get(path.suffix.lower(), "application/octet-stream")
        return web.FileResponse(path, headers={"Content-Type": kind})

    async def _cover(self, request: web.Request) -> web.Response:
        path = await self._file(request)
        found = await self._run(lambda: covers.cover(path))
        body, kind = found if found is not None else (_NO_COVER, "image/svg+xml")
        return web.Response(body=body, content_type=kind, headers={"Cache-Control": "max-age=3600"})

    async def _open(self, request: web.Request) -> web.Response:
        path = await self._file(request)
        return web.json_response(self._open_song(request[self._session], path), status=201)


def _map(songs: Catalogue) -> bytes:
    """Id, valence, arousal, BPM, energy and number of the likeliest label of each song, as 32-bit floats."""
    best = songs.shares.argmax(axis=1) if songs.labels else np.zeros(len(songs))
    columns = [songs.ids, *songs.circumplex.T, songs.bpm, songs.energy, best]
    return np.stack([np.asarray(column, dtype="<f4") for column in columns], axis=1).tobytes()


def _rate(done: int, seconds: float) -> float:
    return round(60.0 * done / seconds, 1) if seconds > 0 else 0.0


def _answer(songs: Catalogue, places: list[int]) -> Json:
    """The first of the songs at ``places`` as the page shows them, and the numbers of all."""
    shown = []
    for place in places[:_LISTED]:
        entry = songs.entry(place)
        shown.append({**entry.document(), "path": "", "file": entry.document()["path"].rpartition("/")[2]})
    return {"songs": shown, "ids": songs.ids[places].tolist()}


def _query(asked: Any, limit: int) -> Query:
    """What the page asks for.

    Raises:
        Refused: a value is not allowed.
        ValueError: likewise.
    """
    given = {name: value for name, value in asked.items() if value != ""}
    like = given.get("like")
    return Query(
        mood=given.get("mood"),
        at=point(given["at"]) if "at" in given else None,
        within=_number(given["within"], 0.0, 4.0) if "within" in given else None,
        bpm=_range(given.get("bpm")),
        energy=_range(given.get("energy")),
        key=Key.parse(given["key"]) if "key" in given else None,
        compatible="compatible" in given,
        like=round(_number(like, 0.0, 1e15)) if like is not None else None,
        text=given.get("text", "")[:200],
        limit=max(1, limit),
    )


def _number(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise Refused(f"a number in {low:g}..{high:g} is needed, got {text[:20]!a}")
    return value


def _range(text: str | None) -> Range | None:
    if text is None:
        return None
    low, _, high = text.partition("..")
    return _number(low or "-1e9", -1e9, 1e9), _number(high or "1e9", -1e9, 1e9)
