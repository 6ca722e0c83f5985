"""The last status of the last run, in a small file of the user's, so that ``doctor`` can tell of it afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streammood import resources

_INTERVAL = 10.0  # s between two writes
_FILE = Path("streammood", "last-run.json")
_STATE = ("XDG_STATE_HOME", ".local", "state")
_NOTES = 50  # that are kept


def default_path() -> Path | None:
    """Where this system keeps what programs remember of themselves; None for a user without a home."""
    variable, *below = ("LOCALAPPDATA", "AppData", "Local") if sys.platform == "win32" else _STATE
    if given := os.environ.get(variable):
        return Path(given) / _FILE
    home = resources.home()
    return home.joinpath(*below) / _FILE if home else None


class LastRun:
    """Takes the lines of an event log and keeps the latest status and notes; what cannot be written is let be."""

    def __init__(self, path: Path | None) -> None:
        """``path``: where to; None: nowhere."""
        self._path = path
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._known: dict[str, Any] = {"started": _now()}
        self._due = 0.0

    def write(self, text: str) -> None:
        """Take one line."""
        if text.startswith('{"event": "stream"'):
            self._known["stream"] = json.loads(text)
        elif text.startswith('{"event": "status"'):
            status = json.loads(text)
            self._notes += [f"{status['time']:.0f} s: {note}" for note in status.pop("notes")]
            self._known["status"] = status

    def flush(self) -> None:
        """Write the file, if it is time."""
        if "status" in self._known and time.monotonic() >= self._due:
            self._due = time.monotonic() + _INTERVAL
            self._save(ended=False)

    def close(self) -> None:
        """Write that the run came to its end in order."""
        self._save(ended=True)

    def _save(self, ended: bool) -> None:
        if self._path is None:
            return
        told = {"written": _now(), "ended": ended, **self._known, "notes": list(self._notes)}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            half = self._path.with_suffix(".new")
            half.write_text(json.dumps(told, indent=1), encoding="utf-8")
            half.replace(self._path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
