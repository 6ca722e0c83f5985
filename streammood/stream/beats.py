"""Features and sound in, beats out, each once and before it comes.

Two cues are weighed: how much the spectrum rises, and where a ``BeatTracker`` (today aubio) hears beats.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from streammood.config import BeatSettings, LevelSettings
from streammood.events import ANALYSIS_RATE, F32, Beat, Features, Tempo
from streammood.stream.aubio import AubioTracker
from streammood.stream.beat_belief import forget_rise, rise
from streammood.stream.beat_clock import BeatClock, Detection

_LATEST = 2  # hops: a beat that the clock finds later than this is not handed out


class BeatTracker(Protocol):
    """Hears beats; it may use the features, the hop, or both."""

    def reset(self) -> None: ...

    def push(self, features: Features, hop: F32, sample: int) -> Sequence[Detection]: ...


class BeatStream:
    """Features in, beats and the state of the beat clock out."""

    def __init__(
        self,
        settings: BeatSettings,
        level: LevelSettings,
        hop: int,
        n_mels: int = 64,
        tracker: BeatTracker | None = None,
    ) -> None:
        self._hop = hop
        self._n_mels = n_mels
        self._lookahead = round(settings.lookahead * ANALYSIS_RATE)
        self._tracker = tracker or AubioTracker(hop, level.silence)
        self._clock = BeatClock(settings.bpm_min, settings.bpm_max, hop)
        self._recent = np.empty((2, n_mels), dtype=np.float32)
        self._scale = np.empty(3)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._count = 0
        self._last = -math.inf  # sample of the latest beat that was handed out
        self.restart()

    def restart(self) -> None:
        """Be ready for other music, and go on counting."""
        self._tracker.reset()
        self._clock.reset()
        forget_rise(self._recent, self._scale)

    def push(self, features: Features, hop: F32, signal: bool, decided: int) -> Iterator[Beat | Tempo]:
        """The state of the clock after ``hop`` (hop,), and the beat that comes within the look-ahead, if one does."""
        clock, sample = self._clock, features.sample
        strength = rise(features.values[: self._n_mels], self._recent, self._scale)
        detections = self._tracker.push(features, hop, sample)
        if signal:
            clock.push(strength, detections, sample)
        else:
            clock.rest()
        yield Tempo(sample, decided, clock.bpm, clock.confidence, clock.locked, clock.anchor, clock.period)
        if clock.period > 0.0:
            yield from self._due(decided)

    def _due(self, decided: int) -> Iterator[Beat]:
        clock = self._clock
        beat = clock.next_beat(max(decided - _LATEST * self._hop, self._last + 0.5 * clock.period))
        if beat <= decided + self._lookahead:
            self._last = beat
            self._count += 1
            yield Beat(round(beat), decided, clock.bpm, clock.confidence, clock.locked, 0, self._count)
