"""The command line: one thin function a command."""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.live import Live

from streammood import __version__, terminal, wiring
from streammood.engine.live import Engine
from streammood.engine.offline import Batch, make_folder
from streammood.errors import ConfigError, SourceError, StreammoodError
from streammood.model import MoodModel
from streammood.preflight import preflight
from streammood.sinks.eventlog import EventLog
from streammood.sources.device import devices as all_devices
from streammood.sources.paced import Paced

P = ParamSpec("P")

app = typer.Typer(
    help="Hears music as it plays and tells lights and visuals over OSC: beats, tempo, onsets, levels, mood.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_REDRAW = 0.1  # s
_PLAIN_INTERVAL = 2.0  # s between status lines where the output is no terminal


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Show the errors that a user can meet as one line, and exit with 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except StreammoodError as error:
            terminal.console(stderr=True).print(f"streammood: {error}", style="red", markup=False)
            raise typer.Exit(1) from None

    return run


Config = Annotated[
    str | None, typer.Option("--config", "-c", metavar="FILE|PRESET", help="YAML settings, or a shipped preset.")
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME|INDEX|PATH|demo|auto",
        help="A device by name, part of it or index; a sound file, played in real time; `demo`; or `auto`: "
        "the default device, and the demo where there is none.",
    ),
]
HostApi = Annotated[str | None, typer.Option(metavar="NAME", help="Only devices of this host API, such as ALSA.")]
Rate = Annotated[int | None, typer.Option(metavar="HZ", help="Sample rate; the device's own by default.")]
BlockSize = Annotated[int | None, typer.Option("--block", metavar="FRAMES", help="Block size, 256 by default.")]
Channels = Annotated[str | None, typer.Option(metavar="all|N|N,M", help="Channels to mix, counted from 1.")]
Target = Annotated[
    list[str] | None, typer.Option("--target", "-t", metavar="HOST:PORT", help="Send OSC there; may be repeated.")
]
Events = Annotated[str | None, typer.Option(metavar="FILE|-", help="Write events as JSON lines; `-` is the output.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any setting, such as beat.bpm_max=180.")
]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    if version:
        typer.echo(f"streammood {__version__}")
        raise typer.Exit()


@app.command()
@_told
def devices() -> None:
    """List the inputs that there are, the default marked."""
    found = all_devices()
    if not found:
        raise SourceError("no input devices at all: plug one in, or use `streammood run --input demo`")
    terminal.console().print(terminal.device_table(found))


@app.command()
@_told
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
) -> None:
    """Listen, show and send until Ctrl-C, or until the file ends."""
    overrides = wiring.Overrides(input, host_api, rate, block, channels, tuple(target or ()), tuple(set or ()))
    settings = overrides.load(config)
    model = MoodModel.load(settings.mood.model, settings.features)
    source = wiring.open_source(input, settings)
    log = _open_log(events)
    out = terminal.console(stderr=events == "-")
    engine = Engine(settings, source, model, wiring.make_sinks(settings, model.manifest.labels), log)
    targets = ", ".join(f"{t.host}:{t.port}" for t in settings.osc.targets) or "nobody"
    stopped = threading.Event()
    code = _stop_on_signals(stopped)
    try:
        engine.start()
        out.print(f"Listening to {source.name} at {source.sample_rate} Hz, sending OSC to {targets}. Ctrl-C stops.")
        _show(engine, out, stopped, duration)
    finally:
        engine.stop()
        terminal.print_notes(out, engine)
    if engine.error is not None:
        raise engine.error
    if isinstance(source, Paced) and source.error is not None:
        raise source.error
    raise typer.Exit(code())


def _open_log(events: str | None) -> EventLog:
    if events is None:
        return EventLog()
    path = Path(events)
    return EventLog(sys.stdout) if events == "-" else EventLog.create(path.parent, path.name)


