"""Is it music? A decision with hysteresis on the music model's probability of the last two seconds."""

from __future__ import annotations

from streammood.events import ANALYSIS_RATE

QUIET = round(1.4 * ANALYSIS_RATE)  # samples without sound after which there is no music; rests are shorter
SHORT = 11  # newest slots of the window that the music model is asked about, 2.0 s
_OPEN, _CLOSE = 0.6, 0.4  # probabilities above and below which the decision changes
_NEW = 0.7  # share of the newest answer in the probability that decides


class MusicGate:
    """Follows the probability that the sound is music."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, or go on after silence: there is no music."""
        self.music = False
        self.probability = 0.0  # that the sound is music
        self._first = True

    def push(self, probability: float) -> None:
        """Take the answer of the music model (0..1) to the newest slots."""
        new = 1.0 if self._first else _NEW
        self._first = False
        self.probability += new * (probability - self.probability)
        self.music = self.probability > (_CLOSE if self.music else _OPEN)
