"""The TFLite interpreter, and a child process in which a network from elsewhere is tried first.

A network is code: one that is malformed ends the process that loads or asks it. A model that is not a shipped one is
therefore loaded and asked once in a process of its own. This file is also what runs there, by its path and without the
rest of the program, so that it takes a fraction of a second.
"""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from typing import Any

import numpy as np

_LARGEST = 256_000_000  # bytes of all tensors of a network
_MEMORY = 4_000_000_000  # bytes that the child may take
_PATIENCE = 60.0  # s


def open_network(content: bytes) -> Any:
    """The interpreter of the ``content`` of a .tflite file, on one thread, ready to be asked.

    Raises:
        ValueError: it is not a network, or too large a one.
    """
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415  takes a while to load

    try:
        ready = Interpreter(model_content=content, num_threads=1)
        size = sum(_size(detail) for detail in ready.get_tensor_details())
        if size > _LARGEST:
            raise ValueError(f"its tensors take {size / 1e6:,.0f} MB, at most {_LARGEST / 1e6:.0f} are allowed")
        ready.allocate_tensors()
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    return ready


def _size(detail: dict[str, Any]) -> int:
    values = math.prod(max(1, int(n)) for n in detail["shape"])
    return int(values * np.dtype(detail["dtype"]).itemsize)


def try_in_child(content: bytes) -> None:
    """Load and ask a network in a process of its own.

    Raises:
        ValueError: it cannot be loaded or asked; in one line.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", __file__],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"it did not answer within {_PATIENCE:.0f} s") from None
    except OSError as error:
        raise ValueError(f"it cannot be tried in a process of its own ({error.strerror})") from None
    if done.returncode == 0:
        return
    reason = done.stdout.decode("utf-8", errors="replace").strip()
    raise ValueError(reason or f"it ended the process that tried it ({_death(done.returncode)})")


def _death(code: int) -> str:
    if code >= 0:
        return f"exit status {code:#x}"
    return signal.strsignal(-code) or f"signal {-code}"


def _ask_once(ready: Any) -> None:
    """Everything that the program does with a network, with the smallest and the largest numbers."""
    runner = ready.get_signature_runner()
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    del runner  # while it is there, the interpreter does not answer
    for largest in (False, True):
        for detail in inputs.values():
            value = 0 if not largest else np.iinfo(np.int8).max
            ready.set_tensor(detail["index"], np.full(detail["shape"], value, detail["dtype"]))
        ready.invoke()
        for detail in outputs.values():
            ready.get_tensor(detail["index"])


def _main() -> int:
    content = sys.stdin.buffer.read()
    try:
        import resource  # noqa: PLC0415  not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    except (ImportError, ValueError, OSError):
        pass
    try:
        _ask_once(open_network(content))
    except (ValueError, RuntimeError, KeyError, TypeError, MemoryError) as error:
        sys.stdout.buffer.write(" ".join((str(error) or type(error).__name__).split()).encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
