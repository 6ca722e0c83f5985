"""The database of a collection: one SQLite file, the only record of scanned files.

It is written ahead (WAL), a file at a time, so that a program that is killed loses the file in work and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from streammood.config.base import printable
from streammood.errors import LibraryError
from streammood.library.track import Description, Stamp, Track, Words, from_row, path_bytes, to_row

SCHEMA = 1  # ``PRAGMA user_version``
_WAIT = 30.0  # s that another program may write
_TABLES = """
CREATE TABLE songs (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime INTEGER NOT NULL,
    hash TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL DEFAULT '',
    artist TEXT NOT NULL DEFAULT '',
    album TEXT NOT NULL DEFAULT '',
    genre TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    missing INTEGER NOT NULL DEFAULT 0,
    duration REAL, bpm REAL, bpm_confidence REAL, key TEXT, key_confidence REAL, energy REAL,
    valence REAL, arousal REAL, mood TEXT, mood_confidence REAL, moods TEXT, curve BLOB, sections TEXT, vector BLOB,
    models TEXT, damage TEXT
);
CREATE INDEX songs_hash ON songs(hash);
CREATE TABLE folders (path BLOB PRIMARY KEY);
CREATE TABLE scan (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pid INTEGER NOT NULL, began REAL NOT NULL, updated REAL NOT NULL, ended REAL,
    total INTEGER NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL
);
CREATE TABLE tagged (
    id INTEGER PRIMARY KEY,
    song INTEGER NOT NULL REFERENCES songs(id) ON DELETE CASCADE,
    written REAL NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL
);
"""
_KINDS = {  # of the columns, in every row, and in those of songs that were analysed
    "blob": (("path",), ("curve", "vector")),
    "text": (("hash", "title", "artist", "album", "genre", "error"), ("key", "mood", "models", "damage")),
    "integer": (("id", "size", "mtime", "missing"), ()),
    "real": ((), ("duration", "bpm", "bpm_confidence", "key_confidence", "energy", "mood_confidence")),
}
_LARGEST = 1e9  # of any number that describes a song


def _wrong() -> str:
    """What is true of a row that no version of this program writes: a file may come from anywhere."""
    always = [f"typeof({name}) != '{kind}'" for kind, (names, _) in _KINDS.items() for name in names]
    described = [f"typeof({name}) != '{kind}'" for kind, (_, names) in _KINDS.items() for name in names]
    numbers = [*_KINDS["real"][1], "valence", "arousal"]
    described += [f"typeof({name}) NOT IN ('real', 'null')" for name in ("valence", "arousal")]
    described += [f"abs({name}) > {_LARGEST}" for name in numbers]
    for name, kind in (("moods", "object"), ("sections", "array")):
        described.append(f"NOT CASE WHEN json_valid({name}) THEN json_type({name}) = '{kind}' ELSE 0 END")
        described.append(f"{name} IS NULL")
    return f"({' OR '.join(always)} OR (duration NOT NULL AND ({' OR '.join(described)})))"


_WRONG = _wrong()
_ROWS = f"SELECT *, {_WRONG} AS wrong FROM songs"
_DESCRIBED = tuple(field.name for field in fields(Description))


@dataclass(frozen=True, slots=True)
class Scanning:
    """How far the last scan is."""

    began: float  # s since 1970
    updated: float  # s since 1970
    ended: bool
    alive: bool  # its process still runs, or it has ended
    total: int  # files that had to be analysed
    done: int
    failed: int


class Store:
    """An open database; one thread uses it.

    Raises:
        LibraryError: when made, it cannot be opened, is none, or comes from a later version.
    """

    def __init__(self, path: Path, create: bool = False) -> None:
        """Open the database at ``path``; where there is none, it is made if ``create``."""
        self.path = path
        name = printable(str(path))
        if not create and not path.is_file():
            raise LibraryError(f"{name}: there is no library yet; make one with `streammood library scan FOLDER`")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
            try:
                self._db.row_factory = sqlite3.Row
                self._prepare(name)
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise LibraryError(f"{name}: cannot be used as a library ({reason}); name another with --library") from None

    def _prepare(self, name: str) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        with self.writing():
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version == SCHEMA:
                return
            if version > SCHEMA:
                raise LibraryError(f"{name}: was made by a later version of streammood; update this one")
            if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise LibraryError(f"{name}: is a database of another program; name another file with --library")
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA}")

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Everything inside is stored, or nothing of it.

        Raises:
            LibraryError: it cannot be stored.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise LibraryError(f"{printable(str(self.path))}: cannot be written ({error})") from None

    @property
    def generation(self) -> int:
        """A number that differs once another program has written."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # the stored values

    def stamps(self) -> dict[bytes, tuple[int, Stamp, str, str, bool]]:
        """Of every file by its path: id, stamp, models (empty where it failed), error, missing."""
        rows = self._db.execute("SELECT id, path, size, mtime, hash, models, error, missing FROM songs")
        return {r[1]: (r[0], Stamp(r[2], r[3], r[4]), r[5] or "", r[6], bool(r[7])) for r in rows}

    def stamps_with(self, digest: str) -> dict[bytes, tuple[int, bool]]:
        """Of every analysed file with that hash, by its path: id, missing."""
        query = "SELECT path, id, missing FROM songs WHERE hash = ? AND duration NOT NULL"
        return {row[0]: (row[1], bool(row[2])) for row in self._db.execute(query, (digest,))}

    def tracks(self, missing: bool = False) -> Iterator[Track]:
        """All songs that were analysed, by path; those whose files are gone only if ``missing``."""
        where = "" if missing else "AND missing = 0"
        yield from map(self._track, self._db.execute(f"{_ROWS} WHERE duration NOT NULL {where} ORDER BY path"))

    def rows(self, columns: Iterable[str]) -> list[tuple[Any, ...]]:
        """``columns`` of all songs that were analysed and whose files are there, by id."""
        wrong = self._db.execute(f"SELECT id FROM songs WHERE {_WRONG} LIMIT 1").fetchone()
        if wrong is not None:
            raise self._damaged(wrong["id"])
        query = f"SELECT {', '.join(columns)} FROM songs WHERE duration NOT NULL AND missing = 0 ORDER BY id"
        cursor = self._db.cursor()
        cursor.row_factory = None
        return cursor.execute(query).fetchall()

    def track(self, number: int) -> Track | None:
        """The song with that id."""
        row = self._db.execute(f"{_ROWS} WHERE id = ?", (number,)).fetchone()
        return self._track(row) if row is not None else None

    def named(self, path: Path) -> Track | None:
        """The song at ``path``."""
        row = self._db.execute(f"{_ROWS} WHERE path = ?", (path_bytes(path),)).fetchone()
        return self._track(row) if row is not None else None

    def _track(self, row: sqlite3.Row) -> Track:
        if row["wrong"]:
            raise self._damaged(row["id"])
        try:
            return from_row(row)
        except (TypeError, ValueError):
            raise self._damaged(row["id"]) from None

    def _damaged(self, number: int) -> LibraryError:
        return LibraryError(
            f"{printable(str(self.path))}: song {number} holds what this program does not write; name another library "
            "with --library, or scan into a new one"
        )

    def failures(self) -> list[tuple[Path, str]]:
        """Files that could not be analysed, or not to their end, and why."""
        rows = self._db.execute(
            "SELECT path, coalesce(nullif(error, ''), damage) FROM songs"
            " WHERE missing = 0 AND (error != '' OR damage != '') ORDER BY path"
        )
        return [(Path(os.fsdecode(path)), reason) for path, reason in rows]

    def counts(self) -> dict[str, int]:
        """How many songs were analysed, failed, and are missing, and how many minutes they last."""
        row = self._db.execute(
            "SELECT count(CASE WHEN missing = 0 THEN duration END),"
            " count(CASE WHEN error != '' AND missing = 0 THEN 1 END), count(CASE WHEN missing THEN 1 END),"
            " coalesce(sum(CASE WHEN missing = 0 THEN duration END), 0) FROM songs"
        ).fetchone()
        return {"songs": row[0], "failed": row[1], "missing": row[2], "minutes": round(row[3] / 60)}

    # what a scan writes

    def describe(self, path: Path, stamp: Stamp, words: Words, description: Description) -> None:
        """Store the description of the file at ``path``."""
        self._put(path, stamp, {**_words(words), **to_row(description), "error": ""})

    def fail(self, path: Path, stamp: Stamp, reason: str) -> None:
        """Store why nothing could be found in the file at ``path``."""
        self._put(path, stamp, {"error": reason, **dict.fromkeys(_DESCRIBED)})

    def touch(self, number: int, stamp: Stamp) -> None:
        """The file of a song is there, with the stored content."""
        self._db.execute(
            "UPDATE songs SET size = ?, mtime = ?, hash = ?, missing = 0 WHERE id = ?",
            (stamp.size, stamp.mtime, stamp.hash, number),
        )

    def move(self, number: int, path: Path, stamp: Stamp) -> None:
        """The file of a song lies at ``path`` now; the record of another file there is deleted."""
        self._db.execute("DELETE FROM songs WHERE path = ? AND id != ?", (path_bytes(path), number))
        self._db.execute("UPDATE songs SET path = ? WHERE id = ?", (path_bytes(path), number))
        self.touch(number, stamp)

    def copy(self, number: int, path: Path, stamp: Stamp) -> None:
        """The file at ``path`` is a copy of that of a song."""
        row = self._db.execute("SELECT * FROM songs WHERE id = ?", (number,)).fetchone()
        values = {name: row[name] for name in row.keys() if name not in _STAMPED}  # noqa: SIM118  a Row is no dict
        self._put(path, stamp, values)

    def miss(self, numbers: Iterable[int]) -> None:
        """The files of these songs are not there."""
        self._db.executemany("UPDATE songs SET missing = 1 WHERE id = ?", ((number,) for number in numbers))

    def forget_missing(self) -> int:
        """Delete the songs whose files are not there; how many there were."""
        return self._db.execute("DELETE FROM songs WHERE missing = 1").rowcount

    def _put(self, path: Path, stamp: Stamp, values: Mapping[str, Any]) -> None:
        row = {"path": path_bytes(path), "size": stamp.size, "mtime": stamp.mtime, "hash": stamp.hash, "missing": 0}
        row |= values
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        changes = ", ".join(f"{name} = excluded.{name}" for name in row if name != "path")
        self._db.execute(
            f"INSERT INTO songs ({names}) VALUES ({marks}) ON CONFLICT(path) DO UPDATE SET {changes}", [*row.values()]
        )

    def folders(self) -> list[Path]:
        """The folders that were scanned."""
        return [Path(os.fsdecode(row[0])) for row in self._db.execute("SELECT path FROM folders ORDER BY path")]

    def add_folders(self, folders: Iterable[Path]) -> None:
        """Remember ``folders`` for the next scan."""
        self._db.executemany("INSERT OR IGNORE INTO folders VALUES (?)", ((path_bytes(path),) for path in folders))

    def begin_scan(self, total: int) -> None:
        """A scan of ``total`` files begins."""
        now = time.time()
        self._db.execute("REPLACE INTO scan VALUES (1, ?, ?, ?, NULL, ?, 0, 0)", (os.getpid(), now, now, total))

    def advance(self, failed: bool) -> None:
        """Another file of the scan is done."""
        self._db.execute("UPDATE scan SET done = done + 1, failed = failed + ?, updated = ?", (failed, time.time()))

    def end_scan(self) -> None:
        """The scan has come to its end."""
        self._db.execute("UPDATE scan SET ended = ?", (time.time(),))

    def scanning(self) -> Scanning | None:
        """How far the last scan is; None where there was none."""
        row = self._db.execute("SELECT * FROM scan").fetchone()
        if row is None:
            return None
        ended = row["ended"] is not None
        return Scanning(
            row["began"], row["updated"], ended, ended or _runs(row["pid"]), row["total"], row["done"], row["failed"]
        )

    # what `tag` writes

    def remember_tags(self, song: int, before: str, after: str) -> int:
        """The tags of a song were ``before`` and are ``after``, each as JSON; the number for ``forget_tags``."""
        cursor = self._db.execute(
            "INSERT INTO tagged (song, written, before, after) VALUES (?, ?, ?, ?)", (song, time.time(), before, after)
        )
        return int(cursor.lastrowid or 0)

    def tagged(self) -> list[tuple[int, int, str, str]]:
        """Everything that can be undone, latest first: number, song, before, after."""
        return [tuple(row) for row in self._db.execute("SELECT id, song, before, after FROM tagged ORDER BY id DESC")]

    def forget_tags(self, number: int) -> None:
        """Mark the change with this number as undone."""
        self._db.execute("DELETE FROM tagged WHERE id = ?", (number,))


_STAMPED = frozenset({"id", "path", "size", "mtime", "hash", "missing"})


def _words(words: Words) -> dict[str, str]:
    return {"title": words.title, "artist": words.artist, "album": words.album, "genre": words.genre}


def _runs(pid: int) -> bool:
    """Whether a process with that number runs on this machine; where that cannot be asked, yes."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
