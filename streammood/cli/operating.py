"""The operator's ways in while `run` runs: the OSC port, and the keys of the terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from streammood.config import Settings
from streammood.control.commands import Answer, Command
from streammood.control.keys import COMMANDS, HELP, LEGEND, QUIT, Keys
from streammood.control.osc import ControlServer
from streammood.engine.live import Engine
from streammood.errors import ControlError

_SPOKEN = {"double": "beats ×2", "half": "beats ÷2", "downbeat": "this is the one", "panic": "all triggers 0"}


@contextmanager
def listening(settings: Settings, engine: Engine) -> Iterator[str]:
    """Take commands over OSC; gives a few words on where. Without the port the show goes on, and says so."""
    if not settings.control.enabled:
        yield "no control port"
        return
    try:
        server = ControlServer(settings.control, engine.command, engine.tell)
    except ControlError as error:
        engine.tell(f"nobody can send commands over OSC: {error}")
        yield "no control port"
        return
    server.start()
    try:
        yield f"commands on {server.host}:{server.port}"
    finally:
        server.stop()
        if server.counts.nonsense:
            engine.tell(f"control: {server.counts}")


@contextmanager
def keys(engine: Engine, out: Console, quit_asked: threading.Event) -> Iterator[str]:
    """Take keys where standard input is a terminal; gives a few words on them."""

    def say(text: str) -> None:
        out.print(text, style="cyan", markup=False)

    def answered(answer: Answer) -> None:
        if not answer.done:
            say(str(answer.values[0]))
        elif answer.name == "hold":
            say("the mood is held" if answer.values[0] else "the mood is free")
        elif answer.name in _SPOKEN:
            say(_SPOKEN[answer.name])

    def pressed(key: str, at: float) -> None:
        command: Command | None = COMMANDS.get(key)
        if key == QUIT:
            quit_asked.set()
        elif key == HELP:
            say(LEGEND)
        elif command is not None:
            engine.command(command, at, answered)

    with Keys(pressed) as reader:
        yield "? for keys, q or Ctrl-C to stop" if reader.there else "Ctrl-C stops"
