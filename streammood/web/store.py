"""Songs that were dropped on the page: who owns which, where they lie, how long they stay."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from streammood.capture.sound_file import SUFFIXES
from streammood.client.engine_state import Json

State = Literal["uploading", "waiting", "analysing", "done", "failed"]

_MEGABYTE = 1e6
_UPLOADS = 4  # songs that come in at the same time
_NAME = 120  # characters of a song's name that are stored, for people alone
_IN_USE = 120.0  # s; a finished song that was asked for within them does not make room for another
_FOLDER = "streammood-songs-"
_ORPHANED = 120.0  # s without a sign of life after which a folder belongs to a dashboard that was killed


class RefusedError(Exception):
    """A song is not taken; ``status`` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(slots=True, eq=False)
class Stored:
    """One song of one session."""

    id: str
    session: str
    name: str  # as the user calls it; never part of a path
    path: Path
    state: State = "uploading"
    progress: float = 0.0  # 0..1 of the present state
    error: str = ""
    touched: float = field(default_factory=time.monotonic)

    @property
    def result(self) -> Path:
        """Where the analysis lies, once it is done."""
        return self.path.with_name(f"{self.id}.json")

    @property
    def analysis(self) -> Path:
        """Path of the analysis for downloads."""
        return self.path.with_name(f"{self.id}.analysis")

    def download(self, name: str) -> Path:
        """Where one of ``DOWNLOADS`` lies, once somebody has asked for it."""
        return self.path.with_name(f"{self.id}.{name}")

    @property
    def outline(self) -> Path:
        """Where the outline for the page lies, once the song is analysed."""
        return self.path.with_name(f"{self.id}.outline.json")

    @property
    def wav(self) -> Path:
        """Where the song lies as WAV, if a browser asked for that."""
        return self.path.with_name(f"{self.id}.browser.wav")

    def summary(self) -> Json:
        """The state of the song, for its owner."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "progress": round(self.progress, 3),
            "error": self.error,
        }


class UploadStore:
    """All songs, in a private folder that goes when the program ends."""

    def __init__(self, limit: int, minutes: float) -> None:
        """At most ``limit`` songs, each for ``minutes`` minutes after it was last asked for."""
        self._limit = limit
        self._seconds = 60.0 * minutes
        self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER))  # readable by this user alone
        _clear(self._folder.parent)
        self._songs: dict[str, Stored] = {}

    def __len__(self) -> int:
        return len(self._songs)

    def admit(self, session: str, name: str) -> Stored:
        """A place for a song called ``name``.

        Raises:
            RefusedError: its suffix is not that of a sound file, or there is no room for it.
        """
        shown = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())[-_NAME:]
        suffix = Path(shown).suffix.lower()
        if suffix not in SUFFIXES:
            raise RefusedError(415, f"`{shown}` is not a sound file; allowed are {', '.join(sorted(SUFFIXES))}.")
        if sum(song.state == "uploading" for song in self._songs.values()) >= _UPLOADS:
            raise RefusedError(429, f"{_UPLOADS} songs are coming in already; try again in a moment.")
        if len(self._songs) >= self._limit:
            self._make_room(session)
        number = secrets.token_urlsafe(18)
        song = Stored(number, session, shown, self._folder / f"{number}{suffix}")
        self._songs[number] = song
        return song

    def _make_room(self, session: str) -> None:
        """Delete the oldest finished song of this session, or one without a viewer."""
        idle = time.monotonic() - _IN_USE
        finished = [song for song in self._songs.values() if song.state in {"done", "failed"}]
        old = [song for song in finished if song.session == session or song.touched < idle]
        if not old:
            raise RefusedError(
                429, f"{self._limit} songs are kept already, and all are in use; try again in a few minutes."
            )
        self.remove(min(old, key=lambda song: song.touched))

    def find(self, number: str, session: str) -> Stored | None:
        """The song, if it is this session's."""
        song = self._songs.get(number)
        if song is None or song.session != session:
            return None
        song.touched = time.monotonic()
        return song

    def of(self, session: str) -> list[Stored]:
        """All songs of a session, oldest first."""
        return [song for song in self._songs.values() if song.session == session]

    def remove(self, song: Stored) -> None:
        """Delete a song and its analysis."""
        self._songs.pop(song.id, None)
        for path in self._folder.glob(f"{song.id}.*"):
            path.unlink(missing_ok=True)

    def expire(self) -> None:
        """Delete songs that were not requested in a while; also a sign of life for dashboards that start later."""
        with contextlib.suppress(OSError):
            os.utime(self._folder)
        before = time.monotonic() - self._seconds
        for song in [song for song in self._songs.values() if song.touched < before]:
            self.remove(song)

    def close(self) -> None:
        """Delete everything."""
        self._songs.clear()
        shutil.rmtree(self._folder, ignore_errors=True)


def _clear(place: Path) -> None:
    """Delete the songs of dashboards that could not do it themselves, since they were killed."""
    for folder in place.glob(f"{_FOLDER}*"):
        with contextlib.suppress(OSError):  # another user's, or gone meanwhile
            if not folder.is_symlink() and time.time() - folder.stat().st_mtime > _ORPHANED:
                shutil.rmtree(folder)
