"""Levels for lights, and the gate that tells sound from silence."""

from __future__ import annotations

import math

from streammood.config import LevelSettings
from streammood.events import ANALYSIS_RATE, Features, Level
from streammood.stream.features import Layout

_RANGE_DB = 60.0
_DARK_HZ, _BRIGHT_HZ = 100.0, 8000.0
_FLOOR_DB = -120.0


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


class LevelStream:
    """Turns features into levels in 0..1, and holds the silence gate open for a while after the last sound."""

    def __init__(self, settings: LevelSettings, layout: Layout) -> None:
        self._silence = settings.silence
        self._hold = round(settings.hold * ANALYSIS_RATE)
        self._layout = layout
        self.reset()

    def reset(self) -> None:
        """Forget that there was sound."""
        self._last_sound: int | None = None

    def push(self, features: Features, decided: int) -> Level:
        """The level of one hop."""
        values, at = features.values, self._layout
        dbfs = max(_FLOOR_DB, 20.0 * math.log10(max(float(values[at.rms]), 1e-6)))
        if dbfs > self._silence:
            self._last_sound = features.sample
        signal = self._last_sound is not None and features.sample - self._last_sound < self._hold
        low, mid, high = (_unit(1.0 + db / _RANGE_DB) for db in values[at.bands].tolist())
        centroid = max(float(values[at.centroid]), _DARK_HZ)
        brightness = math.log(centroid / _DARK_HZ) / math.log(_BRIGHT_HZ / _DARK_HZ) if dbfs > self._silence else 0.0
        return Level(
            features.sample,
            decided,
            rms=_unit(1.0 + dbfs / _RANGE_DB),
            low=low,
            mid=mid,
            high=high,
            brightness=_unit(brightness),
            dbfs=dbfs,
            signal=signal,
        )
