"""Beats of whole tracks as they are heard live: the analysis without levels, onsets and moods."""

from __future__ import annotations

from functools import cache
from operator import attrgetter

from streammood.analysis.beat.beat_stream import BeatStream
from streammood.analysis.front_end import FrontEnd
from streammood.analysis.gain import Gain
from streammood.analysis.levels import LevelStream
from streammood.config import BeatSettings, Settings
from streammood.events import F32, Beat, Tempo
from streammood.models.beat_model import BeatModel


def hear(sound: F32, rate: int, settings: Settings) -> list[Beat | Tempo]:
    """All beats of ``sound`` (n,), and the state of the clock at every hop.
    Raises:
        ModelError: the beat network cannot be used.
    """
    gain = Gain(settings.input, settings.level.silence)
    levels = LevelStream(settings.level)
    stream = BeatStream(settings.beat, settings.level, _model(settings.beat))
    events: list[Beat | Tempo] = []
    for _, hops in FrontEnd(rate, gain).push(sound):
        tempi, beats = stream.push(hops, levels.push(hops, gain.fixed)["signal"])
        events += [Tempo(*tempo) for tempo in tempi.tolist()]
        events += [Beat(*beat) for beat in beats.tolist()]
    return sorted(events, key=attrgetter("decided"))


@cache
def _model(settings: BeatSettings) -> BeatModel | None:
    return BeatModel.load(settings.model) if settings.tracker == "network" else None


def beats_of(events: list[Beat | Tempo]) -> list[Beat]:
    """Only the beats."""
    return [event for event in events if isinstance(event, Beat)]
