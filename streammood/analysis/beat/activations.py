"""Hears beats and downbeats in log mel spectra with a small causal network.

The network itself has no memory. What its dilated convolutions look back on is kept here in rings, in the network's own
numbers, so that a step costs the same however far it looks back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.dsp.layout import N_MELS
from streammood.events import F32
from streammood.models.beat_model import BeatModel

Taps = npt.NDArray[Any]  # int8 where the network is quantised throughout, else float32

STROKE_DELAY = 1000  # samples from a stroke to the end of the hop in which the spectrum rises most

_RANGE = 70.0  # dB below the recent peak that are heard
_FALL = 3.0 * 512 / 44_100  # dB a hop that the peak falls while nothing is louder
QUIET = -40.0  # dB; the peak stays above this, so that silence and hiss are not blown up
_RISE = 2.0  # rises are smaller than levels: they are heard in half the range
RISE_HOPS = 2  # hops between the spectra of which the rise is taken


@kernel
def beat_inputs(log_mel: F32, peak: float, earlier: F32, out: F32) -> float:
    """Level (n_mels,) re the recent peak and its rise, both 0..1, into ``out`` (2 * n_mels,); returns the new peak.

    ``earlier`` (RISE_HOPS, n_mels) holds the levels of the hops before, the oldest first, and is moved on.
    """
    n = log_mel.size
    peak = max(peak - _FALL, QUIET)
    for m in range(n):
        peak = max(peak, log_mel[m])
    for m in range(n):
        level = min(max((log_mel[m] - peak) / _RANGE + 1.0, 0.0), 1.0)
        out[m] = level
        out[n + m] = min(max(_RISE * (level - earlier[0, m]), 0.0), 1.0)
        for k in range(RISE_HOPS - 1):
            earlier[k, m] = earlier[k + 1, m]
        earlier[RISE_HOPS - 1, m] = level
    return peak


@kernel
def _gather(rings: Taps, dilations: npt.NDArray[np.int64], width: int, step: int, out: Taps) -> None:
    """What went into each layer two dilations ago, and one dilation ago, into ``out`` (2 * n_layers * width,)."""
    start, at = 0, 0
    for dilation in dilations:
        for age in (2 * dilation, dilation):
            slot = start + (step - age) % (2 * dilation) * width
            out[at : at + width] = rings[slot : slot + width]
            at += width
        start += 2 * dilation * width


@kernel
def _keep(rings: Taps, dilations: npt.NDArray[np.int64], width: int, step: int, present: Taps) -> None:
    """Keep what goes into each layer now (n_layers * width,), in place of the oldest."""
    start = 0
    for number, dilation in enumerate(dilations):
        slot = start + step % (2 * dilation) * width
        rings[slot : slot + width] = present[number * width : (number + 1) * width]
        start += 2 * dilation * width


class BeatNetwork:
    """Log mel spectra in, activations out, ``look_ahead`` hops late."""

    def __init__(self, model: BeatModel) -> None:
        shape = model.manifest.network
        self.look_ahead = model.manifest.look_ahead  # hops
        self._model = model
        self._pair, self._width = shape.pair, shape.width
        self._dilations = np.array(shape.dilations, dtype=np.int64)
        self._earlier = np.empty((RISE_HOPS, N_MELS), dtype=np.float32)
        self._inputs = np.empty((self._pair, 2 * N_MELS), dtype=np.float32)
        self._rings = np.empty(2 * int(self._dilations.sum()) * self._width, dtype=model.taps)
        self._past = np.empty(2 * self._dilations.size * self._width, dtype=model.taps)
        self.reset()

    def reset(self) -> None:
        """Forget everything: before the stream there was silence."""
        self._hops = 0
        self._peak = QUIET
        self._earlier[:] = 0.0
        self._rings[:] = self._model.nothing
        self._answers = [(0.5, 0.5)] * self._pair

    def push(self, log_mel: F32) -> tuple[float, float] | None:
        """Take a spectrum (n_mels,) in dB; the probability (0..1) of a beat and of a downbeat at the hop ``look_ahead``
        hops ago, None before the stream began."""
        turn = self._hops % self._pair
        self._peak = beat_inputs(log_mel, self._peak, self._earlier, self._inputs[turn])
        self._hops += 1
        if turn == self._pair - 1:
            self._ask(self._hops // self._pair - 1)
        return None if self._hops <= self.look_ahead else self._answers[(turn + 1) % self._pair]

    def _ask(self, step: int) -> None:
        where = self._rings, self._dilations, self._width, step
        _gather(*where, self._past)
        logits, present = self._model(self._inputs, self._past)
        _keep(*where, present)
        told = [1.0 / (1.0 + math.exp(-logit)) for logit in logits]
        self._answers = list(zip(told[::2], told[1::2], strict=True))
