"""The last status of the last run, in a small file of the user's, for ``doctor``."""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from streammood.log.rows import Row

_INTERVAL = 10.0  # s between two writes
_NOTES = 50  # that are stored


def default_path() -> Path | None:
    """Where this system stores the state of programs; None for a user without a home."""
    try:
        folder = platformdirs.user_state_path("streammood", appauthor=False)
    except RuntimeError:  # newer versions refuse what older ones give as ``~``
        return None
    return folder / "last-run.json" if folder.is_absolute() else None


class LastRun:
    """Takes rows of an event log and stores the latest status and notes; write errors are ignored."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._latest: dict[str, Any] = {"started": _now()}
        self._due = 0.0

    def write(self, row: Row) -> None:
        """Take one row."""
        if row["event"] == "stream":
            self._latest["stream"] = row
        elif row["event"] == "status":
            self._notes += [f"{row['time']:.0f} s: {note}" for note in row["notes"]]
            self._latest["status"] = {name: value for name, value in row.items() if name != "notes"}
            if time.monotonic() >= self._due:
                self._due = time.monotonic() + _INTERVAL
                self._save(ended=False)

    def close(self) -> None:
        """Write that the run came to its end in order."""
        self._save(ended=True)

    def _save(self, ended: bool) -> None:
        if self._path is None:
            return
        content = {"written": _now(), "ended": ended, **self._latest, "notes": list(self._notes)}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            half = self._path.with_suffix(".new")
            half.write_text(json.dumps(content, indent=1), encoding="utf-8")
            half.replace(self._path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
