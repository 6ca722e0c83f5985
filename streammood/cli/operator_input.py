"""The operator's ways in while `run` runs: the OSC port, and the keys of the terminal."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from streammood.cli.keys import HELP, LEGEND, QUIT, Keys, command_of
from streammood.config import Settings
from streammood.engine.control_server import ControlServer
from streammood.engine.live import Engine
from streammood.errors import ControlError
from streammood.protocol.commands import COMMANDS, Answer

_UNSAID = 100  # lines kept for a terminal that stands still
_SILENT = {"tap"}  # obeyed without a word


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


class Keyboard:
    """Turns keys of the terminal into commands, while the context is open and where somebody can press them.

    What there is to say of them waits to be fetched: a terminal that is slow must not keep the engine waiting.
    """

    def __init__(self, engine: Engine, quit_asked: threading.Event) -> None:
        self._engine = engine
        self._quit_asked = quit_asked
        self._keys = Keys(self._pressed)
        self._said: deque[str] = deque(maxlen=_UNSAID)
        self.hint = "? for keys, q or Ctrl-C to stop" if self._keys.there else "Ctrl-C stops"

    def __enter__(self) -> Keyboard:
        self._keys.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keys.__exit__(kind, error, trace)

    def said(self) -> list[str]:
        """What is to be said since the last call."""
        return [self._said.popleft() for _ in range(len(self._said))]

    def _pressed(self, key: str, at: float) -> None:
        command = command_of(key)
        if key == QUIT:
            self._quit_asked.set()
        elif key == HELP:
            self._said.append(LEGEND)
        elif command is not None:
            self._engine.command(command, at, self._answered)

    def _answered(self, answer: Answer) -> None:
        if not answer.done:
            self._said.append(str(answer.values[0]))
        elif answer.name == "hold":
            self._said.append("the mood is held" if answer.values[0] else "the mood is free")
        elif answer.name not in _SILENT:
            self._said.append(COMMANDS[answer.name].title)
