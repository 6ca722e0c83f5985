"""Every signal that goes over the wire, once: one row a signal.

From this table follow what events send, the default addresses, the rules of rate, what an address map may name, what
the views accept from the network, and the table in `docs/osc.md`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal, TypeAlias

from streammood.events import Beat, Event, Level, Mood, Onset, Section, SongChange, Status, Structure, Tempo

Value: TypeAlias = float | int | str
Range: TypeAlias = tuple[float, float]
Form: TypeAlias = type[float] | type[int] | type[str]
Kind: TypeAlias = Literal["trigger", "state", "flow", "note"]
"""trigger: 1, then 0 after the hold time. state: sent when it changes. flow: thinned to the target's rate. note: a text
that is sent once. States and flows are sent again and again, because UDP loses."""

_LABEL = r"[\w-]{1,40}"  # what a model may call its moods
_PATTERNS = {"LABEL": _LABEL, "N": r"[1-9]\d?"}
_TEXT = 200  # characters of a text that are accepted
_METER_DB = 60.0  # range of the meter

UNIT: Range = (0.0, 1.0)
BIPOLAR: Range = (-1.0, 1.0)
COUNT: Range = (0, 2**31 - 1)
SWITCH: Range = (0, 1)


def plain(text: str, longest: int = _TEXT) -> str:
    """``text`` on one line, without control characters, and not longer than so many characters."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:longest])


def clip(value: float, bounds: Range) -> float:
    """``value`` inside ``bounds``; NaN becomes 0."""
    low, high = bounds
    if low < value < high:
        return float(value)
    return 0.0 if math.isnan(value) else min(high, max(low, float(value)))


@dataclass(frozen=True, slots=True)
class Signal:
    """One row: a named number or text."""

    name: str  # the end of its default address; LABEL stands for a mood, N for the number of a target
    kind: Kind
    form: Form
    range: Range | None  # least and largest number; None for a text
    unit: str
    events: tuple[type[Event], ...]  # that hold it
    read: Callable[..., Any]  # its value, given such an event; None where it has none now
    help: str
    option: str = ""  # setting of a target that has to be true for this to be sent; empty: it is always sent
    asked: bool = False  # it changes by itself: ``read`` also takes the sample on the stream clock at which it is sent
    ends: bool = False  # 0 is sent when a target closes
    locked: bool = False  # sent only while the tempo is locked, unless ``beat.unlocked`` is set

    @property
    def slot(self) -> str:
        """The part of the name that stands for something else; empty if there is none."""
        return next((part for part in self.name.split("/") if part in _PATTERNS), "")

    @property
    def natural_range(self) -> Range | None:
        """Least and largest number of a share or of an axis, which targets may move to a range of their own."""
        return self.range if self.range in (UNIT, BIPOLAR) else None

    def fit(self, value: Any) -> Value:
        """``value`` as a Python number inside the range (NaN becomes 0), or as text."""
        return str(value) if self.range is None else self.form(clip(value, self.range))

    def accept(self, value: object) -> Value | None:
        """``value``, which came over the network, inside the range; None where it is of another kind.

        Texts come back on one line and without control characters.
        """
        if self.range is None:
            return plain(value) if isinstance(value, str) else None
        if not isinstance(value, float | int) or not math.isfinite(value):
            return None
        number = clip(value, self.range)
        return number if self.form is float else round(number)


def _each_target(field: str) -> Callable[[Status], dict[str, Any]]:
    read = attrgetter(field)
    return lambda status: {str(number): read(target) for number, target in enumerate(status.targets, 1)}


def _fires(*kinds: str) -> Callable[[Section], int | None]:
    return lambda section: 1 if section.locked and section.kind in kinds else None


def _row(
    name: str, kind: Kind, form: Any, bounds: Range | None, unit: str, event: Any, read: Any, text: str, **rest: Any
) -> Signal:
    """A row; ``read`` may be the name of a field of the event, or of each of several events."""
    events = event if isinstance(event, tuple) else (event,)
    reader = attrgetter(read) if isinstance(read, str) else read
    return Signal(name, kind, form, bounds, unit, events, reader, text, **rest)


