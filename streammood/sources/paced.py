"""Plays a file or the synthesiser in real time, so that it takes the same path as a live input."""

from __future__ import annotations

import threading
import time

from streammood.errors import SourceError
from streammood.sources import Deliver, Reader


class Paced:
    """A reader as a live source."""

    ends = True
    overflows = 0

    def __init__(self, reader: Reader, block: int) -> None:
        self.name = reader.name
        self.sample_rate = reader.sample_rate
        self.error: SourceError | None = None
        self._reader = reader
        self._block = block
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, deliver: Deliver) -> None:
        """Begin to play from the start."""
        self._stop.clear()
        self.error = None
        self._thread = threading.Thread(target=self._play, args=(deliver,), name="capture", daemon=True)
        self._thread.start()

    def _play(self, deliver: Deliver) -> None:
        began = time.monotonic()
        played = 0
        try:
            for block in self._reader.blocks(self._block):
                played += block.size
                due = began + played / self.sample_rate
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                deliver(block, due, time.monotonic())
        except SourceError as error:
            self.error = error

    def stop(self) -> None:
        """Stop playing."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def active(self) -> bool:
        """False once everything has been played."""
        return self._thread is not None and self._thread.is_alive()
