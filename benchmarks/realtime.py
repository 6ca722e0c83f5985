"""The program as it is, in real time on a private sound server, beside a load that takes every core."""

from __future__ import annotations

import collections
import contextlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from streammood.demo.synth import render, steady

BPM = 120.0
RATE = 44_100
LAST = 300.0  # s at the end, in which beats are judged
_NEAR = 0.07  # s
_SERVER = 5  # real-time level of PulseAudio on a desktop, where rtkit grants it
_NEEDED = ("pulseaudio", "paplay", "pactl", "pacat", "parec")


def resident(process: int) -> float:
    """Memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def in_real_time(minutes: float, nice: int) -> list[list[str]]:
    """Rows of figures and what they should be, or what is missing for it; ``nice`` is that of the load."""
    absent = [name for name in _NEEDED if shutil.which(name) is None]
    if absent:
        return [["not measured", f"needs {', '.join(absent)}", ""]]
    with _beside(nice, minutes) as (environment, music):
        return _judge(_listen(environment, music, minutes, "high"), minutes, nice)


def in_pairs(minutes: float, nice: int) -> list[list[str]]:
    """The same, ahead of other programs and not, in turns on one sound server; one row a turn."""
    rows = []
    with _beside(nice, minutes) as (environment, music):
        for priority in ("high", "normal", "normal", "high"):
            heard = _listen(environment, music, minutes, priority)
            latency = [1e3 * row["latency"] for row in heard.status]
            last = heard.status[-1]
            p50, most = float(np.median(latency)), max(latency)
            rows.append(
                [priority, f"{p50:.1f}", f"{most:.0f}", f"{last['lost']}; {last['stalls']}", _on_grid(heard)[1]]
            )
    return rows


@contextlib.contextmanager
def _beside(nice: int, minutes: float) -> Iterator[tuple[dict[str, str], Path]]:
    """A sound server with a load beside it: the environment that leads to it, and music of some ``minutes``."""
    from tests.rig import Rig  # noqa: PLC0415  the tests' sound server

    context = multiprocessing.get_context("spawn")
    loads = [context.Process(target=_count, args=(nice,), daemon=True) for _ in range(os.cpu_count() or 1)]
    with tempfile.TemporaryDirectory() as folder:
        music = Path(folder) / "music.wav"
        _write_music(music, minutes * 60.0 + 30.0)
        rig = Rig(Path(folder), RATE)
        rig.up()
        for load in loads:
            load.start()
        # Who watches must not be kept waiting, nor the room that the sound comes from.
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_SERVER))
        for process in rig.processes:
            ahead(process.pid)
        try:
            yield rig.environment, music
        finally:
            for load in loads:
                load.kill()
            rig.kill()


def ahead(process: int) -> None:
    """Let every thread of ``process`` go first, as a desktop's sound server does by itself."""
    policy = os.SCHED_RR | (os.SCHED_RESET_ON_FORK if process == os.getpid() else 0)  # not what it begins to measure
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(int(task.name), policy, os.sched_param(_SERVER))


def _count(nice: int) -> None:
    """Take one core, as politely as that."""
    os.nice(nice)
    n = 0
    while True:
        n += 1


def _write_music(path: Path, seconds: float) -> None:
    """One minute of music again and again, without a seam."""
    minute = render(steady("happy", BPM, 60.0), RATE).sound
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(int(seconds / 60.0) + 1):
            file.write(minute)


class Counter:
    """A second listener at the same monitor, which only counts: what the server delivered, whatever its clock."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.samples = 0
        command = ["parec", "-d", "rig.monitor", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"]
        self._process = subprocess.Popen([*command, "--latency-msec=20"], env=environment, stdout=subprocess.PIPE)
        ahead(self._process.pid)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while sound := os.read(self._process.stdout.fileno(), 65_536):
            self.samples += len(sound) // 2

    def stop(self) -> None:
        """Count no further."""
        self._process.kill()
        self._process.wait()


@dataclass(slots=True)
class Heard:
    """What the program told; before each: when that came, in s of host time and in s of sound delivered until then."""

    rows: list[tuple[float, float, dict[str, Any]]]
    memory: list[float]  # MB
    ended: int | None  # status, where the program ended by itself

    @property
    def status(self) -> list[dict[str, Any]]:
        """The program's own account, once a second."""
        return [row for _, _, row in self.rows if row["event"] == "status"]


