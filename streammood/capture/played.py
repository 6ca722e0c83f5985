"""A file or the demo as it is heard: the output device sets the pace, and each block is analysed when it sounds."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Mapping

import numpy as np
import pyaudio

from streammood.capture import Deliver, Reader
from streammood.capture.paced import Paced
from streammood.errors import SourceError
from streammood.events import F32
from streammood.native import quiet

_PLAUSIBLE = 2.0  # s that a device may hold before it sounds
_GONE = 1.0  # s without a callback after which the device has gone, and the music goes on unheard
_LOOK = 0.1  # s
_PIECE = 0.2  # s that are handed to the device at a time: with less, a busy machine makes gaps


class Played(Paced):
    """``Paced``, heard on the default output."""

    def __init__(self, reader: Reader, block: int) -> None:
        super().__init__(reader, block)
        self._audio: pyaudio.PyAudio | None = None
        self._stream: pyaudio.Stream | None = None
        self._sounding: queue.SimpleQueue[tuple[F32 | None, float]] = queue.SimpleQueue()

    def start(self, deliver: Deliver) -> None:
        """Begin to play from the start.

        Raises:
            SourceError: there is no output, or it refuses the rate.
        """
        self._sounding = queue.SimpleQueue()
        with quiet():
            self._audio = pyaudio.PyAudio()
        try:
            with quiet():
                self._audio.get_default_output_device_info()
        except OSError:
            self._close()
            raise SourceError("--play: there is no output device; plug one in, or leave out --play") from None
        super().start(deliver)

    def _play(self, ahead: queue.Queue[F32 | None], deliver: Deliver) -> None:
        """Open the output, and hand over each block when its last sample is heard."""
        reader = self._threads[-1]
        while not ahead.full() and (reader.ident is None or reader.is_alive()) and not self._stop.wait(_LOOK / 10):
            pass  # so that it begins without a gap
        try:
            self._stream = self._open(ahead)
        except (OSError, ValueError) as error:
            self.error = SourceError(f"--play: the output cannot be opened at {self.sample_rate} Hz ({error})")
            return
        due = time.monotonic()
        while not self._stop.is_set():
            block, sounding = self._next(ahead, due)
            if block is None:
                return
            due = sounding
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            deliver(block, due, time.monotonic())

    def _next(self, ahead: queue.Queue[F32 | None], due: float) -> tuple[F32 | None, float]:
        """The next block and when its end is heard; without a device, when it would have been."""
        end = time.monotonic() + _GONE
        while not self._stop.is_set():
            with contextlib.suppress(queue.Empty):
                return self._sounding.get(timeout=0.0 if self.failure else _LOOK)
            if self.failure or (time.monotonic() > end and not self._calls_back()):
                self.failure = "the output has gone; the music goes on unheard"
                with contextlib.suppress(queue.Empty):
                    block = ahead.get(timeout=_LOOK)
                    return block, due + (0 if block is None else block.size) / self.sample_rate
        return None, due

    def _calls_back(self) -> bool:
        try:
            return self._stream is not None and bool(self._stream.is_active())
        except OSError:
            return False

    def _open(self, ahead: queue.Queue[F32 | None]) -> pyaudio.Stream:
        size, rate = self._block, self.sample_rate
        sounding, count = self._sounding, max(1, round(_PIECE * rate / size))

        def callback(_: bytes | None, frames: int, times: Mapping[str, float], flags: int) -> tuple[bytes, int]:
            delay = times["output_buffer_dac_time"] - times["current_time"]
            at = time.monotonic() + (delay if 0.0 < delay < _PLAUSIBLE else latency)
            sound = np.zeros(frames, dtype=np.float32)
            for start in range(0, frames, size):
                try:
                    block = ahead.get_nowait()
                except queue.Empty:  # a slow reader: silence
                    continue
                if block is None:
                    sounding.put((None, at))
                    return sound.tobytes(), pyaudio.paComplete
                sound[start : start + block.size] = block
                sounding.put((block, at + (start + block.size) / rate))
            return sound.clip(-1.0, 1.0).tobytes(), pyaudio.paContinue

        assert self._audio is not None
        latency = 0.0
        with quiet():
            stream = self._audio.open(
                rate,
                1,
                pyaudio.paFloat32,
                output=True,
                frames_per_buffer=count * size,
                start=False,
                stream_callback=callback,
            )
            latency = float(stream.get_output_latency())
            stream.start_stream()
        return stream

    def stop(self) -> None:
        """Stop playing, and close the output."""
        super().stop()
        self._close()

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        audio, self._audio = self._audio, None
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
        if audio is not None:
            with quiet():
                audio.terminate()
