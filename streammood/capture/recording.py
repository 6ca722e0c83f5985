"""Records the input to a sound file in a thread of its own, so that a slow or full disk delays nothing else."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from streammood.errors import SinkError
from streammood.events import F32
from streammood.lasting import reason_of

_SPARE = 50_000_000  # bytes that are left on the disk: the event log needs room too
_LOOK = 1.0  # s between looks at the disk
_WAITING = 30.0  # s of sound that wait for a slow disk; more is silence in the file
_LAST_WORDS = 10.0  # s that the file may take at the end
_FLAC = 8  # channels that such a file can hold
_SILENCE = 65_536  # samples of silence that are written at a time


class Recording:
    """Takes what comes in, all channels, before any gain; lost samples are silence, so that times stay right.

    An input that comes back at another rate, or with other channels, goes on in a new file beside the first.
    """

    def __init__(self, path: Path) -> None:
        """A recording in ``path``, which does not exist yet.

        Raises:
            SinkError: the file is there already, is of no kind that can be written, or cannot be.
        """
        self.path = path
        self.written = 0  # samples
        self.ended = ""  # why, where it has ended before the show
        self._report: Callable[[str], None] = lambda _: None
        self._parts = 0
        self._file: soundfile.SoundFile | None = None
        self._queue: deque[F32 | int] = deque()  # blocks, and numbers of samples of silence
        self._waiting = 0  # samples in it
        self._rate = 0
        self._channels = 1  # of the file
        self._in_file = 0  # rate of the file, in Hz
        self._bell = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        if path.exists():
            raise SinkError(f"--record: {path} is there already; choose another name, or move it away")
        if path.suffix.lower() not in {".flac", ".wav"}:
            raise SinkError(f"--record: must end in .flac or .wav, got `{path.name}`")
        try:
            with path.open("wb"):
                pass
            path.unlink()
        except OSError as error:
            raise SinkError(f"--record: {path} cannot be written ({error.strerror}); choose another path") from None

    def start(self, rate: int, report: Callable[[str], None]) -> None:
        """Begin, at ``rate`` in Hz; ``report`` takes messages for people, from another thread."""
        self._rate, self._report = rate, report
        self._thread.start()

    def push(self, block: F32, missing: int = 0) -> None:
        """Have ``block``, (n,) or (n, channels), written after the ``missing`` samples before it; never waits."""
        if self._closed or self.ended:
            return
        full = self._waiting > _WAITING * self._rate
        if missing or full:
            self._queue.append(missing + len(block) * full)
        if not full:
            self._queue.append(block.copy())
            self._waiting += len(block)
        self._bell.set()

    def resume(self, gap: float, rate: int) -> None:
        """The input is back after ``gap`` s, at ``rate`` Hz; in the thread that calls ``push``."""
        if rate == self._rate:
            self._queue.append(round(gap * rate))
        else:
            self._queue.append(-rate)
        self._rate = rate

    def close(self) -> None:
        """Write what waits, for as long as that may take, and close the file."""
        self._closed = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_WORDS)

    def _run(self) -> None:
        try:
            self._in_file = self._rate
            self._write_all()
            if self._file is None:
                self._open()
        except (OSError, RuntimeError, AssertionError) as error:  # soundfile has the last two for a disk that is full
            self._end(f"it cannot be written ({reason_of(error)})")
        finally:
            self._queue.clear()
            try:
                if self._file is not None:
                    self._file.close()
            except (OSError, RuntimeError):
                self._end("it cannot be closed")

    def _open(self) -> None:
        self._parts += 1
        rate, count = self._in_file, self._channels
        path = self.path if self._parts == 1 else self.path.with_stem(f"{self.path.stem}-{self._parts}")
        if self._parts > 1:
            self._report(f"the recording goes on at {rate} Hz in {path}")
        if count > _FLAC and path.suffix.lower() == ".flac":
            self._report(f"the recording keeps the first {_FLAC} of {count} channels; a .wav file holds all")
            count = _FLAC
        self._file = soundfile.SoundFile(path, "w", rate, count, "PCM_24")

    def _write_all(self) -> None:
        look_at = 0.0
        while not (self._closed and not self._queue):
            self._bell.wait()
            self._bell.clear()
            while self._queue:
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + _LOOK
                    free = shutil.disk_usage(self.path.parent).free
                    if free < _SPARE:
                        self._end(f"its disk has only {free / 1e6:.0f} MB left")
                        return
                self._write(self._queue.popleft())

    def _write(self, piece: F32 | int) -> None:
        if isinstance(piece, int) and piece < 0:
            self._next_file(-piece, self._channels)
            return
        if not isinstance(piece, int) and self._channels != (channels := 1 if piece.ndim == 1 else piece.shape[1]):
            self._next_file(self._in_file, channels)
        if self._file is None:
            self._open()
        file = self._file
        assert file is not None
        if isinstance(piece, int):
            for start in range(0, piece, _SILENCE):
                file.write(np.zeros((min(_SILENCE, piece - start), file.channels), dtype=np.float32))
            self.written += piece
        else:
            file.write(piece if piece.ndim == 1 else piece[:, : file.channels])
            self._waiting -= len(piece)
            self.written += len(piece)

    def _next_file(self, rate: int, channels: int) -> None:
        """Let what comes go into another file."""
        if self._file is not None:
            self._file.close()
        self._file, self._in_file, self._channels = None, rate, channels

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.ended = reason
            at = self.written / max(1, self._rate)
            self._report(f"the recording ends after {at:.0f} s: {reason}; the show goes on")
