"""From a command sent over OSC to its answer, and to what a receiver sees of it."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from pythonosc.osc_message import OscMessage
from pythonosc.udp_client import SimpleUDPClient

from benchmarks.table import markdown, percentiles

RUN = [sys.executable, "-m", "streammood.cli", "run", "--input", "demo"]
COMMANDS = 200  # of each kind
APART = 0.05  # s, give or take half of it
_LOST = 1.0  # s after which nothing is waited for any more
_READY = 60.0  # s
_LABELS = ("happy", "sad")


def report() -> str:
    """The table."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(_LOST)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        there = ["--target", f"127.0.0.1:{receiver.getsockname()[1]}", "--set", f"control.port={port}"]
        program = subprocess.Popen([*RUN, *there], stdout=subprocess.DEVNULL)
        client = SimpleUDPClient("127.0.0.1", port)
        try:
            rows = _measure(client, receiver)
        finally:
            client.close()
            program.terminate()
            program.wait()
    return (
        f"`streammood run --input demo` in a process of its own; {COMMANDS} commands of each kind, one about every "
        f"{1e3 * APART:.0f} ms, from python-osc's client. A command wakes the engine, which obeys it between two "
        "blocks of sound. A tap is stamped when its packet arrives, so these times do not make it late.\n\n"
        + markdown(["from", "to", "p50 ms", "p99 ms", "max ms", "lost"], rows)
    )


def _measure(client: SimpleUDPClient, receiver: socket.socket) -> list[list[str]]:
    _await_start(client)
    chance = random.Random(0)

    def answered(name: str) -> Callable[[], bool]:
        return lambda: bool(packet := client.receive(_LOST)) and OscMessage(packet).address.endswith(f"ack/{name}")

    def received(address: str, value: float) -> Callable[[], bool]:
        def wait() -> bool:
            while True:
                try:
                    message = OscMessage(receiver.recv(65_536))
                except TimeoutError:
                    return False
                if message.address == address and message.params == [value]:
                    return True

        return wait

    def moods(i: int) -> tuple[str, object, Callable[[], bool]]:
        label = _LABELS[i % 2]
        return "mood", label, received(f"/streammood/mood/{label}", 1.0)

    kinds: list[tuple[str, str, Callable[[int], tuple[str, object, Callable[[], bool]]]]] = [
        ("`nudge 0`", "its answer", lambda i: ("nudge", 0.0, answered("nudge"))),
        ("`tap`", "its answer", lambda i: ("tap", 1, answered("tap"))),
        ("`mood LABEL`", "the mood at a receiver", moods),
        ("`panic`", "`beat 0` at a receiver", lambda i: ("panic", 1, received("/streammood/beat", 0))),
    ]
    rows = []
    for said, seen, ask in kinds:
        times = []
        for i in range(COMMANDS):
            time.sleep(APART * chance.uniform(0.5, 1.5))
            _drain(client, receiver)
            name, argument, wait = ask(i)
            began = time.monotonic()
            client.send_message(f"/streammood/do/{name}", argument)  # type: ignore[arg-type]
            if wait():
                times.append(time.monotonic() - began)
        rows.append([said, seen, *percentiles(times, 1e3, 2), str(COMMANDS - len(times))])
    return rows


def _await_start(client: SimpleUDPClient) -> None:
    end = time.monotonic() + _READY
    while time.monotonic() < end:
        client.send_message("/streammood/do/nudge", 0.0)
        if client.receive(0.25):
            return
    raise TimeoutError("the program did not start")


def _drain(client: SimpleUDPClient, receiver: socket.socket) -> None:
    """Forget what has come so far."""
    while client.receive(0.0):
        pass
    receiver.setblocking(False)
    try:
        while receiver.recv(65_536):
            pass
    except BlockingIOError:
        receiver.settimeout(_LOST)
