"""The terminal of a program that gives it to a view: kept free of other texts, and put back as it was."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

_LEAVE = "\x1b[?1000;1002;1003;1006;1015;2004l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
"""No mouse reports, no bracketed paste, no keyboard protocol, the screen as it was before, a cursor, plain text."""


class TerminalState:
    """Remembers how the terminal was, for a view that could not put it back itself."""

    def __init__(self) -> None:
        self._before: Any = None
        with contextlib.suppress(ImportError, OSError, ValueError):  # Windows; no terminal
            import termios  # noqa: PLC0415  there is none on Windows

            self._before = termios.tcgetattr(sys.stdin.fileno())

    def restore(self) -> None:
        """Put it back."""
        with contextlib.suppress(ImportError, OSError, ValueError):
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
            if self._before is not None:
                import termios  # noqa: PLC0415

                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)


@contextlib.contextmanager
def errors_stored() -> Iterator[None]:
    """Keep what libraries write to the standard error from the screen, and write it when the screen is free again."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as stored:
        before = os.dup(2)
        os.dup2(stored.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            stored.seek(0)
            text = stored.read().decode(errors="replace")
            if text:
                sys.stderr.write(text)
