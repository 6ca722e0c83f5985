"""Where in the bar a beat lies: a small forward filter over bars of three and of four, stepped once a beat."""

from __future__ import annotations

import math

_METERS = (4, 3)
_PRIOR = (0.8, 0.2)  # of the two meters
_SLIP = 0.004  # share of the belief that starts anew at every beat: bars are cut, and beats are missed
_SHOWN = 0.3  # belief from which a number is told
_WEIGHT = 1.2  # of one downbeat activation: neighbouring bars of one song repeat each other
_DOWNBEAT = 0.6  # of the largest activation of the last bars: more speaks for a downbeat, less against it
_FOR, _AGAINST = 1.0, -1.5  # bounds of what one activation says
_FADE = 0.95  # a beat, of that largest activation
_QUIET = 0.05  # and its least value


class BarBelief:
    """Probability of each position in bars of three and of four, for the beats as they are counted."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Know nothing."""
        self._hearing: int | None = None  # count of the beat that is sounding
        self._peak = _QUIET  # the largest activation of the last bars
        self._heard = 0.0  # the largest activation of a downbeat near it
        self._count = 0  # of the beat that the belief is about
        self._belief = {
            (meter, number): prior / meter
            for meter, prior in zip(_METERS, _PRIOR, strict=True)
            for number in range(1, meter + 1)
        }
        self._held: tuple[int, int] | None = None  # meter, and number of beat 0, as told by hand
        self._find_likeliest()

    def _find_likeliest(self) -> None:
        """Find the likeliest position anew."""
        self._likeliest = max(self._belief, key=lambda state: self._belief[state])

    def push(self, count: int, downbeat: float) -> None:
        """A hop nearest to the beat ``count`` was heard as a downbeat with probability ``downbeat``."""
        if count != self._hearing:
            if self._hearing is not None and self._heard > 0.0:
                self._step(self._hearing, self._heard)
            self._hearing, self._heard = count, 0.0
        self._heard = max(self._heard, downbeat)

    def _step(self, count: int, downbeat: float) -> None:
        """The beat ``count`` was a downbeat with probability ``downbeat``."""
        self._advance(count)
        self._peak = max(downbeat, _FADE * self._peak, _QUIET)
        weight = _WEIGHT * min(_FOR, max(_AGAINST, math.log(max(downbeat, 1e-4) / (_DOWNBEAT * self._peak))))
        for meter in _METERS:
            self._belief[meter, 1] *= math.exp(weight)
        total = sum(self._belief.values())
        self._belief = {state: value / total for state, value in self._belief.items()}
        self._find_likeliest()

    def tell(self, count: int, number: int) -> None:
        """Take the beat ``count`` for ``number``, whatever is heard, until ``reset``."""
        meter = self.place(count)[1] or _METERS[0]
        self._held = meter, (number - 1 - count) % meter

    def lean(self, count: int, number: int, confidence: float) -> None:
        """Believe with this ``confidence`` that the beat ``count`` is ``number`` in a bar of four."""
        self.reset()
        self._count = count
        for state in self._belief:
            self._belief[state] *= 1.0 - confidence
        self._belief[_METERS[0], number] += confidence
        self._find_likeliest()

    def place(self, count: int) -> tuple[int, int, float]:
        """Number of the beat ``count`` in its bar, beats in the bar, and how sure both are; zeros if unknown."""
        if self._held is not None:
            meter, start = self._held
            return (start + count) % meter + 1, meter, 1.0
        meter, number = self._likeliest
        confidence = self._belief[meter, number]
        if confidence < _SHOWN:
            return 0, 0, 0.0
        return (number - 1 + count - self._count) % meter + 1, meter, confidence

    def _advance(self, count: int) -> None:
        """Carry the belief on to the beat ``count``."""
        steps, self._count = count - self._count, count
        keep = (1.0 - _SLIP) ** max(0, steps)
        fresh = dict(zip(_METERS, _PRIOR, strict=True))
        self._belief = {
            (meter, number): keep * self._belief[meter, (number - 1 - steps) % meter + 1]
            + (1.0 - keep) * fresh[meter] / meter
            for meter, number in self._belief
        }
