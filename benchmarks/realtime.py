"""The program as it is, in real time on a private sound server, beside a load that takes every core."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from streammood.sources.synth import render, steady

BPM = 120.0
RATE = 44_100
LAST = 300.0  # s at the end, in which beats are judged
_NEAR = 0.07  # s
_NEEDED = ("pulseaudio", "paplay", "pactl", "pacat")


def resident(process: int) -> float:
    """Memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def in_real_time(minutes: float) -> list[list[str]]:
    """Rows of figures and what they should be, or what is missing for it."""
    absent = [name for name in _NEEDED if shutil.which(name) is None]
    if absent:
        return [["not measured", f"needs {', '.join(absent)}", ""]]
    from tests.rig import Rig  # noqa: PLC0415  the tests' sound server

    context = multiprocessing.get_context("spawn")
    loads = [context.Process(target=_count, daemon=True) for _ in range(os.cpu_count() or 1)]
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "music.wav"
        _write_music(music, minutes * 60.0 + 30.0)
        rig = Rig(Path(folder), RATE)
        rig.up()
        for load in loads:
            load.start()
        try:
            return _listen(rig.environment, music, minutes)
        finally:
            for load in loads:
                load.kill()
            rig.kill()


def _count() -> None:
    """Take one core."""
    n = 0
    while True:
        n += 1


def _write_music(path: Path, seconds: float) -> None:
    """One minute of music again and again, without a seam."""
    minute = render(steady("happy", BPM, 60.0), RATE).sound
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(int(seconds / 60.0) + 1):
            file.write(minute)


def _listen(environment: dict[str, str], music: Path, minutes: float) -> list[list[str]]:
    command = [
        sys.executable,
        "-m",
        "streammood.cli",
        "run",
        "--input",
        "rig",
        "--target",
        "127.0.0.1:9",
        "--events",
        "-",
    ]
    program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    rows: list[tuple[float, dict[str, Any]]] = []
    reader = threading.Thread(target=_read, args=(program, rows), daemon=True)
    reader.start()
    player = subprocess.Popen(["paplay", "--latency-msec=500", str(music)], env=environment)
    memory: list[float] = []
    end = time.monotonic() + 60.0 * minutes
    while time.monotonic() < end and program.poll() is None:
        time.sleep(10.0)
        memory.append(resident(program.pid))
    ended = program.poll()
    program.terminate()
    program.wait(120)  # on a machine that has no time
    reader.join(20)
    player.kill()
    player.wait()
    return _judge(rows, memory, minutes, ended)


def _read(program: subprocess.Popen[str], rows: list[tuple[float, dict[str, Any]]]) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        row = json.loads(line)
        if row["event"] in ("status", "beat"):
            rows.append((time.monotonic(), row))


def _judge(
    rows: list[tuple[float, dict[str, Any]]], memory: list[float], minutes: float, ended: int | None
) -> list[list[str]]:
    status = [(at, row) for at, row in rows if row["event"] == "status"]
    # The stream clock counts what came and what was reported as lost: it may fall behind the host's by nothing else.
    behind = np.array([at - row["time"] for at, row in status])
    tenth = max(1, len(behind) // 20)
    unreported = float(behind[-tenth:].min() - behind[tenth : 2 * tenth].min())
    last = status[-1][1]
    times = np.array([row["time"] for _, row in rows if row["event"] == "beat"])
    phase = times[times > times[-1] - LAST] * BPM / 60.0
    middle = np.angle(np.exp(2j * np.pi * phase).mean()) / (2 * np.pi)
    off = np.abs((phase - middle + 0.5) % 1.0 - 0.5) * 60.0 / BPM
    expected = (times[-1] - max(times[0], times[-1] - LAST)) * BPM / 60.0
    warm = memory[len(memory) // 10 :]
    latency = [1e3 * row["latency"] for _, row in status]
    return [
        ["real time", f"{minutes:g} min beside {os.cpu_count()} busy processes", ""],
        ["program ended by itself", "no" if ended is None else f"status {ended}", "no"],
        ["samples lost and reported; stalls", f"{last['lost']}; {last['stalls']}", ""],
        ["stream clock behind the host's, last against first", f"{1e3 * unreported:+.1f} ms", "0: none unreported"],
        ["memory after warm-up, lowest to highest", f"{min(warm):.1f} to {max(warm):.1f} MB", "± 5 MB"],
        ["drift; jitter at the end", f"{last['drift']:+.0f} ppm; {1e3 * last['jitter']:.2f} ms", "bounded"],
        [
            f"beats of the last {min(LAST, 60 * minutes):.0f} s: found of played; within ±70 ms of one grid",
            f"{len(phase)} of {expected:.0f}; {100 * np.mean(off < _NEAR):.1f} %",
            "right",
        ],
        ["arrival of a block to its packets, p99 of each second: median, largest",
         f"{np.median(latency):.1f} ms, {max(latency):.0f} ms", ""],
    ]  # fmt: skip
