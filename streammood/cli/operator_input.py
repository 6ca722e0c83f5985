"""The operator's ways in while `run` runs: the OSC port, and the keys of the terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from streammood.cli.keys import HELP, LEGEND, QUIT, Keys, command_of
from streammood.cli.screen import Echo
from streammood.config import Settings
from streammood.engine.control_server import ControlServer
from streammood.engine.live import Engine
from streammood.errors import ControlError
from streammood.protocol.commands import Answer, Command


@contextmanager
def listening(settings: Settings, engine: Engine, echo: Echo) -> Iterator[str]:
    """Take commands over OSC; yields a text with the address. Without the port the show goes on, with a note."""

    def obey(command: Command, at: float, reply: Callable[[Answer], None]) -> None:
        def answered(answer: Answer) -> None:
            reply(answer)
            echo.osc(answer)

        engine.command(command, at, answered)

    if not settings.control.enabled:
        yield "no control port"
        return
    try:
        server = ControlServer(settings.control, obey, engine.report, echo.osc)
    except ControlError as error:
        engine.report(f"nobody can send commands over OSC: {error}")
        yield "no control port"
        return
    server.start()
    try:
        yield f"commands on {server.host}:{server.port}"
    finally:
        server.stop()
        if server.counts.nonsense:
            engine.report(f"control: {server.counts}")


class Keyboard:
    """Turns keys of the terminal into commands, while the context is open and where somebody can press them."""

    def __init__(self, engine: Engine, quit_asked: threading.Event, echo: Echo) -> None:
        self._engine = engine
        self._quit_asked = quit_asked
        self._echo = echo
        self._keys = Keys(self._pressed)
        self.hint = "? for keys, q or Ctrl-C to stop" if self._keys.there else "Ctrl-C stops"

    def __enter__(self) -> Keyboard:
        self._keys.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keys.__exit__(kind, error, trace)

    def _pressed(self, key: str, at: float) -> None:
        command = command_of(key)
        if key == QUIT:
            self._quit_asked.set()
        elif key == HELP:
            self._echo.add(LEGEND)
        elif command is not None:
            self._engine.command(command, at, self._echo.key)
