"""Threads that must live: an unexpected error is counted and reported once, and the thread goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from types import TracebackType

_REASONS = 20  # that are reported; a fault that words itself anew each time must not fill the terminal
_LONGEST = 200  # characters of a reason


class LastResort:
    """Guards each pass of a loop: ``with resort: …`` lets no error out."""

    def __init__(self, name: str, report: Callable[[str], None], pause: float = 0.05) -> None:
        """``name`` of the thread in reports; after an error it rests for ``pause`` s, so that it cannot spin."""
        self.count = 0  # errors
        self._name = name
        self._report = report
        self._pause = pause
        self._reported: set[str] = set()

    def __enter__(self) -> LastResort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False
        self.count += 1
        with contextlib.suppress(Exception):  # there is no receiver of reports any more
            reason = reason_of(error)
            if reason not in self._reported and len(self._reported) < _REASONS:
                self._reported.add(reason)
                self._report(f"{self._name} failed and goes on: {reason}")
        if self._pause:
            time.sleep(self._pause)
        return True


def reason_of(error: BaseException) -> str:
    """Kind and text of ``error`` in one line that is not too long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
