"""The level of the input: its meter, and a slow gain that makes the analysis the same for a loud and a quiet desk.

What is played after a breakdown must still be louder than it: the gain moves only where the level of the last ten
seconds or so leaves a wide range, and a few hundredths of a dB from hop to hop. aubio's onsets need it most: at 30 dB
less they are one in four others, while the spectra that moods and beats are taken from hardly know their level.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streammood.config import InputSettings
from streammood.dsp.audible import audible_power, fresh_state
from streammood.dsp.jit import kernel
from streammood.events import ANALYSIS_RATE, F32

RELIEF = 10.0  # dB, at most, by which the silence gate follows a desk that is quiet; noise must not pass for music
_RANGE = 6.0  # dB to both sides of the target in which a level is left alone
_LEAST, _MOST = -20.0, 40.0  # dB
_SLEW = 20.0  # dB/s; met only in the first moments, and when somebody moves the fader
_FULL = np.float32(0.999)  # of full scale; a sample this large has been clipped, or will be
_CLIPPED = 3  # samples of one tick at full scale: a single one is no clipping
_LIMIT = np.float32(8.0)  # what the analysis takes at most, as in ``sanitize``
_FLOOR_DB = -120.0
F64 = npt.NDArray[np.float64]
# Places in the state: audible mean square, ticks in it, dB, last linear gain, first sample.
_MEAN, _COUNT, _AUTO, _LAST, _OFFSET = 0, 1, 2, 3, 4
_PEAK, _CLIPS = 0, 1  # places in the meter


@kernel
def _amplify(samples: F32, fixed: float, gate: float, target: float, memory: float, slew: float, state: F64,
             meter: F64, band: F64) -> float:  # fmt: skip
    """Meter ``samples`` (n,), learn from them, and amplify them in place; ``slew`` in dB, 0 without automatic gain.

    Returns the mean square of what can be heard of them, amplified; ``band`` is the memory of that filter.
    """
    peak, clips = np.float32(0.0), 0
    for i in range(samples.size):
        x = abs(samples[i])
        peak = max(peak, x)
        if x >= _FULL:
            clips += 1
    meter[_PEAK] = max(meter[_PEAK], peak)
    meter[_CLIPS] = max(meter[_CLIPS], clips)
    if math.isnan(state[_OFFSET]):
        state[_OFFSET] = samples[0]  # a DC offset that is there from the start is no click
    square = audible_power(samples, state[_OFFSET], band)
    relief = min(max(state[_AUTO], 0.0), RELIEF)
    if slew > 0.0 and 10.0 * math.log10(max(square, 1e-12)) + fixed + relief > gate:
        state[_COUNT] = min(state[_COUNT] + 1.0, memory)
        state[_MEAN] += (square - state[_MEAN]) / state[_COUNT]
        off = target - 10.0 * math.log10(max(state[_MEAN], 1e-12))
        wanted = off - min(max(off, -_RANGE), _RANGE)
        wanted = min(max(wanted, _LEAST), _MOST)
        state[_AUTO] += min(max(wanted - state[_AUTO], -slew), slew)
    last, gain = state[_LAST], 10.0 ** ((state[_AUTO] + fixed) / 20.0)
    state[_LAST] = gain
    for i in range(samples.size):
        step = last + (gain - last) * (i + 1) / samples.size
        samples[i] = min(max(samples[i] * np.float32(step), -_LIMIT), _LIMIT)
    audible: float = square * gain * gain
    return audible


class Gain:
    """Meters and amplifies a stream, tick by tick; the fixed part may be changed while it runs."""

    def __init__(self, settings: InputSettings, gate: float, tick: int = 256) -> None:
        """``gate`` in dB re full scale: what is quieter teaches nothing; ``tick`` in samples."""
        self.fixed = settings.gain  # dB
        self._gate = gate
        self._target = settings.agc_target
        self._memory = max(1.0, settings.agc_time * ANALYSIS_RATE / tick)
        self._slew = _SLEW * tick / ANALYSIS_RATE if settings.agc else 0.0
        self._state = np.zeros(5)
        self._band = fresh_state()
        self._meter = np.zeros(2)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard; the fixed gain is a setting and stays."""
        self._state[:] = (0.0, 0.0, 0.0, 10.0 ** (self.fixed / 20.0), math.nan)
        self._meter[:] = 0.0
        self._band[:] = 0.0

    def restart(self) -> None:
        """Forget the last samples, after a gap; the gain stays."""
        self._state[_OFFSET] = math.nan
        self._band[:] = 0.0

    @property
    def automatic(self) -> float:
        """The part that follows the input, in dB."""
        return float(self._state[_AUTO])

    def push(self, samples: F32) -> float:
        """Amplify ``samples`` (tick,) in place; returns the mean square of what can be heard of them then."""
        learning = self._gate, self._target, self._memory, self._slew
        return _amplify(samples, self.fixed, *learning, self._state, self._meter, self._band)

    def read_meter(self) -> tuple[float, bool]:
        """Peak of the input in dB re full scale, and whether it was clipped, since the last call."""
        peak, clips = self._meter.tolist()
        self._meter[:] = 0.0
        return max(_FLOOR_DB, 20.0 * math.log10(max(peak, 1e-6))), clips >= _CLIPPED
