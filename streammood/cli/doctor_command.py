"""The command for a bug report: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streammood.cli import bug_report, terminal, wiring
from streammood.cli.options import Config, Set, app, report_errors
from streammood.errors import SinkError


@app.command()
@report_errors
def doctor(
    config: Config = None,
    set: Set = None,
    events: Annotated[Path | None, typer.Option(metavar="FILE", help="The event log whose end is to go in.")] = None,
    out: Annotated[Path, typer.Option(metavar="FILE|-", help="Where to write; `-` is the output.")] = Path(
        "streammood-report.txt"
    ),
) -> None:
    """Collect versions, devices, settings without secrets and the last status in one file for a bug report.

    It works where devices, settings or the model are broken: what cannot be found out is named.
    """
    overrides = wiring.Overrides(values=tuple(set or ()))
    report = bug_report.report(config, lambda: overrides.load(config), events)
    if str(out) == "-":
        typer.echo(report)
        return
    try:
        out.write_text(report, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{out}: cannot be written ({error.strerror}); choose another with --out") from None
    terminal.console().print(f"Written to {out}: please read it, then attach it to the report.", markup=False)
