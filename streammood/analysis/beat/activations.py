"""Finds beats and downbeats in log mel spectra with a small causal network.

The network itself has no memory. What its dilated convolutions look back on is stored here in rings, in the network's
own numbers, so that a step costs the same however far it looks back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import exact_kernel, kernel
from streammood.dsp.layout import N_MELS
from streammood.events import F32
from streammood.models.beat_model import BeatModel
from streammood.models.network import INT8

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Taps = npt.NDArray[Any]  # int8 where the network is quantised throughout, else float32

STROKE_DELAY = 1000  # samples from a stroke to the end of the hop in which the spectrum rises most

_RANGE = 70.0  # dB below the recent peak that are seen
_FALL = 3.0 * 512 / 44_100  # dB a hop that the peak falls while nothing is louder
QUIET = -40.0  # dB; the peak stays above this, so that silence and hiss are not blown up
_RISE = 2.0  # rises are smaller than levels: they are seen in half the range
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
def _fill_inputs(
    log_mel: F32, turn: int, peak: F64, earlier: F32, row: F32, scale: np.float32, zero: np.float32, out: Taps
) -> None:
    """The inputs of spectra (n, n_mels), of which the first is the hop ``turn`` of its pair, into ``out`` (1, size).

    A ``scale`` makes int8 of them. ``row`` is room for one hop.
    """
    for hop in log_mel:
        peak[0] = beat_inputs(hop, peak[0], earlier, row)
        at = turn * row.size
        for k in range(row.size):
            out[0, at + k] = min(max(np.rint(row[k] * scale + zero), INT8[0]), INT8[1]) if scale else row[k]
        turn += 1


@kernel
def _turn(rings: Taps, dilations: I64, width: int, step: int, present: Taps, table: Taps, past: Taps) -> None:
    """Store what went into each layer at the step before, and fetch what the network looks back on at this ``step``.

    ``present`` (n_layers * width,) takes the place of the oldest in ``rings``; where there is a ``table``, that tells
    its int8 numbers in those of ``past``. ``past`` (1, 2 * n_layers * width) takes, for each layer, what went in two
    dilations ago, and one dilation ago.
    """
    start, at = 0, 0
    for layer, dilation in enumerate(dilations):
        slot = start + (step - 1) % (2 * dilation) * width
        for k in range(width if step else 0):
            number = present[layer * width + k]
            rings[slot + k] = table[int(number) - INT8[0]] if table.size else number
        for age in (2 * dilation, dilation):
            slot = start + (step - age) % (2 * dilation) * width
            for k in range(width):
                past[0, at + k] = rings[slot + k]
            at += width
        start += 2 * dilation * width


@kernel
def _prepare(
    log_mel: F32, turn: int, peak: F64, earlier: F32, row: F32, scale: np.float32, zero: np.float32, inputs: Taps,
    complete: bool, rings: Taps, dilations: I64, width: int, step: int, present: Taps, table: Taps, past: Taps,
) -> None:  # fmt: skip
    """All that goes into the network at this ``step``, where these spectra make its pair ``complete``, in one call."""
    _fill_inputs(log_mel, turn, peak, earlier, row, scale, zero, inputs)
    if complete:
        _turn(rings, dilations, width, step, present, table, past)


@exact_kernel
def _probabilities(answers: F64, step: float, zero: float) -> None:
    """Numbers that stand for logits to probabilities, in place."""
    for i in range(answers.shape[0]):
        for k in range(answers.shape[1]):
            answers[i, k] = 1.0 / (1.0 + math.exp(-((answers[i, k] - zero) * step)))


class BeatNetwork:
    """Log mel spectra in, activations out, ``look_ahead`` hops late."""

    def __init__(self, model: BeatModel) -> None:
        shape = model.manifest.network
        self.look_ahead = model.manifest.look_ahead  # hops
        self._model = model
        self._pair, self._width = shape.pair, shape.width
        self._dilations = np.array(shape.dilations, dtype=np.int64)
        self._peak = np.empty(1)
        self._earlier = np.empty((RISE_HOPS, N_MELS), dtype=np.float32)
        self._row = np.empty(2 * N_MELS, dtype=np.float32)
        self._inputs = np.zeros((1, model.hops.size), dtype=model.hops.dtype)
        self._scale = np.float32(1.0 / model.hops.step if model.hops.quantised else 0.0), np.float32(model.hops.zero)
        self._rings = np.empty(2 * int(self._dilations.sum()) * self._width, dtype=model.past.dtype)
        self._past = np.empty((1, model.past.size), dtype=model.past.dtype)
        self._answers = np.empty((self._pair, 2))
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, after silence."""
        self._hops = 0
        self._peak[:] = QUIET
        self._earlier[:] = 0.0
        self._rings[:] = self._model.past.zero
        self._present: Taps = np.zeros(self._model.present.size, dtype=self._model.present.dtype)
        self._answers[:] = self._model.logits.zero  # a probability of one half

    def push(self, log_mel: F32) -> F64:
        """Take spectra (n, n_mels) in dB; the probabilities (n, 2), 0..1, of a beat and of a downbeat at the hops
        ``look_ahead`` hops ago, NaN before the stream began."""
        log_mel = np.ascontiguousarray(log_mel)
        out = np.empty((len(log_mel), 2))
        done = 0
        while done < len(log_mel):
            turn = self._hops % self._pair
            until = min(done + self._pair - turn, len(log_mel))
            self._hops += until - done
            complete = turn + until - done == self._pair
            _prepare(
                log_mel[done:until], turn, self._peak, self._earlier, self._row, *self._scale, self._inputs,
                complete, self._rings, self._dilations, self._width, self._hops // self._pair - 1, self._present,
                self._model.requantised, self._past,
            )  # fmt: skip
            last = until - complete  # the hop that completes a pair is given the first of its answers
            out[done:last] = self._answers[turn + 1 : turn + 1 + last - done]
            if complete:
                logits, self._present = self._model.ask(self._inputs, self._past)
                self._answers[:] = logits.reshape(self._pair, 2)
                out[last] = self._answers[0]
            done = until
        _probabilities(out, self._model.logits.step or 1.0, float(self._model.logits.zero))
        out[: max(0, self.look_ahead - self._hops + len(log_mel))] = np.nan
        return out
