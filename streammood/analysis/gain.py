"""The level of the input: its meter, and a slow gain that makes the analysis the same for a loud and a quiet desk.

What is played after a breakdown must still be louder than it: the gain moves only where the level of the last ten
seconds or so leaves a wide range, and a few hundredths of a dB from hop to hop; faster only where a fader was moved.
aubio's onsets need it most: at 30 dB less they are one in four others, while the spectra that moods and beats are taken
from hardly know their level.
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis import fader
from streammood.analysis.hops import TICK, Records
from streammood.config import InputSettings
from streammood.dsp.audible import SECTIONS, audible_power
from streammood.dsp.jit import exact_kernel, kernel
from streammood.events import ANALYSIS_RATE, F32

RELIEF = 10.0  # dB, at most, by which the silence gate follows a desk that is quiet; noise must not pass for music
FLOOR_DB = -120.0
_RANGE = 6.0  # dB to both sides of the target in which a level is left alone
_LEAST, _MOST = -20.0, 40.0  # dB
_SLEW = 20.0  # dB/s; met only in the first moments, and when somebody moves the fader
_FULL = np.float32(0.999)  # of full scale; a sample this large has been clipped, or will be
_MOSTLY = 0.25  # least share of music's power that lies in the audible band
_LIMIT = np.float32(8.0)  # what the analysis takes at most, as in ``sanitize``

_STATE = np.dtype(
    [
        ("fixed", "f8"),  # dB
        ("gate", "f8"),  # dB; quieter sound does not move the gain
        ("target", "f8"),  # dB
        ("memory", "f8"),  # ticks of which the mean is taken
        ("slew", "f8"),  # dB a tick; 0 without automatic gain
        ("automatic", "f8"),  # dB
        ("base", "f8"),  # dB that make up for what a fader has changed; what the gain is where the level allows it
        ("mean", "f8"),  # mean square of the ticks so far
        ("count", "f8"),  # of those ticks, up to the memory
        ("last", "f8"),  # linear gain at the end of the last tick
        ("offset", "f8"),  # first sample after a gap; NaN before it
        ("peak", "f8"),  # largest sample since the meter was read
        ("clips", "f8"),  # most samples of a tick at full scale since then
        ("band", "f8", (SECTIONS.shape[0], 2)),  # state of the filter of the audible band
    ],
    align=True,
)


@kernel
def amplify(samples: F32, state: Records, hand: Records) -> float:
    """Meter ``samples`` (TICK,), learn from them, and amplify them in place; ``hand`` is the state of a ``fader``.

    Returns the mean square of their audible band, amplified.
    """
    g = state[0]
    total, peak, clips = 0.0, np.float32(0.0), 0
    for i in range(samples.size):
        x = abs(samples[i])
        total += x * x
        peak = max(peak, x)
        if x >= _FULL:
            clips += 1
    g.peak = max(g.peak, peak)
    g.clips = max(g.clips, clips)
    if math.isnan(g.offset):
        g.offset = samples[0]  # a constant DC offset must not click
    square = audible_power(samples, g.offset, g.band)
    relief = min(max(g.automatic, 0.0), RELIEF)
    if g.slew > 0.0 and 10.0 * math.log10(max(square, 1e-12)) + g.fixed + relief > g.gate:
        whole = total / samples.size
        level = square if square < _MOSTLY * whole else whole  # rumble that is louder than the music counts for nothing
        g.count = min(g.count + 1.0, g.memory)
        g.mean += (level - g.mean) / g.count
        moved = fader.push(hand, samples, level)
        if moved > 0.0:
            g.mean = hand[0].level
            g.base = min(max(g.base - 10.0 * math.log10(moved), _LEAST), _MOST)
        off = g.target - 10.0 * math.log10(max(g.mean, 1e-12))
        wanted = min(max(g.base, off - _RANGE), off + _RANGE)
        wanted = min(max(wanted, _LEAST), _MOST)
        g.automatic += min(max(wanted - g.automatic, -g.slew), g.slew)
    last, gain = g.last, 10.0 ** ((g.automatic + g.fixed) / 20.0)
    g.last = gain
    for i in range(samples.size):
        step = last + (gain - last) * (i + 1) / samples.size
        samples[i] = min(max(samples[i] * np.float32(step), -_LIMIT), _LIMIT)
    audible: float = square * gain * gain
    return audible


@exact_kernel
def decibels(rms: float) -> float:
    """An RMS value in dB, at least -120."""
    return max(FLOOR_DB, 20.0 * math.log10(max(rms, 1e-6)))


@exact_kernel
def gated(level: float, automatic: float) -> float:
    """The level in dB that the silence gate goes by, of a ``level`` after a gain of which ``automatic`` is a part."""
    return level - automatic + min(max(automatic, 0.0), RELIEF)


class Gain:
    """Meters and amplifies a stream, tick by tick; the fixed part may be changed while it runs."""

    def __init__(self, settings: InputSettings, gate: float) -> None:
        """``gate`` in dB re full scale: quieter sound does not move the gain."""
        self.state = np.zeros(1, dtype=_STATE)  # for the front end, which calls ``amplify``
        self.fader = np.zeros(1, dtype=fader.FADER)
        self._state = self.state.view(np.recarray)[0]
        self.fixed = settings.gain
        self._state.gate = gate
        self._state.target = settings.agc_target
        self._state.memory = max(1.0, settings.agc_time * ANALYSIS_RATE / TICK)
        self._state.slew = _SLEW * TICK / ANALYSIS_RATE if settings.agc else 0.0
        self.reset()

    def reset(self) -> None:
        """Begin a new stream; the fixed gain is a setting and stays."""
        state = self._state
        state.automatic = state.base = state.mean = state.count = state.peak = state.clips = 0.0
        state.last = 10.0 ** (self.fixed / 20.0)
        self.fader[:] = np.zeros(1, dtype=fader.FADER)
        self.restart()

    def restart(self) -> None:
        """Forget the last samples, after a gap; the gain stays."""
        self._state.offset = math.nan
        self._state.band[:] = 0.0

    @property
    def fixed(self) -> float:
        """The part that is set, in dB."""
        return self._fixed

    @fixed.setter
    def fixed(self, decibels: float) -> None:
        self._fixed = decibels
        self._state.fixed = decibels  # for the kernel; a record is slow to read

    @property
    def automatic(self) -> float:
        """The part that follows the input, in dB."""
        return float(self._state.automatic)

    def push(self, samples: F32) -> float:
        """Amplify ``samples`` (TICK,) in place; returns the mean square of their audible band."""
        return amplify(samples, self.state, self.fader)
