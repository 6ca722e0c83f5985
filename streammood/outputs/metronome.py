"""From successive states of the beat clock to ticks: each exactly once and in order, however the clock is corrected.

Beats that must be sent before they are decided, the beats between beats, MIDI clock and Ableton Link all need
the same thing: the beat clock asked about the future. It is answered here alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from streammood.events import ANALYSIS_RATE, Tempo

_STALE = 1.0 * ANALYSIS_RATE  # samples beyond the latest state that are still predicted
_LATE = 0.25  # beats: one that is due no longer than this is still to be ticked when the clock begins


class Metronome:
    """Ticks ``per_beat`` times a beat. Ticks are numbered: tick ``n * per_beat`` is the beat whose count is n.

    The next tick is always the one after the latest, so a clock that is moved on gives ticks in quick
    succession, and one that is moved back lets them wait. While the clock stands there is no tick, nor when
    no state of it has come for a second; when it goes on, so do the ticks, from the next whole beat.
    """

    def __init__(self, per_beat: int = 1) -> None:
        self.per_beat = per_beat
        self.tempo: Tempo | None = None  # None while the clock stands
        self.tick = per_beat  # the next one

    def follow(self, tempo: Tempo) -> None:
        """Take a new state of the beat clock."""
        if tempo.period <= 0.0:
            self.tempo = None
            return
        began = self.tempo is None
        self.tempo = tempo
        if began:
            beat = math.ceil(tempo.position(tempo.sample) - _LATE)
            self.tick = self.per_beat * max(beat, math.ceil(self.tick / self.per_beat))

    @property
    def due(self) -> float:
        """Sample of the next tick; infinite while the clock stands."""
        return math.inf if self.tempo is None else self.tempo.time_of(self.tick / self.per_beat)

    def ticks(self, sample: float) -> Iterator[int]:
        """Every tick that is due by ``sample``; none comes twice."""
        self.expire(sample)
        while self.due <= sample:
            self.tick += 1
            yield self.tick - 1

    def expire(self, sample: float) -> None:
        """Let the clock stand if at ``sample`` its latest state is too old to predict from."""
        if self.tempo is not None and sample - self.tempo.sample > _STALE:
            self.tempo = None

    def passed(self, tick: int) -> None:
        """``tick`` was sent by somebody else."""
        self.tick = max(self.tick, tick + 1)

    def number(self, beat: int) -> int:
        """Position in the bar of the beat whose count is ``beat``, 1 = downbeat; 0 where it is not known."""
        return 0 if self.tempo is None else self.tempo.number_of(beat)
