"""The tables of signals and commands as Markdown.

``python -m streammood.protocol.markdown docs/*.md`` renews them in files. A file holds
a table between the lines ``<!-- signals -->`` and ``<!-- end -->``, or ``<!-- commands -->`` and the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from streammood.protocol.commands import COMMANDS, Spec
from streammood.protocol.signals import COUNT, SIGNALS, Signal

_FORMS = {int: "int", float: "float", str: "string"}
_MARKED = re.compile(r"(<!-- (signals|commands) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def signal_table() -> str:
    """A line for each signal: address, kind, type, range with its unit, meaning."""
    return table(("address", "kind", "type", "range", "what it tells"), map(_signal_cells, SIGNALS.values()))


def command_table() -> str:
    """A line for each command: address, arguments with their ranges, keys, effect."""
    return table(("address", "arguments", "keys", "what it does"), map(_command_cells, COMMANDS.values()))


def renewed(text: str) -> str:
    """``text`` with its tables as they are now."""
    tables: dict[str, Callable[[], str]] = {"signals": signal_table, "commands": command_table}
    return _MARKED.sub(lambda found: found[1] + tables[found[2]](), text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a line for each of ``rows``."""

    def lines() -> Iterator[str]:
        titles = [*head]
        yield f"| {' | '.join(titles)} |\n"
        yield f"|{'---|' * len(titles)}\n"
        for row in rows:
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n"

    return "".join(lines())


def _signal_cells(signal: Signal) -> Iterator[str]:
    yield f"`{signal.name}`"
    yield signal.kind
    yield _FORMS[signal.form]
    low, high = signal.range or (0, 0)
    span = "" if signal.range is None else "from 0" if signal.range == COUNT else f"{low:.0f}..{high:.0f}"
    yield f"{span} {signal.unit}".strip().replace("-", "−")
    yield signal.help + (f" (with `{signal.option}: true`)" if signal.option else "")


def _command_cells(row: Spec) -> Iterator[str]:
    yield f"`{row.name}`"
    yield ", ".join(
        argument.title
        + (f" {argument.range[0]:g}..{argument.range[1]:g}".replace("-", "−") if argument.kind == "number" else "")
        for argument in row.arguments
    )
    yield ", ".join(f"`{key.key}`" + (f" ({key.step:+g})".replace("-", "−") if key.step else "") for key in row.keys)
    yield row.help


def main(paths: Iterable[str]) -> None:
    """Renew the tables in these files."""
    for path in map(Path, paths):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
