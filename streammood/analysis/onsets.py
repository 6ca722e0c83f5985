"""Ticks in, onsets out: when a note or stroke began, and how strong it is beside the others."""

from __future__ import annotations

from streammood.analysis.aubio import AubioOnsets
from streammood.analysis.hops import TICK, Ticks
from streammood.analysis.spectral_flux import FluxOnsets
from streammood.config import LevelSettings, OnsetSettings
from streammood.events import ANALYSIS_RATE, Onset

_MEMORY = 5.0  # seconds in which the strongest onset counts for half

# Samples from a stroke to aubio's unshifted time of its onset, for a buffer of 512: medians over bursts of noise, drums
# and tones at known places, with and without a chord behind them; 90 % lie within 4 ms. The tempo needs no such shift:
# its beats are extrapolated, and lay -2.3..1.3 ms (medians) from the same strokes at 80..174 BPM.
_DELAY = {
    "default": 905,
    "energy": 980,
    "hfc": 905,
    "complex": 990,
    "phase": 800,
    "specdiff": 925,
    "kl": 900,
    "mkl": 905,
    "specflux": 755,
}


class OnsetStream:
    """Finds onsets, by the spectral flux or with another method of aubio's; one at most in a tick."""

    def __init__(self, settings: OnsetSettings, level: LevelSettings) -> None:
        self._onsets = (
            FluxOnsets(settings.threshold, level.silence, settings.interval)
            if settings.method == "specflux"
            else AubioOnsets(settings, TICK, level.silence)
        )
        self._delay = _DELAY[settings.method]
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
        for i, offset, size in self._onsets.push(ticks.sound):
            if ticks.level[i] > self._silence:
                end = ticks.sample + i * TICK
                place = end - TICK + round(offset * TICK) - self._delay
                onset = self._weighed(place, size, end + ticks.delay)
                if onset is not None:
                    found.append(onset)
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
