"""What speaks for a beat at each hop: the network's activations, or the rise of the spectrum together with aubio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from streammood.analysis.aubio import AubioTracker, Detection
from streammood.analysis.beat.activations import BeatNetwork
from streammood.analysis.beat.flux import forget_rise, rise
from streammood.analysis.beat.tempo_filter import Sense
from streammood.dsp.layout import HOP, N_MELS
from streammood.events import ANALYSIS_RATE, F32, Features
from streammood.models.beat_model import BeatModel


@dataclass(frozen=True, slots=True)
class Cue:
    """What one hop says."""

    weight: float  # logarithm of how much likelier this hop is on a beat than elsewhere
    strength: float  # 0 or more; its mean on beats, against that of all hops, shows whether there is a beat at all
    downbeat: float = 0.0  # 0..1, probability that a bar begins here; 0 where the tracker hears no bars


@dataclass(frozen=True, slots=True)
class Temper:
    """How the clock deals with a tracker's cues."""

    patience: float  # s of disagreement after which the clock moves, if the belief has left its tempo and phase
    settle: float  # s of agreement before the clock is locked
    # Confidence is logistic in: 1, the belief's mass, the octaves by which cues on beats are stronger than elsewhere,
    # and the octaves by which they are above 1. Fitted to beats that were right or wrong, and to sound without a beat.
    sure: tuple[float, float, float, float]


class Cues(Protocol):
    """Hears beats; it may use the features, the hop, or both."""

    delay: int  # samples from a stroke to the end of the hop whose push tells of it
    sense: Sense
    temper: Temper

    def reset(self) -> None: ...

    def push(self, features: Features, hop: F32, sample: int) -> Cue: ...


class NetworkCues:
    """The network's activations, against the largest of the last seconds: quiet music is as sure of its beats as loud.

    A weight is bounded below, since a beat that is not played says little against the others.
    """

    sense = Sense()
    temper = Temper(patience=0.04, settle=0.25, sure=(-2.2, 1.6, 1.7, 0.4))
    _QUIET = 0.1  # the peak stays above this, so that no beat is made of nothing
    _PLAIN = 0.4  # a peak below this makes every weight smaller: a breakdown is counted through, not searched
    _BEAT = 0.2  # of the peak: activations above this speak for a beat
    _FADE = 4.0  # s in which the peak falls to 1/e
    _AGAINST = -0.7  # the least weight
    _MOST = 350  # hops, 4 s, that were lost and are made up for; after more the network begins anew

    def __init__(self, model: BeatModel) -> None:
        self._network = BeatNetwork(model)
        self.delay = model.manifest.look_ahead * HOP + model.manifest.stroke_delay
        self._fall = math.exp(-HOP / ANALYSIS_RATE / self._FADE)
        self.reset()

    def reset(self) -> None:
        """Forget everything that was heard."""
        self._network.reset()
        self._peak = self._QUIET
        self._sample: int | None = None

    def push(self, features: Features, hop: F32, sample: int) -> Cue:
        """What the hop ``delay`` samples ago says."""
        log_mel = features.values[:N_MELS]
        lost = 0 if self._sample is None else round((sample - self._sample) / HOP) - 1
        self._sample = sample
        if lost > self._MOST:
            self._network.reset()
        else:
            for _ in range(lost):
                self._network.push(log_mel)  # so that what the network remembers keeps its distance
        answer = self._network.push(log_mel)
        return Cue(0.0, 0.0) if answer is None else self.weigh(*answer)

    def weigh(self, beat: float, downbeat: float) -> Cue:
        """What these activations say, after those before."""
        self._peak = max(beat, self._peak * self._fall, self._QUIET)
        weight = max(self._AGAINST, math.log(max(beat, 1e-4) / (self._BEAT * self._peak)))
        return Cue(min(1.0, self._peak / self._PLAIN) * weight, beat, downbeat)


class Tracker(Protocol):
    """Tells where it hears beats."""

    def reset(self) -> None: ...

    def push(self, features: Features, hop: F32, sample: int) -> Sequence[Detection]: ...


class AubioCues:
    """How much the spectrum rises, and where aubio hears beats."""

    delay = 1000  # from a stroke to the hop whose rise is largest, on strokes at known places
    sense = Sense(offbeat=0.5, centred=True, dither=0.2, forget=1e-4, octaves=0.5, taste=0.0)
    temper = Temper(patience=0.5, settle=1.0, sure=(-4.0, 3.0, 1.5, 0.0))
    _RISE, _HEARD = 0.4, 0.4  # weights of the two

    def __init__(self, silence: float, tracker: Tracker | None = None) -> None:
        self._tracker = tracker or AubioTracker(HOP, silence)
        self._recent = np.empty((2, N_MELS), dtype=np.float32)
        self._scale = np.empty(3)
        self.reset()

    def reset(self) -> None:
        """Forget everything that was heard."""
        self._tracker.reset()
        self._pending: list[Detection] = []
        forget_rise(self._recent, self._scale)

    def push(self, features: Features, hop: F32, sample: int) -> Cue:
        """What the hop ``delay`` samples ago says."""
        end = sample - self.delay + HOP / 2
        self._pending += self._tracker.push(features, hop, sample)
        heard = sum(d.strength for d in self._pending if d.sample < end)
        self._pending = [d for d in self._pending if d.sample >= end]
        weight = self._RISE * rise(features.values[:N_MELS], self._recent, self._scale) + self._HEARD * heard
        return Cue(weight, weight)
