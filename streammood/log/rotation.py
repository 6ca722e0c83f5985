"""Rows in a text file that a long night cannot make large and that one program alone writes.

A full disk stops it for as long as it is full.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from streammood.log.rows import Row, to_text


class RotatingRows(RotatingFileHandler):
    """``PATH`` with older files beside it: ``PATH.1`` is the latest of them. Each begins with the first row of all.

    A file that is there already is put aside, not overwritten. After an error the file ends with its last whole row,
    and the next ``write`` tries again.
    """

    def __init__(self, path: Path, size: int, files: int) -> None:
        """At most ``size`` bytes a file, and ``files`` of them.

        Raises:
            OSError: the file cannot be written, or another program writes it (BlockingIOError).
        """
        super().__init__(path, maxBytes=size, backupCount=files - 1, encoding="utf-8", delay=True)
        self._first = ""
        self._whole = 0  # bytes of the file until the end of its last whole row
        self.stream = self._open()
        if self._whole:
            self.doRollover()

    def write(self, row: Row) -> None:
        """Write one row, in a new file where it would not fit.

        Raises:
            OSError: it cannot be written.
        """
        text = to_text(row)
        self._first = self._first or text
        try:
            self.emit(logging.makeLogRecord({"msg": text.rstrip("\n")}))
            if self.stream is not None:
                self._whole = os.fstat(self.stream.fileno()).st_size
        except (OSError, ValueError):
            self._let_go()
            raise

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  a name of logging
        """Let the error out, to whoever called ``write``."""
        raise  # noqa: PLE0704  logging calls this while it handles the error

    def doRollover(self) -> None:  # noqa: N802
        """Put the file aside and begin another; one that cannot be moved is overwritten."""
        try:
            super().doRollover()
        except OSError:
            with open(self.baseFilename, "w", encoding="utf-8"):  # noqa: PTH123
                pass
            self.stream = self._open()

    def _open(self) -> TextIOWrapper:
        stream = super()._open()
        try:
            lock(stream)
        except OSError:
            stream.close()
            raise
        self._whole = os.fstat(stream.fileno()).st_size
        if not self._whole and self._first:
            stream.write(self._first)
        return stream

    def _let_go(self) -> None:
        """Close the file without its incomplete last line."""
        stream, self.stream = self.stream, None
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
        with contextlib.suppress(OSError):
            if Path(self.baseFilename).is_file():
                os.truncate(self.baseFilename, self._whole)


if sys.platform == "win32":

    def lock(stream: TextIOWrapper) -> None:
        """A file that is open cannot be put aside on Windows: a second program finds that out by itself."""

else:
    import fcntl

    def lock(stream: TextIOWrapper) -> None:
        """Keep other programs of this kind from writing the file, for as long as it is open.

        Raises:
            BlockingIOError: another one writes it.
        """
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            return
