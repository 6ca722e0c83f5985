"""A process of its own for strangers' files: a file that breaks a decoder, or asks for all memory, breaks nothing else.

Requests and answers are pickled; only processes that this program has started talk to each other.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any, TypeAlias

Serve: TypeAlias = Callable[[Any, Callable[[float], None]], Any]
"""Answers a request; shares of the work that are done go to its second argument."""
Prepare: TypeAlias = Callable[[], Serve]
"""Runs once in the new process, loads what every request needs, and must survive pickling."""

_SILENT = 300.0  # s without a word after which a process is taken for hung
_LOOK = 1.0  # s between looks at processes that report nothing
_OFTEN = 0.25  # s between reports of progress
_MEMORY = 4 << 30  # bytes that a request may take beyond what the process has taken to begin with
_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Progress:
    """So much more of a request is done."""

    share: float


@dataclass(frozen=True, slots=True)
class Reply:
    """A request was answered."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A request failed: the process died or hung, or an unexpected error occurred."""

    reason: str


Message: TypeAlias = Progress | Reply | Failure


class Worker:
    """Answers one request after the other in a process that is started when it is needed, and again when it died."""

    def __init__(self, prepare: Prepare, silent: float = _SILENT, memory: int = _MEMORY) -> None:
        self._prepare = prepare
        self._silent = silent
        self._memory = memory
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: connection.Connection[Any, Any] | None = None
        self._spoke = 0.0  # s, of its last message

    def ask(self, request: object) -> None:
        """Send a request; its answer comes by ``receive``."""
        with contextlib.suppress(OSError):  # it has died meanwhile, which ``receive`` will find
            self._open().send(request)
        self._spoke = time.monotonic()

    def receive(self) -> Message | None:
        """Its next message, at once; None if there is none."""
        try:
            if not self._open().poll():
                if time.monotonic() - self._spoke < self._silent:
                    return None
                self.stop()
                return Failure(f"nothing happened for {self._silent:.0f} s, so it was given up")
            message: Message = self._open().recv()
        except (EOFError, OSError):
            return Failure(self._obituary())
        self._spoke = time.monotonic()
        return message

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None and self._connection is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
        self._process = self._connection = None

    def _obituary(self) -> str:
        """How the process has ended."""
        code = None
        if self._process is not None:
            self._process.join(1.0)
            code = self._process.exitcode
        self.stop()
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            more = ": there may not be enough memory" if name == "SIGKILL" else ""
            return f"the process that was reading it was ended by {name}{more}"
        return f"the process that was reading it ended unexpectedly (status {code})"

    def _open(self) -> connection.Connection[Any, Any]:
        if self._connection is None:
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=_run, args=(theirs, self._prepare, self._memory), daemon=True)
            with _guarded():
                self._process.start()
            theirs.close()
        return self._connection


def wait(workers: Iterable[Worker], timeout: float) -> None:
    """Return as soon as one of ``workers`` has a message, or after ``timeout`` s."""
    connection.wait([worker._open() for worker in workers], timeout)


def share_out(
    requests: Iterable[Any], workers: Sequence[Worker], progress: Callable[[float], None] = lambda share: None
) -> Iterator[tuple[Any, Reply | Failure]]:
    """Have ``workers`` answer ``requests``, each as soon as one is free.

    Args:
        requests: Are taken from here one by one.
        workers: At least one.
        progress: Is given the shares of requests that are done, 1.0 a request in all.

    Yields:
        A request and its result, in the order in which they are done.
    """
    waiting = iter(requests)
    busy: dict[Worker, Any] = {}
    shares: dict[Worker, float] = {}
    while True:
        for worker in workers:
            if worker not in busy:
                for request in itertools.islice(waiting, 1):
                    busy[worker], shares[worker] = request, 0.0
                    worker.ask(request)
        if not busy:
            return
        wait(busy, _LOOK)
        for worker, request in list(busy.items()):
            message = worker.receive()
            if isinstance(message, Progress):
                shares[worker] += message.share
                progress(message.share)
            elif message is not None:
                del busy[worker]
                progress(1.0 - shares[worker])
                yield request, message


@contextlib.contextmanager
def _guarded() -> Iterator[None]:
    """A new process must not run what lies in the current folder, which may be full of downloads.

    It never sees Ctrl-C, which is for the program: not even while it is still importing.
    """
    name = "PYTHONSAFEPATH"
    with _starting:
        before = os.environ.get(name)
        os.environ[name] = "1"
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if sys.platform != "win32" else None
        try:
            yield
        finally:
            if mask is not None:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


def _run(parent: connection.Connection[Any, Any], prepare: Prepare, memory: int) -> None:
    """The new process: prepare, and answer until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Windows, where none was blocked
    serve = prepare()
    _limit_memory(memory)
    reported = waiting = 0.0

    def progress(share: float) -> None:
        nonlocal reported, waiting
        waiting += share
        if time.monotonic() - reported >= _OFTEN:
            parent.send(Progress(waiting))
            reported, waiting = time.monotonic(), 0.0

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            request = parent.recv()
            try:
                message: Message = Reply(serve(request, progress))
            except MemoryError:
                message = Failure("it needs more memory than there is")
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as fault:  # noqa: BLE001  one request never ends the others
                message = Failure(f"a fault of this program ({type(fault).__name__}: {fault})")
            parent.send(message)


def _limit_memory(more: int) -> None:
    """Let this process take ``more`` bytes than now and no more, where the system has such a limit."""
    try:
        import resource  # noqa: PLC0415  Windows has none

        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        now = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (now + more, now + more))
    except (ImportError, OSError, StopIteration, ValueError):
        return
