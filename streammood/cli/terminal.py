"""What people see in a terminal: tables, progress, and one status line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from streammood.capture.device import Device
from streammood.cli.preflight import Finding
from streammood.engine.live import Engine
from streammood.engine.snapshot import Snapshot
from streammood.events import ANALYSIS_RATE, OperatorState, seconds
from streammood.songs.batch import Result

COLOURS = {"happy": "yellow", "aggressive": "red", "calm": "green", "sad": "blue"}
_METER = 12  # characters
_BUSY = 0.8  # share of the time there is for a block, from which on the load is shown
_PAPER_WIDTH = 120  # characters, where no terminal says how wide it is
_BEAT_SHOWN = 0.12  # s


def console(stderr: bool = False) -> Console:
    """A console that colours only where a terminal listens."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, soft_wrap=True, width=_PAPER_WIDTH)


def status_line(now: Snapshot, sample: float, lost: int) -> Text:
    """One line: level, tempo, beat, lock, mood, valence and arousal, latency, loss; ``sample`` is the present."""
    parts: list[tuple[str, str] | str] = []
    if not now.connected:
        parts.append(("input gone, looking for it  ", "bold red"))
    parts += [(f"{word}  ", "bold magenta") for word in _operator_words(now.operator)]
    if now.level is not None:
        filled = round(now.level.rms * _METER)
        style = "red" if now.level.clipping else "green"
        parts += [("█" * filled, style), ("░" * (_METER - filled), "dim"), f" {now.level.dbfs:6.1f} dB "]
        parts.append((" CLIPPING  ", "bold red") if now.level.clipping else f" peak {now.level.peak:5.1f}  ")
    if now.tempo is not None:
        beat = now.beat
        recent = beat is not None and 0 <= sample - beat.sample < _BEAT_SHOWN * ANALYSIS_RATE
        parts.append(("● " if recent else "○ ", "bold white" if recent else "dim"))
        parts.append(f"{now.tempo.bpm:5.1f} BPM " if now.tempo.bpm else "  --- BPM ")
        parts.append(("locked", "green") if now.tempo.locked else ("search", "yellow"))
        parts.append(f" {beat.count if beat else 0:>4}  ")
    if now.mood is not None:
        mood = now.mood
        parts.append((f"{mood.label:<10}", COLOURS.get(mood.label, "magenta")))
        parts.append(f" {100 * mood.confidence:3.0f} %  V {mood.valence:+.2f} A {mood.arousal:+.2f}  ")
    else:
        parts.append(("no mood yet  ", "dim"))
    if now.status is not None:
        status = now.status
        clock_state = f"drift {status.drift:+.0f} ppm  jitter {1e3 * status.jitter:.1f} ms"
        if status.load > _BUSY:
            parts.append((f"load {100 * status.load:.0f} %  ", "red"))
        parts.append((f"p99 {1e3 * status.latency:.1f} ms  {clock_state}  ", "dim"))
    parts.append((f"lost {lost}", "red" if lost else "dim"))
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _operator_words(state: OperatorState) -> Iterator[str]:
    """What the operator has set, as words for the status line."""
    if state.hold:
        yield "HOLD"
    if state.mood is not None:
        yield f"SET {state.mood}"
    if state.muted:
        yield f"MUTED {', '.join(state.muted)}"
    if state.gain:
        yield f"GAIN {state.gain:+g} dB"


def print_notes(out: Console, engine: Engine) -> None:
    """What went wrong since the last call."""
    for note in engine.take_notes():
        out.print(f"{clock(engine.sample)} {note}", style="yellow", markup=False)


def print_said(out: Console, lines: Iterable[str]) -> None:
    """What the keys have brought about."""
    for line in lines:
        out.print(line, style="cyan", markup=False)


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


def result_table(results: Iterable[Result]) -> Table:
    """One row a file."""
    columns = (Column(name, no_wrap=True) for name in ("length", "BPM", "beats", "locked", "mood", "sure", "V", "A"))
    table = Table(Column("file", overflow="fold"), *columns, box=box.SIMPLE_HEAD)
    for r in results:
        length = f"{int(r.duration) // 60}:{int(r.duration) % 60:02d}"
        bpm = f"{r.bpm:.1f}" if r.bpm else "–"
        mood = r.mood
        told = (
            (
                Text(mood.label, style=COLOURS.get(mood.label, "magenta")),
                f"{100 * mood.confidence:.0f} %",
                f"{mood.valence:+.2f}",
                f"{mood.arousal:+.2f}",
            )
            if mood is not None
            else (Text("–", style="dim"), "–", "–", "–")
        )
        name = Text(Path(r.path).name, style="red" if r.error else "")
        table.add_row(name, length, bpm, str(r.beats), f"{100 * r.locked:.0f} %", *told)
    return table


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
    """How to tell ``bar`` that some share of ``files`` is done."""
    task = bar.add_task("analysing", total=files)
    return lambda share: bar.advance(task, share)


def finding_line(finding: Finding) -> Text:
    """What was checked, how it is, and what to do if it is not well."""
    mark = ("ok   ", "green") if finding.ok else ("WRONG", "bold red")
    return Text.assemble(
        mark,
        f"  {finding.what:<9} {finding.found}",
        (f"  → {finding.advice}" if finding.advice and not finding.ok else ""),
    )
