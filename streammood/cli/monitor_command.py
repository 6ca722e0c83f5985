"""Commands that show an engine in the terminal: monitor."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from typing import Annotated

import typer

from streammood.cli import wiring
from streammood.cli.options import Config, Set, app, extra, report_errors
from streammood.client.child import TERMINAL, Child, control_option, view_target
from streammood.client.listener import bind
from streammood.config import Settings, TargetSettings, split_target
from streammood.engine.live import Engine
from streammood.errors import ConfigError
from streammood.protocol.commands import COMMANDS
from streammood.tui.screen import TerminalState, errors_stored

_LOOK = 0.1  # s between looks whether to stop
_LOOPBACK = "127.0.0.1"
_RATE = 15.0  # messages a second on each address: more than a terminal shows
_OURS = [f"{', '.join(key.key for key in row.keys)} {row.title}" for row in COMMANDS.values() if row.keys]
_HELP = f"""Show a running engine in the terminal, full screen, from its OSC alone; needs the extra `views`.

It receives from this machine: streammood run --target 127.0.0.1:7072. For an engine elsewhere: --host 0.0.0.0 here, \
and --target THIS-MACHINE:7072 there.

Keys: {" · ".join(_OURS)} · up, down choose a target · q quit.
"""


@app.command(help=_HELP)
@report_errors
def monitor(
    port: Annotated[int, typer.Option(min=1, max=65_535, metavar="PORT", help="Receive OSC there.")] = 7072,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="The address to receive at; 0.0.0.0: from other machines too.")
    ] = _LOOPBACK,
    control: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where the engine takes commands; port 7071 of its machine by default."),
    ] = None,
    config: Config = None,
    parent: Annotated[int | None, typer.Option("--parent", hidden=True, help="End with this process.")] = None,
    set: Set = None,
) -> None:
    """Show a running engine in the terminal, full screen, from its OSC alone; needs the extra `views`."""
    settings = wiring.Overrides(values=tuple(set or ())).load(config)
    try:
        commands = None if control is None else split_target(control)
    except ValueError as error:
        raise ConfigError(f"--control: {error}") from None
    need_terminal("streammood monitor")
    with extra("views"):
        from streammood.tui.app import Monitor  # noqa: PLC0415  an extra

    shown = Monitor(bind(host, port, "--port"), commands, settings.dashboard.colors, parent)
    shown.run()
    raise typer.Exit(shown.return_code or 0)


def need_terminal(command: str) -> None:
    """Refuse to draw where the input or output is not a terminal.

    Raises:
        ConfigError: input or output is not a terminal.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise ConfigError(f"{command} draws on a terminal, and this is none; `streammood run --events -` writes lines")


def prepare_view() -> TargetSettings:
    """What `run --tui` needs before the engine starts: a terminal, the extra `views`, and a port for the view.

    Raises:
        ConfigError: there is no terminal, or the extra is not installed.
    """
    need_terminal("streammood run --tui")
    with extra("views"):
        if importlib.util.find_spec("textual") is None:
            raise ModuleNotFoundError(name="textual")
    with bind(_LOOPBACK, 0, "--port") as probe:
        port = probe.getsockname()[1]
    return view_target(TERMINAL, _LOOPBACK, port, _RATE)


def watch(
    engine: Engine,
    view: TargetSettings,
    settings: Settings,
    config: str | None,
    values: tuple[str, ...],
    stopped: threading.Event,
    duration: float | None,
) -> None:
    """Give the terminal to the view until the user closes it, the program is asked to stop, or the input ends."""
    end = time.monotonic() + duration if duration is not None else float("inf")
    given = ["--config", config] if config is not None else []
    given += [part for value in values for part in ("--set", value)]
    given += ["--host", view.host, "--port", str(view.port), *control_option(settings.control)]
    terminal = TerminalState()
    with errors_stored():
        shown = Child("monitor", *given, terminal=True)
        try:
            while not (stopped.is_set() or engine.finished.is_set() or shown.ended or time.monotonic() >= end):
                stopped.wait(_LOOK)
        finally:
            if shown.close() != 0:
                terminal.restore()
