"""Levels for lights, and the gate that tells sound from silence."""

from __future__ import annotations

import math

from streammood.analysis.gain import RELIEF, Gain
from streammood.config import InputSettings, LevelSettings
from streammood.dsp.layout import LAYOUT
from streammood.events import ANALYSIS_RATE, Features, Level

_RANGE_DB = 60.0
_DARK_HZ, _BRIGHT_HZ = 100.0, 8000.0
_FLOOR_DB = -120.0
_CLIPPING = 1.0  # s for which clipping is told, so that eyes see it


def _decibels(rms: float) -> float:
    return max(_FLOOR_DB, 20.0 * math.log10(max(rms, 1e-6)))


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


class Gate:
    """Tells sound from silence by what can be heard of the input, and stays open for a while after the last sound."""

    def __init__(self, settings: LevelSettings, gain: Gain | None = None) -> None:
        """``gain``: what lies between the input and the features; nothing by default."""
        self._open = settings.silence
        self._close = settings.silence - settings.hysteresis
        self.gain = gain or Gain(InputSettings(agc=False), settings.silence)
        self._hold = round(settings.hold * ANALYSIS_RATE)
        self.reset()

    def reset(self) -> None:
        """Forget that there was sound."""
        self.signal = False  # whether the gate is open
        self.sounds = False  # whether there was sound in the latest hop
        self.amplified = self.dbfs = _FLOOR_DB  # level of the latest hop, after the gain and of the input itself
        self._last_sound: int | None = None

    def push(self, features: Features) -> bool:
        """Whether the gate is open after this hop."""
        self.amplified = _decibels(float(features.values[LAYOUT.rms]))
        self.dbfs = max(_FLOOR_DB, self.amplified - self.gain.automatic - self.gain.fixed)
        self.sounds = self._relieved(self.amplified) > (self._close if self.signal else self._open)
        if self.sounds:
            self._last_sound = features.sample
        self.signal = self._last_sound is not None and features.sample - self._last_sound < self._hold
        return self.signal

    def is_audible(self, rms: float) -> bool:
        """Whether sound of this RMS value after the gain would keep an open gate open."""
        return self._relieved(_decibels(rms)) > self._close

    def _relieved(self, amplified: float) -> float:
        """The level that the gate goes by, in dB, of a level after the gain."""
        automatic = self.gain.automatic
        return amplified - automatic + min(max(automatic, 0.0), RELIEF)


class LevelStream:
    """Turns features into levels in 0..1.

    Levels are those after the gain, so that lights see as much of a quiet desk as of a loud one; ``dbfs`` and the gate
    look at what can be heard of the input, ``peak`` and ``clipping`` at the input itself. In silence all levels are 0.
    """

    def __init__(self, settings: LevelSettings, gain: Gain | None = None) -> None:
        """``gain``: what lies between the input and the features; nothing by default."""
        self._gate = Gate(settings, gain)
        self._gain = self._gate.gain
        self.reset()

    def reset(self) -> None:
        """Forget that there was sound."""
        self._gate.reset()
        self._last_clip: int | None = None

    def is_audible(self, rms: float) -> bool:
        """Whether sound of this RMS value after the gain is more than silence."""
        return self._gate.is_audible(rms)

    def push(self, features: Features, decided: int) -> Level:
        """The level of one hop."""
        values, gate = features.values, self._gate
        gate.push(features)
        peak, clipped = self._gain.read_meter()
        if clipped:
            self._last_clip = features.sample
        clipping = self._last_clip is not None and features.sample - self._last_clip < _CLIPPING * ANALYSIS_RATE
        low, mid, high = (_unit(1.0 + db / _RANGE_DB) if gate.sounds else 0.0 for db in values[LAYOUT.bands].tolist())
        centroid = max(float(values[LAYOUT.centroid]), _DARK_HZ)
        brightness = math.log(centroid / _DARK_HZ) / math.log(_BRIGHT_HZ / _DARK_HZ) if gate.sounds else 0.0
        return Level(
            features.sample,
            decided,
            rms=_unit(1.0 + gate.amplified / _RANGE_DB) if gate.sounds else 0.0,
            low=low,
            mid=mid,
            high=high,
            brightness=_unit(brightness),
            dbfs=gate.dbfs,
            signal=gate.signal,
            peak=peak,
            clipping=clipping,
            gain=self._gain.automatic + self._gain.fixed,
        )
