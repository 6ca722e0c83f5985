"""A steady clock that follows the tempo filter and predicts the next beat."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from streammood.analysis.beat import judge as beat_judge
from streammood.analysis.beat import tempo_filter
from streammood.analysis.beat.tempo_filter import FilterSettings, TempoFilter
from streammood.analysis.hops import F64, Records
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE

_RATE = ANALYSIS_RATE / HOP  # hops a second
_ADOPT = 0.1  # mass of the filter that starts the clock
_OCTAVE_PATIENCE = 3.0  # times as long where the two differ by an octave; the lock stays
_NEAR = 0.15  # beats by which clock and filter may differ
_FORGET_BY_HAND = 1e-7  # share of the belief that starts anew each hop where a tempo was set by hand: the phase stays
_FOLLOW = 0.03  # of the tempo that a hand has set, by which beats may be faster or slower to meet the music
_SURE = 0.5  # mass of the filter from which on the beats that a hand has set follow it
_SHARP = 0.05  # standard deviation of tempo (relative) and phase (beats) that a hand leaves open
_PULL, _SETTLE = 0.015, 10.0  # share of an error that is taken back each hop; hops until the first pull is halved
_LAG, _HURRY = 0.01, 3.0  # beats of mean error that double the pull; at most so much is added to it
_MEMORY = 2.0  # s over which cues on the beat are compared with all others
_DOUBT = 0.15  # s of no cues at all with which those means begin
_FAINT = 2.0**-8  # strengths below this are none
_SETTLED = 0.25  # s over which the filter's mass is averaged
_TRUST = 0.7  # share of the confidence that is that of the latest beat
_NONE = -(2**62)  # samples


@dataclass(frozen=True, slots=True)
class LockSettings:
    """How the clock deals with a tracker's cues."""

    patience: float  # s of disagreement after which the clock moves, if the filter has left its tempo and phase
    settle: float  # s of agreement before the clock is locked
    lock: float  # confidence from which the clock is locked, …
    unlock: float  # … and below which it is not
    # Confidence is logistic in: 1, the filter's mass, the octaves by which cues on beats are stronger than elsewhere,
    # and the octaves by which they are above 1. Fitted to beats that were right or wrong, and to sound without a beat.
    confidence: tuple[float, float, float, float]
    # With a judge (see ``judge``):
    firm: float = 0.0  # s of disagreement after which a locked clock moves to another pulse
    gain: float = 0.0  # most that one beat adds to the evidence for another side or level, in log odds
    earned: float = 0.0  # evidence that moves the clock there, if the filter believes it, too, …
    alone: float = 0.0  # … and if it does not
    judge_after: float = 0.0  # beats from which the judge alone decides of side and level


CLOCK = np.dtype(
    [
        ("delay", "i8"),  # samples from an attack to the end of the hop whose cue contains it
        ("patience", "f8"),  # hops
        ("settle", "f8"),  # hops
        ("lock", "f8"),  # confidence from which the clock is locked, …
        ("unlock", "f8"),  # … and below which it is not
        ("firm", "f8"),  # hops
        ("gain", "f8"),
        ("earned", "f8"),
        ("alone", "f8"),
        ("judge_after", "f8"),  # beats
        ("evidence", "f8", (beat_judge.N_CLASSES,)),  # log odds, over the last beats, of each class against ``RIGHT``
        ("weights", "f8", (4,)),  # of confidence, see ``LockSettings``
        ("low", "f8"),  # BPM
        ("high", "f8"),  # BPM
        ("level_set", "?"),  # the level of the tempo was set by hand
        ("hand", "f8"),  # samples from beat to beat as set by hand, which no music changes; 0 if none
        ("follow", "f8"),  # share of the tempo by which the beats of a hand may be faster or slower; 0: not at all
        ("until_silence", "?"),  # what a hand has set ends when the music stops
        ("loose", "?"),  # the tempo was set by hand before any beat was found: the first one is taken
        ("moved", "?"),  # whether the last hop began new beats, out of step with those before
        ("locked", "?"),
        ("bpm", "f8"),  # stays for show while the clock stands
        ("period", "f8"),  # samples; 0 while the clock stands
        ("anchor", "f8"),  # sample of the latest beat
        ("confidence", "f8"),
        ("mass", "f8"),  # mean of the filter's
        ("agreed", "f8"),  # hops since the filter began to agree with the clock; below 0, since it ceased
        ("lag", "f8"),  # mean error of the clock against the filter, in beats
        ("on_beat", "f8"),  # mean strength of cues near the clock's beats
        ("anywhere", "f8"),  # and of all cues
        ("judged", "f8"),  # hops that these are means of
        ("sample", "i8"),  # stream clock at the end of the last hop
    ],
    align=True,
)


