"""The full-screen view: panels that are drawn anew only where something changed, and keys that command the engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from streammood.client import keyboard
from streammood.client.command_sender import CommandSender
from streammood.client.engine_state import EngineState
from streammood.client.listener import listen, start_command
from streammood.protocol.commands import COMMANDS, KEYS, Answer
from streammood.protocol.osc import Message
from streammood.tui import views

_REFRESH = 0.2  # s between looks at what changed; each drawing costs some 5 ms of a core
_SLOW = 1.0  # s between drawings of what flows slowly: curves and the circumplex
_FLASH = 0.12  # s that a lamp glows
_CONTROL_PORT = 7071  # the default control port of an engine
_LOOK = 1.0  # s between looks whether the program that started this one is still there
_NAMES = {"/": "slash", "[": "left_square_bracket", "]": "right_square_bracket"}  # of keys, as textual calls them
_SIGNS = {"left": "←", "right": "→"}
_TITLES = {
    "head": None,
    "tempo": "tempo",
    "level": "input",
    "engine": "engine",
    "targets": "targets",
    "mood": "mood",
    "circumplex": "valence → arousal ↑",
    "log": "log",
    "curves": "last two minutes",
}


class Panel(Static):
    """A part of the screen that is only drawn when its text is another."""

    def __init__(self, name: str, title: str | None = None) -> None:
        super().__init__("", id=name, markup=False)
        if title is not None:
            self.border_title = title
            self.add_class("titled")
        self._shown: Text | None = None

    def show(self, text: Text) -> None:
        """Show ``text``, if it is not shown already."""
        before, self._shown = self._shown, text
        if before is None or text.plain != before.plain or text.spans != before.spans:
            # Only another number of lines can move other panels; to arrange all of them anew is what costs.
            self.update(text, layout=before is None or text.plain.count("\n") != before.plain.count("\n"))

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows inside the border."""
        return self.content_size.width, self.content_size.height


