"""Commands for sound files: analyze."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from streammood.cli import terminal, wiring
from streammood.cli.first_start import preparing
from streammood.cli.options import Channels, Config, Events, Set, app, extra, open_log, told
from streammood.songs.batch import Batch, make_folder
from streammood.songs.exports import Exports, Kind, Place


@app.command("analyze")
@told
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
    wanted: dict[Kind, Path | None] = {"plot": plot, "html": html, "beats": beats, "csv": csv, "labels": labels}
    if plot is not None or html is not None:
        with extra("views"):
            importlib.import_module("matplotlib")
    places = {kind: Place.of(kind, path, len(files)) for kind, path in wanted.items() if path is not None}
    batch = Batch(settings, out, open_log(events), Exports(settings, places) if places else None)
    screen = terminal.console(stderr=True)
    with preparing(screen):
        batch.prepare()
    with terminal.progress(screen) as bar:
        results = batch.run(files, 1 if events is not None else jobs, terminal.file_progress(bar, len(files)))
    if heard := [result for result in results if result.duration]:
        terminal.console(stderr=events == "-").print(terminal.result_table(heard))
    for result in results:
        if result.note:
            screen.print(f"streammood: {result.note}", style="yellow", markup=False)
    failed = [result for result in results if result.error]
    for result in failed:
        screen.print(f"streammood: {result.error}", style="red", markup=False)
    if failed:
        screen.print(
            f"streammood: {len(failed)} of {len(results)} files could not be read to their end or written", style="red"
        )
        raise typer.Exit(1)
