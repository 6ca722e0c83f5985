"""From folders to the database: new files are analysed, unchanged ones skipped, moved ones followed.

Each file is stored by itself as soon as it is done, so a scan may be ended at any moment and run again.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.config.base import printable
from streammood.errors import SourceError
from streammood.library import tags
from streammood.library.describe import describe, for_library, version
from streammood.library.store import Store
from streammood.library.track import Description, Stamp, Words
from streammood.models import Models
from streammood.songs.collect import collect
from streammood.songs.worker import Failure, Reply, Serve, Worker, share_out

_PIECE = 1 << 20  # bytes that are read at a time


class Request(NamedTuple):
    """A file that is to be analysed."""

    path: Path
    hashes: frozenset[str]  # of stored files of the same size: with one of these, it is not analysed


class ScanResult(NamedTuple):
    """The result of one file."""

    stamp: Stamp
    words: Words = Words()
    description: Description | None = None  # None: its hash is stored already, or there is an error
    error: str = ""


class Crew(Protocol):
    """Who analyses the files."""

    def run(
        self, requests: Iterable[Request], progress: Callable[[float], None]
    ) -> Iterator[tuple[Request, Reply | Failure]]:
        """Yield the result of each request, in any order: a ``ScanResult``, or the reason of its failure."""
        ...


@dataclass(frozen=True, slots=True)
class TrackAnalysis:
    """The analysis of one file after the other; call it in a new process to load the models."""

    settings: Settings

    def __call__(self) -> Serve:
        models = Models.load(self.settings)
        return functools.partial(look_at, settings=for_library(self.settings), models=models)


def look_at(request: Request, progress: Callable[[float], None], settings: Settings, models: Models) -> ScanResult:
    """Everything about one file."""
    path = request.path
    stamp = Stamp(0, 0)
    try:
        stamp = stamp_of(path)
        if request.hashes:
            stamp = Stamp(stamp.size, stamp.mtime, content_hash(path))
            if stamp.hash in request.hashes:
                return ScanResult(stamp)
        file = SoundFile(path, settings.input.channels)
        description = describe(file, settings, models, progress)
        stamp = stamp if stamp.hash else Stamp(stamp.size, stamp.mtime, content_hash(path))
        return ScanResult(stamp, tags.words(path), description)
    except SourceError as error:
        return ScanResult(stamp, error=_reason(str(error), path))
    except OSError as error:
        return ScanResult(stamp, error=error.strerror or str(error))


def _reason(error: str, path: Path) -> str:
    return error.removeprefix(f"{printable(str(path))}: ")


def stamp_of(path: Path) -> Stamp:
    """Size and time of the file at ``path``.

    Raises:
        OSError: there is none.
    """
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def content_hash(path: Path) -> str:
    """BLAKE2b (128 bits, hexadecimal) of the content of the file at ``path``.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


class Processes:
    """Analyses files in processes of this machine; a file that ends its process ends no other."""

    def __init__(self, settings: Settings, jobs: int) -> None:
        """Use ``jobs`` processes, 0 for one a core."""
        self._analyse = TrackAnalysis(settings)
        self._jobs = jobs or os.cpu_count() or 1

    def run(
        self, requests: Iterable[Request], progress: Callable[[float], None]
    ) -> Iterator[tuple[Request, Reply | Failure]]:
        """Yield the result of each request, in any order."""
        requests = list(requests)
        workers = [Worker(self._analyse) for _ in range(min(self._jobs, len(requests)))]
        try:
            yield from share_out(requests, workers, progress)
        finally:
            for worker in workers:
                worker.stop()


