"""What the process that reads strangers' sound files does: analyses, sound for the page, downloads.

It is apart from the server so that a file that breaks a decoder breaks nothing else, and runs at a low
priority so that it takes nothing from an engine on the same machine. Each file is written whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import os
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.errors import ModelError, SourceError
from streammood.events import F32
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.songs.batch import analyze
from streammood.songs.sound import at_rate, pieces
from streammood.songs.worker import Serve
from streammood.web import downloads
from streammood.web.peaks import Waveform
from streammood.web.whole import whole, write_json

LONGEST = 12 * 3600.0  # s of a song that are analysed; a small file can hold days of silence
LARGEST = 700_000_000  # bytes of a WAV that is made for a page: an hour in stereo at 48 kHz
_RATE = 48_000  # Hz, the highest of such a WAV
_NICE = 10
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """Write analysis, result and outline of a song."""

    path: Path
    name: str  # as its owner calls it
    analysis: Path
    result: Path
    outline: Path


@dataclass(frozen=True, slots=True)
class Convert:
    """Write a song as 16-bit WAV, which every browser plays."""

    path: Path
    wav: Path


@dataclass(frozen=True, slots=True)
class Download:
    """Write a download of a song that was analysed."""

    path: Path
    name: str
    analysis: Path
    download: str  # one of ``DOWNLOADS``
    to: Path


Request: TypeAlias = UploadRequest | Convert | Download


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request was not met, for its owner, with a status of HTTP."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the new process does first."""

    settings: Settings

    def __call__(self) -> Serve:
        """Load what every request needs."""
        with contextlib.suppress(OSError, AttributeError):  # Windows has no such call
            os.nice(_NICE)
        try:
            models = Models.load(self.settings)
        except ModelError as error:
            refusal = Refusal(422, str(error))
            return lambda request, progress: refusal

        def serve(request: Request, progress: Callable[[float], None]) -> Refusal | None:
            try:
                self._meet(request, models, progress)
            except SourceError as error:
                return Refusal(422, _reason(str(error), request.path))
            except OSError as error:
                if error.errno in _FULL:
                    return Refusal(507, "There is no room left on the disk of this machine.")
                return Refusal(422, error.strerror or type(error).__name__)
            return None

        return serve

    def _meet(self, request: Request, models: Models, progress: Callable[[float], None]) -> None:
        if isinstance(request, UploadRequest):
            _analyse(request, self.settings, models, progress)
        elif isinstance(request, Convert):
            convert(request.path, request.wav)
        else:
            title = Path(request.name).stem
            downloads.write(request.download, request.analysis, request.path, title, request.to)


class _Watched:
    """A sound file whose outline is taken down while it is read, and whose path is not told."""

    def __init__(self, file: SoundFile, name: str) -> None:
        self.name = name
        self.sample_rate = file.sample_rate
        self.duration = min(file.duration or 1.0, LONGEST)
        self.peaks = Waveform(round(self.duration * file.sample_rate))
        self._file = file

    def blocks(self, size: int) -> Iterator[F32]:
        left = round(LONGEST * self.sample_rate)
        for block in self._file.blocks(size):
            self.peaks.push(block[:left])
            yield block[:left]
            left -= block.size
            if left <= 0:
                raise SourceError(f"only its first {LONGEST / 3600:g} hours are analysed")


def _analyse(request: UploadRequest, settings: Settings, models: Models, progress: Callable[[float], None]) -> None:
    source = _Watched(SoundFile(request.path), request.name)
    song = analyze(source, settings, models, EventLog(), lambda seconds: progress(seconds / source.duration))
    if song.duration == 0.0:
        raise SourceError(song.damage or "holds no sound")
    downloads.store(song, request.analysis)
    write_json(request.result, song.to_dict())
    damage = _reason(song.damage or "", request.path)
    write_json(request.outline, {"outline": source.peaks.values, "damage": damage})


def convert(path: Path, wav: Path) -> None:
    """Write ``path`` as 16-bit WAV of at most two channels, 48 kHz and ``LARGEST`` bytes.

    Raises:
        SourceError: it cannot be read at all, or holds more sound than that.
        OSError: it cannot be written.
    """
    file = SoundFile(path)
    channels, rate = min(2, file.channels), min(file.sample_rate, _RATE)
    left, most = LARGEST, LARGEST / (2 * channels * rate) / 60
    # Not libsndfile, which does not report a full disk.
    with whole(wav) as part, part.open("wb") as raw, wave.open(raw, "wb") as out:
        out.setparams((channels, 2, rate, 0, "NONE", ""))
        for frames in at_rate(pieces(file, channels), rate / file.sample_rate, channels):
            left -= 2 * frames.size
            if left < 0:
                raise SourceError(f"it lasts longer than {most:.0f} minutes, and this browser cannot play it as it is")
            samples = np.clip(np.nan_to_num(frames), -1.0, 1.0) * 32_767.0
            out.writeframesraw(np.rint(samples).astype("<i2").tobytes())
        if left == LARGEST:
            raise SourceError("holds no sound that can be read")


def _reason(error: str, path: Path) -> str:
    """An error without the path, which means nothing to the user."""
    return error.replace(f"{path}: ", "")
