"""A view of this program in a process of its own, beside the engine's, and the target by which it receives."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import subprocess
import sys

from streammood.config import ControlSettings, TargetSettings

DASHBOARD, TERMINAL = "dashboard", "terminal"  # the targets of the two views; muted, these would receive no more
_PATIENCE = 5.0  # s that a view has to end by itself


def view_target(name: str, host: str, port: int, rate: float) -> TargetSettings:
    """A target that gets all that a view shows, at most ``rate`` messages a second on each address."""
    return TargetSettings(name=name, host=host, port=port, label=True, details=True, rate=rate)


def reached_at(host: str) -> str:
    """Where this machine reaches a port that is bound to ``host``, which may be all interfaces."""
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    return "127.0.0.1" if everywhere else host


def control_option(settings: ControlSettings) -> list[str]:
    """The option that gives a view the control port of this machine's engine; none where any free port is used."""
    host = reached_at(settings.host)
    place = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
    return [] if settings.port == 0 else ["--control", place]


class Child:
    """Another command of this program, which lives as long as this object, or as this process.

    One that has the terminal for itself ends when it is asked to, and looks whether its parent (``--parent``) is still
    there. Every other one ends with its standard input, even if this process is killed.
    """

    def __init__(self, *arguments: str, terminal: bool = False) -> None:
        """``arguments`` are those of ``streammood``; ``terminal``: it draws on the terminal."""
        # Without -P, Python would run any file of the current folder that is called as a module is.
        command = [sys.executable, "-P", "-m", "streammood.cli", *arguments]
        self._terminal = terminal
        if terminal:
            command += ["--parent", str(os.getpid())]
            self._process = subprocess.Popen(command, stderr=sys.stdout)
        else:  # a session of its own: Ctrl-C is for the engine. The standard error of native code may be silenced
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=sys.stderr, start_new_session=True)

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def close(self) -> int:
        """Let it end, make it end if it does not, and return its exit status."""
        if self._terminal:
            self._process.terminate()
        elif self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            return self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
