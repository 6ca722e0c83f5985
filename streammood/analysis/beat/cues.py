"""What speaks for a beat at each hop: the network's activations, or the flux of the spectrum together with aubio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from streammood.analysis.aubio import AubioTracker, Detection
from streammood.analysis.beat.activations import BeatNetwork
from streammood.analysis.beat.beat_clock import LockSettings
from streammood.analysis.beat.flux import flux, reset_flux
from streammood.analysis.beat.tempo_filter import FilterSettings
from streammood.analysis.hops import F64, Hops
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP, N_MELS
from streammood.events import ANALYSIS_RATE, F32
from streammood.models.beat_model import BeatModel

WEIGHT, STRENGTH, DOWNBEAT = 0, 1, 2
"""Columns of cues: the logarithm of how much likelier a hop is on a beat than elsewhere; how strong it is, 0 or more
(its mean on beats against that of all hops shows whether there is a beat at all); the probability that a bar begins."""


class Cues(Protocol):
    """Says of every hop what speaks for a beat."""

    delay: int  # samples from an attack to the end of the hop whose cue tells of it
    reading: FilterSettings
    lock: LockSettings

    def reset(self) -> None:
        """Begin a new stream."""
        ...

    def push(self, hops: Hops) -> F64:
        """Cues (n, 3), about what sounded ``delay`` samples ago."""
        ...


_QUIET = 0.1  # the peak stays above this, so that no beat is made of nothing
_PLAIN = 0.4  # a peak below this makes every weight smaller: a breakdown is counted through, not searched
_BEAT = 0.2  # of the peak: activations above this speak for a beat
_FADE = 4.0  # s in which the peak falls to 1/e
_AGAINST = -0.7  # the least weight
_FALL = math.exp(-HOP / ANALYSIS_RATE / _FADE)


@exact_kernel
def _weigh(activations: F64, peak: F64, cues: F64) -> None:
    """What ``activations`` (n, 2) say, after those before, into ``cues`` (n, 3)."""
    for i in range(activations.shape[0]):
        beat, downbeat = activations[i]
        if math.isnan(beat):
            cues[i, WEIGHT] = cues[i, STRENGTH] = cues[i, DOWNBEAT] = 0.0
            continue
        peak[0] = max(beat, peak[0] * _FALL, _QUIET)
        weight = max(_AGAINST, math.log(max(beat, 1e-4) / (_BEAT * peak[0])))
        cues[i, WEIGHT], cues[i, STRENGTH], cues[i, DOWNBEAT] = min(1.0, peak[0] / _PLAIN) * weight, beat, downbeat


class NetworkCues:
    """The network's activations, against the largest of the last seconds: quiet music is as sure of its beats as loud.

    A weight is bounded below, since a beat that is not played says little against the others.
    """

    reading = FilterSettings()
    lock = LockSettings(patience=0.04, settle=0.25, confidence=(-2.2, 1.6, 1.7, 0.4))
    _MOST = 350  # hops, 4 s, that were lost and are made up for; after more the network begins anew

    def __init__(self, model: BeatModel) -> None:
        self._network = BeatNetwork(model)
        self.delay = model.manifest.look_ahead * HOP + model.manifest.stroke_delay
        self._peak = np.empty(1)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._network.reset()
        self._peak[:] = _QUIET
        self._sample: int | None = None  # at the end of the last hop

    def push(self, hops: Hops) -> F64:
        """Cues (n, 3), about what sounded ``delay`` samples ago."""
        spectra = hops.values[:, :N_MELS]
        cues = np.empty((len(hops), 3))
        if not len(hops):
            return cues
        lost = 0 if self._sample is None else round((hops.sample - self._sample) / HOP) - 1
        self._sample = hops.sample + (len(hops) - 1) * HOP
        if lost > self._MOST:
            self._network.reset()
        elif lost > 0:
            self._network.push(np.repeat(spectra[:1], lost, axis=0))  # so that what it remembers stays as far away
        _weigh(self._network.push(spectra), self._peak, cues)
        return cues


class Tracker(Protocol):
    """Finds beats in sound."""

    def reset(self) -> None: ...

    def push(self, hop: F32, sample: int) -> Sequence[Detection]: ...


class AubioCues:
    """How much the spectrum rises, and where aubio finds beats."""

    delay = 1000  # from an attack to the hop whose flux is largest, on attacks at known places
    reading = FilterSettings(offbeat=0.5, centred=True, dither=0.2, forget=1e-4, octaves=0.5, prior=0.0)
    lock = LockSettings(patience=0.5, settle=1.0, confidence=(-4.0, 3.0, 1.5, 0.0))
    _FLUX, _FOUND = 0.4, 0.4  # weights of the two

    def __init__(self, silence: float, tracker: Tracker | None = None) -> None:
        self._tracker = tracker or AubioTracker(HOP, silence)
        self._recent = np.empty((2, N_MELS), dtype=np.float32)
        self._scale = np.empty(3)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._tracker.reset()
        self._pending: list[Detection] = []
        reset_flux(self._recent, self._scale)

    def push(self, hops: Hops) -> F64:
        """Cues (n, 3), about what sounded ``delay`` samples ago."""
        cues = np.zeros((len(hops), 3))
        for i in range(len(hops)):
            sample = hops.sample + i * HOP
            end = sample - self.delay + HOP / 2
            self._pending += self._tracker.push(hops.sound[i], sample)
            found = sum(d.strength for d in self._pending if d.sample < end)
            self._pending = [d for d in self._pending if d.sample >= end]
            rise = flux(hops.values[i, :N_MELS], self._recent, self._scale)
            cues[i, WEIGHT] = cues[i, STRENGTH] = self._FLUX * rise + self._FOUND * found
        return cues
