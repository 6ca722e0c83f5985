"""Commands for the show: devices, run, check."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from streammood import native
from streammood.api.inputs import open_source
from streammood.capture import Source
from streammood.capture.device import devices as all_devices
from streammood.capture.paced import Paced
from streammood.capture.recording import Recording
from streammood.cli import operator_input, terminal, wiring
from streammood.cli.dashboard_command import dashboard_target, port_taken, start_dashboard
from streammood.cli.ending import Ending
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
    report_errors,
)
from streammood.cli.preflight import preflight
from streammood.cli.screen import Echo, Screen
from streammood.client.child import Child
from streammood.config import Settings
from streammood.config.presets import shipped_presets
from streammood.engine.live import Engine
from streammood.errors import SourceError
from streammood.log.last_run import LastRun, default_path
from streammood.models import Models
from streammood.outputs.build import Outputs
from streammood.protocol.commands import COMMANDS

_LOOK = 0.1  # s between looks whether the input has ended


@app.command()
@report_errors
def devices() -> None:
    """List the inputs that there are, the default marked."""
    found = all_devices()
    if not found:
        raise SourceError("no input devices at all: plug one in, or use `streammood run --input demo`")
    terminal.console().print(terminal.device_table(found))


@app.command()
@report_errors
def presets() -> None:
    """List the shipped presets, for --config and for `preset:` of a target."""
    terminal.console().print(terminal.preset_table(shipped_presets()))


_RUN_HELP = f"""Listen, show and send until Ctrl-C, or until the file ends.

Keys while it runs: {LEGEND}.

The same over OSC, and more, on control.port (7071, this machine only unless control.host and control.allow say \
otherwise): /streammood/do/ and {", ".join(row.call for row in COMMANDS.values())}. Answers come under /streammood/ack/.
"""


@app.command(help=_RUN_HELP)
@report_errors
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
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.flac", help="Keep all channels of the input in a sound file, .flac (up to 8) or .wav."
        ),
    ] = None,
    play: Annotated[bool, typer.Option("--play", help="Hear the file or the demo, in step with what is sent.")] = False,
    duration: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop after this long.")] = None,
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Start the dashboard too, and open its page; needs the extra `views`.")
    ] = False,
    tui: Annotated[
        bool, typer.Option("--tui", help="Show everything in the terminal, full screen; needs the extra `views`.")
    ] = False,
) -> None:
    """Listen, show and send until Ctrl-C, or until the file ends."""
    ending = Ending()
    overrides = wiring.Overrides(input, host_api, rate, block, channels, tuple(target or ()), tuple(set or ()))
    view = prepare_view() if tui else None
    settings = overrides.load(config)
    taken = port_taken(settings.dashboard) if dashboard else ""
    dashboard = dashboard and not taken
    out = terminal.console(stderr=events == "-")
    with native.silenced() if view is None else contextlib.nullcontext():
        models = Models.load(settings)
        source = open_source(input, settings, play)
        log = open_log(events, settings.log).also(LastRun(default_path()))
        read = None if config is None else functools.partial(overrides.load_again, config)
        views = [dashboard_target(settings.dashboard)] if dashboard else []
        views += [] if view is None else [view]
        recording = None if record is None else Recording(record)
        engine = Engine(
            settings, source, models, Outputs(settings, models.labels, read, views), log, recording, open_source
        )
        for note in (*settings.notes, *([taken] if taken else [])):
            engine.report(note)
        echo = Echo()
        screen = Screen(out, engine, echo)
        page = start_dashboard(settings, config, tuple(set or ())) if dashboard else None
        try:
            with preparing(out):
                engine.prepare()
            ending.begin()
            engine.start()
            with operator_input.listening(settings, engine, echo) as port:
                if view is not None:
                    watch(engine, view, settings, config, tuple(set or ()), ending.asked, duration)
                else:
                    with operator_input.Keyboard(engine, ending.asked, echo) as keyboard:
                        echo.add(f"{_greeting(source, settings)}, {port}; {keyboard.hint}.")
                        screen.start()
                        _wait(engine, page, ending.asked, duration)
        finally:
            ending.limit()
            engine.stop()
            if page is not None:
                page.close()
            screen.finish(terminal.summary_line(engine))
            ending.ended.set()
    if engine.error is not None:
        raise engine.error
    if isinstance(source, Paced) and source.error is not None:
        raise source.error
    raise typer.Exit(ending.code)


def _greeting(source: Source, settings: Settings) -> str:
    targets = ", ".join(target.place for target in settings.osc.targets) or "nobody"
    return f"Listening to {source.name} at {source.sample_rate} Hz, sending OSC to {targets}"


def _wait(engine: Engine, page: Child | None, stopped: threading.Event, duration: float | None) -> None:
    """Return when asked to stop, or when the input ends."""
    end = time.monotonic() + duration if duration is not None else float("inf")
    while not stopped.is_set() and not engine.finished.is_set() and time.monotonic() < end:
        stopped.wait(_LOOK)
        if page is not None and page.ended:
            engine.report("the dashboard has ended; the show goes on without it")
            page = None


@app.command()
@report_errors
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
