"""PyAudio's callback against a thread with blocking reads, beside a busy Python thread: which loses less?

Plays a ramp that counts samples into the input's own sound server, so that every lost sample shows as a step.
Needs a loop-back input: a PulseAudio or PipeWire monitor as the default source, and ``paplay``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyaudio
import soundfile

RATE = 44_100
RAMP = 1 << 15  # counts 0..32767 in 16-bit samples, exact through the server


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


def by_callback(audio: pyaudio.PyAudio, block: int, seconds: float) -> tuple[list[bytes], list[float]]:
    """Blocks and arrival times (s) delivered by PortAudio's own thread."""
    blocks: list[bytes] = []
    times: list[float] = []

    def callback(data: bytes, _frames: int, _time: object, _flags: int) -> tuple[None, int]:
        times.append(time.perf_counter())
        blocks.append(data)
        return None, pyaudio.paContinue

    stream = audio.open(RATE, 1, pyaudio.paInt16, input=True, frames_per_buffer=block, stream_callback=callback)
    time.sleep(seconds)
    stream.stop_stream()
    stream.close()
    return blocks, times


def by_reads(audio: pyaudio.PyAudio, block: int, seconds: float) -> tuple[list[bytes], list[float]]:
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


def lateness(times: list[float], block: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How late each block came, in ms, against the earliest line of its run."""
    late = np.array(times) - np.arange(len(times)) * block / RATE
    return 1e3 * (late - np.percentile(late[len(late) // 4 :], 1))[len(late) // 4 :]


def main() -> None:
    """Print one row a way, block size and load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    audio = pyaudio.PyAudio()
    print("| way | frames | beside | lost samples | late p50 ms | p99 ms | max ms |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        ramp = Path(folder) / "ramp.wav"
        length = int((options.seconds + 3) * RATE)
        soundfile.write(ramp, (np.arange(length) % RAMP).astype(np.int16), RATE)
        for load, (call, switch_interval) in LOADS.items():
            sys.setswitchinterval(switch_interval)
            for block in (128, 256, 512):
                for name, way in (("callback", by_callback), ("blocking reads", by_reads)):
                    busy = Busy(call)
                    if call:
                        busy.start()
                    player = subprocess.Popen(["paplay", "--latency-msec=200", str(ramp)])
                    time.sleep(0.5)
                    blocks, times = way(audio, block, options.seconds)
                    player.kill()
                    player.wait()
                    busy.stopped = True
                    late = lateness(times, block)
                    p50, p99, worst = np.percentile(late, [50, 99, 100])
                    print(
                        f"| {name} | {block} | {load} | {lost_samples(blocks)} | {p50:.2f} | {p99:.2f} | {worst:.2f} |",
                        flush=True,
                    )
    audio.terminate()


if __name__ == "__main__":
    main()
