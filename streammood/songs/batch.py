"""Files through the same analysis as the live path, as fast as the machine allows; none of them ends the batch."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.key import Key
from streammood.analysis.warmup import warm_up
from streammood.capture import Reader
from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.config.base import printable
from streammood.errors import SinkError, SourceError
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Onset, Section, SongChange, Structure
from streammood.log import rows
from streammood.log.event_log import EventLog, RowSink
from streammood.log.rows import Row
from streammood.models import Models
from streammood.songs.song import Song
from streammood.songs.worker import Failure, Reply, Serve, Worker, share_out

_BLOCK = 8192  # samples
_KINDS = (Beat, Mood, Onset, Section, SongChange, Structure)
_STEM = 230  # bytes of a stem, so that a name with an ending fits into the 255 that file systems take

Export: TypeAlias = Callable[[Song, Path, str], None]
"""Writes something about a song, given its file and a stem that no other file of the batch has."""


@dataclass(frozen=True, slots=True)
class SongResult:
    """What one file came to, in a row."""

    path: str
    duration: float  # s of sound that could be read
    bpm: float  # median over all beats, 0 without beats
    beats: int
    locked: float  # share of the beats that were locked
    mood: Mood | None
    error: str | None = None  # why it could not be read to its end, or what of it could not be written
    note: str = ""  # what else people should know
    songs: tuple[tuple[float, SongChange], ...] = ()  # beginning in s and what it comes to, one after the other

    @property
    def key(self) -> Key | None:
        """The key of its longest song; None where it is not known."""
        longest = max((song for _, song in self.songs), key=lambda song: song.length, default=None)
        return Key(longest.key, longest.minor) if longest is not None and longest.key >= 0 else None

    @classmethod
    def of(cls, song: Song, error: str | None, note: str = "") -> SongResult:
        """The row of ``song``."""
        locked = sum(beat.locked for beat in song.beats) / max(1, len(song.beats))
        songs = tuple(song.set_list())
        return cls(song.name, song.duration, song.bpm, len(song.beats), locked, song.mood, error, note, songs)

    @classmethod
    def none(cls, file: Path, error: str) -> SongResult:
        """The row of a file of which nothing could be read."""
        return cls(printable(str(file)), 0.0, 0.0, 0, 0.0, None, error)


def analyze(
    reader: Reader,
    settings: Settings,
    models: Models,
    log: EventLog,
    progress: Callable[[float], None],
) -> Song:
    """Run ``reader`` to its end; events go to ``log``, seconds done to ``progress``.

    A file that is damaged gives what could be read, and the reason in ``damage``.
    """
    analyzer = AnalysisChain(settings, reader.sample_rate, models, _KINDS)
    log.write(rows.header(reader.name, reader.sample_rate))
    events: list[Event] = []
    samples = 0
    damage = None
    try:
        for block in reader.blocks(_BLOCK):
            samples += block.size
            for event in analyzer.push(block):
                events.append(event)
                log.write(rows.line(event))
            progress(block.size / reader.sample_rate)
    except SourceError as problem:
        damage = str(problem)
    labels = models.labels
    song = Song.of(
        reader.name, samples / reader.sample_rate, labels, events, analyzer.summary(), damage, analyzer.song()
    )
    log.write(rows.summary(song.name, song.duration, song.bpm, song.mood, labels))
    return song


def stems(files: Sequence[Path]) -> list[str]:
    """What to call the output of each file: its stem; where one comes again, ``STEM-2`` and so on.

    Names that differ in case alone, or in how their accents are written, are one name on some systems.
    """
    taken: set[str] = set()
    names = []
    for file in files:
        stem = os.fsdecode(os.fsencode(file.stem)[:_STEM])
        name, n = stem, 1
        while (key := unicodedata.normalize("NFC", name).casefold()) in taken:
            n += 1
            name = f"{stem}-{n}"
        taken.add(key)
        names.append(name)
    return names


def make_folder(folder: Path) -> None:
    """Make ``folder`` and see that files can be written into it.

    Raises:
        SinkError: they cannot.
    """
    probe = folder / ".streammood-probe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SinkError(f"{folder}: cannot be written ({reason}); choose another folder") from None


class _Guarded:
    """Passes rows on to sinks; one that cannot take them any more gets none, and is reported with its song."""

    def __init__(self, *sinks: RowSink) -> None:
        self._sinks = list(sinks)
        self.problem: str | None = None

    def write(self, row: Row) -> None:
        for sink in list(self._sinks):
            try:
                sink.write(row)
            except OSError as error:
                self._sinks.remove(sink)
                self.problem = f"its events could not be written ({error.strerror or error})"

    def close(self) -> None:
        return


class _Stored(list[Row]):
    """Rows that are written later."""

    def write(self, row: Row) -> None:
        self.append(row)

    def close(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class _Task:
    """The analysis of one file after the other; call it in a new process to load the models."""

    settings: Settings
    out: Path | None
    export: Export | None
    store_rows: bool = False

    def __call__(self) -> Serve:
        models = Models.load(self.settings)

        def serve(request: tuple[Path, str], progress: Callable[[float], None]) -> tuple[SongResult, list[Row]]:
            stored = _Stored()
            result = self.run(*request, models, stored if self.store_rows else EventLog(), progress)
            return result, stored

        return serve

    def run(
        self, file: Path, name: str, models: Models, common: RowSink, progress: Callable[[float], None]
    ) -> SongResult:
        """Analyse ``file``, whose outputs are called ``name``; shares of it that are done go to ``progress``."""
        try:
            reader = SoundFile(file, self.settings.input.channels)
            own = EventLog().beside(self.out, f"{name}.jsonl")
        except (SourceError, SinkError) as error:
            return SongResult.none(file, str(error))
        rows_of_song = _Guarded(own, common)
        length = reader.duration or 0.0
        done = 0.0

        def report(seconds: float) -> None:
            nonlocal done
            share = min(seconds / length, 1.0 - done) if length else 0.0
            done += share
            progress(share)

        song = analyze(reader, self.settings, models, EventLog().also(rows_of_song), report)
        problems = _joined(song.damage, rows_of_song.problem and f"{song.name}: {rows_of_song.problem}")
        with contextlib.suppress(OSError):  # every row was flushed, or is reported
            own.close()
        try:
            if self.export is not None:
                self.export(song, file, name)
        except (SourceError, SinkError) as error:
            problems = _joined(problems, str(error))
        return SongResult.of(song, problems, f"{song.name}: {reader.advice}" if reader.advice else "")


class Batch:
    """Many files, one after the other or several at a time.

    Raises:
        ModelError: the model cannot be used; once, and not for every file.
    """

    def __init__(
        self, settings: Settings, out: Path | None, common: EventLog | None = None, export: Export | None = None
    ) -> None:
        """Events of each file go to a file of its own in ``out``, and to the ``common`` log; then comes ``export``.

        It runs in the process that analysed the file, so it must survive pickling.
        """
        self._task = _Task(settings, out, export, store_rows=common is not None)
        self._common = common or EventLog()
        self._models = Models.load(settings)

    def prepare(self) -> None:
        """Compile what analyses need, once instead of in every process."""
        warm_up(AnalysisChain(self._task.settings, ANALYSIS_RATE, self._models), ANALYSIS_RATE)

    def run(self, files: Sequence[Path], jobs: int, progress: Callable[[float], None]) -> list[SongResult]:
        """Results in the order of ``files``; ``jobs`` at a time, 0 for one a core; files done to ``progress``.

        A single file is read in this process, several in others: a file that ends its process ends no other.
        """
        names = stems(files)
        if len(files) == 1:
            return [self._task.run(files[0], names[0], self._models, self._common, progress)]
        requests = list(zip(files, names, strict=True))
        workers = [Worker(self._task) for _ in range(min(jobs or os.cpu_count() or 1, len(files)))]
        try:
            return self._share_out(requests, workers, progress)
        finally:
            for worker in workers:
                worker.stop()

    def _share_out(
        self, requests: list[tuple[Path, str]], workers: list[Worker], progress: Callable[[float], None]
    ) -> list[SongResult]:
        done: dict[int, tuple[SongResult, list[Row]]] = {}
        results: list[SongResult] = []
        places = {request: number for number, request in enumerate(requests)}  # every name is there once
        for request, message in share_out(requests, workers, progress):
            done[places[request]] = _outcome(request[0], message)
            while len(results) in done:  # in the order of the files
                results.append(self._log(*done.pop(len(results))))
        return results

    def _log(self, result: SongResult, stored: list[Row]) -> SongResult:
        """Write the rows of a file to the common log; its result, with what went wrong there."""
        log = _Guarded(self._common)
        for row in stored:
            log.write(row)
        if log.problem is None:
            return result
        return replace(result, error=_joined(result.error, f"{result.path}: {log.problem}"))


def _outcome(file: Path, message: Reply | Failure) -> tuple[SongResult, list[Row]]:
    if isinstance(message, Failure):
        return SongResult.none(file, f"{printable(str(file))}: {message.reason}"), []
    outcome: tuple[SongResult, list[Row]] = message.value
    return outcome


def _joined(*problems: str | None) -> str | None:
    return "; ".join(problem for problem in problems if problem) or None
