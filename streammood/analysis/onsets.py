"""Ticks in, onsets out: when a note or stroke began, and how strong it is beside the others."""

from __future__ import annotations

from streammood.analysis.aubio import AubioOnsets
from streammood.analysis.hops import TICK, Ticks
from streammood.config import LevelSettings, OnsetSettings
from streammood.events import ANALYSIS_RATE, Onset

_MEMORY = 5.0  # seconds in which the strongest onset counts for half


class OnsetStream:
    """Finds onsets with aubio; one at most in a tick."""

    def __init__(self, settings: OnsetSettings, level: LevelSettings) -> None:
        self._onsets = AubioOnsets(settings, TICK, level.silence)
        self._silence = level.silence - level.hysteresis  # dB
        self._interval = settings.interval * ANALYSIS_RATE
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._onsets.reset()
        self._strongest = 0.0
        self._last: int | None = None

    def push(self, ticks: Ticks) -> list[Onset]:
        """The onsets that ``ticks`` complete; none in silence."""
        found = []
        sample = ticks.sample
        for sound, audible in zip(ticks.sound, (ticks.level > self._silence).tolist(), strict=True):
            candidate = self._onsets.push(sound, sample)
            if candidate is not None and audible:
                onset = self._weighed(*candidate, sample + ticks.delay)
                if onset is not None:
                    found.append(onset)
            sample += TICK
        return found

    def _weighed(self, sample: int, size: float, decided: int) -> Onset | None:
        """The onset of that ``size`` at ``sample``, unless it follows the last one too closely."""
        if self._last is not None:
            if sample - self._last < self._interval:
                return None
            self._strongest *= 0.5 ** ((sample - self._last) / (_MEMORY * ANALYSIS_RATE))
        self._last = sample
        self._strongest = max(self._strongest, size)
        return Onset(sample, decided, min(1.0, size / self._strongest) if self._strongest > 0.0 else 0.0)
