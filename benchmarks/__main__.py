"""``make bench``: run every benchmark, write each to ``benchmarks/results.md``; ``soak`` has results of its own."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks.table import machine

PARTS = {
    "features": ("features", "report", "One hop of features"),
    "model": ("live", "model_report", "One invocation of the mood model"),
    "network": ("live", "network_report", "Two hops of the beat network"),
    "parts": ("parts", "report", "Parts of the analysis"),
    "live": ("live", "report", "Live"),
    "targets": ("targets", "report", "Several receivers"),
    "files": ("files", "report", "Files"),
    "beats": ("beats", "report", "Beats against known ones"),
    "peers": ("peers", "report", "Beats beside madmom"),
    "replay": ("replay", "report", "A night fired again"),
    "rig": ("rig", "report", "End to end on real sound"),
    "dashboard": ("dashboard", "report", "Dashboard"),
    "beside": ("dashboard", "beside_report", "The engine beside the dashboard"),
    "desk": ("dashboard", "desk_report", "The engine beside an operator's page"),
    "control": ("control", "report", "Commands over OSC"),
    "library": ("library", "report", "Library"),
    "capture": ("capture", "report", "PyAudio's callback against blocking reads"),
}


RESULTS = Path(__file__).with_name("results.md")
_HEAD = (
    "# Results\n\nWritten by `make bench`, each table from one run; times on a shared machine are worth less than "
    "ratios within a table. The line below a title says when and on what.\n"
)


def _kept() -> dict[str, str]:
    """The sections of the present results, by title."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.is_file() else ""
    sections = (section.partition("\n\n") for section in text.split("\n## ")[1:])
    return {title: body.strip() for title, _, body in sections}


def main() -> None:
    """Run the parts that are asked for, all by default; each renews its own section as soon as it is measured."""
    if sys.argv[1:2] in (
        ["soak"],
        ["pairs"],
        ["trust"],
        ["gate"],
        ["key"],
        ["structure"],
    ):  # take hours, a checkout, data: apart from the others
        importlib.import_module(f"benchmarks.{sys.argv[1]}").main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help="parts, printed only; all, and written, by default"
    )
    parser.add_argument("--write", action="store_true", help="write the parts that are named, too")
    arguments = parser.parse_args()
    asked = arguments.parts or list(PARTS)
    for i, name in enumerate(asked, 1):
        module, function, title = PARTS[name]
        print(f"{i} of {len(asked)}: {title} …", flush=True)
        text = getattr(importlib.import_module(f"benchmarks.{module}"), function)()
        print(f"\n{text}\n", flush=True)
        if arguments.write or not arguments.parts:
            kept = _kept() | {title: f"{machine()}.\n\n{text}"}
            titles = [title for *_, title in PARTS.values()]
            sections = [f"\n## {title}\n\n{kept[title]}\n" for title in titles if title in kept]
            RESULTS.write_text(_HEAD + "".join(sections), encoding="utf-8")
            print(f"written to {RESULTS}", flush=True)


if __name__ == "__main__":
    main()
