"""Commands for a collection of songs: scan, status, tag."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from streammood.cli import library_queries, terminal
from streammood.cli.first_start import preparing
from streammood.cli.library_options import File, library, settings_of
from streammood.cli.options import Channels, Config, Set, extra, report_errors
from streammood.config.base import printable, shown
from streammood.errors import ConfigError, LibraryError, SinkError, SourceError
from streammood.library import tagging, tags
from streammood.library.scan import Crew, Plan, Processes, Report, models_version, plan, scan
from streammood.library.store import Store

__all__ = ["library_queries"]  # registers commands of its own

_OFTEN = 10.0  # s between lines about a scan where the output is no terminal


@library.command("scan")
@report_errors
def scan_folders(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Folders, or files; those of the last scans by default."),
    ] = None,
    library: File = None,
    config: Config = None,
    jobs: Annotated[int, typer.Option(min=0, metavar="N", help="Files at a time; 0: one a core.")] = 0,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="Analyse on the workers of this Dask scheduler.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Send files to workers that do not see the folders.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Try files again that failed before.")] = False,
    renew: Annotated[bool, typer.Option("--renew", help="Analyse again what other models have analysed.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete songs from the library whose files are gone.")
    ] = False,
    channels: Channels = None,
    set: Set = None,
) -> None:
    """Analyse new songs in folders; may be ended at any moment and run again."""
    settings = settings_of(config, set, library, channels)
    screen, out = terminal.console(stderr=True), terminal.console()
    with Store(settings.library.path, create=True) as store:
        named = [path.absolute() for path in paths or store.folders()]
        if not named:
            raise LibraryError("no folder was scanned before: name one, `streammood library scan FOLDER`")
        screen.print("streammood: looking for files …", style="dim")
        todo = plan(store, named, models_version(settings), retry, renew)
        with store.writing():
            store.add_folders(path for path in named if path.is_dir())
        crew: Crew = Processes(settings, jobs)
        if scheduler is not None and todo.requests:
            with extra("cluster"):
                from streammood.library.cluster import Cluster  # noqa: PLC0415  an extra

                crew = Cluster(settings, scheduler, send)
        elif todo.requests:
            from streammood.songs.batch import Batch  # noqa: PLC0415  loads slowly

            with preparing(screen):
                Batch(settings, None).prepare()
        with _progress(screen, todo) as rate:
            report = scan(store, todo, crew, rate.share, rate.done)
        forgotten = 0
        if forget:
            with store.writing():
                forgotten = store.forget_missing()
        _report(report, forgotten, store, screen, out)


class _Rate:
    """How fast a scan is and how long it will take; a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, bar: Progress, screen: Console, total: int) -> None:
        self._bar, self._screen, self._total = bar, screen, total
        self._task = bar.add_task("scanning", total=max(1, total), rate="")
        self._began = self._reported = time.monotonic()
        self._done = 0
        self._shares = 0.0

    def share(self, share: float) -> None:
        """So much more of a file is done."""
        self._shares += share
        self._bar.update(self._task, completed=self._shares, rate=self._line())

    def done(self) -> None:
        """Another file is done."""
        self._done += 1
        if not self._screen.is_terminal and time.monotonic() - self._reported >= _OFTEN:
            self._reported = time.monotonic()
            self._screen.print(f"streammood: {self._line()}", style="dim")

    def _line(self) -> str:
        minutes = (time.monotonic() - self._began) / 60.0
        if self._shares < 1e-3 or minutes < 1e-3:
            return f"{self._done} of {self._total}"
        rate = self._shares / minutes
        left = round((self._total - self._shares) / rate)
        return f"{self._done} of {self._total}, {rate:.0f} songs/min, {left // 60}:{left % 60:02d} h left"


@contextmanager
def _progress(screen: Console, todo: Plan) -> Iterator[_Rate]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as bar:
        yield _Rate(bar, screen, len(todo.requests))


