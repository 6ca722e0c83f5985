"""Commands for sound files: analyze."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streammood import terminal, wiring
from streammood.cli.app import Channels, Config, Events, Set, app, open_log, told
from streammood.engine.offline import Batch, make_folder


@app.command("analyze")
@told
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
    batch = Batch(settings, out, open_log(events))
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
