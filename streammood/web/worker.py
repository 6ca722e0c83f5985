"""The process that reads strangers' sound files: one request a line in, progress and the answer a line out.

It is apart from the server so that a file that breaks a decoder breaks nothing else, and runs at a low
priority so that it takes nothing from an engine on the same machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import soundfile

from streammood.capture.sound_file import SoundFile, fold
from streammood.config import Settings
from streammood.errors import ModelError, SourceError
from streammood.events import F32
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.songs.batch import analyze
from streammood.web import downloads
from streammood.web.peaks import Peaks

LONGEST = 3600.0  # s; a small file can hold days of silence
_NICE = 10
_STEP = 0.02  # progress that is worth a line
_BLOCK = 65_536  # frames


class _Watched:
    """A sound file whose outline is taken down while it is read, and whose path is not told."""

    def __init__(self, file: SoundFile, name: str) -> None:
        self.name = name
        self.sample_rate = file.sample_rate
        self.duration = file.duration
        self.peaks = Peaks(round((file.duration or 0.0) * file.sample_rate))
        self._file = file

    def blocks(self, size: int) -> Iterator[F32]:
        for block in self._file.blocks(size):
            self.peaks.push(block)
            yield block


def _open(path: Path) -> SoundFile:
    file = SoundFile(path)
    if (file.duration or 0.0) > LONGEST:
        raise SourceError(f"longer than {LONGEST / 60:.0f} minutes")
    return file


def _analyse(request: dict[str, str], settings: Settings, models: Models, out: TextIO) -> None:
    """Write the analysis and the outline of a song, each as JSON."""
    path = Path(request["path"])
    source = _Watched(_open(path), request["name"])
    duration = source.duration or 1.0
    done = told = 0.0

    def progress(seconds: float) -> None:
        nonlocal done, told
        done += seconds / duration
        if done - told >= _STEP:
            told = done
            _say(out, {"progress": min(1.0, done)})

    song = analyze(source, settings, models, EventLog(), progress)
    if song.duration == 0.0:
        raise SourceError(song.damage or "holds no sound")
    downloads.store(song, Path(request["analysis"]))
    _store(Path(request["result"]), song.document())
    _store(Path(request["outline"]), {"outline": source.peaks.values, "damage": _reason(song.damage or "", path)})


def _store(path: Path, content: dict[str, Any]) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    part.replace(path)


def _convert(path: Path, wav: Path) -> None:
    """Write ``path`` as 16-bit WAV, which every browser plays."""
    part = wav.with_suffix(".part")
    file = _open(path)
    channels = min(2, file.channels)
    with (
        soundfile.SoundFile(part, "w", file.sample_rate, channels, "PCM_16", format="WAV") as out,
        contextlib.suppress(SourceError),  # damaged on the way: what could be read will do
    ):
        for frames in file.frames(_BLOCK):
            out.write(np.clip(fold(frames, channels), -1.0, 1.0))
    part.replace(wav)


def _reason(error: str, path: Path) -> str:
    """An error without the path, which means nothing to the user."""
    return error.replace(f"{path}: ", "")


def _say(out: TextIO, row: dict[str, Any]) -> None:
    out.write(json.dumps(row) + "\n")
    out.flush()


def main() -> None:
    """Settings on the first line, then a request a line, until the end of the input."""
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints must not be taken for an answer
    with contextlib.suppress(OSError, AttributeError):  # Windows has no such call
        os.nice(_NICE)
    settings = Settings.model_validate_json(sys.stdin.readline())
    try:
        models = Models.load(settings)
    except ModelError as error:
        for _ in sys.stdin:
            _say(out, {"error": str(error)})
        return
    for line in sys.stdin:
        _say(out, _answer(json.loads(line), settings, models, out))


def _answer(request: dict[str, str], settings: Settings, models: Models, out: TextIO) -> dict[str, Any]:
    path = Path(request["path"])
    try:
        if "wav" in request:
            _convert(path, Path(request["wav"]))
        elif "download" in request:
            to, title = Path(request["to"]), Path(request["name"]).stem
            downloads.write(request["download"], Path(request["analysis"]), path, title, to)
        else:
            _analyse(request, settings, models, out)
    except (SourceError, soundfile.LibsndfileError, OSError) as error:
        return {"error": _reason(str(error), path)}
    return {"done": True}


if __name__ == "__main__":
    main()
