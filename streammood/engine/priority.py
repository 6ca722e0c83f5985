"""Ahead of what else runs on this machine: a real-time schedule for every thread of the engine's process, on Linux.

Every thread, because Python lets one run at a time: one that is put aside by another program while it holds Python's
lock would hold up those that must be on time. What keeps the machine safe: the kernel leaves other programs 5 % of each
core whatever real-time threads do, and ``_guard`` takes the priority away from a program that computes for seconds
without a pause.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

_LEVEL = 4  # of 1..99; sound servers, which must go first, have 5 and more
_NICE = -11  # where no real-time schedule is allowed; what PulseAudio asks for
_LONGEST = 2_000_000  # us that a thread may compute without ever waiting
_TASKS = Path("/proc/self/task")

REFUSED = (
    "runs with the priority of any program, since the system allows no other: a busy machine makes it late; "
    "docs/startup.md says how to allow it"
)

WITHDRAWN = "a thread computed for seconds without a pause: from now on this program runs with the priority of any"

Granted = Literal["real-time", "nice", "normal"]
"""What the system allowed."""


class Priority:
    """What this process was granted, and to which of its threads; nothing outside Linux."""

    def __init__(self) -> None:
        self.granted: Granted = "normal"
        self.refused = False  # by the system
        self.withdrawn = False  # since something computed without a pause
        self._raised: set[int] = set()  # native ids of threads
        self._wanted = False
        self._before: tuple[Any, tuple[int, int]] | None = None  # what SIGXCPU did, and its limit

    def take(self) -> None:
        """Ask for it, for every thread that there is now."""
        if sys.platform != "linux":
            return
        self._wanted = True
        self._guard()
        self.extend()
        self.refused = self.granted == "normal"

    def extend(self) -> None:
        """Ask for it for threads that have begun since; those that a driver has made too."""
        if sys.platform != "linux" or not self._wanted:
            return
        there = set(_threads())
        self._raised &= there
        for thread in there - self._raised:
            with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
                self.granted = _raise(thread)
                self._raised.add(thread)

    def give_back(self) -> None:
        """Let every thread be as others again."""
        if sys.platform != "linux" or not self._wanted:
            return
        self._wanted = False
        for thread in _threads():
            with contextlib.suppress(OSError):
                _lower(thread)
        self._raised.clear()
        self.granted = "normal"
        self._unguard()

    def _guard(self) -> None:
        """Have the kernel say so when a real-time thread never waits; only the main thread can be told."""
        if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
            return
        import resource  # noqa: PLC0415  not on Windows

        limit = resource.getrlimit(resource.RLIMIT_RTTIME)
        self._before = signal.signal(signal.SIGXCPU, self._too_long), limit
        wanted = _LONGEST if limit[0] == resource.RLIM_INFINITY else min(_LONGEST, limit[0])
        resource.setrlimit(resource.RLIMIT_RTTIME, (wanted, limit[1]))

    def _unguard(self) -> None:
        if sys.platform != "linux" or self._before is None:
            return
        import resource  # noqa: PLC0415  not on Windows

        if threading.current_thread() is threading.main_thread():
            handler, limit = self._before
            resource.setrlimit(resource.RLIMIT_RTTIME, limit)
            signal.signal(signal.SIGXCPU, handler)
            self._before = None

    def _too_long(self, _number: int, _frame: object) -> None:
        self.withdrawn = True
        self._wanted = False
        for thread in _threads():
            with contextlib.suppress(OSError):
                _lower(thread)
        self.granted = "normal"


def allowed() -> Granted:
    """What the system allows this process, asked for by a thread that ends at once."""
    found: list[Granted] = ["normal"]

    def ask() -> None:
        if sys.platform == "linux":
            found[0] = _raise(threading.get_native_id())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def _threads() -> Iterator[int]:
    """Native ids of all threads of this process."""
    return (int(task.name) for task in _TASKS.iterdir())


if sys.platform == "linux":

    def _raise(thread: int) -> Granted:
        """Put ``thread`` (native id) as far ahead as is allowed; what it begins later is as others."""
        import resource  # noqa: PLC0415  not on Windows

        with contextlib.suppress(PermissionError):
            most = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
            level = _LEVEL if os.geteuid() == 0 or most < 0 else min(_LEVEL, max(1, most))
            os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(level))
            return "real-time"
        for nice in (_NICE, 20 - resource.getrlimit(resource.RLIMIT_NICE)[0]):
            if nice < 0:
                with contextlib.suppress(PermissionError):
                    os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
                    os.setpriority(os.PRIO_PROCESS, thread, nice)
                    return "nice"
        return "normal"

    def _lower(thread: int) -> None:
        os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
        if os.getpriority(os.PRIO_PROCESS, thread) < 0:
            os.setpriority(os.PRIO_PROCESS, thread, 0)
