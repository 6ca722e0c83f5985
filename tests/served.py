"""A dashboard in a thread of this process, and requests to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pythonosc.udp_client import SimpleUDPClient

from streammood.config import Settings
from streammood.web.addresses import Addresses
from streammood.web.application import serve


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Served:
    """The dashboard; ``cookie`` is that of the browser that the requests come from."""

    port: int
    osc_port: int
    cookie: str = ""
    host: str = ""  # by which it is opened; by default 127.0.0.1
    addresses: Addresses = field(default_factory=lambda: Addresses(None, ()))
    reports: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """The origin of its own page."""
        return f"http://{self.host or '127.0.0.1'}:{self.port}"

    def stranger(self, host: str = "") -> Served:
        """The same dashboard, from another browser, that opens it by the name or address ``host``."""
        return Served(self.port, self.osc_port, host=host or self.host)

    def send(self, name: str, value: float | int | str) -> None:
        """One OSC message, as an engine would send it."""
        client = SimpleUDPClient("127.0.0.1", self.osc_port)
        client.send_message(f"/streammood/{name}", value)
        client.close()

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; the path is sent as it is written."""
        given = {"Origin": self.origin} if method not in {"GET", "HEAD"} else {}
        if self.host:
            given["Host"] = f"{self.host}:{self.port}"
        if self.cookie:
            given["Cookie"] = self.cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {**given, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def upload(self, path: Path, name: str | None = None) -> Answer:
        """Bring a file."""
        return self.ask("POST", f"/songs?name={name or path.name}", path.read_bytes())


ENDED: set[str] = set()
"""Origins of dashboards that were ended: what a page that is still open asks of them is refused."""


class Dashboard:
    """Runs until the context ends."""

    def __init__(self, library: Path | None = None, file: Path | None = None, **settings: Any) -> None:
        """``file`` is where the settings come from, as the page sees it."""
        self._file = file
        given = {"port": free_port(), "osc_port": free_port(socket.SOCK_DGRAM), **settings}
        stored = None if library is None else str(library)
        self._settings = Settings.model_validate({"dashboard": given, "library": {"file": stored}})
        self.port, self.osc_port = self._settings.dashboard.port, self._settings.dashboard.osc_ports[0]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self.error: BaseException | None = None
        self.addresses = Addresses(None, ())
        self.reports: list[str] = []

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  told to the test
            self.error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        await serve(self._settings, self._stopped, self._tell, self.reports.append, self._file)

    def _tell(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._ready.set()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._ready.wait(20)
        if self.error is not None:
            raise self.error
        return Served(self.port, self.osc_port, addresses=self.addresses, reports=self.reports)

    def __exit__(self, *_: object) -> None:
        ENDED.add(f"http://127.0.0.1:{self.port}/")
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error
