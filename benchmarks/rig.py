"""From a burst written into the sound server to liblo's ``oscdump``, beside the bare capture of the same bursts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.table import markdown, percentiles

BURSTS = 40
RATE = 44_100
PERIOD = 0.5  # s
LENGTH = 0.05  # s
_FAINT = 0.05
RUN = [sys.executable, "-m", "streammood.cli", "run"]


def report() -> str:
    """The table, or what is missing for it."""
    absent = [name for name in ("pulseaudio", "pacat", "pactl", "oscdump") if shutil.which(name) is None]
    if absent:
        return f"Not measured: needs {', '.join(absent)}."
    from tests.rig import Rig  # noqa: PLC0415  the tests' sound server

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), RATE)
        rig.up()
        try:
            for block in (128, 256, 512):
                rows.append(_measure(block, rig.environment))
        finally:
            rig.kill()
    header = [
        "frames",
        "captured: p50 ms",
        "p99 ms",
        "max ms",
        "at oscdump: p50 ms",
        "p99 ms",
        "max ms",
        "bursts found",
    ]
    return (
        f"{BURSTS} bursts of {1e3 * LENGTH:.0f} ms written into PulseAudio at known times. “Captured” is a bare "
        "PyAudio callback that sees the burst, “at oscdump” the `/streammood/onset` message at liblo's receiver, both "
        "in the same run.\n\n" + markdown(header, rows)
    )


def _measure(block: int, environment: dict[str, str]) -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arrivals: list[float] = []
    dump = subprocess.Popen(["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True)
    threading.Thread(target=_collect, args=(dump, arrivals), daemon=True).start()
    program = subprocess.Popen(
        [*RUN, "--input", "rig", "--block", str(block), "--target", f"127.0.0.1:{port}"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    bare = subprocess.Popen(
        [sys.executable, __file__, str(block)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    time.sleep(5.0)
    written = _write_bursts(environment)
    time.sleep(1.0)
    for process in (program, bare):
        process.terminate()
    told, _ = bare.communicate()
    program.wait()
    dump.terminate()
    dump.wait()
    captured = _delays(written, [float(line) for line in told.split()])
    received = _delays(written, arrivals)
    return [str(block), *percentiles(captured, 1e3), *percentiles(received, 1e3), f"{len(received)} of {BURSTS}"]


def _write_bursts(environment: dict[str, str]) -> list[float]:
    """Write each burst into the server when it is due; the times at which they were written."""
    raw = ["--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=10"]
    burst = np.random.default_rng(0).integers(-16_000, 16_000, int(LENGTH * RATE)).astype(np.int16)
    burst[0] = 16_000
    written: list[float] = []
    with subprocess.Popen(["pacat", *raw], stdin=subprocess.PIPE, env=environment, bufsize=0) as player:
        assert player.stdin is not None
        began = time.monotonic()
        silence = np.zeros(RATE // 100, dtype=np.int16).tobytes()
        for i in range(int(BURSTS * PERIOD * 100) + 50):
            time.sleep(max(0.0, began + i / 100 - time.monotonic()))
            n = i % int(PERIOD * 100)
            if n == 0 and len(written) < BURSTS and i:
                written.append(time.monotonic())
            inside = bool(written) and n < LENGTH * 100
            part = burst[n * RATE // 100 : (n + 1) * RATE // 100].tobytes() if inside else silence
            player.stdin.write(part)
        player.stdin.close()
    return written


def _collect(dump: subprocess.Popen[str], arrivals: list[float]) -> None:
    assert dump.stdout is not None
    for line in dump.stdout:
        if " /streammood/onset i 1" in line:
            arrivals.append(time.monotonic())


def _delays(written: list[float], seen: list[float]) -> list[float]:
    """From each burst to the first sight of it."""
    times = np.array(sorted(seen))
    delays = []
    for begin in written:
        after = times[(times > begin) & (times < begin + 0.8 * PERIOD)]
        if after.size:
            delays.append(float(after[0] - begin))
    return delays


def _capture(block: int) -> None:
    """The bare capture: print when each burst is first seen by a PyAudio callback."""
    import pyaudio  # noqa: PLC0415

    last = [0.0]

    def callback(data: bytes | None, _frames: int, _times: object, _flags: int) -> tuple[None, int]:
        now = time.monotonic()
        loud = np.abs(np.frombuffer(data or b"", dtype=np.float32)).max() > _FAINT
        if loud and now - last[0] > LENGTH * 3:
            os.write(1, f"{now}\n".encode())
        if loud:
            last[0] = now
        return None, pyaudio.paContinue

    audio = pyaudio.PyAudio()
    stream = audio.open(  # noqa: F841  kept, so that it goes on
        RATE, 1, pyaudio.paFloat32, input=True, frames_per_buffer=block, stream_callback=callback
    )
    threading.Event().wait()  # until it is told to end


if __name__ == "__main__":
    _capture(int(sys.argv[1]))
