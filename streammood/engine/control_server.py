"""Commands over OSC: a UDP socket with a thread of its own, and an answer to every sender that is allowed one.

Every packet is counted and none is fatal: invalid OSC, unknown commands, unknown senders, and floods.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, TypeAlias

from streammood.config import ControlSettings
from streammood.errors import ControlError, OscError
from streammood.lasting import LastResort
from streammood.protocol.commands import ACK, ERROR, Answer, Command, command_name, is_answer, parse, refused
from streammood.protocol.osc import Message, decode, encode
from streammood.protocol.udp import Report

Obey: TypeAlias = Callable[[Command, float, Callable[[Answer], None]], None]
"""Takes a command, the host time in s of its arrival, and a callback for its answer. Does not block."""

_WAKE = 0.25  # s between looks whether to stop
_READ = 65_536  # bytes, more than any datagram
_SLOT, _PER_SLOT = 0.1, 100  # s, and datagrams that are taken in that time: many faders at once, but no flood


@dataclass(slots=True)
class Counts:
    """Counts of packets since the start."""

    commands: int = 0  # understood, whether they could be obeyed or not
    refused: int = 0  # no such command, or wrong arguments
    malformed: int = 0  # datagrams that are not OSC
    strangers: int = 0  # datagrams from machines that are not allowed
    floods: int = 0  # times that more came than is taken

    @property
    def nonsense(self) -> int:
        """Everything that was no command."""
        return self.refused + self.malformed + self.strangers + self.floods

    def __str__(self) -> str:
        return (
            f"{self.commands} commands, {self.refused} not understood, {self.malformed} not OSC, "
            f"{self.strangers} of machines that are not allowed, {self.floods} floods"
        )


class ControlServer:
    """Listens for commands.

    Raises:
        ControlError: the port cannot be opened.
    """

    def __init__(
        self,
        settings: ControlSettings,
        obey: Obey,
        report: Report,
        refuse: Callable[[Answer], None] = lambda answer: None,
    ) -> None:
        """``report`` takes messages for people, ``refuse`` the answer to each command whose arguments are wrong;
        both are called in the server's thread."""
        self.counts = Counts()
        self._settings = settings
        self._obey = obey
        self._report = report
        self._refuse = refuse
        self._networks = [ip_network(text, strict=False) for text in settings.allow]
        self._reported: set[str] = set()
        self._resort = LastResort("the control port", report)
        self._socket = _bound(settings)
        self.host, self.port = self._socket.getsockname()[:2]
        self._slot, self._taken = time.monotonic(), 0  # when the present slot began, and datagrams taken in it
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and give the port back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._resort:  # a panic must get through, whatever came before it
                self._receive()

    def _receive(self) -> None:
        """Wait for a datagram and take it."""
        if not select.select([self._socket], [], [], _WAKE)[0]:
            return
        at = time.monotonic()
        if at - self._slot > _SLOT:
            self._slot, self._taken = at, 0
        if self._taken == _PER_SLOT:
            self.counts.floods += 1
            self._report_once("control: more commands come than any hand gives; some are dropped")
            self._stop.wait(_SLOT)  # meanwhile the system drops what its buffer does not hold
            return
        self._taken += 1
        try:
            datagram, sender = self._socket.recvfrom(_READ)
        except OSError:  # on Windows, an earlier answer was undeliverable
            return
        self.take(datagram, sender, at)

    def take(self, datagram: bytes, sender: Any, at: float) -> None:
        """One datagram that came at host time ``at``, in s; ``sender`` is a socket address. Never fails."""
        if not self._allowed(sender[0]):
            self.counts.strangers += 1
            self._report_once(f"control: {sender[0]} sends commands but is not in control.allow")
            return
        try:
            received = decode(datagram)
        except OscError as error:
            self.counts.malformed += 1
            self._report_once(f"control: {sender[0]} sends what is not OSC; such packets are ignored")
            self._reply(sender, refused(ERROR, error))
            return
        for message in received:
            self._take_message(message, sender, at)

    def _take_message(self, message: Message, sender: Any, at: float) -> None:
        prefix = self._settings.prefix
        if is_answer(message.address):  # of this program or of another: to answer answers would never end
            self.counts.refused += 1
            return
        try:
            command = parse(message.address, message.arguments, prefix)
        except ControlError as error:
            self.counts.refused += 1
            name = command_name(message.address, prefix)
            answer = refused(name or ERROR, error)
            self._reply(sender, answer)
            if name is not None:
                self._refuse(answer)
            return
        if command is not None:
            self.counts.commands += 1
            self._obey(command, at, functools.partial(self._reply, sender))

    def _allowed(self, host: str) -> bool:
        address = ip_address(host.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return address.is_loopback or any(address in network for network in self._networks)

    def _report_once(self, text: str) -> None:
        if text not in self._reported and len(self._reported) < _PER_SLOT:  # strangers may be many
            self._reported.add(text)
            self._report(text)

    def _reply(self, sender: Any, answer: Answer) -> None:
        """Send ``answer`` to ``sender``, from any thread; what cannot be sent at once is not sent."""
        packet = encode(f"{self._settings.prefix}/{ACK}/{answer.name}", int(answer.done), *answer.values)
        self._send(packet, sender)
        if self._settings.reply_port is not None:
            self._send(packet, (sender[0], self._settings.reply_port, *sender[2:]))

    def _send(self, packet: bytes, to: Any) -> None:
        with contextlib.suppress(OSError):  # it has gone, its port is 0, or the buffer is full
            self._socket.sendto(packet, to)


def _bound(settings: ControlSettings) -> socket.socket:
    """A socket on host and port of ``settings`` that never blocks."""
    where = f"control port {settings.port} on {settings.host}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ControlError(f"{where}: the host does not resolve ({error}); set control.host to 127.0.0.1") from None
    family, kind, protocol, _, address = found[0]
    opened = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows would let a second program take the port as well
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        opened.bind(address)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        raise ControlError(
            f"{where} cannot be opened ({error.strerror}), perhaps by another streammood: "
            "choose another with --set control.port=7081, or none with --set control.enabled=false"
        ) from None
    return opened
