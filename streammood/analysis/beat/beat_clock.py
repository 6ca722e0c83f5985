"""A steady clock drawn from the belief in tempo and phase: it knows the next beat before it comes."""

from __future__ import annotations

import math
from dataclasses import replace

from streammood.analysis.beat.cues import Cue, Cues
from streammood.analysis.beat.tempo_filter import Belief
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE

_ADOPT = 0.1  # the belief's mass that starts the clock
_LOCK, _UNLOCK = 0.6, 0.5  # confidence
_OCTAVE_PATIENCE = 3.0  # times as long where the two differ by an octave; the lock is kept
_NEAR = 0.15  # beats by which clock and belief may differ
_HELD = 1e-7  # share of the belief that starts anew each hop after a hand has told: its phase shall stay
_SHARP = 0.05  # standard deviation of tempo (relative) and phase (beats) that a hand leaves open
_PULL, _SETTLE = 0.015, 10.0  # share of an error that is taken back each hop; hops until the first pull is halved
_LAG, _HURRY = 0.01, 3.0  # beats of mean error that double the pull; at most so much is added to it
_MEMORY = 2.0  # s over which cues on the beat are compared with all others
_DOUBT = 0.15  # s of no cues at all with which those means begin
_FAINT = 2.0**-8  # strengths below this are none
_SETTLED = 0.25  # s over which the belief's mass is averaged


