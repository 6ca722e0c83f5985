"""An engine's beat clock, reconstructed from the signals that it sends."""

from __future__ import annotations

import math
from dataclasses import replace

from streammood.events import ANALYSIS_RATE, Tempo

_SLOWEST = 10.0  # BPM; less is no tempo
_STALE = 1.5  # s after which a prediction that is not sent again is forgotten
_PREFERRED = 2.0  # s for which the time to the next beat, once sent, is believed rather than the phase
_SAME_BEAT = 0.06  # s; predictions that differ by less are of the same beat
_EARLIER, _LATER = 0.5, 0.1  # share that is followed: a packet may be late, but never early


class TempoFollower:
    """The clock as one ``Tempo``, whose samples count this host's monotonic time: it answers when the next beat is."""

    def __init__(self) -> None:
        self.tempo: Tempo | None = None  # None before the first beat
        self.bpm = 0.0
        self.meter = 0
        self._next_sent_at = -math.inf  # when the time to the next beat was sent last, in s
        self._beat = 0, 0, -math.inf  # number and count of the latest beat, and when it was, in s

    def next_in(self, seconds: float, now: float) -> None:
        """The next beat comes in so many seconds; all times in s."""
        self._next_sent_at = now
        self._expect(now + seconds, now)

    def phase(self, phase: float, now: float) -> None:
        """So much of the beat is over, 0..1; not believed where the time to the next one is sent, too."""
        if now - self._next_sent_at > _PREFERRED and self.bpm >= _SLOWEST:
            self._expect(now + (1.0 - phase) * 60.0 / self.bpm, now)

    def beat(self, number: int, count: int, now: float) -> None:
        """A beat is now, the one of this number in the bar (0: not known) and of this count."""
        tempo = self.tempo
        self._beat = number, count, now
        if tempo is not None:
            nearest = tempo.at_beat(round(tempo.position(now * ANALYSIS_RATE)))
            self.tempo = replace(nearest, number=number, count=count)

    def expire(self, now: float) -> bool:
        """Forget the clock if nothing came about it for long; returns whether it was forgotten."""
        stale = self.tempo is not None and now - self.tempo.sample / ANALYSIS_RATE > _STALE
        if stale:
            self.tempo = None
        return stale

    def _expect(self, due: float, now: float) -> None:
        if self.bpm < _SLOWEST:
            return
        sample, due = round(now * ANALYSIS_RATE), due * ANALYSIS_RATE
        period = 60.0 / self.bpm * ANALYSIS_RATE
        before = self.tempo
        if before is None:
            self.tempo = Tempo(sample, sample, self.bpm, 1.0, True, due, period, meter=self.meter)
            if now - self._beat[2] < _STALE:
                self.beat(*self._beat)
            return
        expected = replace(before, meter=self.meter).at_beat(round(before.position(due)))
        apart = due - expected.anchor
        if abs(apart) < _SAME_BEAT * ANALYSIS_RATE:
            apart *= _LATER if apart > 0 else _EARLIER
        anchor = expected.anchor + apart
        self.tempo = replace(expected, sample=sample, decided=sample, bpm=self.bpm, period=period, anchor=anchor)
