"""Plays a file or the synthesiser in real time, so that it takes the same path as a live input."""

from __future__ import annotations

import queue
import threading
import time

from streammood.capture import Deliver, Reader
from streammood.errors import SourceError
from streammood.events import F32
from streammood.lasting import reason_of

_AHEAD = 2.0  # s of sound that are read or made before they are due, which may take its time
_LOOK = 0.1  # s between looks at whether to stop


class Paced:
    """A reader as a live source."""

    ends = True
    overflows = 0
    failure = ""

    def __init__(self, reader: Reader, block: int) -> None:
        self.name = reader.name
        self.sample_rate = reader.sample_rate
        self.error: SourceError | None = None
        self._reader = reader
        self._block = block
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, deliver: Deliver) -> None:
        """Begin to play from the start."""
        self._stop.clear()
        self.error = None
        ahead: queue.Queue[F32 | None] = queue.Queue(max(1, round(_AHEAD * self.sample_rate / self._block)))
        self._threads = [
            threading.Thread(target=self._play, args=(ahead, deliver), name="capture", daemon=True),
            threading.Thread(target=self._read, args=(ahead,), name="reader", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, ahead: queue.Queue[F32 | None]) -> None:
        try:
            for block in self._reader.blocks(self._block):
                if not self._put(ahead, block):
                    return
        except SourceError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001  a reader that fails must not leave the show waiting for it
            self.error = SourceError(f"{self.name}: cannot be read ({reason_of(error)})")
        self._put(ahead, None)

    def _put(self, ahead: queue.Queue[F32 | None], block: F32 | None) -> bool:
        """Wait until there is room; False if the source was stopped meanwhile."""
        while not self._stop.is_set():
            try:
                ahead.put(block, timeout=_LOOK)
            except queue.Full:
                continue
            return True
        return False

    def _play(self, ahead: queue.Queue[F32 | None], deliver: Deliver) -> None:
        began, played = 0.0, 0
        while not self._stop.is_set():
            try:
                block = ahead.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if block is None:
                return
            if played == 0:
                began = time.monotonic()
            played += block.size
            due = began + played / self.sample_rate
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            deliver(block, due, time.monotonic())

    def stop(self) -> None:
        """Stop playing."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def advice(self) -> str:
        """Warnings about the channels of a file, for people; empty where there are none."""
        return str(getattr(self._reader, "advice", ""))

    @property
    def active(self) -> bool:
        """False once everything has been played."""
        return bool(self._threads) and self._threads[0].is_alive()
