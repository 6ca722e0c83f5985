"""Real sound without a sound card: a private PulseAudio with a null sink whose monitor is the input."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("pulseaudio", "pactl", "pacat", "paplay", "oscdump")

_PULSE = """
load-module module-native-protocol-unix auth-anonymous=1 socket={run}/native
load-module module-null-sink sink_name=rig rate={rate} channels=2 sink_properties=device.description=rig
set-default-sink rig
set-default-source rig.monitor
"""
_ALSA = """
pcm.rig {{ type pulse server "unix:{run}/native" device "rig.monitor" }}
pcm.!default {{ type pulse server "unix:{run}/native" }}
ctl.!default {{ type pulse server "unix:{run}/native" }}
"""


def missing() -> list[str]:
    """Programs that the rig needs and this machine lacks."""
    return [name for name in NEEDED if shutil.which(name) is None]


@functools.cache
def ahead() -> tuple[str, ...]:
    """What to put before a command so that it goes first, as a desktop's sound server does; nothing if not allowed."""
    command = ("chrt", "--rr", "5")
    if shutil.which("chrt") is None or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        return ()
    return command


class Rig:
    """A sound server of its own in ``folder``; ``environment`` makes programs use it."""

    def __init__(self, folder: Path, rate: int = 44_100) -> None:
        run = folder / "run"
        run.mkdir(mode=0o700)
        (folder / "home").mkdir()
        (folder / "asoundrc").write_text(_ALSA.format(run=run))
        (folder / "pulse").mkdir()
        self._folder = folder
        self._rate = rate
        self.processes: list[subprocess.Popen[bytes]] = []
        self._programs: list[subprocess.Popen[str]] = []
        self._dumps: list[OscDump] = []
        self.environment = os.environ | {
            "XDG_RUNTIME_DIR": str(run),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{run}/native",
            "ALSA_CONFIG_PATH": str(folder / "asoundrc"),
            "JACK_NO_START_SERVER": "1",
            "HOME": str(folder / "home"),
        }

    def up(self, rate: int | None = None) -> None:
        """Start the server, at another ``rate`` if one is given, and wait until its monitor delivers."""
        self._rate = rate or self._rate
        pulse = _PULSE.format(run=self._folder / "run", rate=self._rate)
        (self._folder / "default.pa").write_text(pulse)
        rates = f"default-sample-rate = {self._rate}\nalternate-sample-rate = {self._rate}\n"
        (self._folder / "pulse" / "daemon.conf").write_text(f"{rates}flat-volumes = no\n")
        server = ["pulseaudio", "-n", "-F", str(self._folder / "default.pa"), "--daemonize=no", "--exit-idle-time=-1"]
        server += ["--use-pid-file=no", "--realtime=no", "--high-priority=no", "--log-target=stderr"]
        self._spawn(server)
        end = time.monotonic() + 10
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True, check=False).returncode:
            if time.monotonic() > end:
                raise TimeoutError("PulseAudio did not start")
            time.sleep(0.05)
        # An idle null sink sleeps in blocks of 2 s: a stream of silence keeps it awake.
        raw = ["--raw", "--format=s16le", f"--rate={self._rate}", "--channels=1", "--latency-msec=10"]
        with Path("/dev/zero").open("rb") as zero:
            self._spawn(["pacat", *raw], stdin=zero)
        time.sleep(0.3)

    def _spawn(self, command: list[str], stdin: object = subprocess.DEVNULL) -> None:
        self.processes.append(
            subprocess.Popen(  # type: ignore[call-overload]
                [*ahead(), *command],
                env=self.environment,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def play(self, wav: Path) -> subprocess.Popen[bytes]:
        """Begin to play a file."""
        command = [*ahead(), "paplay", "--latency-msec=60", str(wav)]
        player = subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)
        self.processes.append(player)
        return player

    def run(self, *arguments: str) -> subprocess.Popen[str]:
        """`streammood run` with these arguments; what a failed test leaves running is ended with the rig."""
        command = [sys.executable, "-m", "streammood.cli", "run", *arguments]
        self._programs.append(
            subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
        return self._programs[-1]

    def dump(self, port: int) -> OscDump:
        """A receiver on this port."""
        self._dumps.append(OscDump(port))
        return self._dumps[-1]

    def close(self) -> None:
        """End everything."""
        for program in self._programs:
            program.kill()
            program.wait()
            assert program.stdout is not None
            program.stdout.close()
        for dump in self._dumps:
            dump.stop()
        self.kill()

    def pause(self, stopped: bool) -> None:
        """Stall the server, or let it go on."""
        self.processes[0].send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def kill(self) -> None:
        """Pull the plug."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()


@dataclass(frozen=True)
class Line:
    """One message that liblo's ``oscdump`` printed."""

    at: float  # host time in s
    address: str
    value: str


class OscDump:
    """liblo's receiver, writing down what comes and when."""

    def __init__(self, port: int) -> None:
        self._process = subprocess.Popen(
            [*ahead(), "oscdump", "-L", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.lines: list[Line] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(AttributeError, PermissionError):  # not on this system, or not allowed
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_RR, os.sched_param(5))
        for text in self._process.stdout:
            parts = text.split()
            address = next(i for i, part in enumerate(parts) if part.startswith("/"))
            self.lines.append(Line(time.monotonic(), parts[address], parts[-1]))

    def values(self, address: str) -> list[float]:
        """Every number that came to ``address``."""
        return [float(line.value) for line in list(self.lines) if line.address == address]

    def times(self, address: str, value: float = 1.0) -> list[float]:
        """When ``value`` came to ``address``."""
        return [line.at for line in list(self.lines) if line.address == address and float(line.value) == value]

    def stop(self) -> None:
        """End the receiver."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
