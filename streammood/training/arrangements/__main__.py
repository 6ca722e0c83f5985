"""``python -m streammood.training.arrangements FOLDER``: write arrangements with all that is known about them."""

from __future__ import annotations

import argparse
from pathlib import Path

from streammood.training.arrangements.compose import FORMS
from streammood.training.arrangements.folder import write


def main() -> None:
    """Write what is asked for, and print the paths."""
    parser = argparse.ArgumentParser(prog="python -m streammood.training.arrangements", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=16, help="how many; the forms in turn (16)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same arrangements (1)")
    parser.add_argument("--form", action="append", choices=FORMS, help="only this form; may be given again")
    parser.add_argument("--stems", action="store_true", help="drums and music as files of their own, too")
    parser.add_argument("--kind", choices=("wav", "flac", "ogg"), default="flac", help="kind of sound file (flac)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    asked = parser.parse_args()
    if asked.count < 1 or asked.jobs < 1:
        parser.error("--count and --jobs must be at least 1")
    forms = tuple(asked.form) if asked.form else FORMS
    for path in write(asked.folder, asked.count, asked.seed, forms, asked.stems, asked.kind, asked.jobs):
        print(path)  # noqa: T201  a command's output


if __name__ == "__main__":
    main()
