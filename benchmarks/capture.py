"""PyAudio's callback against a thread with blocking reads, beside a busy Python thread: which loses less?

Plays a ramp that counts samples into the input's own sound server, so that every lost sample shows as a step.
Needs a loop-back input: a PulseAudio or PipeWire monitor as the default source, and ``paplay``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyaudio
import soundfile

from benchmarks.table import Times, markdown, percentiles

RATE = 44_100
SECONDS = 5.0
RAMP = 1 << 15  # counts 0..32767 in 16-bit samples, exact through the server


Captured = tuple[list[bytes], list[float]]

LOADS = {
    "nothing": (0, 0.005),
    "a busy thread": (1, 0.005),
    "a busy thread, 0.5 ms switch": (1, 0.0005),
    "calls that hold the lock for about 150 ms": (6_000_000, 0.0005),
}
"""What runs beside: length of one uninterruptible call (0: no thread), and the interpreter's switch interval in s."""


class Busy(threading.Thread):
    """Work that holds the interpreter's lock: counting, in calls that cannot be interrupted."""

    def __init__(self, call: int) -> None:
        super().__init__(daemon=True)
        self.call = call
        self.stopped = False

    def run(self) -> None:
        """Count until told to stop."""
        while not self.stopped:
            sum(range(self.call))


def by_callback(audio: pyaudio.PyAudio, block: int, seconds: float) -> Captured:
    """Blocks and arrival times (s) delivered by PortAudio's own thread."""
    blocks: list[bytes] = []
    times: list[float] = []

    def callback(data: bytes | None, _frames: int, _times: object, _flags: int) -> tuple[None, int]:
        times.append(time.perf_counter())
        blocks.append(data or b"")
        return None, pyaudio.paContinue

    stream = audio.open(RATE, 1, pyaudio.paInt16, input=True, frames_per_buffer=block, stream_callback=callback)
    time.sleep(seconds)
    stream.stop_stream()
    stream.close()
    return blocks, times


def by_reads(audio: pyaudio.PyAudio, block: int, seconds: float) -> Captured:
    """Blocks and arrival times (s) read by a Python thread."""
    blocks: list[bytes] = []
    times: list[float] = []
    stream = audio.open(RATE, 1, pyaudio.paInt16, input=True, frames_per_buffer=block)

    def read() -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            blocks.append(stream.read(block, exception_on_overflow=False))
            times.append(time.perf_counter())

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    stream.stop_stream()
    stream.close()
    return blocks, times


def lost_samples(blocks: list[bytes]) -> int:
    """Samples missing from the ramp, after the ramp has begun."""
    sound = np.frombuffer(b"".join(blocks), dtype=np.int16).astype(np.int64)
    inside = np.flatnonzero(sound > 0)
    steps = np.diff(sound[inside[0] :]) % RAMP
    return int(np.sum(steps[steps > 1] - 1))


def lateness(times: list[float], block: int) -> Times:
    """How late each block came, in ms, against the earliest line of its run."""
    late = np.array(times) - np.arange(len(times)) * block / RATE
    return 1e3 * (late - np.percentile(late[len(late) // 4 :], 1))[len(late) // 4 :]


def report() -> str:
    """The table, from a process of its own that hears the tests' sound server; or what is missing for it."""
    absent = [name for name in ("pulseaudio", "paplay", "pactl", "pacat") if shutil.which(name) is None]
    if absent:
        return f"Not measured: needs {', '.join(absent)}."
    from tests.rig import Rig  # noqa: PLC0415  the tests' sound server

    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), RATE)
        rig.up()
        try:
            command = [sys.executable, "-m", "benchmarks.capture"]
            done = subprocess.run(command, env=rig.environment, stdout=subprocess.PIPE, text=True, check=True)
        finally:
            rig.kill()
    return (
        "A ramp that counts samples, played into PulseAudio and captured again. Neither way loses more than the other, "
        "so the shipped source uses the callback, which also tells when a block was captured.\n\n" + done.stdout.strip()
    )


def main() -> None:
    """Print one row a way, block size and load, from the default input."""
    header = ["way", "frames", "beside", "lost samples", "late p50 ms", "p99 ms", "max ms"]
    rows = []
    audio = pyaudio.PyAudio()
    with tempfile.TemporaryDirectory() as folder:
        ramp = Path(folder) / "ramp.wav"
        soundfile.write(ramp, (np.arange(int((SECONDS + 3) * RATE)) % RAMP).astype(np.int16), RATE)
        for load, (call, switch_interval) in LOADS.items():
            sys.setswitchinterval(switch_interval)
            for block in (128, 256, 512):
                for name, way in (("callback", by_callback), ("blocking reads", by_reads)):
                    blocks, times = _beside(call, ramp, partial(way, audio, block, SECONDS))
                    late = percentiles(lateness(times, block), 1.0, 2)
                    rows.append([name, str(block), load, str(lost_samples(blocks)), *late])
    audio.terminate()
    print(markdown(header, rows))


def _beside(call: int, ramp: Path, capture: Callable[[], Captured]) -> Captured:
    """Capture the ramp while a busy thread runs."""
    busy = Busy(call)
    if call:
        busy.start()
    player = subprocess.Popen(["paplay", "--latency-msec=200", str(ramp)])
    time.sleep(0.5)
    captured = capture()
    player.kill()
    player.wait()
    busy.stopped = True
    return captured


if __name__ == "__main__":
    main()
