"""A command of the program in a process of its own, and the time that it took."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
_WATCH = """
import resource, subprocess, sys, time
began = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - began, used.ru_utime + used.ru_stime, code)
"""


def program(*arguments: str, checkout: Path = HERE) -> tuple[float, float]:
    """Wall and processor time in s of a command of the program, of this version or that of another ``checkout``."""
    command = [sys.executable, "-c", _WATCH, sys.executable, "-m", "streammood.cli", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=checkout)
    took, used, code = done.stdout.split()
    assert code == "0", arguments
    return float(took), float(used)
