"""Beats of whole tracks as they are heard live: the analysis without levels, onsets and moods."""

from __future__ import annotations

from functools import cache

from streammood.analysis.beat.beat_stream import BeatStream
from streammood.analysis.front_end import TICK, FrontEnd
from streammood.analysis.gain import Gain
from streammood.analysis.levels import Gate
from streammood.config import BeatSettings, Settings
from streammood.dsp.layout import HOP
from streammood.events import F32, Beat, Tempo
from streammood.models.beat_model import BeatModel


def hear(sound: F32, rate: int, settings: Settings) -> list[Beat | Tempo]:
    """All beats of ``sound`` (n,), and the state of the clock at every hop.
    Raises:
        ModelError: the beat network cannot be used.
    """
    gain = Gain(settings.input, settings.level.silence, TICK)
    front = FrontEnd(rate, gain)
    gate = Gate(settings.level, gain)
    stream = BeatStream(settings.beat, settings.level, _model(settings.beat))
    events: list[Beat | Tempo] = []
    for tick in front.push(sound):
        if tick.features is not None:
            events += stream.push(tick.features, tick.frame[-HOP:], gate.push(tick.features), tick.decided)
    return events


@cache
def _model(settings: BeatSettings) -> BeatModel | None:
    return BeatModel.load(settings.model) if settings.tracker == "network" else None


def beats_of(events: list[Beat | Tempo]) -> list[Beat]:
    """Only the beats."""
    return [event for event in events if isinstance(event, Beat)]