def _report(report: Report, forgotten: int, store: Store, screen: Console, out: Console) -> None:
    """Print what a scan came to.

    Raises:
        typer.Exit: something failed.
    """
    if report.note:
        screen.print(f"streammood: {report.note}", style="dim")
    for problem in report.problems:
        screen.print(f"streammood: {printable(problem)}", style="red")
    for path, reason in report.failures:
        screen.print(f"streammood: {printable(str(path))}: {printable(reason)}", style="red")
    if report.other_models:
        renewal = f"{report.other_models} songs were analysed by other models; --renew analyses them again"
        screen.print(f"streammood: {renewal}", style="yellow")
    parts = {
        "analysed": report.analysed,
        "unchanged": report.unchanged,
        "moved": report.moved,
        "copies": report.copies,
        "failed": len(report.failures),
        "missing": report.missing - forgotten,
        "forgotten": forgotten,
    }
    words = ", ".join(f"{count} {what}" for what, count in parts.items() if count) or "nothing to do"
    out.print(f"{words}; {store.counts()['songs']} songs in {printable(str(store.path))}")
    if report.failures or report.problems:
        raise typer.Exit(1)


@library.command("status")
@report_errors
def show_status(library: File = None, config: Config = None, set: Set = None) -> None:
    """What the library holds, how far a scan is, and which files failed and why."""
    out = terminal.console()
    with Store(settings_of(config, set, library).library.path) as store:
        counts = store.counts()
        out.print(f"{printable(str(store.path))}: {counts['songs']} songs, {counts['minutes']} minutes")
        for folder in store.folders():
            out.print(f"folder: {printable(str(folder))}")
        if (state := store.scanning()) is not None:
            end = (
                "ended"
                if state.ended
                else "runs"
                if state.alive
                else "was ended before it was done; scan again to go on"
            )
            out.print(f"last scan: {state.done} of {state.total} files, {state.failed} failed; it {end}")
        if counts["missing"]:
            out.print(f"{counts['missing']} songs are missing: their files are gone (`scan --forget` deletes them)")
        for path, reason in store.failures():
            out.print(f"failed: {printable(str(path))}: {printable(reason)}", style="red")


@library.command("tag")
@report_errors
def tag_files(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="Only songs at or below these; all by default.")
    ] = None,
    library: File = None,
    config: Config = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write them; without this, only show what would be written.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put back what was there before `--write`.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also replace tags that others have written.")] = False,
    keep_mtime: Annotated[bool, typer.Option("--keep-mtime", help="The files look as old as they were.")] = False,
    fields: Annotated[str, typer.Option(metavar="NAME,…", help="Which tags.")] = ",".join(tags.FIELDS),
    sure: Annotated[float, typer.Option(min=0.0, max=1.0, help="Leave out what is less sure.")] = tagging.SURE,
    set: Set = None,
) -> None:
    """Write mood, BPM, key, valence, arousal and energy into the files; shows them first, and can take them back."""
    wanted = [name.strip() for name in fields.split(",")]
    if unknown := [name for name in wanted if name not in tags.FIELDS]:
        raise ConfigError(f"--fields: must be of {', '.join(tags.FIELDS)}, got {shown(unknown[0])}")
    screen, out = terminal.console(stderr=True), terminal.console()
    done, failed, left = 0, 0, 0
    with Store(settings_of(config, set, library).library.path) as store:
        if undo:
            for track, back, problem in tagging.undo(store, keep_mtime):
                done += bool(back)
                if problem:
                    failed += 1
                    screen.print(f"streammood: {printable(str(track.path))}: {printable(problem)}", style="red")
            out.print(f"put back the tags of {done} files")
        else:
            songs = [track for track in store.tracks() if _is_below(track.path, paths)]
            for change in tagging.changes(store, songs, wanted, overwrite, sure):
                problem = change.error
                left += bool(change.left)
                if not problem and write and change.after:
                    try:
                        tagging.apply(store, change, keep_mtime)
                    except (SourceError, SinkError) as error:
                        problem = str(error)
                if problem:
                    failed += 1
                    screen.print(f"streammood: {printable(problem)}", style="red")
                elif change.after:
                    done += 1
                    out.print(f"{printable(str(change.track.path))}: {change.words}")
            verb = "wrote" if write else "would write"
            out.print(
                f"{verb} tags of {done} of {len(songs)} files" + ("" if write or not done else "; --write does it")
            )
            if left:
                out.print(f"left tags of others in {left} files as they are; --overwrite replaces them")
    if failed:
        raise typer.Exit(1)


def _is_below(path: Path, roots: list[Path] | None) -> bool:
    return not roots or any(path.is_relative_to(root.absolute()) for root in roots)