_DETAILS = {"option": "details"}
_LOCKED = {"locked": True}
# fmt: off
_TABLE = (
    _row("beat/number", "state", int, (0, 64), "", Beat, "number", "position in the bar, 1 = downbeat; 0 = not known",
         **_LOCKED),
    _row("beat/count", "state", int, COUNT, "", Beat, "count", "beats since the start", **_LOCKED),
    _row("beat", "trigger", int, SWITCH, "", Beat, lambda beat: 1, "a beat is now", **_LOCKED),
    _row("downbeat", "trigger", int, SWITCH, "", Beat, lambda beat: 1 if beat.number == 1 else None,
         "the first beat of a bar is now; only where the bar is known", **_LOCKED),
    _row("bpm", "flow", float, (0.0, 1000.0), "BPM", Tempo, "bpm", "tempo; 0 = not known", **_LOCKED),
    _row("beat/confidence", "flow", float, UNIT, "", Tempo, "confidence", "how sure tempo and phase are"),
    _row("beat/locked", "state", int, SWITCH, "", Tempo, "locked", "1 while the tempo is trusted", ends=True),
    _row("beat/bar", "flow", float, UNIT, "", Tempo, "bar_confidence", "how sure the bar is"),
    _row("beat/meter", "state", int, (0, 64), "", Tempo, "meter", "beats in a bar; 0 = not known"),
    _row("beat/phase", "flow", float, UNIT, "", Tempo, Tempo.phase, "0 on the beat, rising to 1", asked=True,
         **_LOCKED),
    _row("beat/next", "flow", float, (0.0, 60.0), "s", Tempo, Tempo.seconds_to_next, "time to the next beat",
         asked=True, **_LOCKED),
    _row("onset", "trigger", int, SWITCH, "", Onset, lambda onset: 1, "a note or a stroke begins"),
    _row("level/rms", "flow", float, UNIT, "", Level, "rms", "loudness after the gain, for -60..0 dBFS"),
    _row("level/low", "flow", float, UNIT, "", Level, "low", "the same below 200 Hz"),
    _row("level/mid", "flow", float, UNIT, "", Level, "mid", "the same from 200 to 2000 Hz"),
    _row("level/high", "flow", float, UNIT, "", Level, "high", "the same above 2000 Hz"),
    _row("level/peak", "flow", float, UNIT, "", Level, lambda level: 1.0 + level.peak / _METER_DB,
         "peak of the input itself, for -60..0 dBFS"),
    _row("level/clipping", "state", int, SWITCH, "", Level, "clipping",
         "1 for a second after the input was driven beyond full scale"),
    _row("input/gain", "flow", float, (-200.0, 200.0), "dB", Level, "gain",
         "gain between the input and the analysis, automatic and fixed"),
    _row("brightness", "flow", float, UNIT, "", Level, "brightness",
         "spectral centroid, for 100..8000 Hz, logarithmic"),
    _row("music", "state", int, SWITCH, "", Mood, "music",
         "1 while there is music; 0 in speech, crowds, noise and silence", ends=True),
    _row("music/confidence", "flow", float, UNIT, "", Mood, "music_confidence", "probability that the sound is music"),
    _row("mood/valence", "flow", float, BIPOLAR, "", Mood, "valence", "unpleasant to pleasant"),
    _row("mood/arousal", "flow", float, BIPOLAR, "", Mood, "arousal", "quiet to energetic"),
    _row("mood/LABEL", "flow", float, UNIT, "", Mood, "probabilities",
         "probability of a mood, one address for each label of the model: `mood/happy`, `mood/aggressive`, "
         "`mood/calm`, `mood/sad`; they sum to 1"),
    _row("mood/confidence", "flow", float, UNIT, "", Mood, "confidence", "how sure the mood is; 0 without music"),
    _row("mood/index", "state", int, (-1, 255), "", Mood, "index",
         "the likeliest label as its place in the model's order; -1 without music, and for a model without labels"),
    _row("mood/label", "state", str, None, "", Mood, "label", "the likeliest label; empty without music",
         option="label"),
    _row("mood/changed", "trigger", int, SWITCH, "", Mood, lambda mood: 1 if mood.changed else None,
         "the label is another one"),
    _row("energy", "flow", float, UNIT, "", Structure, "energy",
         "how much is going on, against this song so far and music at large"),
    _row("buildup", "flow", float, UNIT, "", Structure, "buildup", "how sure it is that a build-up plays"),
    _row("breakdown", "state", int, SWITCH, "", Structure, "breakdown", "1 while bass and kick have stopped",
         ends=True),
    _row("drop", "trigger", int, SWITCH, "", Section, _fires("drop"),
         "bass and kick are back after a build-up; only while the tempo is locked"),
    _row("section/changed", "trigger", int, SWITCH, "", Section, _fires("boundary", "drop", "breakdown"),
         "a section has begun; only while the tempo is locked"),
    _row("section/index", "state", int, COUNT, "", Structure, "index", "sections since the start"),
    _row("section/bars", "state", int, COUNT, "", Structure, "bars", "bars since the section began"),
    _row("section/kind", "state", int, (0, 4), "", Structure, "kind",
         "0 calm, 1 groove, 2 build-up, 3 drop, 4 breakdown"),
    _row("section/confidence", "flow", float, UNIT, "", Structure, "confidence", "how sure its beginning is"),
    _row("phrase/countin", "state", int, (0, 64), "", Structure, "countin",
         "bars to the next likely boundary; 0 = not known"),
    _row("phrase/confidence", "flow", float, UNIT, "", Structure, "grid",
         "how often boundaries fell there in this song"),
    _row("song/changed", "trigger", int, SWITCH, "", SongChange, lambda song: 1,
         "another song has begun, after a pause or in the middle of a blend; told about 9 s later"),
    _row("key", "state", int, (-1, 11), "", Structure, "key",
         "pitch class of the tonic in the last minute of this song, 0 = C; -1 = not known"),
    _row("key/minor", "state", int, SWITCH, "", Structure, "minor", "1 in a minor key"),
    _row("key/confidence", "flow", float, UNIT, "", Structure, "key_confidence",
         "how likely this key is right"),
    _row("status/alive", "state", int, SWITCH, "", Status, lambda status: 1, "1 while the program runs", ends=True),
    _row("status/signal", "state", int, SWITCH, "", (Level, Status), "signal", "1 while there is sound", ends=True),
    _row("status/input", "state", int, (0, 5), "", Status, "input",
         "0 gone, 1 fine, 2 silent, 3 stuck at a constant, 4 nothing but zeros, 5 wrong rate"),
    _row("status/lost", "state", int, COUNT, "samples", Status, "lost", "samples of the input that were lost"),
    _row("status/stalls", "state", int, COUNT, "", Status, "stalls", "times no block came for a quarter of a second"),
    _row("status/load", "flow", float, UNIT, "", Status, "load",
         "the largest share of the time there is that was taken in the last second"),
    _row("status/latency", "flow", float, (0.0, 1e6), "ms", Status, lambda status: 1e3 * status.latency,
         "from the arrival of a block to its packets, p99 of the last seconds"),
    _row("status/note", "note", str, None, "", Status, "notes", "what went wrong", **_DETAILS),
    _row("target/N/name", "state", str, None, "", Status, _each_target("name"), "name of target N", **_DETAILS),
    _row("target/N/sent", "state", int, COUNT, "", Status, _each_target("sent"), "messages sent to it", **_DETAILS),
    _row("target/N/failed", "state", int, COUNT, "", Status, _each_target("failed"),
         "messages that the system would not send to it", **_DETAILS),
    _row("target/N/offset", "state", float, (-200.0, 1000.0), "ms", Status, _each_target("offset"), "its offset",
         **_DETAILS),
    _row("target/N/muted", "state", int, SWITCH, "", Status, _each_target("muted"), "1 while it gets nothing",
         **_DETAILS),
    _row("target/N/last", "state", str, None, "", Status, _each_target("last"), "the latest message to it", **_DETAILS),
    _row("target/N/error", "state", str, None, "", Status, _each_target("error"),
         "why the latest message that failed did; empty if none has", **_DETAILS),
    _row("target/count", "state", int, (0, 99), "", Status, lambda status: len(status.targets), "how many targets",
         **_DETAILS),
    _row("control/hold", "state", int, SWITCH, "", Status, "operator.hold", "1 while the mood is frozen", **_DETAILS),
    _row("control/mood", "state", str, None, "", Status, lambda status: status.operator.mood or "",
         "the mood that was set by hand, or empty", **_DETAILS),
    _row("control/bpm/min", "state", float, (0.0, 1000.0), "BPM", Status, "operator.bpm_min", "no tempo below this",
         **_DETAILS),
    _row("control/bpm/max", "state", float, (0.0, 1000.0), "BPM", Status, "operator.bpm_max", "no tempo above this",
         **_DETAILS),
    _row("control/tempo", "state", float, (0.0, 1000.0), "BPM", Status, "operator.tempo",
         "the tempo that is held by hand; 0 = it is the music's", **_DETAILS),
    _row("control/nudge", "state", float, (-1e6, 1e6), "ms", Status, "operator.nudge",
         "how much later beats are by hand; negative: earlier", **_DETAILS),
    _row("control/gain", "state", float, (-200.0, 200.0), "dB", Status, "operator.gain", "fixed gain", **_DETAILS),
    _row("control/input", "state", str, None, "", Status, "operator.input", "name of the input", **_DETAILS),
    _row("control/channels", "state", str, None, "", Status, "operator.channels",
         "channels of the device that are analysed; empty where the input is none", **_DETAILS),
    _row("control/play", "state", int, (-1, 1), "", Status, "operator.play",
         "1 while the file or the demo is heard, 0 while not; -1: the input is neither", **_DETAILS),
)
# fmt: on

