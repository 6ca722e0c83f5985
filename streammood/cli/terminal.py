"""What people see in a terminal: tables, progress, and one status line."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from streammood.analysis.key import Key
from streammood.cli.status_line import mood_style
from streammood.events import seconds

if TYPE_CHECKING:  # every command prints with this module, and few need these
    from streammood.capture.device import Device
    from streammood.cli.preflight import Finding
    from streammood.engine.live import Engine
    from streammood.songs.batch import SongResult

_PAPER_WIDTH = 120  # characters, where the width of the terminal is unknown


class _Console(Console):
    """Prints names as they are, and leaves it to the caller what to do without a reader."""

    def on_broken_pipe(self) -> None:
        """Raise where the reader of the output has gone; rich itself would end the thread silently."""
        raise BrokenPipeError(errno.EPIPE, "nobody reads the output")


def console(stderr: bool = False) -> Console:
    """A console that colours only where a terminal listens."""
    plain: dict[str, Any] = {"stderr": stderr, "highlight": False, "soft_wrap": True, "markup": False, "emoji": False}
    made = _Console(**plain)
    return made if made.is_terminal else _Console(**plain, width=_PAPER_WIDTH)


def summary_line(engine: Engine) -> str:
    """Summary of the show: duration, number of beats, moods, lost samples."""
    moods = engine.moods
    shares = ", ".join(f"{label} {100 * count / moods.total():.0f} %" for label, count in moods.most_common() if label)
    beats = f"{engine.beats:,} beats" + (f" at {engine.bpm:.1f} BPM" if engine.beats else "")
    return f"Listened for {clock(engine.received)}: {beats}; {shares or 'no mood'}; lost {engine.lost:,} samples."


def print_notes(out: Console, engine: Engine) -> None:
    """What went wrong since the last call."""
    for note in engine.take_notes():
        print_line(out, f"{clock(engine.sample)} {note}", "yellow")


def print_lines(out: Console, lines: Iterable[str]) -> None:
    """What the keys have brought about."""
    for line in lines:
        print_line(out, line, "cyan")


def print_line(out: Console, line: str, style: str = "") -> None:
    """Print ``line``; a terminal that is too narrow gets its words whole, a file gets one line."""
    out.print(line, style=style, markup=False, soft_wrap=not out.is_terminal)


def clock(sample: float) -> str:
    """Stream time as minutes and seconds."""
    whole = int(seconds(sample))
    return f"{whole // 60:02d}:{whole % 60:02d}"


def device_table(found: Iterable[Device]) -> Table:
    """All inputs, the default marked."""
    table = Table("", "index", "name", "host API", "channels", "rate Hz", "latency ms", box=box.SIMPLE_HEAD)
    for d in found:
        mark = "→" if d.default else ""
        latency = f"{1e3 * d.latency:.1f}"
        table.add_row(mark, str(d.index), d.name, d.host_api, str(d.channels), str(d.sample_rate), latency)
    return table


def preset_table(found: Mapping[str, str]) -> Table:
    """Names of presets, and what each is for."""
    table = Table("preset", Column("for", overflow="fold"), box=box.SIMPLE_HEAD)
    for name, purpose in found.items():
        table.add_row(name, purpose)
    return table


def result_table(results: Iterable[SongResult]) -> Table:
    """One row a file."""
    columns = (
        Column(name, no_wrap=True) for name in ("length", "BPM", "key", "beats", "locked", "mood", "sure", "V", "A")
    )
    table = Table(Column("file", overflow="fold"), *columns, box=box.SIMPLE_HEAD)
    for r in results:
        key = r.key
        bpm = f"{r.bpm:.1f}" if r.bpm else "–"
        mood = r.mood
        cells = (
            (
                Text(mood.label, style=mood_style(mood.label)),
                f"{100 * mood.confidence:.0f} %",
                f"{mood.valence:+.2f}",
                f"{mood.arousal:+.2f}",
            )
            if mood is not None
            else (Text("–", style="dim"), "–", "–", "–")
        )
        name = Text(Path(r.path).name, style="red" if r.error else "")
        named = f"{key.name} ({key.camelot})" if key else "–"
        table.add_row(name, _clock(r.duration), bpm, named, str(r.beats), f"{100 * r.locked:.0f} %", *cells)
    return table


def set_list(result: SongResult) -> Table:
    """One row a song of a file that holds several."""
    names = ("length", "BPM", "key", "Camelot", "mood", "energy")
    table = Table(
        *(Column(name, no_wrap=True) for name in ("", "begins", *names)),
        title=Path(result.path).name,
        box=box.SIMPLE_HEAD,
    )
    for number, (start, song) in enumerate(result.songs, 1):
        key = Key(song.key, song.minor) if song.key >= 0 else None
        table.add_row(
            str(number),
            _clock(start),
            _clock(song.length),
            f"{song.bpm:.1f}" if song.bpm else "–",
            key.name if key else "–",
            key.camelot if key else "–",
            Text(song.mood, style=mood_style(song.mood)) if song.mood else Text("–", style="dim"),
            f"{song.energy:.2f}",
        )
    return table


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def progress(target: Console) -> Progress:
    """A bar for long work; silent where no terminal listens."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=target,
        disable=not target.is_terminal,
        transient=True,
    )


def file_progress(bar: Progress, files: int) -> Callable[[float], None]:
    """A function that reports to ``bar`` which share of ``files`` is done."""
    task = bar.add_task("analysing", total=files)
    return lambda share: bar.advance(task, share)


def finding_line(finding: Finding) -> Text:
    """A check, its result, and the remedy if it failed."""
    mark = ("ok   ", "green") if finding.ok else ("WRONG", "bold red")
    return Text.assemble(
        mark,
        f"  {finding.what:<9} {finding.found}",
        (f"  → {finding.advice}" if finding.advice and not finding.ok else ""),
    )
