"""Files through the same analysis as the live path, as fast as the machine allows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from streammood.analysis.analyzer import Analyzer
from streammood.analysis.warmup import warm_up
from streammood.capture import Reader
from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.errors import SinkError, SourceError
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Onset
from streammood.log import rows
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.songs.song import Song

_BLOCK = 8192  # samples
_KINDS = (Beat, Mood, Onset)


Export: TypeAlias = Callable[[Song, Path, str], None]
"""Writes something about a song, given its file and a stem that no other file of the batch has."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one file came to, in a row."""

    path: str
    duration: float  # s of sound that could be read
    bpm: float  # median over all beats, 0 without beats
    beats: int
    locked: float  # share of the beats that were locked
    mood: Mood | None
    error: str | None = None  # why it could not be read to its end, or what of it could not be written
    note: str = ""  # what else people should know

    @classmethod
    def of(cls, song: Song, error: str | None, note: str = "") -> Result:
        """The row of ``song``."""
        locked = sum(beat.locked for beat in song.beats) / max(1, len(song.beats))
        return cls(song.name, song.duration, song.bpm, len(song.beats), locked, song.mood, error, note)


def analyze(
    reader: Reader,
    settings: Settings,
    models: Models,
    log: EventLog,
    progress: Callable[[float], None],
) -> Song:
    """Run ``reader`` to its end; events go to ``log``, seconds done to ``progress``.

    A file that is damaged on the way gives what could be heard, and the reason in ``damage``.
    """
    analyzer = Analyzer(settings, reader.sample_rate, models, _KINDS)
    log.write(rows.header(reader.name, reader.sample_rate))
    kept: list[Event] = []
    samples = 0
    damage = None
    try:
        for block in reader.blocks(_BLOCK):
            samples += block.size
            for event in analyzer.push(block):
                kept.append(event)
                log.write(rows.line(event))
            progress(block.size / reader.sample_rate)
    except SourceError as problem:
        damage = str(problem)
    labels = models.labels
    song = Song.of(reader.name, samples / reader.sample_rate, labels, kept, analyzer.summary(), damage)
    log.write(rows.summary(song.name, song.duration, song.bpm, song.mood, labels))
    return song


def stems(files: Sequence[Path]) -> list[str]:
    """What to call the output of each file: its stem; where one comes again, ``STEM-2`` and so on."""
    taken: set[str] = set()
    names = []
    for file in files:
        name, n = file.stem, 1
        while name in taken:
            n += 1
            name = f"{file.stem}-{n}"
        taken.add(name)
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
    except OSError as error:
        raise SinkError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None


class Batch:
    """Many files, one after the other or several at a time.

    Raises:
        ModelError: the model cannot be used; once, and not for every file.
    """

    def __init__(self, settings: Settings, out: Path | None, common: EventLog, export: Export | None = None) -> None:
        """Events of each file go to a file of its own in ``out``, and to the ``common`` log; then comes ``export``.

        It runs in the process that analysed the file, so it must survive pickling.
        """
        self._settings = settings
        self._out = out
        self._common = common
        self._export = export
        self._models = Models.load(settings)

    def prepare(self) -> None:
        """Compile what analyses need, once instead of in every process."""
        warm_up(Analyzer(self._settings, ANALYSIS_RATE, self._models), ANALYSIS_RATE)

    def run(self, files: Sequence[Path], jobs: int, progress: Callable[[float], None]) -> list[Result]:
        """Results in the order of ``files``; ``jobs`` at a time, 0 for one a core; files done to ``progress``."""
        names = stems(files)
        jobs = min(jobs or os.cpu_count() or 1, len(files))
        if jobs == 1:
            return [self._one(file, name, progress) for file, name in zip(files, names, strict=True)]
        prepared = (self._settings, self._out, self._export)
        with ProcessPoolExecutor(jobs, get_context("spawn"), _prepare, prepared) as pool:
            futures = [pool.submit(_in_worker, file, name) for file, name in zip(files, names, strict=True)]
            for _ in as_completed(futures):
                progress(1.0)
            return [future.result() for future in futures]

    def _one(self, file: Path, name: str, progress: Callable[[float], None]) -> Result:
        try:
            reader = SoundFile(file, self._settings.input.channels)
            log = self._common.beside(self._out, f"{name}.jsonl")
        except (SourceError, SinkError) as error:
            progress(1.0)
            return Result(str(file), 0.0, 0.0, 0, 0.0, None, str(error))
        duration = reader.duration or 1.0
        try:
            song = analyze(reader, self._settings, self._models, log, lambda done: progress(done / duration))
        finally:
            log.close()
        try:
            if self._export is not None:
                self._export(song, file, name)
        except SinkError as unwritten:
            return Result.of(song, str(unwritten))
        return Result.of(song, song.damage, f"{file}: {reader.advice}" if reader.advice else "")


_worker: Batch


def _prepare(settings: Settings, out: Path | None, export: Export | None) -> None:
    """In a new worker process: load the model once."""
    global _worker  # noqa: PLW0603  the pool gives its workers no other place for what they prepare
    _worker = Batch(settings, out, EventLog(), export)


def _in_worker(file: Path, name: str) -> Result:
    return _worker._one(file, name, lambda done: None)