SIGNALS: Mapping[str, Signal] = {signal.name: signal for signal in _TABLE}
"""Every signal by its name."""
TRIGGERS = frozenset(name for name, signal in SIGNALS.items() if signal.kind == "trigger")
VALUES = frozenset(
    name
    for name, signal in SIGNALS.items()
    if signal.kind in {"state", "flow"} and signal.option != "details" and not signal.slot
)
"""What an address map may name, beside ``mood/LABEL`` for each label of the model."""

_SHAPES = [
    (re.compile("/".join(_PATTERNS.get(part, re.escape(part)) for part in name.split("/"))), signal)
    for name, signal in SIGNALS.items()
    if signal.slot
]


@lru_cache(maxsize=1024)
def find(name: str) -> Signal | None:
    """The signal that ``name`` is, ``mood/happy`` and ``target/3/name`` among them; None if there is none."""
    signal = SIGNALS.get(name)
    if signal is not None and not signal.slot:
        return signal
    return next((signal for shape, signal in _SHAPES if shape.fullmatch(name)), None)


def natural_range(name: str) -> Range | None:
    """Least and largest number of the signal ``name`` where it is a share or an axis; None where it is not."""
    signal = find(name)
    return None if signal is None else signal.natural_range


def moods(names: Iterable[str]) -> list[str]:
    """The labels of the moods among ``names`` of signals, in their order."""
    return [name.removeprefix("mood/") for name in names if find(name) is SIGNALS["mood/LABEL"]]