@exact_kernel
def phase(clock: Records, sample: float) -> float:
    """Beat phase in 0..1 at ``sample``."""
    c = clock[0]
    return ((sample - c.anchor) / c.period) % 1.0 if c.period > 0.0 else 0.0


@exact_kernel
def next_beat(clock: Records, after: float) -> float:
    """Sample of the first beat later than ``after``."""
    c = clock[0]
    beat: float = c.anchor + (math.floor((after - c.anchor) / c.period) + 1) * c.period
    return beat


@exact_kernel
def rest(clock: Records, free: TempoFilter, judge: Records) -> None:
    """Stop counting and be ready for other music; the tempo stays for show. Nothing is held any more."""
    c = clock[0]
    c.level_set = c.moved = c.locked = c.loose = False
    c.hand = 0.0
    c.period = c.anchor = c.confidence = 0.0
    c.mass = c.agreed = c.lag = c.on_beat = c.anywhere = 0.0
    c.judged = _DOUBT * _RATE
    c.sample = _NONE
    c.evidence[:] = 0.0
    tempo_filter.reset(free)
    beat_judge.reset(judge)


@exact_kernel
def push(clock: Records, filter_: TempoFilter, judge: Records, table: F64, cue: F64, sample: int) -> None:
    """One hop, which ends at ``sample``, and its ``cue`` (see ``Cues``), about what sounded some time before.

    ``table`` are the weights of the judge; it is empty where there is none.
    """
    c = clock[0]
    if c.sample != _NONE:
        for _ in range(round((sample - c.sample) / HOP) - 1):  # hops that were lost
            tempo_filter.push(filter_, 0.0)
    c.sample = sample
    c.moved = False
    now = float(sample - c.delay)
    hops, beat_phase, mass = tempo_filter.push(filter_, cue[0])
    c.mass += (mass - c.mass) / (_SETTLED * _RATE)
    judged = table.size > 0 and not c.level_set and judge[0].beats >= c.judge_after
    beat = now - beat_phase * hops * HOP
    _follow(clock, filter_, now, beat, hops * HOP, mass, judged, beat_judge.presence(judge) if judged else 1.0)
    if c.period == 0.0:
        return
    confidence = _contrast(clock, cue[1], now)
    if table.size == 0 or c.level_set:  # what a hand has set is not judged
        c.confidence = confidence
    else:
        if c.moved:
            beat_judge.forget(judge)
            c.confidence = 0.0
            c.evidence[:] = 0.0
        if beat_judge.push(judge, cue[1:], phase(clock, now), c.period / HOP):
            _ask(clock, filter_, judge, table, now)
    if c.hand > 0.0:
        c.locked = True
    elif c.locked:
        c.locked = c.confidence > c.unlock
    else:
        c.locked = c.confidence > c.lock and c.agreed > c.settle


@exact_kernel
def _follow(
    clock: Records,
    filter_: TempoFilter,
    now: float,
    beat: float,
    period: float,
    mass: float,
    judged: bool,
    grip: float,
) -> None:
    """Draw the clock towards the filter, with ``grip``, or move it there when that has been the surer for long.

    Where the judge decides (``judged``), it alone moves the clock to the other side or to another level; of the
    filter, only the pulse is followed.
    """
    c = clock[0]
    if c.hand > 0.0:
        _follow_by_hand(clock, beat, mass)
        return
    if c.period == 0.0:
        if c.mass > _ADOPT:
            c.anchor, c.period = beat, period
            c.bpm = 60.0 * ANALYSIS_RATE / period
        return
    error = (beat - c.anchor) / c.period
    c.anchor += round(error) * c.period
    error -= round(error)
    ratio, near = period / c.period, _NEAR
    alike = abs(ratio - 1.0) < 0.08
    if judged and alike and abs(error) > 0.5 - _NEAR:
        error -= math.copysign(0.5, error)
    elif judged and abs(ratio - 0.5) < 0.04:
        alike, near, grip = True, 0.5 * _NEAR, 0.5 * grip
        error -= 0.5 * round(2.0 * error)
    elif judged and abs(ratio - 2.0) < 0.16:
        alike, grip = True, 0.5 * grip
    if abs(error) < near and alike:
        c.agreed = max(c.agreed, 0.0) + 1.0
        c.lag += (error - c.lag) / (_SETTLED * _RATE)
        hurry = 1.0 + min(_HURRY, abs(c.lag) / _LAG)  # a tempo that drifts leaves errors of one sign
        pull = grip * mass * max(hurry * _PULL, 1.0 / (_SETTLE + c.agreed))
        c.anchor += pull * error * c.period
        c.period += 0.25 * pull**2 * error * c.period * c.period / HOP
    else:
        octave = abs(abs(math.log2(period / c.period)) - 1.0) < 0.1
        surer = max(0.0, mass - tempo_filter.mass(filter_, c.period / HOP, phase(clock, now)))
        c.agreed = min(c.agreed, 0.0) - (surer / _OCTAVE_PATIENCE if octave else surer)
        if -c.agreed > (c.firm if judged and c.locked else c.patience):
            c.anchor, c.period, c.agreed = beat, period, 0.0
            c.locked = c.locked and octave and not judged
            c.moved = True
    c.period = min(max(c.period, 60.0 * ANALYSIS_RATE / c.high), 60.0 * ANALYSIS_RATE / c.low)
    c.bpm = 60.0 * ANALYSIS_RATE / c.period


