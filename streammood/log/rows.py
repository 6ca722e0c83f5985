"""Events as rows, and rows as JSON lines: a contract, described in ``docs/event-log.md``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from streammood import __version__
from streammood.analysis.key import Key
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Onset, Section, SongChange, Status, Structure, seconds
from streammood.protocol.commands import Answer, Command

FORMAT_VERSION = 1

Row: TypeAlias = dict[str, Any]
"""One line of the log, as a JSON object."""


def _time(sample: float) -> float:
    return round(seconds(sample), 6)


def _half_second(sample: int) -> bool:
    """Whether this is the first ``Structure`` of a half second; one comes every tenth."""
    return sample % (ANALYSIS_RATE // 2) < ANALYSIS_RATE // 10


def _mood(mood: Mood) -> dict[str, Any]:
    return {
        "valence": round(mood.valence, 4),
        "arousal": round(mood.arousal, 4),
        **{label: round(p, 4) for label, p in mood.probabilities.items()},
        "label": mood.label,
        "confidence": round(mood.confidence, 4),
        "music": mood.music,
        "music_confidence": round(mood.music_confidence, 4),
    }


def ended(song: SongChange) -> dict[str, Any]:
    """What is known of the song that has ended: key as people write it and as DJs do, empty where it is not known."""
    key = Key(song.key, song.minor) if song.key >= 0 else None
    return {
        "length": round(song.length, 3),
        "bpm": round(song.bpm, 3),
        "key": key.name if key else "",
        "camelot": key.camelot if key else "",
        "key_confidence": round(song.key_confidence, 4),
        "mood": song.mood,
        "valence": round(song.valence, 4),
        "arousal": round(song.arousal, 4),
        "energy": round(song.energy, 4),
    }


def header(source: str, sample_rate: int, began: str | None = None) -> dict[str, Any]:
    """The first line; ``began``: date and time of a live run."""
    row = {
        "event": "stream",
        "version": FORMAT_VERSION,
        "program": f"streammood {__version__}",
        "input": source,
        "sample_rate": sample_rate,
    }
    return row if began is None else row | {"began": began}


def line(event: Event) -> dict[str, Any] | None:
    """One event as a JSON object, times in seconds on the stream clock; None for events that are not logged."""
    values: dict[str, Any] | None = None
    name = type(event).__name__.lower()
    match event:
        case Beat():
            values = {
                "bpm": round(event.bpm, 3),
                "confidence": round(event.confidence, 4),
                "locked": event.locked,
                "number": event.number,
                "count": event.count,
                "bar_confidence": round(event.bar_confidence, 4),
            }
        case Onset():
            values = {"strength": round(event.strength, 4)}
        case Mood():
            values = _mood(event)
        case Structure() if _half_second(event.sample):
            name = "energy"
            values = {
                "energy": round(event.energy, 4),
                "buildup": round(event.buildup, 4),
                "breakdown": event.breakdown,
                "kind": event.kind,
                "index": event.index,
                "bars": event.bars,
                "confidence": round(event.confidence, 4),
                "countin": event.countin,
                "grid": round(event.grid, 4),
                "key": event.key,
                "minor": event.minor,
                "key_confidence": round(event.key_confidence, 4),
            }
        case Section():
            values = {
                "kind": event.kind,
                "confidence": round(event.confidence, 4),
                "bars": event.bars,
                "locked": event.locked,
            }
        case SongChange():
            name = "song"
            values = {"confidence": round(event.confidence, 4), **ended(event)}
        case Status():
            values = {
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
            pass
    if values is None:
        return None
    return {"event": name, "time": _time(event.sample), "decided": _time(event.decided), **values}


def action(sample: float, command: Command, answer: Answer) -> dict[str, Any]:
    """A command that was given at ``sample``, and its answer."""
    return {
        "event": "command",
        "time": _time(sample),
        "decided": _time(sample),
        "name": command.name,
        "values": list(command.values),
        "done": answer.done,
        "answer": list(answer.values),
    }


def read(lines: Iterable[str | bytes]) -> Iterator[Row]:
    """The rows of the ``lines`` of a log; a line that is not a JSON object, as after a power failure, is skipped."""
    for text in lines:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and "event" in row:
            yield row


def summary(path: str, duration: float, bpm: float, mood: Mood | None, labels: Sequence[str]) -> dict[str, Any]:
    """The last line, for the input as a whole; without any music the mood is null."""
    row: dict[str, Any] = {"event": "summary", "path": path, "duration": round(duration, 6), "bpm": round(bpm, 3)}
    unknown = dict.fromkeys(("valence", "arousal", *labels, "label", "confidence", "music_confidence"))
    unknown |= {"music": False}
    return row | (unknown if mood is None else _mood(mood))


def to_text(row: Row) -> str:
    """``row`` as one line.

    Raises:
        ValueError: a number in it is none.
    """
    return json.dumps(row, allow_nan=False) + "\n"
