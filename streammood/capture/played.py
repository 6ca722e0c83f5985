"""A file or the demo, heard or not: the output device sets the pace, and each block is analysed when it sounds.

Whether it is heard may change at any time: the music goes on where it is, and no block comes late, early or twice.
"""

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
_NONE = "--play: there is no output device; plug one in, or leave out --play"


class _Output:
    """The default output, which takes blocks of ``ahead`` from when it ``takes`` and says when each is heard."""

    def __init__(self, ahead: queue.Queue[F32 | None], block: int, rate: int) -> None:
        """Open it; silence is played until it takes.

        Raises:
            SourceError: there is no output, or it refuses the rate.
        """
        self.sounding: queue.SimpleQueue[tuple[F32 | None, float]] = queue.SimpleQueue()
        self.taking = False
        self.closed = False
        self._ahead, self._block, self._rate = ahead, block, rate
        self._next: float | None = None  # host time in s at which the next block begins, until the first is heard
        self._latency = 0.0
        self._stream: pyaudio.Stream | None = None
        count = max(1, round(_PIECE * rate / block))
        with quiet():
            self._audio = pyaudio.PyAudio()
        try:
            with quiet():
                self._audio.get_default_output_device_info()
        except OSError:
            self.close()
            raise SourceError(_NONE) from None
        try:
            with quiet():
                self._stream = self._audio.open(
                    rate,
                    1,
                    pyaudio.paFloat32,
                    output=True,
                    frames_per_buffer=count * block,
                    start=False,
                    stream_callback=self._callback,
                )
                self._latency = float(self._stream.get_output_latency())
        except (OSError, ValueError) as error:
            self.close()
            raise SourceError(f"--play: the output cannot be opened at {rate} Hz ({error})") from None

    def start(self) -> None:
        """Begin to play silence, or blocks if it takes already."""
        assert self._stream is not None
        self._stream.start_stream()

    def take(self, due: float | None) -> None:
        """Take blocks from now on; ``due``: host time in s at which the next one begins, None for as soon as can be."""
        self._next = due
        self.taking = True

    def _callback(self, _: bytes | None, frames: int, times: Mapping[str, float], flags: int) -> tuple[bytes, int]:
        delay = times["output_buffer_dac_time"] - times["current_time"]
        at = time.monotonic() + (delay if 0.0 < delay < _PLAUSIBLE else self._latency)
        sound = np.zeros(frames, dtype=np.float32)
        start = 0
        while start < frames and self.taking:
            try:
                block = self._ahead.get_nowait()
            except queue.Empty:  # a slow reader: silence
                start += self._block
                continue
            if block is None:
                self.sounding.put((None, at))
                return sound.tobytes(), pyaudio.paComplete
            here, span = at + start / self._rate, block.size / self._rate
            if self._next is not None and here - self._next > span / 2.0:
                self._next += span  # what sounds before the device can play it is not heard
                self.sounding.put((block, self._next))
                continue
            self._next = None
            sound[start : start + block.size] = block
            self.sounding.put((block, here + span))
            start += self._block
        return sound.clip(-1.0, 1.0).tobytes(), pyaudio.paContinue

    @property
    def active(self) -> bool:
        """Whether the device calls back."""
        try:
            return self._stream is not None and bool(self._stream.is_active())
        except OSError:
            return False

    def close(self) -> None:
        """Take nothing more, and close the device."""
        self.taking = False
        with contextlib.suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.close()
        with quiet():
            self._audio.terminate()
        self.closed = True


class Played(Paced):
    """``Paced``, heard on the default output if that is wanted."""

    def __init__(self, reader: Reader, block: int, heard: bool = True) -> None:
        super().__init__(reader, block)
        self._heard = heard
        self._ahead: queue.Queue[F32 | None] | None = None
        self._output: _Output | None = None  # that blocks go to, or have gone to

    @property
    def heard(self) -> bool:
        """Whether it is heard now."""
        return self._heard and not self.failure

    def hear(self, on: bool) -> None:
        """Have it heard from now on, or not.

        Raises:
            SourceError: there is no output, or it refuses.
        """
        output = self._output
        if on and (output is None or output.closed) and self._ahead is not None:
            output = _Output(self._ahead, self._block, self.sample_rate)
            output.start()
            self._output, self.failure = output, ""
        elif not on and output is not None:
            output.close()
        self._heard = on

    def start(self, deliver: Deliver) -> None:
        """Begin to play from the start.

        Raises:
            SourceError: there is no output.
        """
        if self._heard:
            with quiet():
                audio = pyaudio.PyAudio()
            try:
                with quiet():
                    audio.get_default_output_device_info()
            except OSError:
                raise SourceError(_NONE) from None
            finally:
                audio.terminate()
        super().start(deliver)

    def _play(self, ahead: queue.Queue[F32 | None], deliver: Deliver) -> None:
        """Hand over each block when its last sample is heard, or would be."""
        self._ahead = ahead
        if self._heard and not self._open_first(ahead):
            return
        due: float | None = None
        while not self._stop.is_set():
            output = self._output
            if output is not None and not (output.taking or output.closed):
                output.take(due)
            block, due = self._next(ahead, output, due)
            if block is None:
                return
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            deliver(block, due, time.monotonic())

    def _open_first(self, ahead: queue.Queue[F32 | None]) -> bool:
        """Open the output once enough was read for it to begin without a gap; False if it cannot be."""
        reader = self._threads[-1]
        while not ahead.full() and (reader.ident is None or reader.is_alive()) and not self._stop.wait(_LOOK / 10):
            pass
        try:
            output = _Output(ahead, self._block, self.sample_rate)
        except SourceError as error:
            self.error = error
            return False
        output.take(None)
        self._output = output
        output.start()
        return True

    def _next(
        self, ahead: queue.Queue[F32 | None], output: _Output | None, due: float | None
    ) -> tuple[F32 | None, float]:
        """The next block, and when its end is heard, or would be; ``due``: that of the block before."""
        end = time.monotonic() + _GONE
        while not self._stop.is_set():
            if output is None:
                with contextlib.suppress(queue.Empty):
                    block = ahead.get(timeout=_LOOK)
                    began = time.monotonic() if due is None else due
                    return block, began + (0 if block is None else block.size) / self.sample_rate
                continue
            with contextlib.suppress(queue.Empty):
                return output.sounding.get(timeout=0.0 if output.closed else _LOOK / 10)
            if output.closed or (time.monotonic() > end and not output.active):
                if not output.closed:
                    self.failure = "the output has gone; the music goes on unheard"
                    output.close()
                if self._output is output:
                    self._output = None
                output = self._output
                if output is not None:  # was opened again meanwhile
                    output.take(due)
        return None, 0.0 if due is None else due

    def stop(self) -> None:
        """Stop playing, and close the output."""
        super().stop()
        output, self._output = self._output, None
        if output is not None and not output.closed:
            output.close()
