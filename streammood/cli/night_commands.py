"""Commands for a night that is over: fire it again, report on it."""

from __future__ import annotations

import contextlib
import itertools
import re
from pathlib import Path
from typing import Annotated, TextIO

import typer

from streammood.cli import terminal, wiring
from streammood.cli.ending import Ending
from streammood.cli.options import Config, Set, Target, app, report_errors
from streammood.config.base import printable, shown
from streammood.engine.replay import Replay, labels_of
from streammood.errors import ConfigError, SinkError, SourceError
from streammood.events import ANALYSIS_RATE
from streammood.log import rows
from streammood.outputs.build import Outputs
from streammood.songs.night import Night
from streammood.songs.night_page import night_page

_TIME = re.compile(r"(?:(\d+):)?(?:(\d+):)?(\d+(?:\.\d+)?)")

Log = Annotated[Path, typer.Argument(metavar="EVENTS.jsonl", help="What `run --events` or `analyze` wrote.")]


def seconds_of(text: str) -> float:
    """``text`` such as 90, 12:30 or 1:02:03.5 in s.

    Raises:
        ConfigError: it is not a time.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"--from: must be seconds, MM:SS or HH:MM:SS, got {shown(text)}")
    first, second, last = found.groups()
    hours, minutes = (first, second) if second is not None else (0, first or 0)
    return 3600.0 * float(hours) + 60.0 * float(minutes) + float(last)


def _opened(log: Path) -> TextIO:
    """``log``, to be read.

    Raises:
        SourceError: it cannot be read.
    """
    name = printable(str(log))
    try:
        if not log.is_dir() and not log.is_file() and log.exists():
            raise SourceError(f"{name}: is a pipe or a device; save the log as a file first, then name the file")
        return log.open(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{name}: cannot be read ({reason}); give an event log of `run --events`") from None


def _labels(log: Path) -> tuple[str, ...]:
    """The labels of the first mood in ``log``; none where there is no mood."""
    with _opened(log) as lines:
        return next((labels_of(row) for row in rows.read(lines) if row["event"] == "mood"), ())


@app.command()
@report_errors
def replay(
    log: Log,
    config: Config = None,
    target: Target = None,
    set: Set = None,
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Begin there: seconds, MM:SS or HH:MM:SS of the log.")
    ] = "0",
    speed: Annotated[float, typer.Option(min=0.1, max=20.0, help="So many times as fast, the tempo too.")] = 1.0,
) -> None:
    """Fire the beats, onsets and moods of an event log again, at their times, to the targets of the settings."""
    ending = Ending()
    settings = wiring.Overrides(targets=tuple(target or ()), values=tuple(set or ())).load(config)
    begin = seconds_of(start)
    out = terminal.console()
    made = Replay(Outputs(settings, _labels(log)), begin, speed, settings.engine.priority == "high")
    places = ", ".join(target.place for target in settings.osc.targets) or "nobody"
    out.print(f"Replaying {log} from {start} at {speed:g} x, sending OSC to {places}; Ctrl-C stops.")
    ending.begin()
    with _opened(log) as lines:
        made.run(rows.read(lines), ending.asked)
    for note in made.notes:
        out.print(note, style="yellow", markup=False)
    if not made.rows.count and not ending.code:
        raise SourceError(f"{printable(str(log))}: no events; give an event log of `run --events`")
    left_out = f"; {made.rows.left_out} rows that are no events were left out" if made.rows.left_out else ""
    at = terminal.clock(ANALYSIS_RATE * made.at)
    out.print(f"Replayed up to {at}: {made.fired:,} events, {made.beats:,} beats{left_out}.")
    raise typer.Exit(ending.code)


@app.command()
@report_errors
def report(
    logs: Annotated[list[Path], typer.Argument(metavar="EVENTS.jsonl...", help="Event logs of `run`, in their order.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.html", help="Where the page goes.")],
) -> None:
    """Write a night as one page: set list, tempo, mood, energy, losses, and every command of the operator."""
    with contextlib.ExitStack() as opened:
        lines = itertools.chain.from_iterable(opened.enter_context(_opened(log)) for log in logs)
        night = Night.read(rows.read(lines))
    if not night.beats and not night.moods and not night.signal:
        raise SourceError(f"{logs[0]}: no events; give an event log of `run --events`")
    try:
        out.write_text(night_page(night, logs[0].stem), encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{out}: cannot be written ({error.strerror}); choose another path") from None
    terminal.console().print(f"{out}: {len(night.pieces())} pieces, {len(night.actions)} commands")