@dataclass(slots=True)
class Report:
    """What a scan came to."""

    analysed: int = 0
    unchanged: int = 0
    moved: int = 0
    copies: int = 0  # of files that are stored
    missing: int = 0  # files that are gone from the folders
    other_models: int = 0  # unchanged files that were analysed with other models
    failures: list[tuple[Path, str]] = field(default_factory=list)  # of this scan, and why
    problems: list[str] = field(default_factory=list)  # given paths without any readable file
    note: str | None = None  # files that were left out


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scan has to do."""

    requests: list[Request]
    report: Report
    gone: set[int]  # ids of known files below the folders that are not there


def plan(store: Store, paths: Sequence[Path], models: str, retry: bool = False, renew: bool = False) -> Plan:
    """Compare the files below ``paths`` with those in ``store``.

    Args:
        store: The library.
        paths: Files, or folders of them.
        models: The version of the models that are used now.
        retry: Files that could not be analysed are tried again.
        renew: Files that were analysed with other models are analysed again.

    Returns:
        What there is to do; nothing was changed.
    """
    roots = [path.absolute() for path in paths]
    found = collect(roots)
    stored = store.stamps()
    by_size: dict[int, set[str]] = defaultdict(set)
    for _, stamp, analysed_with, _, _ in stored.values():
        if analysed_with and stamp.hash:
            by_size[stamp.size].add(stamp.hash)
    report = Report(problems=found.problems, note=found.note())
    requests = []
    files = {os.fsencode(file): file for file in found.files}
    for name, file in files.items():
        try:
            stamp = stamp_of(file)
        except (OSError, ValueError):
            stamp = Stamp(-1, -1)  # reading it will show why
        _, before, analysed_with, error, missing = stored.get(name, (0, Stamp(-2, -2), "", "", False))
        if (stamp.size, stamp.mtime) == (before.size, before.mtime) and not missing:
            outdated = not error and analysed_with != models
            if not (error and retry) and not (outdated and renew):
                report.unchanged += 1
                report.other_models += outdated
                continue
            requests.append(Request(file, frozenset()))
        else:
            requests.append(Request(file, frozenset(by_size[stamp.size])))
    return Plan(requests, report, _gone(stored, roots, files))


def _gone(
    stored: dict[bytes, tuple[int, Stamp, str, str, bool]], roots: list[Path], files: dict[bytes, Path]
) -> set[int]:
    """Ids of known files below ``roots`` that are not among ``files``; an empty root may be a disk that is away."""
    gone = set()
    for root in roots:
        below = os.fsencode(root / "x")[:-1]
        if any(name.startswith(below) for name in files):
            gone |= {number for name, (number, *_) in stored.items() if name.startswith(below) and name not in files}
    return gone


def scan(
    store: Store,
    todo: Plan,
    crew: Crew,
    progress: Callable[[float], None] = lambda share: None,
    done: Callable[[], None] = lambda: None,
) -> Report:
    """Carry out what ``plan`` found, and store each file as soon as it is done.

    Args:
        store: The library.
        todo: Of ``plan``.
        crew: Who analyses the files.
        progress: Is given the shares of files that are done, 1.0 a file in all.
        done: Is called after each file.

    Returns:
        What the scan came to.

    Raises:
        LibraryError: something cannot be stored.
    """
    report = todo.report
    gone = set(todo.gone)
    with store.writing():
        store.begin_scan(len(todo.requests))
    requests = todo.requests
    while requests:
        again: list[Request] = []  # whose twin was changed meanwhile
        for request, message in crew.run(requests, progress):
            if isinstance(message, Failure):
                found = ScanResult(_stamp_or_none(request.path), error=message.reason)
            else:
                found = message.value
            with store.writing():
                if _put(store, request.path, found, gone, report):
                    store.advance(failed=bool(found.error))
                else:
                    again.append(Request(request.path, frozenset()))
            done()
        requests = again
    with store.writing():
        store.miss(gone)
        store.end_scan()
    report.missing = len(gone)
    return report


def _put(store: Store, path: Path, found: ScanResult, gone: set[int], report: Report) -> bool:
    """Store a result; False if the file has to be analysed again."""
    if found.error:
        if path.is_file():  # otherwise its disk may be away: the next scan will see
            store.fail(path, found.stamp, found.error)
        report.failures.append((path, found.error))
    elif found.description is not None:
        store.describe(path, found.stamp, found.words, found.description)
        report.analysed += 1
        if found.description.damage:
            report.failures.append((path, _reason(found.description.damage, path)))
    else:
        return _recognise(store, path, found.stamp, gone, report)
    return True


def _recognise(store: Store, path: Path, stamp: Stamp, gone: set[int], report: Report) -> bool:
    """The content of the file at ``path`` is stored already: it was touched, moved or copied; False if not."""
    same = {Path(os.fsdecode(name)): row for name, row in store.stamps_with(stamp.hash).items()}
    if path in same:
        store.touch(same[path][0], stamp)
        report.unchanged += 1
        return True
    for name, (number, missing) in same.items():
        if missing or number in gone or not name.exists():
            store.move(number, path, stamp)
            gone.discard(number)
            report.moved += 1
            return True
    for number, _ in same.values():
        store.copy(number, path, stamp)
        report.copies += 1
        return True
    return False


def _stamp_or_none(path: Path) -> Stamp:
    try:
        return stamp_of(path)
    except (OSError, ValueError):
        return Stamp(0, 0)


def models_version(settings: Settings) -> str:
    """The version of the models that ``settings`` name.

    Raises:
        ModelError: they cannot be used.
    """
    return version(Models.load(settings))