class Monitor(App[None]):
    """Shows the engine that sends to a port, and sends it the commands of keys."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (28, "-tall")]  # noqa: RUF012  as textual annotates it

    CSS_PATH = "tui.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c,ctrl+q", "quit", priority=True),
        Binding("up", "choose(-1)", priority=True),
        Binding("down", "choose(1)", priority=True),
        *(Binding(_NAMES.get(key, key), f"press('{key}')", priority=len(key) > 1) for key in KEYS),
    ]

    def __init__(
        self,
        bound: socket.socket,
        control: tuple[str, int] | None = None,
        colours: Mapping[str, str] | None = None,
        parent: int | None = None,
    ) -> None:
        """``bound`` receives the engine's OSC; without ``control`` commands go to the machine that sends it.

        ``parent`` is the process that started this one: when it goes, this goes too.
        """
        super().__init__()
        self._socket = bound
        self._port: int = bound.getsockname()[1]
        self.state = EngineState(0, self._port)
        self._control_at = control
        self._colours = colours or {}
        self._started_by = parent
        self._commands: CommandSender | None = None
        self._sender: str | None = None
        self._receiving: asyncio.DatagramTransport | None = None
        self._panels = {name: Panel(name, title) for name, title in _TITLES.items()}
        self._lit: int | None = None
        self._lit_until = 0.0
        self._slow_at = 0.0
        self._chosen = 1
        self._asked: dict[str, tuple[float, float]] = {}  # values that were asked for, and until when they count

    def compose(self) -> ComposeResult:
        """The panels, from the top."""
        panels = self._panels
        yield panels["head"]
        with Container(id="columns"):
            with Container(id="left"):
                yield from (panels[name] for name in ("tempo", "level", "engine", "targets"))
            with Container(id="right"):
                yield from (panels[name] for name in ("mood", "circumplex"))
        with Container(id="bottom"):
            yield from (panels[name] for name in ("log", "curves"))
        keys = [("q", "quit"), *_legend(), ("↑↓", "target")]
        yield Static(Text(" ").join(Text.assemble(key, (f" {does}", views.DIM)) for key, does in keys), id="keys")

    async def on_mount(self) -> None:
        """Begin to listen."""
        legend = f"[{views.VALENCE}]valence[/] [{views.AROUSAL}]arousal[/]"
        self._panels["curves"].border_title = f"{_TITLES['curves']}: {legend}"
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, self.exit)
        self._receiving = await listen(self._socket, self.take, lambda text: self.state.note("note", text))
        self.set_interval(_REFRESH, self._refresh)
        if self._started_by is not None:
            self.set_interval(_LOOK, self._look_for_parent)
        self._refresh()

    async def on_unmount(self) -> None:
        """Close the sockets."""
        if self._receiving is not None:
            self._receiving.close()
        if self._commands is not None:
            self._commands.close()
        await asyncio.sleep(0)  # sockets are closed in the next turn of the loop

    def take(self, message: Message, now: float, sender: str) -> None:
        """Take one message; a beat is shown at once, the rest with the next look."""
        self.state.take(message, now)
        self._sender = sender
        for news in self.state.take_news():
            if news["type"] == "beat":
                self._flash(round(views.number(self.state.values, "beat/number") or 0), now)

    def _flash(self, lamp: int, now: float) -> None:
        self._lit, self._lit_until = lamp, now + _FLASH
        self._draw("tempo", lambda panel: views.tempo(self.state.values, lamp, panel.room[0]))

    def _draw(self, name: str, text: Callable[[Panel], Text]) -> None:
        panel = self._panels[name]
        if panel.room[0] > 0:
            panel.show(text(panel))

    def _refresh(self) -> None:
        now = time.monotonic()
        self.state.watch(now)
        self.state.take_news()
        if now >= self._lit_until:
            self._lit = None
        values = self.state.values
        self._head()
        for panel in self._panels.values():
            panel.set_class(not self.state.present, "lost")
        self._draw("tempo", lambda panel: views.tempo(values, self._lit, panel.room[0]))
        self._draw("level", lambda panel: views.levels(values, panel.room[0]))
        self._draw("engine", lambda _: views.health(values))
        self._draw("targets", lambda panel: views.targets(values, self._target, panel.room[0]))
        self._draw("mood", lambda panel: views.moods(values, self._colours, panel.room[0]))
        self._draw("log", lambda panel: views.log(self.state.log, panel.room[1]))
        if now >= self._slow_at:
            self._slow_at = now + _SLOW
            self._draw_history(now)

    def _draw_history(self, now: float) -> None:
        points = [(at, valence, arousal) for at, valence, arousal, *_ in self.state.snapshot()["history"]]
        names = views.labels(self.state.values)
        self._draw("circumplex", lambda panel: views.circumplex(points, now, names, self._colours, panel.room))
        self._draw("curves", lambda panel: views.curves(points, now, panel.room))

    def _head(self) -> None:
        port = self._port
        text = Text.assemble((" streammood ", "bold black on #8fb8ff"), " ", no_wrap=True, overflow="ellipsis")
        if self.state.present:
            text.append("● here", views.GOOD)
            text.append(f"  from {self._sender}, port {port}", views.DIM)
        elif self.state.values:
            text.append("● engine lost: ", f"bold {views.BAD}")
            text.append(start_command(self._socket.getsockname()[0], port), views.DIM)
        else:
            text.append(f"○ waiting on port {port}: ", views.WARN)
            text.append(start_command(self._socket.getsockname()[0], port), views.DIM)
        self._panels["head"].show(text)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._slow_at = 0.0
        self.call_after_refresh(self._refresh)

    def action_choose(self, step: int) -> None:
        """Choose the next or the previous target."""
        numbers = views.target_numbers(self.state.values)
        if numbers:
            self._chosen = numbers[(numbers.index(self._target) + step) % len(numbers)]

    @property
    def _target(self) -> int:
        """The number of the chosen target; 0 where there is none but this view."""
        numbers = views.target_numbers(self.state.values)
        detailed = "target/count" in self.state.values
        return self._chosen if self._chosen in numbers or not detailed else next(iter(numbers), 0)

    async def action_press(self, key: str) -> None:
        """Send the command of a key to the engine; its answer comes to the log."""
        command = keyboard.pressed(key, self.state, self._target)
        if command is None:
            return
        if self._commands is None:
            where = self._control_at or (self._sender and (self._sender, _CONTROL_PORT))
            if not where:
                self.state.note("refused", "no engine has sent anything yet, so nobody can be commanded")
                return
            self._commands = CommandSender(*where, self.answered)
        await self._commands.send(*command)

    def answered(self, answer: Answer) -> None:
        """Write the answer to a command into the log."""
        values = " ".join(f"{value:g}" if isinstance(value, int | float) else value for value in answer.values)
        if not answer.done:
            self.state.expect_nothing()
        self.state.note("answer" if answer.done else "refused", f"{answer.name}: {values or 'done'}")

    def _look_for_parent(self) -> None:
        if os.getppid() != self._started_by:
            self.exit()


def _legend() -> Iterator[tuple[str, str]]:
    """The shortest key of each command, or all where each steps another way, and its effect in a word."""
    for row in COMMANDS.values():
        steps = [key.key for key in row.keys if key.step]
        keys = steps or sorted((key.key for key in row.keys), key=len)[:1]
        if keys:
            yield "".join(_SIGNS.get(key, key) for key in keys), row.short
