"""Events as JSON lines: a contract, described in the README under "Event log"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from streammood import __version__
from streammood.errors import SinkError
from streammood.events import Beat, Event, Mood, Onset, Status, seconds
from streammood.log.rotation import RotatingFile

FORMAT_VERSION = 1


def _time(sample: float) -> float:
    return round(seconds(sample), 6)


def _mood(mood: Mood) -> dict[str, Any]:
    return {
        "valence": round(mood.valence, 4),
        "arousal": round(mood.arousal, 4),
        **{label: round(p, 4) for label, p in mood.probabilities.items()},
        "label": mood.label,
        "confidence": round(mood.confidence, 4),
    }


def header(source: str, sample_rate: int) -> dict[str, Any]:
    """The first line."""
    return {
        "event": "stream",
        "version": FORMAT_VERSION,
        "program": f"streammood {__version__}",
        "input": source,
        "sample_rate": sample_rate,
    }


def line(event: Event) -> dict[str, Any] | None:
    """One event as a JSON object, times in seconds on the stream clock; None for events that are not logged."""
    when = {"time": _time(event.sample), "decided": _time(event.decided)}
    match event:
        case Beat():
            return {
                "event": "beat",
                **when,
                "bpm": round(event.bpm, 3),
                "confidence": round(event.confidence, 4),
                "locked": event.locked,
                "number": event.number,
                "count": event.count,
                "bar_confidence": round(event.bar_confidence, 4),
            }
        case Onset():
            return {"event": "onset", **when, "strength": round(event.strength, 4)}
        case Mood():
            return {"event": "mood", **when, **_mood(event)}
        case Status():
            return {
                "event": "status",
                **when,
                "signal": event.signal,
                "input": int(event.input),
                "load": round(event.load, 3),
                "lost": event.lost,
                "stalls": event.stalls,
                "latency": round(event.latency, 6),
                "drift": round(event.drift, 2),
                "jitter": round(event.jitter, 6),
                "notes": list(event.notes),
            }
        case _:
            return None


def summary(path: str, duration: float, bpm: float, mood: Mood | None, labels: Sequence[str]) -> dict[str, Any]:
    """The last line, for the input as a whole; without any music the mood is null."""
    row: dict[str, Any] = {"event": "summary", "path": path, "duration": round(duration, 6), "bpm": round(bpm, 3)}
    unknown = dict.fromkeys(("valence", "arousal", *labels, "label", "confidence"))
    return row | (unknown if mood is None else _mood(mood))


class Lines(Protocol):
    """Where lines are written to."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...

    def close(self) -> object: ...


class EventLog:
    """Writes lines to any number of open text streams, each line flushed as it comes; to none, it does nothing."""

    def __init__(self, *streams: Lines) -> None:
        self._streams = streams
        self._own: Lines | None = None
        self._closed_too: tuple[Lines, ...] = ()

    @classmethod
    def create(cls, folder: Path, name: str) -> EventLog:
        """A log in a new file ``name`` in ``folder``.

        Raises:
            SinkError: the file cannot be written.
        """
        return cls().beside(folder, name)

    @classmethod
    def rotating(cls, path: Path, size: int, files: int) -> EventLog:
        """A log in at most ``files`` files of ``size`` bytes each, the latest of them at ``path``.

        Raises:
            SinkError: the file cannot be written.
        """
        log = cls()
        try:
            log._own = RotatingFile(path, size, files)
        except OSError as error:
            raise _unwritable(path, error) from None
        log._streams = (log._own,)
        return log

    def beside(self, folder: Path | None, name: str) -> EventLog:
        """A log that writes to this one's streams and to a new file ``name`` in ``folder``, if there is one."""
        log = EventLog(*self._streams)
        if folder is not None:
            try:
                log._own = (folder / name).open("w", encoding="utf-8")
            except OSError as error:
                raise _unwritable(folder / name, error) from None
            log._streams += (log._own,)
        return log

    def also(self, stream: Lines) -> EventLog:
        """This log, which writes to ``stream`` too and closes it at the end."""
        self._streams += (stream,)
        self._closed_too += (stream,)
        return self

    def write(self, row: dict[str, Any] | None) -> None:
        """Write one line, if there is one.

        Raises:
            OSError: a stream cannot be written any more.
        """
        if row is None or not self._streams:
            return
        text = json.dumps(row, allow_nan=False) + "\n"
        for stream in self._streams:
            stream.write(text)
            stream.flush()

    def close(self) -> None:
        """Close the file that this log opened."""
        if self._own is not None:
            self._own.close()
        for stream in self._closed_too:
            stream.close()


def _unwritable(path: Path, error: OSError) -> SinkError:
    return SinkError(f"{path}: the event log cannot be written ({error.strerror}); choose another path")
