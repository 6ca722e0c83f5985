"""Every deadly signal that can be caught ends the show in order: triggers at 0, `status/alive` at 0, the log closed."""

from __future__ import annotations

import os
import signal
import sys
import threading

_NAMES = (
    "SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF",
    "SIGXCPU", "SIGIO", "SIGPWR", "SIGSTKFLT",
)  # fmt: skip
DEADLY = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
_PATIENCE = 20.0  # s that an end in order may take


def end_at_once(number: int, _frame: object = None) -> None:
    """Before the first message was sent the program may end at once, without a summary."""
    os._exit(128 + number)


class Ending:
    """Catches signals from now on: until ``begin`` they end the process at once, after it they set ``asked``."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.ended = threading.Event()
        self._number = 0
        self._begun = False
        for number in DEADLY:
            if number != getattr(signal, "SIGHUP", None) or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._note)
        if sys.platform == "win32":
            _watch_console(self)

    @property
    def code(self) -> int:
        """The exit status: 0, or 128 and the number of the signal."""
        return 128 + self._number if self._number else 0

    def begin(self) -> None:
        """From here on a signal asks for an end in order."""
        self._begun = True

    def limit(self) -> None:
        """Begin the end: if it takes too long, a driver hangs, and the process ends without it."""
        hanging = threading.Timer(_PATIENCE, os._exit, (self.code or 1,))
        hanging.daemon = True
        hanging.start()

    def _note(self, number: int, _frame: object = None) -> None:
        if not self._begun:
            end_at_once(number)
        self._number = self._number or number
        self.asked.set()

    def close_console(self) -> None:
        """The window is being closed, in a thread of the system's: when this returns, the process is ended."""
        self._note(signal.SIGTERM)
        self.ended.wait(_PATIENCE)


if sys.platform == "win32":
    import ctypes

    _CLOSE, _LOGOFF, _SHUTDOWN = 2, 5, 6
    _handlers: list[object] = []  # the system keeps only a pointer

    def _watch_console(ending: Ending) -> None:
        """Ctrl-Close, log-off and shutdown are no signals on Windows; Ctrl-Break is SIGBREAK."""

        @ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)
        def handler(event: int) -> int:
            if event not in (_CLOSE, _LOGOFF, _SHUTDOWN):
                return 0
            ending.close_console()
            return 1

        _handlers.append(handler)
        ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, 1)
