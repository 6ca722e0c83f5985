"""Sound files: wav, flac, ogg, opus, mp3 and whatever else libsndfile reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from streammood.errors import SourceError
from streammood.events import F32

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".caf", ".au", ".oga"})

Channels = Literal["all"] | tuple[int, ...]


def mix(frames: F32, channels: Channels) -> F32:
    """One channel (n,) out of ``frames`` (n, channels): all, one or a pair, mixed with equal weight."""
    if frames.shape[1] == 1:
        return frames[:, 0]
    if channels == "all":
        mixed: F32 = frames.mean(axis=1)
        return mixed
    if len(channels) == 1:
        return frames[:, channels[0] - 1]
    left, right = channels
    pair: F32 = 0.5 * (frames[:, left - 1] + frames[:, right - 1])
    return pair


class SoundFile:
    """One file, read block by block.

    Raises:
        SourceError: at once if it is missing, empty or no sound; while reading if it is damaged.
    """

    def __init__(self, path: Path, channels: Channels = "all") -> None:
        self.path = path
        self.name = str(path)
        self._channels = channels
        if path.is_dir():
            raise SourceError(f"{path}: is a folder, not a sound file")
        if not path.is_file():
            raise SourceError(f"{path}: no such file")
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty")
        with self._open() as file:
            self.sample_rate = int(file.samplerate)
            self._frames = int(file.frames)
            self.duration: float | None = self._frames / self.sample_rate
            self._cut_short = "should be" in file.extra_info  # libsndfile: fewer bytes than the header says
            if channels != "all" and max(channels) > file.channels:
                raise SourceError(f"{path}: has {file.channels} channels, channel {max(channels)} was asked for")
        if self._frames == 0:
            raise SourceError(f"{path}: holds no sound")
        if not 8_000 <= self.sample_rate <= 192_000:
            raise SourceError(f"{path}: its sample rate must be in 8000..192000 Hz, got {self.sample_rate}")

    def _open(self) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(self.path)
        except (soundfile.LibsndfileError, OSError) as error:
            reason = getattr(error, "error_string", str(error)).rstrip(".")
            raise SourceError(f"{self.path}: cannot be read as sound ({reason})") from None

    def blocks(self, size: int) -> Iterator[F32]:
        """Yield blocks (size,) of one channel; the last may be shorter."""
        read = 0
        with self._open() as file:
            while True:
                try:
                    frames = file.read(size, dtype="float32", always_2d=True)
                except soundfile.LibsndfileError as error:
                    raise SourceError(f"{self._damaged(read)} ({error.error_string.rstrip('.')})") from None
                if len(frames) == 0:
                    break
                read += len(frames)
                yield np.ascontiguousarray(mix(frames, self._channels))
        if read < self._frames or self._cut_short:
            raise SourceError(f"{self._damaged(read)}: it ends early")

    def _damaged(self, read: int) -> str:
        return f"{self.path}: damaged or cut short after {read / self.sample_rate:.2f} s"
