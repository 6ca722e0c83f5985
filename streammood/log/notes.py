"""What went wrong, for people: each note is shown in the terminal once and goes into one status event."""

from __future__ import annotations

from collections import deque

_STORED = 100  # notes for somebody who does not ask


class Notes:
    """Collects notes from any thread; the engine's takes them for its reports, the main one for the terminal."""

    def __init__(self) -> None:
        self._unreported: deque[str] = deque(maxlen=_STORED)
        self._unshown: deque[str] = deque(maxlen=_STORED)
        self._once: set[str] = set()

    def add(self, text: str) -> None:
        """Report ``text``."""
        self._unreported.append(text)
        self._unshown.append(text)

    def once(self, count: int, text: str) -> None:
        """Report the first occurrence of something, and count all."""
        if count and text not in self._once:
            self._once.add(text)
            self.add(text)

    def to_report(self) -> tuple[str, ...]:
        """The notes since the last call, for the status event."""
        return tuple(_taken(self._unreported))

    def to_show(self) -> list[str]:
        """The notes since the last call, for the terminal."""
        return _taken(self._unshown)


def _taken(notes: deque[str]) -> list[str]:
    return [notes.popleft() for _ in range(len(notes))]
