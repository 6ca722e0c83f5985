"""Beats while no input is there: the clock that was last known counts on, for those who asked for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from streammood.events import ANALYSIS_RATE, Beat, Tempo


class FreeRun:
    """Counts on from a state of the beat clock, in the same bars; beats that are over already are not made up for."""

    def __init__(self, tempo: Tempo, count: int, sample: float, lookahead: float) -> None:
        """``count`` of the latest beat that was handed out; ``sample`` is the present; ``lookahead`` in s."""
        self._lookahead = lookahead * ANALYSIS_RATE
        self._next = math.ceil((max(sample, tempo.sample) - tempo.anchor) / tempo.period)  # beats from the anchor
        if sample <= tempo.sample and tempo.count + self._next <= count:  # was handed out before its time
            self._next = count - tempo.count + 1
        self._tempo = replace(tempo, count=count + 1 - self._next)

    def beats(self, sample: float) -> Iterator[Beat]:
        """Every beat that is due by ``sample``, or soon after it, and was not given yet."""
        tempo = self._tempo
        while (place := tempo.anchor + self._next * tempo.period) <= sample + self._lookahead:
            number = (tempo.number - 1 + self._next) % tempo.meter + 1 if tempo.number and tempo.meter else 0
            yield Beat(
                round(place),
                round(sample),
                tempo.bpm,
                tempo.confidence,
                tempo.locked,
                number,
                tempo.count + self._next,
                tempo.bar_confidence,
            )
            self._next += 1

    def tempo(self, sample: float) -> Tempo:
        """The clock at ``sample``."""
        return replace(self._tempo, sample=round(sample), decided=round(sample))

    @property
    def count(self) -> int:
        """Of the latest beat."""
        return self._tempo.count + self._next - 1
