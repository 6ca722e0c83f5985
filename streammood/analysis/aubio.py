"""aubio's delays, its confidence, and how it is called. No other file imports it.

aubio holds the interpreter's lock while it works (about 20 µs a hop), wants float32 of exactly a hop, and counts
samples in 32 bits: times are therefore formed from the caller's samples and aubio's offset within the hop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import aubio

from streammood.config import OnsetSettings
from streammood.events import ANALYSIS_RATE, F32

# aubio's confidence is hardly informative: 0.53..0.68 of its beats are right, at a confidence of 0 as of 2.
# It is therefore only brought into range, around its median; the clock's own confidence is the one to show.
_CONFIDENCE_MIDDLE = 0.3
_CONFIDENCE_WIDTH = 0.3


@dataclass(frozen=True, slots=True)
class Detection:
    """A beat that a tracker has found."""

    sample: int
    strength: float  # 0..5; 1 says as much as a rise of the spectrum of the usual size, 5 as the largest


class AubioTracker:
    """aubio's tempo (M. Davies and M. Plumbley, 2007)."""

    def __init__(self, hop: int, silence: float) -> None:
        self._hop = hop
        self._silence = silence
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._tempo = aubio.tempo("default", 2 * self._hop, self._hop, ANALYSIS_RATE)
        self._tempo.set_silence(self._silence)

    def push(self, hop: F32, sample: int) -> list[Detection]:
        """The beat in ``hop`` (hop,), which ends at ``sample``, if aubio expects one there."""
        offset = float(self._tempo(hop)[0])
        if offset <= 0.0:
            return []
        place = sample - self._hop + round(offset * self._hop)
        return [Detection(place, confidence(self._tempo.get_confidence()))]


def confidence(raw: float) -> float:
    """aubio's unbounded confidence in 0..1, by a logistic curve."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, (raw - _CONFIDENCE_MIDDLE) / _CONFIDENCE_WIDTH))))


class AubioOnsets:
    """aubio's onset detector, whose delay is left in."""

    def __init__(self, settings: OnsetSettings, hop: int, silence: float) -> None:
        self._settings = settings
        self._hop = hop
        self._silence = silence
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._onset = aubio.onset(self._settings.method, 2 * self._hop, self._hop, ANALYSIS_RATE)
        self._onset.set_threshold(self._settings.threshold)
        self._onset.set_silence(self._silence)
        self._onset.set_minioi_s(self._settings.interval)
        self._onset.set_delay(0)

    def push(self, hops: F32) -> list[tuple[int, float, float]]:
        """Onsets found in ``hops`` (n, hop): number of the hop, hops after its beginning, and size (in the method's
        own unit)."""
        found = []
        for i, hop in enumerate(hops):
            offset = float(self._onset(hop)[0])
            if offset > 0.0:
                found.append((i, offset, float(self._onset.get_descriptor())))
        return found