@exact_kernel
def _follow_by_hand(clock: Records, beat: float, mass: float) -> None:
    """Keep the tempo that a hand has set, and let its beats drift towards those of the filter."""
    c = clock[0]
    c.agreed += 1.0
    if c.follow == 0.0 or mass < _SURE:
        return
    error = (beat - c.anchor) / c.period
    c.anchor += round(error) * c.period
    error -= round(error)
    if c.loose and c.mass > _SURE:
        c.anchor, c.lag, c.loose = c.anchor + error * c.period, 0.0, False
        return
    c.lag += (error - c.lag) / (_SETTLED * _RATE)
    hurry = 1.0 + min(_HURRY, abs(c.lag) / _LAG)
    step = mass * hurry * _PULL * error * c.period
    c.anchor += min(max(step, -c.follow * HOP), c.follow * HOP)


@exact_kernel
def _contrast(clock: Records, strength: float, now: float) -> float:
    """Confidence without a judge: the filter's certainty, and the contrast of cues on the beat to others."""
    c = clock[0]
    distance = (now - c.anchor) / c.period
    distance = (distance - round(distance)) * c.period / HOP
    share = math.exp(-0.5 * (distance / 2.0) ** 2)
    expected = 5.013 * HOP / c.period  # mean of ``share`` over a beat
    c.judged += 1.0
    pace = max(1.0 / c.judged, 1.0 / (_MEMORY * _RATE))
    c.on_beat += pace * (strength * share / expected - c.on_beat)
    c.anywhere += pace * (strength - c.anywhere)
    on_beat, anywhere = max(c.on_beat, _FAINT), max(c.anywhere, _FAINT)
    w = c.weights
    odds = w[0] + w[1] * c.mass + w[2] * math.log2(on_beat / anywhere) + w[3] * math.log2(on_beat)
    return 1.0 / (1.0 + math.exp(-odds))


@exact_kernel
def probe(judge: Records, filter_: TempoFilter, place: float, period: float) -> None:
    """Give the judge the filter's belief in beats of ``period`` hops at the phase ``place``, and in others."""
    masses = judge[0].masses
    masses[0] = tempo_filter.mass(filter_, period, place)
    masses[1] = tempo_filter.mass(filter_, period, (place + 0.5) % 1.0)
    masses[2] = tempo_filter.mass(filter_, 0.5 * period, (2.0 * place) % 1.0)
    masses[3] = tempo_filter.mass(filter_, 2.0 * period, (0.5 * place) % 1.0)
    masses[4] = tempo_filter.mass(filter_, 2.0 * period, (0.5 * place + 0.5) % 1.0)


