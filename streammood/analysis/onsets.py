"""Hops in, onsets out: when a note or stroke began, and how strong it is beside the others."""

from __future__ import annotations

from streammood.analysis.aubio import AubioOnsets
from streammood.config import LevelSettings, OnsetSettings
from streammood.events import ANALYSIS_RATE, F32, Onset

_MEMORY = 5.0  # seconds in which the strongest onset counts for half


class OnsetStream:
    """Finds onsets with aubio; one at most in a hop."""

    def __init__(self, settings: OnsetSettings, level: LevelSettings, hop: int = 256) -> None:
        self._onsets = AubioOnsets(settings, hop, level.silence)
        self._interval = settings.interval * ANALYSIS_RATE
        self.reset()

    def reset(self) -> None:
        """Forget everything that was heard."""
        self._onsets.reset()
        self._strongest = 0.0
        self._last: int | None = None

    def push(self, hop: F32, sample: int, decided: int, audible: bool = True) -> Onset | None:
        """The onset that ``hop`` (hop,), which ends at ``sample``, completes; none where nothing is ``audible``."""
        found = self._onsets.push(hop, sample)
        if found is None or not audible:
            return None
        began, size = found
        if self._last is not None:
            if began - self._last < self._interval:
                return None
            self._strongest *= 0.5 ** ((began - self._last) / (_MEMORY * ANALYSIS_RATE))
        self._last = began
        self._strongest = max(self._strongest, size)
        return Onset(began, decided, min(1.0, size / self._strongest) if self._strongest > 0.0 else 0.0)
