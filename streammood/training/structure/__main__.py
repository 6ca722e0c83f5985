"""``python -m streammood.training.structure FOLDER``: fit to the arrangements in FOLDER, and write the model."""

from __future__ import annotations

import argparse
from pathlib import Path

from streammood.training.structure.fit import fit, write


def main() -> None:
    """Read the command line, fit, write."""
    parser = argparse.ArgumentParser(prog="python -m streammood.training.structure", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+", help="as `python -m streammood.training.arrangements` wrote it")
    parser.add_argument("--out", type=Path, default=Path("models/structure.json"), help="the model (%(default)s)")
    given = parser.parse_args()
    write(fit(given.folder), given.out)
    print(f"{given.out}: fitted")  # noqa: T201


if __name__ == "__main__":
    main()
