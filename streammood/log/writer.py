"""The event log, written by a thread of its own: a slow disk, or a reader that does not read, holds up nobody."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from streammood.log.notes import Notes
from streammood.log.rows import EventLog

_WAITING = 20_000  # rows at most that wait, half an hour of music
_LAST_WORDS = 10.0  # s that the log may take at the end


class Logbook:
    """Takes rows at once and hands them to a log when that can take them; what goes wrong is told in ``notes``."""

    def __init__(self, log: EventLog, notes: Notes) -> None:
        self._log = log
        self._notes = notes
        self._rows: deque[dict[str, Any]] = deque()
        self._bell = threading.Semaphore(0)
        self._closed = False
        self._lost = 0  # rows
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def write(self, row: dict[str, Any] | None) -> None:
        """Have ``row`` written, if there is one; never waits."""
        if row is None:
            return
        if len(self._rows) >= _WAITING:
            self._lost += 1
            if self._lost == 1:
                self._notes.add("the event log cannot follow; what it misses is counted at the end")
            return
        self._rows.append(row)
        self._bell.release()

    def close(self) -> None:
        """Write what waits, for as long as that may take, and close the log."""
        self._closed = True
        self._bell.release()
        if self._thread.is_alive():
            self._thread.join(_LAST_WORDS)
        if self._lost:
            self._notes.add(f"the event log misses {self._lost} rows")

    def _run(self) -> None:
        try:
            while not (self._closed and not self._rows):
                self._bell.acquire()
                if self._rows:
                    self._log.write(self._rows.popleft())
            self._log.close()
        except OSError as error:  # from here on rows are taken and forgotten
            self._notes.add(f"the event log stopped: {error.strerror}")
            self._forget()

    def _forget(self) -> None:
        while not self._closed:
            self._bell.acquire()
            self._rows.clear()
