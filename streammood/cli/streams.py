"""Standard input and output in any state: closed, of any encoding, full, or without a reader."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import threading
from typing import NoReturn

_PATIENCE = 1.0  # s that the output may take at the end
_PLAIN = {
    "█": "#", "░": ".", "●": "*", "○": "o", "→": ">", "–": "-", "−": "-", "×": "x", "÷": "/", "·": "-", "…": "...",
    "≤": "<=", "≥": ">=", "↑": "^", "↓": "v", "←": "<", "°": " deg", "’": "'", "“": '"', "”": '"',
}  # fmt: skip


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Another character for each that the output cannot carry."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    bad = error.object[error.start : error.end]
    plain = "".join(
        _PLAIN.get(char) or (f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else "?") for char in bad
    )
    return plain, error.end


def prepare() -> None:
    """See that there are three standard files, and that no character is refused; before anything else is opened.

    Where one is closed, the next file that is opened would take its number, and with it what libraries write there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error("plain", _replace)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  for as long as the process lives
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # what cannot be written now, cannot when the interpreter ends
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def leave(code: int) -> NoReturn:
    """End the process with ``code``, even where a thread hangs or the output has no reader."""
    flushing = threading.Thread(target=_flush, daemon=True)
    flushing.start()
    flushing.join(_PATIENCE)
    if threading.active_count() > 1:
        os._exit(code)
    raise SystemExit(code)
