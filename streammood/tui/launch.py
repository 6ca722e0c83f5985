"""The view started by ``streammood run --tui``, in a process beside the engine's that has the terminal for itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from streammood.config import TargetSettings
from streammood.tui.port import bind
from streammood.tui.views import OURSELVES

_HOST = "127.0.0.1"
_RATE = 15.0  # messages a second on each address: more than a terminal shows
_PATIENCE = 5.0  # s that the view has to end by itself
_LEAVE = "\x1b[?1000;1002;1003;1006;1015;2004l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"
"""No mouse reports, no bracketed paste, no keyboard protocol, the screen as it was before, a cursor, plain text."""


def target() -> TargetSettings:
    """A target on a port of this machine that is free now, for the view."""
    with bind(_HOST, 0) as sock:
        port = sock.getsockname()[1]
    return TargetSettings(name=OURSELVES, host=_HOST, port=port, label=True, details=True, rate=_RATE)


class Beside:
    """A view that lives as long as this object, or as this process."""

    def __init__(self, view: TargetSettings, control: tuple[str, int], arguments: Sequence[str]) -> None:
        """The view hears ``view``, and commands the engine at ``control``; ``arguments`` are those of `monitor`."""
        self._terminal = _Terminal()
        # Textual draws on the standard error, which `errors_kept` has turned away from the terminal.
        options = {"--host": view.host, "--port": view.port, "--control": f"{control[0]}:{control[1]}"}
        given = [str(part) for option in options.items() for part in option]
        own = ["--beside", str(os.getpid()), *given, *arguments]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "streammood.cli", "monitor", *own], stderr=sys.stdout
        )

    @property
    def ended(self) -> bool:
        """Whether the user has closed the view."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Let it end; make it end if it does not; leave the terminal as it was."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.returncode != 0:
            self._terminal.restore()


class _Terminal:
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
def errors_kept() -> Iterator[None]:
    """Keep what libraries write to the standard error from the screen, and write it when the screen is free again."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            kept.seek(0)
            text = kept.read().decode(errors="replace")
            if text:
                sys.stderr.write(text)
