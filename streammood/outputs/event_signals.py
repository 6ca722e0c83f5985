"""What receivers know of events: named numbers. Each name is also the end of its default OSC address."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeAlias

from streammood.events import Beat, Event, Level, Mood, Onset, Status, Tempo

Value: TypeAlias = float | int | str

TRIGGER = 1
_METER_DB = 60.0  # range of the meter


def unit(value: float) -> float:
    """``value`` as a Python float in 0..1; NaN becomes 0."""
    return 0.0 if math.isnan(value) else min(1.0, max(0.0, float(value)))


def bipolar(value: float) -> float:
    """``value`` as a Python float in -1..1; NaN becomes 0."""
    return 0.0 if math.isnan(value) else min(1.0, max(-1.0, float(value)))


def signals(event: Event) -> Iterator[tuple[str, Value]]:
    """Name and value of everything that ``event`` says, triggers last."""
    match event:
        case Beat():
            yield "beat/number", int(event.number)
            yield "beat/count", int(event.count)
            yield "beat", TRIGGER
            if event.number == 1:
                yield "downbeat", TRIGGER
        case Tempo():
            yield "bpm", float(event.bpm)
            yield "beat/confidence", unit(event.confidence)
            yield "beat/locked", int(event.locked)
            yield "beat/bar", unit(event.bar_confidence)
            yield "beat/meter", int(event.meter)
        case Onset():
            yield "onset", TRIGGER
        case Level():
            yield "level/rms", unit(event.rms)
            yield "level/low", unit(event.low)
            yield "level/mid", unit(event.mid)
            yield "level/high", unit(event.high)
            yield "level/peak", unit(1.0 + event.peak / _METER_DB)
            yield "level/clipping", int(event.clipping)
            yield "input/gain", float(event.gain)
            yield "brightness", unit(event.brightness)
            yield "status/signal", int(event.signal)
        case Mood():
            yield from _mood_signals(event)
        case Status():
            yield "status/alive", 1
            yield "status/signal", int(event.signal)
            yield "status/lost", int(event.lost)
            yield "status/latency", float(1e3 * event.latency)
            yield "status/input", int(event.input)
            yield "status/stalls", int(event.stalls)
            yield "status/load", unit(event.load)


def _mood_signals(mood: Mood) -> Iterator[tuple[str, Value]]:
    yield "mood/valence", bipolar(mood.valence)
    yield "mood/arousal", bipolar(mood.arousal)
    for label, probability in mood.probabilities.items():
        yield f"mood/{label}", unit(probability)
    yield "mood/confidence", unit(mood.confidence)
    yield "mood/index", int(mood.index)
    yield "mood/label", mood.label
    if mood.changed:
        yield "mood/changed", TRIGGER
