"""Keys of the terminal while the program runs: read one at a time, and the terminal put back as it was.

On Linux and macOS the terminal is set to hand over each key at once (cbreak; Ctrl-C still interrupts); on Windows
the console is asked. Keys are read in a thread of their own, so that a tap is stamped when the key goes down and
not when the screen is drawn.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from streammood.protocol.commands import KEYS, Command

QUIT, HELP = "q", "?"
_NAMES = {" ": "space"}  # of keys that are not called by their character
_HERE = {
    key: Command(row.name, (None,) * len(row.arguments))  # a switch changes from one to the other
    for key, (row, _) in KEYS.items()
    if all(argument.kind == "switch" for argument in row.arguments)
}
LEGEND = " · ".join(
    [f"{key} {KEYS[key][0].title}" for key in _HERE if key == KEYS[key][0].keys[0].key] + ["q quit", "? help"]
)


def command_of(key: str) -> Command | None:
    """The command that ``key`` gives here, where no target is chosen; None if there is none."""
    return _HERE.get(_NAMES.get(key, key))


_SPECIAL = re.compile(r"\x1b(\[[0-9;]*[ -/]*[@-~]|O.|.)?")  # what arrows and function keys send
_LOOK = 0.1  # s between looks whether to stop
_CONSOLE_LOOK = 0.005  # s; a Windows console can only be polled
_BACKGROUND_LOOK = 0.5  # s; while another program owns the terminal


class Terminal(Protocol):
    """Hands over keys."""

    def enter(self) -> None: ...

    def leave(self) -> None: ...

    def read(self) -> str: ...  # the keys typed within a tenth of a second


class Keys:
    """Calls ``pressed`` with each key and the host time in s at which it came, while the context is open."""

    def __init__(self, pressed: Callable[[str, float], None]) -> None:
        self._pressed = pressed
        self._terminal = _terminal()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    def __enter__(self) -> Keys:
        if self._terminal is not None:
            self._terminal.enter()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._terminal is not None:
            self._thread.join()  # first: it may find the terminal changed and set it again
            self._terminal.leave()

    @property
    def there(self) -> bool:
        """Whether somebody can press keys."""
        return self._terminal is not None

    def _run(self) -> None:
        assert self._terminal is not None
        while not self._stop.is_set():
            try:
                typed = self._terminal.read()
            except OSError:  # the terminal was closed
                return
            at = time.monotonic()
            for key in typed.lower():
                self._pressed(key, at)


def _terminal() -> Terminal | None:
    """The terminal that standard input is; None if it is none, or another program's."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        return None
    if sys.platform == "win32":
        return _Console()
    else:  # noqa: RET505  mypy reads the platforms apart by this
        found = _Tty(sys.stdin.fileno())
        return found if found.ours else None


if sys.platform == "win32":
    import msvcrt

    class _Console:
        """A Windows console."""

        def enter(self) -> None:
            """Nothing to set: the console hands over keys when asked."""

        def leave(self) -> None:
            """Nothing to put back."""

        def read(self) -> str:
            """The keys typed within a tenth of a second; special keys come as two characters and are dropped."""
            end = time.monotonic() + _LOOK
            while time.monotonic() < end:
                if msvcrt.kbhit():
                    key = msvcrt.getwch()
                    if key not in "\0\xe0":
                        return key
                    msvcrt.getwch()
                time.sleep(_CONSOLE_LOOK)
            return ""

else:
    import termios
    import tty

    _LOCAL = 3  # place of the local modes in the list of tcgetattr

    class _Tty:
        """A terminal of Linux or macOS."""

        def __init__(self, number: int) -> None:
            self._number = number
            self._before = termios.tcgetattr(number)

        @property
        def ours(self) -> bool:
            """Whether we are in the foreground; to read or to set a terminal that is another's stops a program."""
            try:
                return os.tcgetpgrp(self._number) == os.getpgrp()
            except OSError:
                return False

        def enter(self) -> None:
            """Let each key come at once and unseen."""
            with contextlib.suppress(termios.error):  # it was closed just now
                tty.setcbreak(self._number, termios.TCSADRAIN)

        def leave(self) -> None:
            """Restore the terminal's mode."""
            if self.ours:
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(self._number, termios.TCSANOW, self._before)  # one that stands still drains never

        def _by_line(self) -> bool:
            try:
                return bool(termios.tcgetattr(self._number)[_LOCAL] & termios.ICANON)
            except termios.error as error:
                raise OSError("the terminal was closed") from error

        def read(self) -> str:
            """The keys typed within a tenth of a second; escape sequences of special keys are dropped."""
            if not self.ours:
                time.sleep(_BACKGROUND_LOOK)
                return ""
            if self._by_line():  # the shell has set it so, after Ctrl-Z and fg
                self.enter()
            if not select.select([self._number], [], [], _LOOK)[0]:
                return ""
            typed = os.read(self._number, 64)
            if not typed:
                raise OSError("end of file")
            return _SPECIAL.sub("", typed.decode("utf-8", "ignore"))
