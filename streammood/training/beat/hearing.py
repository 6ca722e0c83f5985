"""Beats of whole tracks as they are heard live: the analysis without levels, onsets and moods."""

from __future__ import annotations

from streammood.analysis.beat.beat_stream import BeatStream
from streammood.analysis.front_end import TICK, FrontEnd
from streammood.analysis.gain import Gain
from streammood.analysis.levels import Gate
from streammood.config import Settings
from streammood.events import F32, Beat, Tempo


def hear(sound: F32, rate: int, settings: Settings) -> list[Beat | Tempo]:
    """All beats of ``sound`` (n,), and the state of the clock at every hop.

    Raises:
        ModelError: the beat network cannot be used.
    """
    gain = Gain(settings.input, settings.level.silence, TICK)
    front = FrontEnd(settings.features, rate, gain)
    gate = Gate(settings.level, front.layout, gain)
    stream = BeatStream(settings.beat, settings.level, settings.features)
    hop = settings.features.hop
    events: list[Beat | Tempo] = []
    for tick in front.push(sound):
        if tick.features is not None:
            events += stream.push(tick.features, tick.frame[-hop:], gate.push(tick.features), tick.decided)
    return events


def beats_of(events: list[Beat | Tempo]) -> list[Beat]:
    """Only the beats."""
    return [event for event in events if isinstance(event, Beat)]
