"""How every benchmark counts and prints: percentiles in a table, what was measured beside what."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]


def in_turn(calls: Sequence[Callable[[], object]], rounds: int, warm: int = 20) -> list[Times]:
    """Time each of ``calls`` once a round, one after the other, so that all meet the same noise; in µs."""
    times = np.zeros((len(calls), rounds))
    for i in range(-warm, rounds):
        for row, call in zip(times, calls, strict=True):
            began = perf_counter_ns()
            call()
            if i >= 0:
                row[i] = (perf_counter_ns() - began) / 1e3
    return list(times)


def percentiles(times: Sequence[float] | Times, unit: float = 1.0, digits: int = 1) -> list[str]:
    """p50, p99 and max, each multiplied by ``unit``."""
    return [f"{unit * value:.{digits}f}" for value in np.percentile(np.asarray(times), [50, 99, 100])]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """What this ran on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    day = datetime.now(UTC).date().isoformat()
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {day}"
