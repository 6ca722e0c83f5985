"""What all commands share: the application, its options, how errors are shown."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, ParamSpec, get_type_hints

import typer
from typer.models import OptionInfo

from streammood import __version__
from streammood.cli import terminal
from streammood.config import LogSettings
from streammood.config.base import printable
from streammood.errors import ConfigError, StreammoodError
from streammood.log.event_log import EventLog

P = ParamSpec("P")
_MEGABYTE = 1_000_000

app = typer.Typer(
    help="Listens to music and sends beats, tempo, onsets, levels and moods to lights and visuals over OSC.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def report_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Show the errors that a user can meet as one line, and exit with 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            _refuse_forgotten(command, kwargs)
            command(*args, **kwargs)
        except StreammoodError as error:
            terminal.console(stderr=True).print(f"streammood: {printable(str(error))}", style="red", markup=False)
            raise typer.Exit(1) from None

    return run


def _refuse_forgotten(command: Callable[P, None], values: dict[str, Any]) -> None:
    """An option is given whatever follows it: ``--plot --html x`` would mean a folder `--html` and a song `x`.

    Raises:
        ConfigError: the value of an option is the next option.
    """
    for name, hint in get_type_hints(command, include_extras=True).items():
        options = [what for what in getattr(hint, "__metadata__", ()) if isinstance(what, OptionInfo)]
        if not options:
            continue  # an argument may begin with a dash, after a `--`
        declared = options[0].default, *(options[0].param_decls or ())  # within Annotated, the first is its default
        spelled = [text for text in declared if str(text).startswith("--")]
        option = spelled[0] if spelled else f"--{name.replace('_', '-')}"
        given = values.get(name)
        for value in given if isinstance(given, list) else [given]:
            if isinstance(value, str | Path) and str(value).startswith("-") and str(value) != "-":
                raise ConfigError(f"{option} needs a value before `{value}`")


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


def open_log(events: str | None, rotation: LogSettings | None = None) -> EventLog:
    """The event log that ``--events`` names; one that stores nothing if it is not given."""
    if events is None:
        return EventLog()
    path = Path(events)
    if events == "-":
        return EventLog(sys.stdout)
    if rotation is None:
        return EventLog.create(path.parent, path.name)
    return EventLog.rotating(path, round(rotation.size * _MEGABYTE), rotation.files)


@contextlib.contextmanager
def extra(name: str) -> Iterator[None]:
    """Explain how to install the extra that a command needs."""
    try:
        yield
    except ModuleNotFoundError as error:
        late = error.name in ("tensorflow", "tf_keras") and sys.version_info >= (3, 14)
        under = ", under Python 3.13 or earlier: it has no release for later ones yet" if late else ""
        raise ConfigError(f"this needs {error.name}: pip install 'streammood[{name}]'{under}") from None