def default_names(labels: Sequence[str], options: Container[str]) -> list[str]:
    """The signals that a target gets by default; ``options`` are those of its settings that are on."""
    names = [name for name in TRIGGERS | VALUES if not SIGNALS[name].option or SIGNALS[name].option in options]
    return sorted(names) + [f"mood/{label}" for label in labels]


def values(event: Event) -> Iterator[tuple[Signal, str, Value]]:
    """Signal, name and value of each part of ``event`` for every target, triggers last."""
    return _read(_SENT.get(type(event), ()), event)


def details(event: Event) -> Iterator[tuple[Signal, str, Value]]:
    """The same for targets that ask for details."""
    return _read(_DETAILED.get(type(event), ()), event)


def _read(rows: Iterable[Signal], event: Event) -> Iterator[tuple[Signal, str, Value]]:
    for row in rows:
        value = row.read(event)
        if value is None:
            continue
        if isinstance(value, dict):
            for key, one in value.items():
                yield row, row.name.replace(row.slot, key), row.fit(one)
        elif isinstance(value, tuple):
            for one in value:
                yield row, row.name, row.fit(one)
        else:
            yield row, row.name, row.fit(value)


def _rows(wanted: Callable[[Signal], bool]) -> dict[type[Event], list[Signal]]:
    """Rows by the event that carries them; triggers last, since a trigger may send the value of another signal."""
    rows: dict[type[Event], list[Signal]] = {}
    for signal in sorted(filter(wanted, _TABLE), key=lambda signal: signal.kind == "trigger"):
        for event in signal.events:
            rows.setdefault(event, []).append(signal)
    return rows


_SENT = _rows(lambda signal: signal.option != "details" and not signal.asked)
_DETAILED = _rows(lambda signal: signal.option == "details")
