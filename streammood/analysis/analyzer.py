"""The whole analysis as one object: blocks of sound in, events out. Live, files, tests and training share it."""

from __future__ import annotations

from collections.abc import Iterator

from streammood.analysis.beat.beat_stream import BeatStream
from streammood.analysis.front_end import TICK, FrontEnd
from streammood.analysis.gain import Gain
from streammood.analysis.levels import LevelStream
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.analysis.onsets import OnsetStream
from streammood.config import Settings
from streammood.dsp.layout import HOP
from streammood.events import ANALYSIS_RATE, F32, Beat, Event, Features, Level, Mood, Onset, Tempo
from streammood.models import Models

_BRIDGED = ANALYSIS_RATE  # samples: over a shorter gap the beats count on, after a longer one they begin anew


class Analyzer:
    """Listens to one channel at any rate. The same sound gives the same events, however it is cut into blocks."""

    def __init__(self, settings: Settings, sample_rate: float, models: Models) -> None:
        self._rate = sample_rate
        self._gain = Gain(settings.input, settings.level.silence, TICK)
        self._front = FrontEnd(sample_rate, self._gain)
        self._levels = LevelStream(settings.level, self._gain)
        self._onsets = OnsetStream(settings.onset, settings.level, TICK)
        self.beats = BeatStream(settings.beat, settings.level, models.beat)  # also takes corrections by hand
        self._moods = MoodStream(settings.mood, models.mood)
        self.moods_due = True  # False: the machine is too slow, and moods are left out

    def reset(self) -> None:
        """Begin a new stream, as a new object would."""
        for part in (self._gain, self._front, self._levels, self._onsets, self.beats, self._moods):
            part.reset()

    @property
    def not_finite(self) -> int:
        """Samples of the input that were NaN or infinite and were taken as silence."""
        return self._front.not_finite

    @property
    def gain(self) -> float:
        """The fixed gain of the input in dB, on top of the automatic one; may be set while running."""
        return self._gain.fixed

    @gain.setter
    def gain(self, decibels: float) -> None:
        self._gain.fixed = decibels

    def skip(self, samples: int) -> None:
        """Account for ``samples`` of the input that never came."""
        self._front.skip(samples)
        self._bridge(samples * ANALYSIS_RATE / self._rate)

    def jump(self, sample: int, gap: float, sample_rate: float) -> None:
        """Go on at ``sample`` of the stream clock, after ``gap`` samples of it without input, at ``sample_rate``."""
        self._rate = sample_rate
        self._front.jump(sample, sample_rate)
        self._bridge(gap)

    def _bridge(self, gap: float) -> None:
        if gap >= _BRIDGED:
            self._onsets.reset()
            self.beats.restart()

    def push(self, block: F32) -> Iterator[Event]:
        """Yield the events that ``block`` (n,), samples in -1..1, makes known, in the order of ``decided``."""
        for tick in self._front.push(block):
            audible = self._levels.is_audible(tick.rms)
            onset = self._onsets.push(tick.frame[-TICK:], tick.sample, tick.decided, audible)
            if onset is not None:
                yield onset
            if tick.features is not None:
                yield from self._on_hop(tick.features, tick.frame[-HOP:], tick.decided)

    def _on_hop(self, features: Features, hop: F32, decided: int) -> Iterator[Beat | Level | Mood | Onset | Tempo]:
        level = self._levels.push(features, decided)
        yield level
        yield from self.beats.push(features, hop, level.signal, decided)
        mood = self._moods.push(features, level.signal, decided) if self.moods_due else None
        if mood is not None:
            yield mood

    def summary(self) -> Mood | None:
        """The mood of everything since the stream began, as one; None if there was no music."""
        return self._moods.summary()
