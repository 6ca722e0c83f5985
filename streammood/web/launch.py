"""The dashboard started by ``streammood run``, in a process beside the engine's."""

from __future__ import annotations

import contextlib
import ipaddress
import subprocess
import sys
from collections.abc import Sequence

from streammood.config import DashboardSettings, TargetSettings

NAME = "dashboard"  # of the target; the page does not list it
_PATIENCE = 5.0  # s that the dashboard has to end by itself
_RATE = 30.0  # messages a second on each address: more than a page shows


def target(settings: DashboardSettings) -> TargetSettings:
    """The target that the dashboard on this machine is, with the mood's name."""
    return TargetSettings(
        name=NAME, host=_reached_at(settings), port=settings.osc_ports[0], label=True, details=True, rate=_RATE
    )


def _reached_at(settings: DashboardSettings) -> str:
    """Where this machine reaches the dashboard's OSC port, which may listen on every interface."""
    try:
        everywhere = ipaddress.ip_address(settings.osc_host).is_unspecified
    except ValueError:
        everywhere = False
    return "127.0.0.1" if everywhere else settings.osc_host


class Beside:
    """A dashboard that lives as long as this object, or as this process."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """``arguments`` are what `streammood dashboard` is given."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "streammood.cli", "dashboard", "--attached", *arguments],
            stderr=sys.stderr,  # that of native code may be silenced here
            stdin=subprocess.PIPE,  # it ends when this pipe closes, even if this process is killed
            start_new_session=True,  # Ctrl-C is for the engine, which ends the dashboard in its own time
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Let it end; make it end if it does not."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
