"""Commands for the show: devices, run, check."""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from streammood.capture.device import devices as all_devices
from streammood.capture.paced import Paced
from streammood.cli import operator_input, terminal, wiring
from streammood.cli.dashboard_command import start_dashboard
from streammood.cli.first_start import preparing
from streammood.cli.keys import LEGEND
from streammood.cli.monitor_command import prepare_view, watch
from streammood.cli.options import (
    BlockSize,
    Channels,
    Config,
    Events,
    HostApi,
    Input,
    Rate,
    Set,
    Target,
    app,
    open_log,
    told,
)
from streammood.cli.preflight import preflight
from streammood.engine.live import Engine
from streammood.errors import SourceError
from streammood.log.last_run import LastRun, default_path
from streammood.models import Models
from streammood.outputs.build import Outputs
from streammood.protocol.commands import COMMANDS
from streammood.web import launch

_REDRAW = 0.1  # s
_PLAIN_INTERVAL = 2.0  # s between status lines where the output is no terminal


@app.command()
@told
def devices() -> None:
    """List the inputs that there are, the default marked."""
    found = all_devices()
    if not found:
        raise SourceError("no input devices at all: plug one in, or use `streammood run --input demo`")
    terminal.console().print(terminal.device_table(found))


_RUN_HELP = f"""Listen, show and send until Ctrl-C, or until the file ends.

Keys while it runs: {LEGEND}.

The same over OSC, and more, on control.port (7071, this machine only unless control.host and control.allow say \
otherwise): /streammood/do/ and {", ".join(row.call for row in COMMANDS.values())}. Answers come under /streammood/ack/.
"""


@app.command(help=_RUN_HELP)
@told
def run(
    config: Config = None,
    input: Input = None,
    target: Target = None,
    events: Events = None,
    host_api: HostApi = None,
    rate: Rate = None,
    block: BlockSize = None,
    channels: Channels = None,
    set: Set = None,
    duration: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop after this long.")] = None,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Start the dashboard too, and open its page; needs the extra `views`.")
    ] = False,
    tui: Annotated[
        bool, typer.Option("--tui", help="Show everything in the terminal, full screen; needs the extra `views`.")
    ] = False,
) -> None:
    """Listen, show and send until Ctrl-C, or until the file ends."""
    overrides = wiring.Overrides(input, host_api, rate, block, channels, tuple(target or ()), tuple(set or ()))
    view = prepare_view() if tui else None
    settings = overrides.load(config)
    models = Models.load(settings)
    source = wiring.open_source(input, settings)
    log = open_log(events, settings.log).also(LastRun(default_path()))
    out = terminal.console(stderr=events == "-")
    read = None if config is None else functools.partial(overrides.load_again, config)
    views = [launch.target(settings.dashboard)] if dashboard else []
    views += [] if view is None else [view]
    engine = Engine(settings, source, models, Outputs(settings, models.labels, read, views), log)
    targets = ", ".join(target.place for target in settings.osc.targets) or "nobody"
    stopped = threading.Event()
    code = _stop_on_signals(stopped)
    page = start_dashboard(settings, config, tuple(set or ())) if dashboard else None
    try:
        with preparing(out):
            engine.start()
        told = f"Listening to {source.name} at {source.sample_rate} Hz, sending OSC to {targets}"
        with operator_input.listening(settings, engine) as port:
            if view is not None:
                watch(engine, view, settings, config, tuple(set or ()), stopped, duration)
            else:
                with operator_input.Keyboard(engine, stopped) as keyboard:
                    out.print(f"{told}, {port}; {keyboard.hint}.")
                    _show(engine, keyboard, out, stopped, duration)
    finally:
        engine.stop()
        terminal.print_notes(out, engine)
        if page is not None:
            page.close()
    if engine.error is not None:
        raise engine.error
    if isinstance(source, Paced) and source.error is not None:
        raise source.error
    raise typer.Exit(code())


def _stop_on_signals(stopped: threading.Event) -> Callable[[], int]:
    """Let SIGINT and SIGTERM set ``stopped``; returns how to ask for the exit status that follows."""
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        caught.append(number)
        stopped.set()

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return lambda: 128 + caught[0] if caught else 0


def _show(
    engine: Engine, keyboard: operator_input.Keyboard, out: Console, stopped: threading.Event, duration: float | None
) -> None:
    """Keep the status on the screen until told to stop or the input ends."""
    end = time.monotonic() + duration if duration is not None else float("inf")
    plain_at = 0.0
    with Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else _Plain() as live:
        while not stopped.is_set() and not engine.finished.is_set() and time.monotonic() < end:
            stopped.wait(_REDRAW)
            terminal.print_notes(out, engine)
            terminal.print_said(out, keyboard.said())
            line = terminal.status_line(engine.now, engine.sample, engine.lost)
            if isinstance(live, Live):
                live.update(line, refresh=True)
            elif time.monotonic() >= plain_at:
                out.print(terminal.clock(engine.sample), line)
                plain_at = time.monotonic() + _PLAIN_INTERVAL


class _Plain:
    """Stands in for the live display where no terminal listens."""

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *_: object) -> None:
        return None


@app.command()
@told
def check(config: Config = None, input: Input = None, target: Target = None, set: Set = None) -> None:
    """Look whether everything is ready for the show: settings, model, input, targets, latency budget."""
    overrides = wiring.Overrides(device=input, targets=tuple(target or ()), values=tuple(set or ()))
    findings = []
    out = terminal.console()
    with preparing(out):
        for finding in preflight(overrides, config, input):
            findings.append(finding)
            out.print(terminal.finding_line(finding))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