@exact_kernel
def _ask(clock: Records, filter_: TempoFilter, judge: Records, table: F64, now: float) -> None:
    """A beat is complete: ask the judge, and move to the other side or level where the evidence suffices."""
    c, j = clock[0], judge[0]
    probe(judge, filter_, phase(clock, now), c.period / HOP)
    beat_judge.ask(judge, table, c.bpm)
    odds = j.odds
    for k, bpm in ((beat_judge.FAST, 0.5 * c.bpm), (beat_judge.SLOW, 2.0 * c.bpm)):
        if not c.low <= bpm <= c.high:  # outside the bounds
            odds[beat_judge.RIGHT] += odds[k]
            odds[k] = 0.0
    sure = odds[beat_judge.RIGHT] * beat_judge.presence(judge)
    c.confidence += max(1.0 / j.beats, _TRUST) * (sure - c.confidence)
    best, most = beat_judge.OFF, 0.0
    believed = (j.masses[1], max(j.masses[3], j.masses[4]), j.masses[2])
    for k in (beat_judge.OFF, beat_judge.FAST, beat_judge.SLOW):
        gained = math.log((odds[k] + 1e-6) / (odds[beat_judge.RIGHT] + 1e-6))
        c.evidence[k] = max(0.0, c.evidence[k] + min(max(gained, -c.gain), c.gain))
        earned = c.evidence[k] / (c.earned if believed[k - 1] > j.masses[0] else c.alone)
        if earned > most:
            best, most = k, earned
    if most > 1.0:
        _turn(clock, judge, best, now)


@exact_kernel
def _turn(clock: Records, judge: Records, move: int, now: float) -> None:
    """Move by half a beat, or to half or twice the tempo."""
    c = clock[0]
    first = beat_judge.stronger(judge)
    if move == beat_judge.OFF:
        c.anchor += 0.5 * c.period
    elif move == beat_judge.FAST:
        upcoming = next_beat(clock, now)
        c.anchor = upcoming if first == judge[0].parity else upcoming - c.period
        c.period *= 2.0
    else:
        c.period *= 0.5
    beat_judge.turn(judge, move, first)
    c.bpm = 60.0 * ANALYSIS_RATE / c.period
    c.evidence[:] = 0.0
    c.confidence = judge[0].odds[move]
    c.moved = True


