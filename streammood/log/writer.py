"""The event log, written by a thread of its own, so that a slow disk or pipe delays nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque

from streammood.lasting import LastResort
from streammood.log.event_log import EventLog
from streammood.log.notes import Notes
from streammood.log.rows import Row

_WAITING = 20_000  # rows at most that wait, half an hour of music
_RETRY = 2.0  # s between tries where the log cannot be written
_LAST_WORDS = 10.0  # s that the log may take at the end


class Logbook:
    """Takes rows at once and hands them to a log when that can take them; what goes wrong is reported in ``notes``.

    Where the log cannot be written, a full disk above all, the rows wait and are tried again.
    """

    def __init__(self, log: EventLog, notes: Notes, retry: float = _RETRY) -> None:
        """``retry`` in s."""
        self._log = log
        self._notes = notes
        self._retry = retry
        self._rows: deque[Row] = deque()
        self._bell = threading.Event()
        self._closed = False
        self._stopped = False  # the log could not be written the last time
        self._lost = 0  # rows
        self._resort = LastResort("the event log", notes.add)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def write(self, row: Row | None) -> None:
        """Have ``row`` written, if there is one; never waits."""
        if row is None:
            return
        if len(self._rows) >= _WAITING:
            self._lost += 1
            if self._lost == 1:
                self._notes.add("the event log cannot follow; what it misses is counted at the end")
            return
        self._rows.append(row)
        self._bell.set()

    def close(self) -> None:
        """Write what waits, for as long as that may take, and close the log."""
        self._closed = True
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_WORDS)
        missing = self._lost + len(self._rows)
        if missing:
            self._notes.add(f"the event log misses {missing} rows")

    def _run(self) -> None:
        while not (self._closed and (self._stopped or not self._rows)):
            self._bell.wait()
            self._bell.clear()
            with self._resort:
                self._empty()
            if self._rows:
                self._bell.set()
        with self._resort:
            self._log.close()

    def _empty(self) -> None:
        """Write every row that waits; where that fails, wait before the next try."""
        while self._rows:
            try:
                self._log.write(self._rows[0])
            except OSError as error:
                if not self._stopped:
                    self._notes.add(f"the event log stopped: {error.strerror}; it goes on when it can be written")
                self._stopped = True
                self._pause()
                return
            except ValueError:
                self._rows.popleft()  # a row that is none must not be tried for ever
                self._lost += 1
                raise
            self._rows.popleft()
            if self._stopped:
                self._stopped = False
                self._notes.add("the event log goes on")

    def _pause(self) -> None:
        end = time.monotonic() + self._retry
        while not self._closed and time.monotonic() < end:
            self._bell.wait(end - time.monotonic())
            self._bell.clear()