class BeatClock:
    """Period and phase of the beat, steady enough to fire the next beat before it is heard.

    ``locked`` needs cues that have agreed with the clock for some time, and is lost when they stop agreeing. Without
    cues the clock runs on, with falling confidence.
    """

    def __init__(self, bpm_min: float, bpm_max: float, hop: int, cues: Cues) -> None:
        self._hop = hop
        self._sense, self._temper, self._delay = cues.sense, cues.temper, cues.delay
        self._rate = ANALYSIS_RATE / hop  # hops a second
        self._bounds = bpm_min, bpm_max
        self._told = 0.0  # BPM told by hand: tempi more than half an octave from it are not believed; 0 if none
        self._belief = Belief(bpm_min, bpm_max, hop, self._sense)
        self.reset()

    def reset(self) -> None:
        """Forget everything, the tempo too."""
        self.bpm = 0.0
        self.rest()

    def rest(self) -> None:
        """Stop counting and be ready for other music; the tempo is kept for show."""
        if self._told:
            self._told = 0.0
            self._believe_range()
        self.moved = False  # whether the last hop began new beats, out of step with those before
        self.period = 0.0  # samples; 0 while the clock stands
        self.anchor = 0.0  # sample of the latest beat
        self.confidence = 0.0
        self.locked = False
        self._mass = 0.0
        self._agreed = 0.0  # hops since the belief began to agree with the clock; below 0, since it ceased
        self._lag = 0.0  # mean error of the clock against the belief, in beats
        self._on_beat = self._anywhere = 0.0  # mean strength near the clock's beats, and everywhere
        self._judged = _DOUBT * self._rate  # hops that these are means of
        self._belief.reset()
        self._sample: int | None = None

    def phase(self, sample: float) -> float:
        """Beat phase in 0..1 at ``sample``."""
        return ((sample - self.anchor) / self.period) % 1.0 if self.period > 0.0 else 0.0

    def next_beat(self, after: float) -> float:
        """Sample of the first beat later than ``after``."""
        return self.anchor + (math.floor((after - self.anchor) / self.period) + 1) * self.period

    def place(self, anchor: float | None, period: float) -> None:
        """``period`` samples lie from beat to beat, and one beat at ``anchor``, if that is known, as told by hand.

        The level holds until the clock rests: only tempi within half an octave are believed from now on.

        Raises:
            ConfigError: the tempo lies outside the bounds.
        """
        bpm, (low, high) = 60.0 * ANALYSIS_RATE / period, self._bounds
        if not low <= bpm <= high:
            raise ConfigError(f"{bpm:.1f} BPM lies outside beat.bpm_min {low:g} and beat.bpm_max {high:g}")
        self.bpm = self._told = bpm
        self._believe_range()
        if self._sample is not None and anchor is not None:
            self._move(anchor, period)

    def bounds(self, bpm_min: float, bpm_max: float) -> None:
        """Keep the tempo within these; one that lies outside is doubled or halved if that helps, or found anew.

        Raises:
            ConfigError: they are not a range.
        """
        if not 0.0 < bpm_min <= bpm_max:
            raise ConfigError(f"beat.bpm_min must be at most beat.bpm_max ({bpm_max:g}), got {bpm_min:g}")
        self._bounds = bpm_min, bpm_max
        ratio = next((r for r in (1.0, 2.0, 0.5, 4.0, 0.25) if bpm_min <= r * self.bpm <= bpm_max), 0.0)
        self._told = self._told and ratio * self.bpm
        self._believe_range()
        if not ratio:
            self.reset()
        elif self.period > 0.0:
            self.bpm *= ratio
            self._move(self.anchor, self.period / ratio)

    def _believe_range(self) -> None:
        """Begin a new belief over the tempi that are allowed now."""
        low, high = self._bounds
        sense = self._sense
        if self._told:
            sense = replace(sense, forget=min(sense.forget, _HELD))
            low, high = max(low, self._told / math.sqrt(2.0)), min(high, self._told * math.sqrt(2.0))
        self._belief = Belief(low, high, self._hop, sense)

    def _move(self, anchor: float, period: float) -> None:
        """Set the clock and the belief to these beats, and trust them."""
        assert self._sample is not None
        self.anchor, self.period = anchor, period
        hops = period / self._hop
        self._belief.lean(hops, ((self._sample - self._delay - anchor) / period) % 1.0, _SHARP)
        self._agreed, self._mass = self._rate * self._temper.settle, 1.0
        self.confidence, self.locked = max(self.confidence, _LOCK), True

    def push(self, cue: Cue, sample: int) -> None:
        """One hop, which ends at ``sample``, and its cue, which is about what sounded some time before."""
        if self._sample is not None:
            for _ in range(round((sample - self._sample) / self._hop) - 1):  # hops that were lost
                self._belief.push(0.0)
        self._sample = sample
        self.moved = False
        now = sample - self._delay
        hops, phase, mass = self._belief.push(cue.weight)
        self._mass += (mass - self._mass) / (_SETTLED * self._rate)
        self._follow(now, now - phase * hops * self._hop, hops * self._hop, mass)
        self._judge(cue.strength, now)

    def _follow(self, now: float, beat: float, period: float, mass: float) -> None:
        """Draw the clock towards the belief, or move it there when that has been the surer for long."""
        if self.period == 0.0:
            if self._mass > _ADOPT:
                self.anchor, self.period = beat, period
                self.bpm = 60.0 * ANALYSIS_RATE / period
            return
        error = (beat - self.anchor) / self.period
        self.anchor += round(error) * self.period
        error -= round(error)
        if abs(error) < _NEAR and abs(period / self.period - 1.0) < 0.08:
            self._agreed = max(self._agreed, 0.0) + 1.0
            self._lag += (error - self._lag) / (_SETTLED * self._rate)
            hurry = 1.0 + min(_HURRY, abs(self._lag) / _LAG)  # a tempo that drifts leaves errors of one sign
            pull = mass * max(hurry * _PULL, 1.0 / (_SETTLE + self._agreed))
            self.anchor += pull * error * self.period
            self.period += 0.25 * pull**2 * error * self.period * self.period / self._hop
        else:
            octave = abs(abs(math.log2(period / self.period)) - 1.0) < 0.1
            surer = max(0.0, mass - self._belief.mass(self.period / self._hop, self.phase(now)))
            self._agreed = min(self._agreed, 0.0) - (surer / _OCTAVE_PATIENCE if octave else surer)
            if -self._agreed > self._temper.patience * self._rate:
                self.anchor, self.period, self._agreed = beat, period, 0.0
                self.locked = self.locked and octave
                self.moved = True
        low, high = self._bounds
        self.period = min(max(self.period, 60.0 * ANALYSIS_RATE / high), 60.0 * ANALYSIS_RATE / low)
        self.bpm = 60.0 * ANALYSIS_RATE / self.period

    def _judge(self, strength: float, now: float) -> None:
        """Confidence: how sure the belief is, and how much more the cues say on the beat than elsewhere."""
        if self.period == 0.0:
            return
        distance = (now - self.anchor) / self.period
        distance = (distance - round(distance)) * self.period / self._hop
        share = math.exp(-0.5 * (distance / 2.0) ** 2)
        expected = 5.013 * self._hop / self.period  # mean of ``share`` over a beat
        self._judged += 1
        pace = max(1.0 / self._judged, 1.0 / (_MEMORY * self._rate))
        self._on_beat += pace * (strength * share / expected - self._on_beat)
        self._anywhere += pace * (strength - self._anywhere)
        on_beat, anywhere = max(self._on_beat, _FAINT), max(self._anywhere, _FAINT)
        base, mass, contrast, strength = self._temper.sure
        odds = base + mass * self._mass + contrast * math.log2(on_beat / anywhere) + strength * math.log2(on_beat)
        self.confidence = 1.0 / (1.0 + math.exp(-odds))
        if self.locked:
            self.locked = self.confidence > _UNLOCK
        else:
            self.locked = self.confidence > _LOCK and self._agreed > self._temper.settle * self._rate
