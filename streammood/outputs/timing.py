"""A target's own time: earlier or later than the sound, and half, all or twice the beats."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from streammood.events import ANALYSIS_RATE, Beat, Event, Tempo
from streammood.outputs import SampleNow
from streammood.outputs.metronome import Metronome


class Timing:
    """Events in as they fire, events out as one target wants them.

    A positive ``offset`` (s) holds every event back. A negative one sends beats before they are decided, from the
    clock that predicts them; what cannot be predicted is sent at once. A beat that was sent early is not sent again,
    and one that the prediction missed is sent when it fires, so early and punctual targets count the same beats.
    ``offset`` may be changed at any time by any thread.
    """

    def __init__(self, sample_now: SampleNow, offset: float = 0.0, ratio: float = 1.0, unlocked: bool = False) -> None:
        """``ratio``: beats sent for each beat that comes: 0.5, 1 or 2. ``unlocked``: those without a lock, too."""
        self.offset = offset
        self._ratio = ratio
        self._unlocked = unlocked
        self._sample_now = sample_now
        self._metronome = Metronome(2 if ratio > 1.0 else 1)
        self._waiting: deque[tuple[float, Event]] = deque()  # with the host time at which each fired
        self._count = 0  # of the latest beat that came
        self._early = 0  # of the latest beat that was sent from prediction
        self._taken = 0  # at half the beats: how many were sent, …
        self._latest = -2  # … and the count of the latest that was

    def push(self, event: Event, now: float) -> Iterator[Event]:
        """The values to send at once because ``event`` fired at host time ``now``, in s."""
        if self.offset > 0.0 or self._waiting:
            self._waiting.append((now, event))
        else:
            yield from self._timed(event)

    def due(self, now: float) -> Iterator[Event]:
        """The values that are due by host time ``now``, in s."""
        while self._waiting and self._waiting[0][0] + self.offset <= now:
            yield from self._timed(self._waiting.popleft()[1])
        metronome = self._metronome
        sample = self._sample_now(now - self.offset)
        metronome.expire(sample)
        while self._predicts and metronome.due <= sample:
            tick = metronome.tick
            metronome.passed(tick)
            beat = self._predicted(tick, metronome.number(tick // metronome.per_beat))
            if tick % metronome.per_beat == 0 and self._sends(beat):
                self._early = tick // metronome.per_beat
            yield from self._at_ratio(tick, beat)

    def next_at(self, now: float) -> float:
        """Host time in s at which ``due`` will next have something; infinite if nothing is foreseen."""
        waiting = self._waiting[0][0] + self.offset if self._waiting else float("inf")
        if not self._predicts:
            return waiting
        wait = (self._metronome.due - self._sample_now(now - self.offset)) / ANALYSIS_RATE
        return min(waiting, now + max(0.0, wait))

    @property
    def _predicts(self) -> bool:
        """Whether the next tick comes from prediction: every early one, and those between beats."""
        return self.offset < 0.0 or self._metronome.tick % self._metronome.per_beat != 0

    def _timed(self, event: Event) -> Iterator[Event]:
        if isinstance(event, Tempo):
            self._metronome.follow(event)
            yield self._tempo(event)
        elif isinstance(event, Beat):
            yield from self._punctual(event)
        else:
            yield event

    def _punctual(self, beat: Beat) -> Iterator[Beat]:
        """The beat itself if it was not sent early, after what should have come since the one before."""
        metronome = self._metronome
        per_beat = metronome.per_beat
        tick = beat.count * per_beat
        if beat.count < self._count:  # the count has begun anew
            self._early, metronome.tick = 0, tick
        self._count = beat.count
        if beat.count <= self._early:
            return
        if metronome.tempo is not None:
            for missed in range(max(metronome.tick, tick - per_beat + 1), tick):
                yield from self._at_ratio(missed, self._predicted(missed, metronome.number(missed // per_beat)))
        metronome.passed(tick)
        yield from self._at_ratio(tick, beat)

    def _predicted(self, tick: int, number: int) -> Beat:
        tempo = self._metronome.tempo
        assert tempo is not None
        per_beat = self._metronome.per_beat
        sample = round(tempo.time_of(tick / per_beat))
        state = tempo.bpm, tempo.confidence, tempo.locked, number, tick // per_beat, tempo.bar_confidence
        return Beat(sample, tempo.decided, *state)

    def _sends(self, beat: Beat) -> bool:
        return beat.locked or self._unlocked

    def _at_ratio(self, tick: int, beat: Beat) -> Iterator[Beat]:
        """The beat as this target counts; at half the beats, every other one is none."""
        if not self._sends(beat):
            return
        if self._ratio == 1.0:
            yield beat
            return
        meter = 0 if self._metronome.tempo is None else self._metronome.tempo.meter
        in_bar = meter > 0 and beat.number > 0
        if self._ratio > 1.0:
            number = (2 * (beat.number - 1) + tick % 2) % meter + 1 if in_bar else 0
            yield replace(beat, bpm=2.0 * beat.bpm, number=number, count=tick - 1)
            return
        # Two bars make one: with bars, the first beat of a bar is always among those that are sent.
        bar = (beat.count - beat.number + 1) // meter if in_bar else 0
        place = beat.number - 1 + meter * (bar % 2) if in_bar else beat.count - 1
        if place % 2 == 0 and beat.count - self._latest >= 2:
            self._latest = beat.count
            self._taken += 1
            yield replace(beat, bpm=0.5 * beat.bpm, number=place // 2 + 1 if in_bar else 0, count=self._taken)

    def _tempo(self, tempo: Tempo) -> Tempo:
        """The beat clock as this target is to see it: shifted by the offset, at its own tempo."""
        if self.offset == 0.0 and self._ratio == 1.0:
            return tempo
        if self._ratio < 1.0 and self._latest > 0 and tempo.period > 0.0:
            tempo = tempo.at_beat(self._latest)
        anchor = tempo.anchor + self.offset * ANALYSIS_RATE
        return replace(tempo, bpm=self._ratio * tempo.bpm, anchor=anchor, period=tempo.period / self._ratio)
