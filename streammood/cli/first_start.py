"""The first start compiles the analysis for this machine. It takes a while, so it is shown, and can be done before.

The compiled code is stored beside the program or in the user's cache, so that later starts take a second.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from rich.console import Console

from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.warmup import warm_up
from streammood.cli import terminal
from streammood.cli.options import app, report_errors
from streammood.config import Settings
from streammood.dsp import jit
from streammood.events import ANALYSIS_RATE
from streammood.models import Models

_REDRAW = 0.2  # s
_PATIENCE = 1.0  # s that the output may take


@contextlib.contextmanager
def preparing(out: Console) -> Iterator[None]:
    """Show it on ``out`` if anything is compiled meanwhile."""
    done = threading.Event()
    thread = threading.Thread(target=_show, args=(out, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_PATIENCE)


def _show(out: Console, done: threading.Event) -> None:
    with contextlib.suppress(OSError):  # whoever reads the output has gone
        _show_while(out, done)


def _show_while(out: Console, done: threading.Event) -> None:
    began, before = time.monotonic(), jit.compiled()
    while jit.compiled() == before:
        if done.wait(_REDRAW):
            return
    terminal.print_line(
        out, "First start: compiling the analysis for this machine, which takes some seconds and happens once."
    )
    with terminal.progress(out) as bar:
        task = bar.add_task("compiling", total=jit.loaded())
        while not done.wait(_REDRAW):
            bar.update(task, completed=jit.compiled())
    note = "" if jit.stored() else ", at each start: set NUMBA_CACHE_DIR to a folder that may be written, to do it once"
    terminal.print_line(out, f"Compiled in {time.monotonic() - began:.0f} s{note}.")


@app.command()
@report_errors
def warmup() -> None:
    """Compile what the first start would compile, so that the show begins at once."""
    out = terminal.console()
    began = time.monotonic()
    with preparing(out):
        for tracker in ("network", "aubio"):
            settings = Settings.model_validate({"beat": {"tracker": tracker}})
            warm_up(AnalysisChain(settings, ANALYSIS_RATE, Models.load(settings)), ANALYSIS_RATE)
    out.print(f"Ready after {time.monotonic() - began:.1f} s.")
