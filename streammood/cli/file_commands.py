"""Commands for sound files: analyze."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streammood.cli import terminal, wiring
from streammood.cli.first_start import preparing
from streammood.cli.options import Channels, Config, Events, Set, app, extra, open_log, report_errors
from streammood.config.base import printable
from streammood.songs.batch import Batch, SongResult, make_folder
from streammood.songs.collect import collect
from streammood.songs.exports import Exports, Kind, Place


@app.command("analyze")
@report_errors
def analyze_files(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Sound files, or folders of them.")],
    config: Config = None,
    events: Events = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write STEM.jsonl there for each file.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="Draw each song as a picture: .png, .svg or .pdf.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="The picture as a page of its own that plays the song.")
    ] = None,
    beats: Annotated[
        Path | None, typer.Option(metavar="FILE|DIR", help="A mood for each beat and for the song, as one JSON.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Beats and moods as tables, STEM.beats.csv and STEM.moods.csv.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Label tracks for Audacity or Sonic Visualiser.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, metavar="N", help="Files at a time; 0: one a core.")] = 0,
    channels: Channels = None,
    set: Set = None,
) -> None:
    """Run sound files through the same causal analysis, as fast as the machine allows."""
    settings = wiring.Overrides(channels=channels, values=tuple(set or ())).load(config)
    found = collect(paths)
    if out is not None:
        make_folder(out)
    wanted: dict[Kind, Path | None] = {"plot": plot, "html": html, "beats": beats, "csv": csv, "labels": labels}
    if plot is not None or html is not None:
        with extra("views"):
            importlib.import_module("matplotlib")
    places = {kind: Place.of(kind, path, len(found.files)) for kind, path in wanted.items() if path is not None}
    screen = terminal.console(stderr=True)
    terminal.print_lines(screen, settings.notes)
    if note := found.note():
        screen.print(f"streammood: {note}", style="dim", markup=False)
    results = []
    if found.files:
        log = open_log(events) if events is not None else None
        batch = Batch(settings, out, log, Exports(settings, places) if places else None)
        with preparing(screen):
            batch.prepare()
        with terminal.progress(screen) as bar:
            results = batch.run(found.files, jobs, terminal.file_progress(bar, len(found.files)))
    _report(results, found.problems, screen, terminal.console(stderr=events == "-"))


def _report(results: Sequence[SongResult], problems: Sequence[str], screen: Console, out: Console) -> None:
    """Print the table on ``out``, and a line on ``screen`` for everything that went wrong.

    Raises:
        typer.Exit: something did.
    """
    if read := [result for result in results if result.duration]:
        out.print(terminal.result_table(read))
        for result in read:
            if len(result.songs) > 1:
                out.print(terminal.set_list(result))
    for result in results:
        if result.note:
            screen.print(f"streammood: {result.note}", style="yellow", markup=False)
    failed = [result.error for result in results if result.error]
    for error in (*problems, *failed):
        screen.print(f"streammood: {printable(error)}", style="red", markup=False)
    if len(results) > 1 and failed:
        summary = f"{len(failed)} of {len(results)} files could not be read to their end or written"
        screen.print(f"streammood: {summary}", style="red", markup=False)
    if problems or failed:
        raise typer.Exit(1)
