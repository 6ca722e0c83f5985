"""A text file that a long night cannot make large: full, it is put aside under a number, and a new one begins."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TextIO


class RotatingFile:
    """``PATH`` with older files beside it: ``PATH.1`` is the latest of them. Each begins with the first line of all.

    A file that is there already is put aside, not overwritten.
    """

    def __init__(self, path: Path, size: int, files: int) -> None:
        """At most ``size`` bytes a file, and ``files`` of them.

        Raises:
            OSError: the file cannot be written.
        """
        self._path = path
        self._size = size
        self._files = files
        self._first = ""
        self._written = 0
        if path.is_file() and path.stat().st_size:
            self._put_aside()
        self._file: TextIO = path.open("w", encoding="utf-8")

    def write(self, text: str) -> None:
        """Write one line, in a new file where it would not fit.

        Raises:
            OSError: it cannot be written.
        """
        size = len(text.encode())
        if self._written and self._written + size > self._size:
            self._begin_another()
        self._first = self._first or text
        self._file.write(text)
        self._written += size

    def flush(self) -> None:
        """Hand what was written to the system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _begin_another(self) -> None:
        self._file.close()
        self._put_aside()
        self._file = self._path.open("w", encoding="utf-8")
        self._file.write(self._first)
        self._written = len(self._first.encode())

    def _put_aside(self) -> None:
        """Move every file one number up; the oldest goes. A file that cannot be moved is overwritten."""
        with contextlib.suppress(OSError):
            for number in range(self._files - 1, 0, -1):
                older = self._numbered(number - 1)
                if older.exists():
                    older.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
