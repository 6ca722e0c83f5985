"""Levels for lights, and the gate that tells sound from silence."""

from __future__ import annotations

import math

from streammood.config import InputSettings, LevelSettings
from streammood.events import ANALYSIS_RATE, Features, Level
from streammood.stream.features import Layout
from streammood.stream.gain import RELIEF, Gain

_RANGE_DB = 60.0
_DARK_HZ, _BRIGHT_HZ = 100.0, 8000.0
_FLOOR_DB = -120.0
_CLIPPING = 1.0  # s for which clipping is told, so that eyes see it


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


class LevelStream:
    """Turns features into levels in 0..1, and holds the silence gate open for a while after the last sound.

    Levels are those after the gain, so that lights see as much of a quiet desk as of a loud one; the meter (``peak``,
    ``clipping``, ``dbfs``) and the gate look at the input itself.
    """

    def __init__(self, settings: LevelSettings, layout: Layout, gain: Gain | None = None) -> None:
        """``gain``: what lies between the input and the features; nothing by default."""
        self._open = settings.silence
        self._close = settings.silence - settings.hysteresis
        self._gain = gain or Gain(InputSettings(agc=False), settings.silence)
        self._hold = round(settings.hold * ANALYSIS_RATE)
        self._layout = layout
        self.reset()

    def reset(self) -> None:
        """Forget that there was sound."""
        self._last_sound: int | None = None
        self._last_clip: int | None = None
        self._signal = False

    def push(self, features: Features, decided: int) -> Level:
        """The level of one hop."""
        values, at = features.values, self._layout
        amplified = max(_FLOOR_DB, 20.0 * math.log10(max(float(values[at.rms]), 1e-6)))
        automatic, fixed = self._gain.automatic, self._gain.fixed
        dbfs = max(_FLOOR_DB, amplified - automatic - fixed)
        relief = min(max(automatic, 0.0), RELIEF)
        sounds = dbfs + fixed + relief > (self._close if self._signal else self._open)
        if sounds:
            self._last_sound = features.sample
        self._signal = self._last_sound is not None and features.sample - self._last_sound < self._hold
        peak, clipped = self._gain.read_meter()
        if clipped:
            self._last_clip = features.sample
        clipping = self._last_clip is not None and features.sample - self._last_clip < _CLIPPING * ANALYSIS_RATE
        low, mid, high = (_unit(1.0 + db / _RANGE_DB) for db in values[at.bands].tolist())
        centroid = max(float(values[at.centroid]), _DARK_HZ)
        brightness = math.log(centroid / _DARK_HZ) / math.log(_BRIGHT_HZ / _DARK_HZ) if sounds else 0.0
        return Level(
            features.sample,
            decided,
            rms=_unit(1.0 + amplified / _RANGE_DB),
            low=low,
            mid=mid,
            high=high,
            brightness=_unit(brightness),
            dbfs=dbfs,
            signal=self._signal,
            peak=peak,
            clipping=clipping,
            gain=automatic + fixed,
        )
