"""OLA's daemon as an Art-Net and sACN receiver on loopback, told and asked over its web interface."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.receiver import Receiver
from tests.waiting import wait_for

_OTHERS = (
    "dummy espnet ftdidmx gpio karate kinet milinst opendmx openpixelcontrol osc pathport renard sandnet shownet spi "
    "stageprofi uartdmx usbdmx usbserial"
)
_NOBODY = 65_534  # OLA refuses to be root


class Ola:
    """Universe 1 hears Art-Net universe 1, universe 2 hears sACN universe 2."""

    def __init__(self, folder: Path) -> None:
        settings = dict.fromkeys(_OTHERS.split(), "enabled = false")
        settings |= {"artnet": "enabled = true\nip = 127.0.0.1\nuse_loopback = true"}
        settings |= {"e131": "enabled = true\nip = 127.0.0.1\ninput_ports = 1\noutput_ports = 1"}
        for name, text in settings.items():
            path = folder / f"ola-{name}.conf"
            path.write_text(text + "\n")
            path.chmod(0o666)
        if os.getuid() == 0:
            for parent in (folder, *folder.parents):
                if parent.stat().st_uid == 0 and str(parent).count("/") > 1:
                    parent.chmod(parent.stat().st_mode | 0o755)
            folder.chmod(0o777)
        for _ in range(3):  # another program may take a free port before it does
            self._start(folder)
            answered = wait_for(lambda: self._process.poll() is not None or self._patch(), 60)
            if self._process.poll() is None:
                if answered:
                    return
                break
        self.stop()
        log = (folder / "log").read_text(errors="replace")
        raise TimeoutError(f"olad does not answer; its devices: {self._devices}; its log: {log[-2000:]}")

    def _start(self, folder: Path) -> None:
        self._devices: list[str] = []
        with Receiver() as web, Receiver() as rpc:
            self._web, remote = web.port, rpc.port
        command = ["olad", "-c", str(folder), "--no-register-with-dns-sd", "-i", "127.0.0.1"]
        command += ["-l", "3", "-p", str(self._web), "-r", str(remote)]
        user: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **user)

    def dmx(self, universe: int) -> list[int]:
        """The levels that arrived."""
        levels: list[int] = self._get(f"/get_dmx?u={universe}")["dmx"]
        return levels

    def stop(self) -> None:
        """End the daemon."""
        self._process.kill()
        self._process.wait()

    def _patch(self) -> bool:
        try:
            ports = self._get("/json/get_ports")
        except OSError:
            return False
        inputs = [port for port in ports if not port["is_output"]]
        self._devices = sorted({port["device"] for port in inputs})
        for universe, protocol in enumerate(("ArtNet", "E1.31"), 1):
            found = [port["id"] for port in inputs if port["device"].startswith(protocol)]
            if not found:
                return False  # it answers before all its devices are there
            port = found[0]
            self._get("/new_universe", {"id": str(universe), "name": protocol, "add_ports": port})
        return True

    def _get(self, path: str, form: dict[str, str] | None = None) -> Any:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._web}{path}", data, timeout=3) as answer:
            return json.loads(answer.read())