def _stop_on_signals(stopped: threading.Event) -> Callable[[], int]:
    """Let SIGINT and SIGTERM set ``stopped``; returns how to ask for the exit status that follows."""
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        caught.append(number)
        stopped.set()

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return lambda: 128 + caught[0] if caught else 0


def _show(engine: Engine, out: Console, stopped: threading.Event, duration: float | None) -> None:
    """Keep the status on the screen until told to stop or the input ends."""
    end = time.monotonic() + duration if duration is not None else float("inf")
    plain_at = 0.0
    with Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else _Plain() as live:
        while not stopped.is_set() and not engine.finished.is_set() and time.monotonic() < end:
            stopped.wait(_REDRAW)
            terminal.print_notes(out, engine)
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


@app.command("analyze")
@_told
def analyze_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Sound files, or folders of them.")],
    config: Config = None,
    events: Events = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write STEM.jsonl there for each file.")] = None,
    jobs: Annotated[
        int, typer.Option(min=0, metavar="N", help="Files at a time; 0: one a core. With --events: one.")
    ] = 0,
    channels: Channels = None,
    set: Set = None,
) -> None:
    """Run sound files through the same causal analysis, as fast as the machine allows."""
    settings = wiring.Overrides(channels=channels, values=tuple(set or ())).load(config)
    files = wiring.sound_files(paths)
    if out is not None:
        make_folder(out)
    batch = Batch(settings, out, _open_log(events))
    screen = terminal.console(stderr=True)
    with terminal.progress(screen) as bar:
        results = batch.run(files, 1 if events is not None else jobs, terminal.file_progress(bar, len(files)))
    terminal.console(stderr=events == "-").print(terminal.result_table(results))
    failed = [result for result in results if result.error]
    for result in failed:
        screen.print(f"streammood: {result.error}", style="red", markup=False)
    if failed:
        screen.print(f"streammood: {len(failed)} of {len(results)} files could not be read to their end", style="red")
        raise typer.Exit(1)


@app.command()
@_told
def check(config: Config = None, input: Input = None, target: Target = None, set: Set = None) -> None:
    """Look whether everything is ready for the show: settings, model, input, targets, latency budget."""
    overrides = wiring.Overrides(device=input, targets=tuple(target or ()), values=tuple(set or ()))
    findings = []
    out = terminal.console()
    for finding in preflight(overrides, config, input):
        findings.append(finding)
        out.print(terminal.finding_line(finding))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


Data = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Labelled clips: a folder for each label, or a labels.csv beside the clips."),
]
Cache = Annotated[Path, typer.Option(metavar="DIR", help="Features are kept here, so that a second run is quick.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Processes that extract features.")]


@app.command()
@_told
def train(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The model; its .json and .md come beside it.")] = Path(
        "models/mood.tflite"
    ),
    cache: Cache = Path(".cache/features"),
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn by chance.")] = 1,
    jobs: Jobs = 1,
) -> None:
    """Train a mood model from labelled clips, score it on folds, quantise it; needs the extra `train`."""
    with _extra("train"):
        from streammood.training.train import train as fit  # noqa: PLC0415  heavy, and an extra
    fit(data, out, cache, seed, jobs)


@app.command()
@_told
def evaluate(
    data: Data,
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="The shipped model by default.")] = None,
    cache: Cache = Path(".cache/features"),
    jobs: Jobs = 1,
    robust: Annotated[int, typer.Option(min=0, metavar="N", help="Clips that are also degraded and scored.")] = 0,
) -> None:
    """Score a mood model on labelled clips, through the live path; needs the extra `train`."""
    with _extra("train"):
        from streammood.training.evaluate import evaluate as score  # noqa: PLC0415  heavy, and an extra
    score(data, model, cache, jobs, robust)


@contextlib.contextmanager
def _extra(name: str) -> Iterator[None]:
    """Say how to install what a command needs beyond the rest."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs {error.name}: pip install 'streammood[{name}]'") from None


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
