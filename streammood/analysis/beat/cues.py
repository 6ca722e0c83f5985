"""What speaks for a beat at each hop: the network's activations, or the flux of the spectrum together with aubio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from streammood.analysis.aubio import AubioTracker, Detection
from streammood.analysis.beat.activations import QUIET, RISE_HOPS, BeatNetwork, beat_inputs
from streammood.analysis.beat.beat_clock import LockSettings
from streammood.analysis.beat.flux import flux, reset_flux
from streammood.analysis.beat.tempo_filter import FilterSettings
from streammood.analysis.hops import F64, Hops
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP, N_MELS
from streammood.events import ANALYSIS_RATE, F32
from streammood.models.beat_model import BeatModel

N_CUES = 6
WEIGHT, STRENGTH, DOWNBEAT, LOW, MID, HIGH = range(N_CUES)
"""Columns of cues: the logarithm of how much likelier a hop is on a beat than elsewhere; how strong it is, 0 or more
(its mean on beats against that of all hops shows whether there is a beat at all); the probability that a bar begins;
how much low, middle and high bands rise, 0..1."""


class Cues(Protocol):
    """Evidence for a beat in every hop."""

    delay: int  # samples from an attack to the end of the hop whose cue contains it
    reading: FilterSettings
    lock: LockSettings
    table: F64 | None  # weights of a judge, see ``judge``; None without one

    def reset(self) -> None:
        """Begin a new stream."""
        ...

    def push(self, hops: Hops) -> F64:
        """Cues (n, N_CUES), about what sounded ``delay`` samples ago."""
        ...


I64 = npt.NDArray[np.int64]

_QUIET = 0.1  # the peak stays above this, so that no beat is made of nothing
_PLAIN = 0.4  # a peak below this makes every weight smaller: a breakdown is counted through, not searched
_BEAT = 0.2  # of the peak: activations above this speak for a beat
_FADE = 4.0  # s in which the peak falls to 1/e
_AGAINST = -0.7  # the least weight
_FALL = math.exp(-HOP / ANALYSIS_RATE / _FADE)
_BANDS = ((0, 4), (10, 34), (42, 64))  # mel bands: kick, voices and snares, hats


@exact_kernel
def _weigh(activations: F64, peak: F64, cues: F64) -> None:
    """Log odds of ``activations`` (n, 2), given those before, into the first columns of ``cues`` (n, N_CUES)."""
    for i in range(activations.shape[0]):
        beat, downbeat = activations[i]
        if math.isnan(beat):
            cues[i, WEIGHT] = cues[i, STRENGTH] = cues[i, DOWNBEAT] = 0.0
            continue
        peak[0] = max(beat, peak[0] * _FALL, _QUIET)
        weight = max(_AGAINST, math.log(max(beat, 1e-4) / (_BEAT * peak[0])))
        cues[i, WEIGHT], cues[i, STRENGTH], cues[i, DOWNBEAT] = min(1.0, peak[0] / _PLAIN) * weight, beat, downbeat


@exact_kernel
def _rise(log_mel: F32, peak: F64, earlier: F32, late: F64, turn: I64, cues: F64) -> None:
    """How much the bands of ``_BANDS`` rise in spectra (n, n_mels), as late as the network answers, into ``cues``."""
    row = np.empty(2 * log_mel.shape[1], dtype=np.float32)
    for i in range(log_mel.shape[0]):
        peak[0] = beat_inputs(log_mel[i], peak[0], earlier, row)
        slot = turn[0] % late.shape[0]
        turn[0] += 1
        for b in range(len(_BANDS)):
            cues[i, LOW + b] = late[slot, b]
            late[slot, b] = 0.0
            for m in range(_BANDS[b][0], _BANDS[b][1]):
                late[slot, b] += 0.5 * row[log_mel.shape[1] + m] / (_BANDS[b][1] - _BANDS[b][0])


class Rises:
    """How much low, middle and high bands rise, some hops late."""

    def __init__(self, late: int) -> None:
        """``late`` hops."""
        self._peak = np.empty(1)
        self._earlier = np.empty((RISE_HOPS, N_MELS), dtype=np.float32)
        self._late = np.empty((late, len(_BANDS)))
        self._turn = np.zeros(1, dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, after silence."""
        self._peak[:] = QUIET
        self._earlier[:] = 0.0
        self._late[:] = 0.0
        self._turn[:] = 0

    def push(self, log_mel: F32, cues: F64) -> None:
        """The rises of spectra (n, n_mels) ``late`` hops ago, into their columns of ``cues`` (n, N_CUES)."""
        _rise(np.ascontiguousarray(log_mel), self._peak, self._earlier, self._late, self._turn, cues)


