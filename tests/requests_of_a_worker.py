"""What a process of its own is asked in the tests; it imports little, so that it starts quickly."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from streammood.songs.worker import Serve


def prepare() -> Serve:
    """Runs in the new process."""
    return serve


def serve(request: str, progress: Callable[[float], None]) -> object:
    """Does what it is asked for, or tells in which process it is."""
    match request:
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crash":
            os.abort()
        case "leave":
            os._exit(3)
        case "hang":
            time.sleep(600.0)
        case "eat":
            return len(bytearray(1 << 33))
        case "fail":
            raise ZeroDivisionError("no")
    progress(0.5)
    return os.getpid()
