"""The command line: one thin function a command.

Imports nothing that takes its time: a Ctrl-C while the rest is imported ends the program without a traceback.
"""

from __future__ import annotations

import os
import signal
import sys

from streammood.cli import streams
from streammood.cli.ending import end_at_once


def main() -> None:
    """Entry point."""
    os.environ["PYTHONSAFEPATH"] = "1"  # processes that this one starts run no code of the current folder
    streams.prepare()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_at_once)
    from streammood.cli.commands import application  # noqa: PLC0415  heavy

    app = application(next((word for word in sys.argv[1:] if not word.startswith("-")), ""))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    streams.leave(_run(app))


def _run(app: object) -> int:
    """The exit status of the command."""
    assert callable(app)
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:  # whoever read the output has seen enough
        return 128 + 13
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"streammood: {error.strerror or error}{where}\n")
        return 1
    return 0
