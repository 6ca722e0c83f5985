"""An engine that is none: sends what an engine would send, on a beat that is known exactly, and answers commands."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from types import TracebackType

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

MOODS = {"happy": 0.7, "aggressive": 0.1, "calm": 0.15, "sad": 0.05}
TARGETS: dict[str, float | int | str] = {
    "count": 3, "1/name": "wall", "1/sent": 48213, "1/failed": 0, "1/offset": -20.0, "1/muted": 0,
    "2/name": "192.168.1.20:8000", "2/sent": 12002, "2/failed": 3, "2/offset": 0.0, "2/muted": 1,
    "3/name": "dashboard", "3/sent": 9, "3/failed": 0, "3/offset": 0.0, "3/muted": 0,
}  # fmt: skip
HELD: dict[str, float | int | str] = {
    "hold": 0, "mood": "", "bpm/min": 60.0, "bpm/max": 180.0, "nudge": 0.0, "gain": 0.0,
    "input": "Line in", "channels": "all", "play": -1,
}  # fmt: skip
_STEP = 0.02  # s between two looks for the next beat
_LATE = 0.1  # s after which a beat is left out: this thread has slept on a busy machine, which no engine does
_VALUES = 0.25  # s between two rounds of values


class PretendedEngine:
    """Sends to ``port`` until the context ends; commands that come to ``control_port`` are kept and acknowledged."""

    def __init__(self, port: int, bpm: float = 120.0, moods: Mapping[str, float] = MOODS, meter: int = 4) -> None:
        self.bpm = bpm
        self.meter = meter
        self.held: dict[str, float | int | str] = dict(HELD)
        self.targets: dict[str, float | int | str] = dict(TARGETS)
        self.told = bpm  # what it says that the BPM is
        self.moods = dict(moods)
        self.label = max(self.moods, key=lambda label: self.moods[label])
        self.commands: list[tuple[str, list[object]]] = []
        self.answers: dict[str, tuple[float | int | str, ...]] = {}  # values of the answer to a command
        self.refuse = ""  # the reason that every command is refused for
        self.silent = threading.Event()
        self.began = time.monotonic()
        self.sent: list[float] = []  # wall clock of every beat message, s
        self._client = SimpleUDPClient("127.0.0.1", port)
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control.bind(("127.0.0.1", 0))
        self._control.settimeout(0.1)
        self.control_port = int(self._control.getsockname()[1])
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._play), threading.Thread(target=self._obey)]

    def beat(self, count: int) -> float:
        """Host time at which beat ``count`` sounds, in s."""
        return self.began + count * 60.0 / self.bpm

    def __enter__(self) -> PretendedEngine:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._control.close()
        self._client.close()

    def _send(self, name: str, value: float | int | str) -> None:
        self._client.send_message(f"/streammood/{name}", value)

    def _play(self) -> None:
        count, values_at = 0, 0.0
        while not self._stopped.wait(_STEP):
            if self.silent.is_set():
                continue
            now = time.monotonic()
            if now >= values_at:
                self._values()
                values_at = now + _VALUES
            while self.beat(count) <= now:
                if now - self.beat(count) < _LATE:
                    self._send("beat/number", count % self.meter + 1 if self.meter else 0)
                    self._send("beat/count", count + 1)
                    self.sent.append(time.time())
                    self._send("beat", 1)
                    self._send("beat", 0)
                count += 1
            now = time.monotonic()
            self._send("beat/next", (self.began - now) % (60.0 / self.bpm))

    def _values(self) -> None:
        self._send("status/alive", 1)
        self._send("status/signal", 1)
        self._send("beat/meter", self.meter)
        self._send("bpm", self.told)
        self._send("beat/locked", 1)
        self._send("beat/confidence", 0.93)
        self._send("mood/valence", 0.4)
        for label, probability in self.moods.items():
            self._send(f"mood/{label}", probability)
        self._send("mood/index", list(self.moods).index(self.label) if self.label in self.moods else -1)
        self._send("mood/label", self.label)
        self._send("mood/arousal", 0.3)
        for name, value in self.targets.items():
            self._send(f"target/{name}", value)
        for name, value in self.held.items():
            self._send(f"control/{name}", value)
        for name, level in (("rms", 0.66), ("low", 0.6), ("mid", 0.5), ("high", 0.3)):
            self._send(f"level/{name}", level)

    def _obey(self) -> None:
        while not self._stopped.is_set():
            try:
                packet, sender = self._control.recvfrom(65_536)
            except TimeoutError:
                continue
            message = OscMessage(packet)
            name = message.address.removeprefix("/streammood/do/")
            self.commands.append((name, list(message.params)))
            answer = OscMessageBuilder(f"/streammood/ack/{name}")
            answer.add_arg(0 if self.refuse else 1)
            if name in self.held and not self.refuse:
                self.held[name] = message.params[0]
            for value in () if self.refuse else self.answers.get(name, ()):
                answer.add_arg(value)
            if self.refuse:
                answer.add_arg(self.refuse)
            self._control.sendto(answer.build().dgram, sender)
