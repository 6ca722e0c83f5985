"""``streammood analyze`` on a file of three minutes: how much faster than real time, and how large."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.table import markdown, percentiles
from streammood import config
from streammood.capture.sound_file import SoundFile
from streammood.demo.synth import Synth
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.songs.batch import analyze

SECONDS = 180
ROUNDS = 5
# A small process of its own starts the program: what is forked from a large one counts as large for ever.
_WATCH = """
import os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, process.returncode, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - began, usage.ru_maxrss)
"""


def report() -> str:
    """The table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for rate in (44_100, 48_000):
            path = Path(folder) / f"{rate}.flac"
            blocks, samples = [], 0
            for block in Synth(sample_rate=rate, repeat=True).blocks(rate):
                blocks.append(block)
                samples += block.size
                if samples >= SECONDS * rate:
                    break
            soundfile.write(path, np.concatenate(blocks)[: SECONDS * rate], rate)
            rows += [_inside(path, rate), _whole(path, rate)]
    return (
        f"A FLAC file of {SECONDS} s, one process, {ROUNDS} rounds. Budget: ≥ 60 × real time on one core, warm; the "
        "whole process at most 300 MB.\n\n"
        + markdown(["", "p50 s", "p99 s", "max s", "× real time (p50)", "resident MB"], rows)
    )


def _inside(path: Path, rate: int) -> list[str]:
    settings = config.load()
    models = Models.load(settings)
    times = []
    for i in range(ROUNDS + 1):
        began = time.perf_counter()
        analyze(SoundFile(path), settings, models, EventLog(), lambda done: None)
        if i:
            times.append(time.perf_counter() - began)
    return [f"{rate} Hz, analysis alone", *percentiles(times, 1.0, 2), f"{SECONDS / np.median(times):.0f}", ""]


def _whole(path: Path, rate: int) -> list[str]:
    command = [sys.executable, "-m", "streammood.cli", "analyze", str(path), "--jobs", "1"]
    times, largest = [], 0
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", _WATCH, *command], stdout=subprocess.PIPE, text=True, check=True)
        took, resident = done.stdout.split()
        times.append(float(took))
        largest = max(largest, int(resident))
    speed = f"{SECONDS / np.median(times):.0f}"
    return [f"{rate} Hz, the whole program", *percentiles(times, 1.0, 2), speed, f"{largest / 1024:.0f}"]
