"""Levels for lights, and the gate between sound and silence.

Levels are those after the gain, so that lights see as much of a quiet desk as of a loud one, or, as a setting, those
before the automatic part of it, so that they see a fader that is drawn down; ``dbfs`` and the gate look
at what can be heard of the input, ``peak`` and ``clipping`` at the input itself. In silence all levels are 0.
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.gain import FLOOR_DB, decibels, gated
from streammood.analysis.hops import Flags, Hops, Records, record_of
from streammood.config import LevelSettings
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP, LAYOUT
from streammood.events import ANALYSIS_RATE, F32, Level

_RANGE_DB = 60.0
_DARK_HZ, _BRIGHT_HZ = 100.0, 8000.0
_CLIPPED = 3  # samples of one tick at full scale: a single one is no clipping
_CLIPPING = 1.0  # s for which clipping is shown, so that eyes see it
_NEVER = -(2**62)  # samples
_RMS, _CENTROID, _BANDS = LAYOUT.rms, LAYOUT.centroid, LAYOUT.bands.start

LEVEL = record_of(Level)
_GATE = np.dtype(
    [
        ("open", "f8"),  # dB
        ("close", "f8"),  # dB
        ("hold", "i8"),  # samples
        ("before", "?"),  # levels are those before the automatic gain
        ("signal", "?"),  # whether the gate is open
        ("last_sound", "i8"),  # stream clock
        ("last_clip", "i8"),  # stream clock
    ],
    align=True,
)


@exact_kernel
def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


@exact_kernel
def _levels(sample: int, delay: int, values: F32, meters: Records, fixed: float, gate: Records, out: Records) -> None:
    """The level of every hop into ``out`` (n,); the first ends at ``sample``, ``fixed`` is a part of the gain in dB."""
    state = gate[0]
    for i in range(out.size):
        meter, level = meters[i], out[i]
        automatic, amplified = meter.gain, decibels(np.float64(values[i, _RMS]))
        sounds = gated(amplified, automatic) > (state.close if state.signal else state.open)
        if sounds:
            state.last_sound = sample
        state.signal = sample - state.last_sound < state.hold
        if meter.clips >= _CLIPPED:
            state.last_clip = sample
        undone = automatic if state.before else 0.0
        centroid = max(np.float64(values[i, _CENTROID]), _DARK_HZ)
        level.sample = sample
        level.decided = sample + delay
        level.rms = _unit(1.0 + (amplified - undone) / _RANGE_DB) if sounds else 0.0
        level.low = _unit(1.0 + (np.float64(values[i, _BANDS]) - undone) / _RANGE_DB) if sounds else 0.0
        level.mid = _unit(1.0 + (np.float64(values[i, _BANDS + 1]) - undone) / _RANGE_DB) if sounds else 0.0
        level.high = _unit(1.0 + (np.float64(values[i, _BANDS + 2]) - undone) / _RANGE_DB) if sounds else 0.0
        level.brightness = _unit(math.log(centroid / _DARK_HZ) / math.log(_BRIGHT_HZ / _DARK_HZ)) if sounds else 0.0
        level.dbfs = max(FLOOR_DB, amplified - automatic - fixed)
        level.signal = state.signal
        level.peak = decibels(meter.peak)
        level.clipping = sample - state.last_clip < _CLIPPING * ANALYSIS_RATE
        level.gain = automatic + fixed
        sample += HOP


class LevelStream:
    """Turns features into levels in 0..1, and opens and closes the silence gate."""

    def __init__(self, settings: LevelSettings) -> None:
        self._gate = np.zeros(1, dtype=_GATE)
        self._gate["open"] = settings.silence
        self._gate["close"] = settings.silence - settings.hysteresis
        self._gate["before"] = settings.gain == "before"
        self._gate["hold"] = round(settings.hold * ANALYSIS_RATE)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream: there was no sound."""
        self._gate["signal"] = False
        self._gate["last_sound"] = self._gate["last_clip"] = _NEVER

    def push(self, hops: Hops, fixed: float = 0.0) -> Records:
        """Levels (n,) of ``hops`` as records of ``LEVEL``; ``fixed`` is the part of the gain in dB that is set."""
        levels = np.empty(len(hops), dtype=LEVEL)
        _levels(hops.sample, hops.delay, hops.values, hops.meters, fixed, self._gate, levels)
        return levels


def sounding(levels: Records) -> Flags:
    """Whether there is sound in each hop (n,), of records of ``LEVEL``: without, nothing is loud or bright."""
    flags: Flags = (levels["rms"] > 0.0) | (levels["brightness"] > 0.0)
    return flags