class BeatClock:
    """Period and phase of the beat, steady enough to fire the next beat before it sounds.

    ``locked`` needs cues that have agreed with the clock for some time, and is lost when they stop agreeing. Without
    cues the clock runs on, with falling confidence. A tempo that a hand has set (``hold``) stays until ``release``.
    """

    def __init__(
        self,
        bpm_min: float,
        bpm_max: float,
        delay: int,
        reading: FilterSettings,
        lock: LockSettings,
        table: F64 | None = None,
        *,
        follow: bool = True,
        until_silence: bool = False,
    ) -> None:
        """``delay`` in samples, from an attack to the end of the hop whose cue tells of it; ``table`` as of a judge.

        ``follow``: the phase of beats that are held by hand may follow the music; ``until_silence``: they are held
        only until the music stops.
        """
        self.state = np.zeros(1, dtype=CLOCK)  # for the kernels
        self.now = self.state.view(np.recarray)[0]
        self._reading = reading
        self.now.delay, self.now.weights = delay, lock.confidence
        self.now.patience, self.now.settle, self.now.firm = (s * _RATE for s in (lock.patience, lock.settle, lock.firm))
        self.now.lock, self.now.unlock = lock.lock, lock.unlock
        self.now.gain, self.now.earned, self.now.alone = lock.gain, lock.earned, lock.alone
        self.now.judge_after = lock.judge_after
        self.judge = np.zeros(1, dtype=beat_judge.JUDGE)
        self.table = np.zeros((0, 0)) if table is None else table
        self.now.low, self.now.high = bpm_min, bpm_max
        self.now.follow, self.now.until_silence = _FOLLOW * follow, until_silence
        self._filter()
        self.reset()

    def reset(self) -> None:
        """Begin a new stream, without a tempo."""
        self.now.bpm = 0.0
        rest(self.state, self.free, self.judge)

    def push(self, cue: F64, sample: int) -> None:
        """One hop, which ends at ``sample``, and its cue, see ``Cues``."""
        push(self.state, self.narrow if self.now.level_set else self.free, self.judge, self.table, cue, sample)

    def phase(self, sample: float) -> float:
        """Beat phase in 0..1 at ``sample``."""
        return phase(self.state, sample)

    def restart(self) -> None:
        """Be ready for other music after a gap; beats that are held by hand go on."""
        if self.now.hand == 0.0:
            self.reset()
            return
        self.now.sample, self.now.lag = _NONE, 0.0
        tempo_filter.reset(self.narrow)

    def widen(self, bpm: float) -> None:
        """Move the bound that keeps the tempo from being ``bpm``, if one does."""
        self.now.low, self.now.high = min(self.now.low, bpm), max(self.now.high, bpm)

    def hold(self, anchor: float | None, period: float, now: float = 0.0) -> None:
        """``period`` samples lie from beat to beat until ``release``, one beat at ``anchor``.

        Without a beat (None), one falls at ``now``, and the clock takes the first that is found in the music.
        """
        clock = self.now
        clock.bpm, clock.hand = 60.0 * ANALYSIS_RATE / period, period
        clock.level_set, clock.loose = True, anchor is None
        self._narrow_filter()
        self._move(now if anchor is None else anchor, period)
        if clock.loose or clock.sample == _NONE:
            tempo_filter.reset(self.narrow)

    def release(self) -> None:
        """Hold nothing by hand: the beats go on as they are, not locked, until the music's are found."""
        now = self.now
        now.hand, now.level_set, now.locked, now.loose = 0.0, False, False, False
        self._filter()
        ratio = self._ratio(now.low, now.high)
        if now.period > 0.0 and ratio:
            now.bpm *= ratio
            now.period /= ratio
            now.mass = now.agreed = now.lag = 0.0
        elif now.period > 0.0:
            self.reset()

    def place(self, anchor: float | None, period: float) -> None:
        """``period`` samples lie from beat to beat, and one beat at ``anchor``, unless that is None, as set by hand.

        The level holds until the clock rests: only tempi within half an octave are believed from now on.

        Raises:
            ConfigError: the tempo lies outside the bounds.
        """
        now, bpm = self.now, 60.0 * ANALYSIS_RATE / period
        if not now.low <= bpm <= now.high:
            raise ConfigError(f"{bpm:.1f} BPM lies outside beat.bpm_min {now.low:g} and beat.bpm_max {now.high:g}")
        now.bpm, now.level_set = bpm, True
        self._filter(bpm)
        if now.sample != _NONE and anchor is not None:
            self._move(anchor, period)

    def bounds(self, bpm_min: float, bpm_max: float) -> None:
        """Keep the tempo within these; one that lies outside is doubled or halved if that helps, or found anew.

        Raises:
            ConfigError: they are not a range.
        """
        if not 0.0 < bpm_min <= bpm_max:
            raise ConfigError(f"beat.bpm_min must be at most beat.bpm_max ({bpm_max:g}), got {bpm_min:g}")
        now = self.now
        now.low, now.high = bpm_min, bpm_max
        if now.hand > 0.0:
            return
        ratio = self._ratio(bpm_min, bpm_max)
        self._filter(ratio * now.bpm if now.level_set else 0.0)
        if not ratio:
            self.reset()
        elif now.period > 0.0:
            now.bpm *= ratio
            self._move(now.anchor, now.period / ratio)

    def _ratio(self, bpm_min: float, bpm_max: float) -> float:
        """By how much the tempo has to be multiplied to lie within these; 0 if no octave of it does."""
        return next((r for r in (1.0, 2.0, 0.5, 4.0, 0.25) if bpm_min <= r * self.now.bpm <= bpm_max), 0.0)

    def _narrow_filter(self) -> None:
        """Begin a new filter over tempi that are within reach of the one that is held."""
        bpm, reading = self.now.bpm, replace(self._reading, forget=min(self._reading.forget, _FORGET_BY_HAND))
        self.narrow = tempo_filter.tempo_filter(bpm / (1.0 + _FOLLOW), bpm * (1.0 + _FOLLOW), reading)

    def _filter(self, bpm: float = 0.0) -> None:
        """Begin new filters, over all tempi that are allowed now, and over those near the ``bpm`` set by hand."""
        low, high = self.now.low, self.now.high
        self.free = self.narrow = tempo_filter.tempo_filter(low, high, self._reading)
        if bpm:
            near = max(low, bpm / math.sqrt(2.0)), min(high, bpm * math.sqrt(2.0))
            reading = replace(self._reading, forget=min(self._reading.forget, _FORGET_BY_HAND))
            self.narrow = tempo_filter.tempo_filter(*near, reading)

    def _move(self, anchor: float, period: float) -> None:
        """Set the clock and the filter to these beats, and trust them."""
        now = self.now
        now.anchor, now.period = anchor, period
        beat_phase = ((now.sample - now.delay - anchor) / period) % 1.0
        tempo_filter.seed(self.narrow if now.level_set else self.free, period / HOP, beat_phase, _SHARP)
        now.agreed, now.mass = now.settle, 1.0
        now.confidence, now.locked = max(now.confidence, now.lock), True
        now.evidence[:] = 0.0
        beat_judge.forget(self.judge)
