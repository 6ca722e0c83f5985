"""``make bench``: run every benchmark and write ``benchmarks/results.md``; ``soak`` has results of its own."""

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
    "live": ("live", "report", "Live"),
    "targets": ("targets", "report", "Several receivers"),
    "files": ("files", "report", "Files"),
    "beats": ("beats", "report", "Beats against known ones"),
    "rig": ("rig", "report", "End to end on real sound"),
    "dashboard": ("dashboard", "report", "Dashboard"),
    "beside": ("dashboard", "beside_report", "The engine beside the dashboard"),
    "control": ("control", "report", "Commands over OSC"),
    "capture": ("capture", "report", "PyAudio's callback against blocking reads"),
}


def main() -> None:
    """Run the parts that are asked for, all by default; write the file only when all were run."""
    if sys.argv[1:2] == ["soak"]:  # takes hours, so it is no part of the others
        importlib.import_module("benchmarks.soak").main(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="some parts, printed only")
    asked = parser.parse_args().parts or list(PARTS)
    sections = []
    for name in asked:
        module, function, title = PARTS[name]
        print(f"{title} …", flush=True)
        text = getattr(importlib.import_module(f"benchmarks.{module}"), function)()
        sections.append(f"## {title}\n\n{text}\n")
        print(f"\n{text}\n", flush=True)
    if asked == list(PARTS):
        path = Path(__file__).with_name("results.md")
        head = (
            "# Results\n\nWritten by `make bench`. Every table is from one run; times on a shared machine are worth "
            "less than ratios within a table.\n\n"
        )
        path.write_text(f"{head}Machine: {machine()}.\n\n" + "\n".join(sections), encoding="utf-8")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
