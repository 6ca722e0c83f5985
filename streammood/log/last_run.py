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

_INTERVAL = 10.0  # s between two writes
_NOTES = 50  # that are kept


def default_path() -> Path:
    """Where this system keeps what programs remember of themselves."""
    if sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return folder / "streammood" / "last-run.json"


class LastRun:
    """Takes the lines of an event log and keeps the latest status and notes; what cannot be written is let be."""

    def __init__(self, path: Path) -> None:
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
        told = {"written": _now(), "ended": ended, **self._known, "notes": list(self._notes)}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            half = self._path.with_suffix(".new")
            half.write_text(json.dumps(told, indent=1), encoding="utf-8")
            half.replace(self._path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
