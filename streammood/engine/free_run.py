"""Beats while no input is there: the clock that was last known counts on, for those who asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from streammood.events import ANALYSIS_RATE, Beat, Tempo


class FreeRun:
    """Counts on from a state of the beat clock, in the same bars; beats that are over already are not made up for."""

    def __init__(self, tempo: Tempo, count: int, sample: float, lookahead: float) -> None:
        """``count`` of the latest beat that was handed out; ``sample`` is the present; ``lookahead`` in s."""
        self._lookahead = lookahead * ANALYSIS_RATE
        due = max(tempo.next_beat(max(sample, tempo.sample)), count + 1)  # what was handed out early is not repeated
        self._tempo = replace(tempo, count=tempo.count + count + 1 - due)  # so that the next beat is ``count + 1``
        self.count = count  # of the latest beat

    def beats(self, sample: float) -> Iterator[Beat]:
        """Every beat that is due by ``sample``, or soon after it, and was not given yet."""
        tempo = self._tempo
        while (place := tempo.time_of(self.count + 1)) <= sample + self._lookahead:
            self.count += 1
            number = tempo.number_of(self.count)
            sure = tempo.bpm, tempo.confidence, tempo.locked
            yield Beat(round(place), round(sample), *sure, number, self.count, tempo.bar_confidence)

    def tempo(self, sample: float) -> Tempo:
        """The clock at ``sample``."""
        return replace(self._tempo, sample=round(sample), decided=round(sample))