def _listen(environment: dict[str, str], music: Path, minutes: float, priority: str) -> Heard:
    command = [sys.executable, "-m", "streammood.cli", "run", "--input", "rig", "--target", "127.0.0.1:9"]
    command += ["--events", "-", "--set", f"engine.priority={priority}", "--set", "control.port=0"]
    program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    rows: list[tuple[float, float, dict[str, Any]]] = []
    counter = Counter(environment)
    reader = threading.Thread(target=_read, args=(program, counter, rows), daemon=True)
    reader.start()
    ahead(os.getpid())
    while not rows and program.poll() is None:  # until it hears; beside a load that takes long
        time.sleep(0.1)
    player = subprocess.Popen(["paplay", "--latency-msec=500", str(music)], env=environment)
    ahead(player.pid)
    memory: list[float] = []
    end = time.monotonic() + 60.0 * minutes
    while time.monotonic() < end and program.poll() is None:
        time.sleep(10.0)
        memory.append(resident(program.pid))
    ended = program.poll()
    program.terminate()
    program.wait(120)  # on a machine that has no time
    reader.join(20)
    counter.stop()
    player.kill()
    player.wait()
    return Heard(rows, memory, ended)


def _read(program: subprocess.Popen[str], counter: Counter, rows: list[tuple[float, float, dict[str, Any]]]) -> None:
    assert program.stdout is not None
    for line in program.stdout:
        row = json.loads(line)
        if row["event"] in ("status", "beat"):
            rows.append((time.monotonic(), counter.samples / RATE, row))


def _behind(heard: Heard) -> tuple[float, float]:
    """By how much the stream clock has fallen behind what was delivered, and that behind the host's clock, in s."""
    # The stream clock counts what came and what was reported as lost: it may fall behind by nothing else. A status may
    # come late, so the least of many counts.
    times = np.array([(at, delivered, row["time"]) for at, delivered, row in heard.rows if row["event"] == "status"])
    part = max(1, len(times) // 10)
    first, last = times[part // 2 : part // 2 + part], times[-part:]
    unreported = (last[:, 1] - last[:, 2]).min() - (first[:, 1] - first[:, 2]).min()
    slow = (last[:, 0] - last[:, 1]).min() - (first[:, 0] - first[:, 1]).min()
    return float(unreported), float(slow)


def _on_grid(heard: Heard) -> tuple[str, str]:
    """Beats of the last minutes: found of played; the share of them on one grid."""
    times = np.array([row["time"] for _, _, row in heard.rows if row["event"] == "beat"])
    phase = times[times > times[-1] - LAST] * BPM / 60.0
    middle = np.angle(np.exp(2j * np.pi * phase).mean()) / (2 * np.pi)
    off = np.abs((phase - middle + 0.5) % 1.0 - 0.5) * 60.0 / BPM
    expected = (times[-1] - max(times[0], times[-1] - LAST)) * BPM / 60.0
    return f"{len(phase)} of {expected:.0f}", f"{100 * np.mean(off < _NEAR):.1f} %"


def _judge(heard: Heard, minutes: float, nice: int) -> list[list[str]]:
    last = heard.status[-1]
    warm = heard.memory[len(heard.memory) // 10 :]
    latency = [1e3 * row["latency"] for row in heard.status]
    unreported, slow = _behind(heard)
    notes = collections.Counter(note for row in heard.status for note in row["notes"])
    return [
        ["real time", f"{minutes:g} min beside {os.cpu_count()} busy processes of nice {nice}", ""],
        ["program ended by itself", "no" if heard.ended is None else f"status {heard.ended}", "no"],
        ["samples lost and reported; stalls", f"{last['lost']}; {last['stalls']}", ""],
        ["stream clock behind what the server delivered to a second listener, last against first",
         f"{1e3 * unreported:+.1f} ms", "0: none unreported"],
        ["what the server delivered behind the host's clock, last against first", f"{1e3 * slow:+.1f} ms", ""],
        ["memory after warm-up, lowest to highest", f"{min(warm):.1f} to {max(warm):.1f} MB", "± 5 MB"],
        ["drift; jitter at the end", f"{last['drift']:+.0f} ppm; {1e3 * last['jitter']:.2f} ms", "bounded"],
        [
            f"beats of the last {min(LAST, 60 * minutes):.0f} s: found of played; within ±70 ms of one grid",
            "; ".join(_on_grid(heard)),
            "right",
        ],
        ["arrival of a block to its packets, p99 of each second: median, largest",
         f"{np.median(latency):.1f} ms, {max(latency):.0f} ms", ""],
        ["notes", "; ".join(f"{note} ({count})" for note, count in notes.items()) or "none", ""],
    ]  # fmt: skip