class NetworkCues:
    """The network's activations, against the largest of the last seconds: quiet music is as sure of its beats as loud.

    A weight is bounded below, since one beat that is not played is little evidence against the others.
    """

    reading = FilterSettings()
    lock = LockSettings(
        patience=0.04,
        settle=0.25,
        lock=0.7,
        unlock=0.5,
        confidence=(-2.2, 1.6, 1.7, 0.4),
        firm=0.12,
        gain=1.0,
        earned=2.0,
        alone=10.0,
        judge_after=4.0,
    )
    _MOST = 350  # hops, 4 s, that were lost and are made up for; after more the network begins anew

    def __init__(self, model: BeatModel) -> None:
        self._network = BeatNetwork(model)
        self.delay = model.manifest.look_ahead * HOP + model.manifest.stroke_delay
        self.table = model.judge
        self._peak = np.empty(1)
        self._rises = Rises(model.manifest.look_ahead)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._network.reset()
        self._rises.reset()
        self._peak[:] = _QUIET
        self._sample: int | None = None  # at the end of the last hop

    def push(self, hops: Hops) -> F64:
        """Cues (n, N_CUES), about what sounded ``delay`` samples ago."""
        spectra = hops.values[:, :N_MELS]
        cues = np.empty((len(hops), N_CUES))
        if not len(hops):
            return cues
        lost = 0 if self._sample is None else round((hops.sample - self._sample) / HOP) - 1
        self._sample = hops.sample + (len(hops) - 1) * HOP
        if lost > self._MOST:
            self._network.reset()
        elif lost > 0:
            self._network.push(np.repeat(spectra[:1], lost, axis=0))  # so that what it remembers stays as far away
        _weigh(self._network.push(spectra), self._peak, cues)
        self._rises.push(spectra, cues)
        return cues


class Tracker(Protocol):
    """Finds beats in sound."""

    def reset(self) -> None: ...

    def push(self, hop: F32, sample: int) -> Sequence[Detection]: ...


class AubioCues:
    """How much the spectrum rises, and where aubio finds beats."""

    delay = 1000  # from an attack to the hop whose flux is largest, on attacks at known places
    reading = FilterSettings(offbeat=0.5, centred=True, dither=0.2, forget=1e-4, octaves=0.5, prior=0.0)
    lock = LockSettings(patience=0.5, settle=1.0, lock=0.6, unlock=0.5, confidence=(-4.0, 3.0, 1.5, 0.0))
    table: F64 | None = None
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
        """Cues (n, N_CUES), about what sounded ``delay`` samples ago."""
        cues = np.zeros((len(hops), N_CUES))
        for i in range(len(hops)):
            sample = hops.sample + i * HOP
            end = sample - self.delay + HOP / 2
            self._pending += self._tracker.push(hops.sound[i], sample)
            found = sum(d.strength for d in self._pending if d.sample < end)
            self._pending = [d for d in self._pending if d.sample >= end]
            rise = flux(hops.values[i, :N_MELS], self._recent, self._scale)
            cues[i, WEIGHT] = cues[i, STRENGTH] = self._FLUX * rise + self._FOUND * found
        return cues
