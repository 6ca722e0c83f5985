"""What goes wrong while serving: each kind once in one line, and how often in all at the end."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

_LINE = 200  # characters


class Reports(logging.Handler):
    """Takes the log of aiohttp and the unhandled errors of the event loop."""

    def __init__(self, report: Callable[[str], None]) -> None:
        """``report`` is given each line."""
        super().__init__(logging.WARNING)
        self._report = report
        self._counts: Counter[str] = Counter()
        self.logger = logging.Logger("streammood.web", logging.WARNING)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Report what the server logs."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            self.count("malformed requests", f"the first: {str(error.message or error)!a}, {record.getMessage()}")
        else:
            self._fault(record.getMessage(), error)

    def loop_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report what the event loop could not hand to anybody; to be set as its exception handler."""
        error = context.get("exception")
        if isinstance(error, OSError) and "accept" in context["message"]:
            self.count("connections not accepted", f"{error.strerror or error}; more will be when others close")
        elif not isinstance(error, ConnectionError):
            self._fault(context["message"], error)

    def count(self, kind: str, text: str) -> None:
        """Count one of ``kind``; the first is reported with ``text``."""
        self._counts[kind] += 1
        if self._counts[kind] == 1:
            line = " ".join(f"{kind}: {text}".split())
            self._report(f"{line[:_LINE]} (this is reported once)")

    def summary(self) -> None:
        """Report how often each kind came, where that was more than once."""
        for kind, count in self._counts.items():
            if count > 1:
                self._report(f"{kind}: {count} in all")

    def _fault(self, message: str, error: BaseException | None) -> None:
        """Report a fault of this program, with the place where it happened."""
        frames = traceback.extract_tb(error.__traceback__) if error is not None else []
        at = f" at {frames[-1].name}, {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
        what = f"{type(error).__name__}{at}" if error is not None else message[:_LINE]
        self.count(f"fault of the dashboard ({what})", f"{error or ''} {message}")
