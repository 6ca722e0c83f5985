"""Native libraries write to the error output what people cannot use: drivers that are not there, delegates created."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[int | None]:
    """Keep the error output of native code off the terminal for a while; gives a copy of it, if it is open."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        copy = os.dup(2)
    except OSError:  # it is closed
        yield None
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield copy
    finally:
        os.dup2(copy, 2)
        os.close(null)
        os.close(copy)


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep native code quiet for as long as a command runs, while Python goes on writing to the error output."""
    before = sys.stderr
    with quiet() as copy:
        if copy is not None:
            sys.stderr = open(os.dup(copy), "w", encoding=before.encoding, errors=before.errors, buffering=1)  # noqa: PTH123, SIM115
        try:
            yield
        finally:
            if sys.stderr is not before:
                with contextlib.suppress(OSError):
                    sys.stderr.close()
                sys.stderr = before
