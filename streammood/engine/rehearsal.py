"""What the command `test` sends to one target: a bar of beats, a sweep of levels and axes, and every mood."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from streammood.events import ANALYSIS_RATE, QUADRANTS, Beat, Event, Level, Mood, Onset, Tempo

_BPM, _METER = 120.0, 4
_SWEEP, _STEP = 2.0, 0.02  # s
_EACH = 0.6  # s of each mood
_UNKNOWN = (0.0, 0.0)


def rehearsal(sample: float, labels: Sequence[str]) -> Iterator[tuple[float, Event]]:
    """Each event with the time at which it is due, in s from now; ``sample`` is the present."""
    period = 60.0 * ANALYSIS_RATE / _BPM
    for number in range(1, _METER + 1):
        at = (number - 1) * 60.0 / _BPM
        here = round(sample + at * ANALYSIS_RATE)
        yield at, Tempo(here, here, _BPM, 1.0, True, float(here), period, number, number, _METER, 1.0)
        yield at, Beat(here, here, _BPM, 1.0, True, number, number, 1.0)
        yield at, Onset(here, here, 1.0)
    start = _METER * 60.0 / _BPM
    for i in range(round(_SWEEP / _STEP) + 1):
        at = start + i * _STEP
        here = round(sample + at * ANALYSIS_RATE)
        up = 0.5 - 0.5 * math.cos(2.0 * math.pi * i * _STEP / _SWEEP)
        yield at, Level(here, here, up, up, up, up, up, dbfs=-60.0 * (1.0 - up), signal=True, peak=-60.0 * (1.0 - up))
    start += _SWEEP
    for i, label in enumerate(labels):
        at = start + i * _EACH
        here = round(sample + at * ANALYSIS_RATE)
        shares = {name: float(name == label) for name in labels}
        valence, arousal = QUADRANTS.get(label, _UNKNOWN)
        yield at, Mood(here, here, valence, arousal, shares, label, 1.0, True)
