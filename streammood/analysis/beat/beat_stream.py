"""Features and sound in, beats out, each once and before it comes."""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.beat import bar_filter, beat_clock
from streammood.analysis.beat.bar_filter import BarFilter
from streammood.analysis.beat.beat_clock import BeatClock
from streammood.analysis.beat.cues import DOWNBEAT, N_CUES, AubioCues, Cues, NetworkCues
from streammood.analysis.beat.taps import Taps
from streammood.analysis.beat.tempo_filter import TempoFilter
from streammood.analysis.hops import F64, Flags, Hops, Record, Records, record_of
from streammood.config import BeatSettings, LevelSettings
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP, LAYOUT
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE, Beat, Tempo
from streammood.models.beat_model import BeatModel

_LATEST = 2  # hops: a beat that the clock finds later than this is not handed out
_NEAR = 0.15  # beats around a beat within which a downbeat is taken for its own
_SLOWEST, _FASTEST = 20.0, 400.0  # BPM that can be held by hand
_FALL = 35.0  # dB below the level of the last seconds is quiet
_FADE = 0.25 * HOP / ANALYSIS_RATE  # dB a hop by which that level falls
_BAR = 4  # beats of a bar that is not known
_CLOSEST = 0.45  # periods from one beat to the next; less than half, for a tempo that is halved on an off-beat

TEMPO, BEAT = record_of(Tempo), record_of(Beat)
_COUNTER = np.dtype(
    [
        ("lookahead", "f8"),  # samples from the decision to the beat, at most
        ("nudge", "f8"),  # samples by which beats are later than the clock's
        ("count", "i8"),  # of the latest beat that was handed out
        ("last", "f8"),  # its sample
        ("decided", "i8"),  # sample at the end of the last hop, with its delay
        ("playing", "?"),  # whether there was sound then
        ("loud", "f8"),  # dB, the level of the last seconds
        ("quiet", "f8"),  # hops since it was near that level
        ("stop", "f8"),  # hops of quiet after which no beat is handed out
        ("ended", "?"),  # it has been quiet for longer than a bar
    ],
    align=True,
)


@exact_kernel
def _upcoming(counter: Records, clock: Records) -> float:
    """Sample of the next beat that is to be handed out, by the clock."""
    s = counter[0]
    after = max(s.decided - _LATEST * HOP, s.last + _CLOSEST * clock[0].period)
    return beat_clock.next_beat(clock, after - s.nudge)


@exact_kernel
def _count_at(counter: Records, clock: Records, sample: float, upcoming: float) -> int:
    """Count of the beat of the clock nearest to ``sample``, where the next one falls on ``upcoming``."""
    count: int = counter[0].count + 1 + round((sample - upcoming) / clock[0].period)
    return count


@exact_kernel
def _push_bar(counter: Records, clock: Records, bar: Records, sample: float, downbeat: float, upcoming: float) -> None:
    """The hop at ``sample`` is a downbeat with this probability."""
    phase = beat_clock.phase(clock, sample)
    near = min(phase, 1.0 - phase) < _NEAR
    bar_filter.push(bar, _count_at(counter, clock, sample, upcoming), downbeat if near else 0.0)


@exact_kernel
def _stopped(counter: Records, clock: Records) -> bool:
    """Whether the music has been quiet for so long that beats are counted, but not handed out."""
    stopped: bool = counter[0].quiet > counter[0].stop and clock[0].hand == 0.0
    return stopped


@exact_kernel
def _listen(counter: Records, clock: Records, bar: Records, level: float) -> bool:
    """Take the ``level`` of a hop in dB; returns whether it has been quiet for longer than a bar, and still is."""
    s, c = counter[0], clock[0]
    s.loud = max(level, s.loud - _FADE)
    s.quiet = s.quiet + 1.0 if level < s.loud - _FALL else 0.0
    beats = bar_filter.place(bar, s.count)[1] or _BAR
    s.ended = _stopped(counter, clock) and (s.ended or s.quiet * HOP > beats * c.period)
    ended: bool = s.ended
    return ended


@exact_kernel
def _write_tempo(counter: Records, clock: Records, bar: Records, sample: int, upcoming: float, out: Record) -> None:
    """The state of the clock at ``sample``."""
    s, c = counter[0], clock[0]
    count = number = meter = 0
    confidence = 0.0
    if c.period > 0.0:
        count = _count_at(counter, clock, c.anchor, upcoming)
        number, meter, confidence = bar_filter.place(bar, count)
    out.sample, out.decided = sample, s.decided
    stopped = _stopped(counter, clock)
    out.bpm, out.confidence, out.locked = c.bpm, c.confidence, c.locked and not stopped
    out.anchor, out.period, out.count = c.anchor + s.nudge, 0.0 if stopped else c.period, count
    out.number, out.meter, out.bar_confidence = number, meter, confidence


@exact_kernel
def _write_beat(counter: Records, clock: Records, bar: Records, sample: float, out: Record) -> None:
    """Count the beat at ``sample`` and hand it out."""
    s, c = counter[0], clock[0]
    s.last = sample
    s.count += 1
    number, _, confidence = bar_filter.place(bar, s.count)
    out.sample, out.decided = round(sample), s.decided
    out.bpm, out.confidence, out.locked = c.bpm, c.confidence, c.locked
    out.number, out.count, out.bar_confidence = number, s.count, confidence


@exact_kernel
def _push(
    sample: int, delay: int, cues: F64, levels: F64, signal: Flags, counter: Records, clock: Records, bar: Records,
    free: TempoFilter, narrow: TempoFilter, judge: Records, table: F64, tempi: Records, beats: Records,
) -> int:  # fmt: skip
    """Every hop, the first of which ends at ``sample``: the state of the clock after it into ``tempi`` (n,).

    Beats that come within the look-ahead go to ``beats``; returns how many there are.
    """
    s, c, found = counter[0], clock[0], 0
    for i in range(signal.size):
        s.decided = sample + delay
        ended = _listen(counter, clock, bar, levels[i])
        if signal[i] and not ended:
            beat_clock.push(clock, narrow if c.level_set else free, judge, table, cues[i], sample)
            if c.moved:
                bar_filter.reset(bar)
        elif c.hand > 0.0 and not c.until_silence:
            beat_clock.push(clock, narrow, judge, table, np.zeros(N_CUES), sample)
        elif s.playing:
            beat_clock.rest(clock, free, judge)
            bar_filter.reset(bar)
        s.playing = signal[i] and not ended
        upcoming = _upcoming(counter, clock) if c.period > 0.0 else math.inf
        if s.playing and c.period > 0.0:
            _push_bar(counter, clock, bar, float(sample - c.delay), cues[i, DOWNBEAT], upcoming)
        _write_tempo(counter, clock, bar, sample, upcoming, tempi[i])
        ahead = -float(HOP) if _stopped(counter, clock) else s.lookahead  # the drop may be loud again on this very beat
        if upcoming + s.nudge <= s.decided + ahead:
            _write_beat(counter, clock, bar, upcoming + s.nudge, beats[found])
            found += not _stopped(counter, clock)
        sample += HOP
    return found


def _check_tempo(bpm: float) -> None:
    """Raise a ConfigError where ``bpm`` is outside the tempi that can be set by hand."""
    if not _SLOWEST <= bpm <= _FASTEST:
        raise ConfigError(f"a tempo held by hand must be in {_SLOWEST:g}..{_FASTEST:g} BPM, got {bpm:.1f}")


class BeatStream:
    """Features in, beats and the state of the beat clock out.

    A tempo that is set by hand (``tap``, ``set_bpm``) is held, with its beats, until ``release`` or, as a setting,
    until the music stops; ``double``, ``half`` and ``downbeat`` hold until the music stops, ``bounds`` and ``nudge``
    until they are changed.
    """

    def __init__(
        self, settings: BeatSettings, level: LevelSettings, model: BeatModel | None, cues: Cues | None = None
    ) -> None:
        """Tracks with ``model``, with aubio where there is none, or with ``cues``."""
        self._cues = cues or (NetworkCues(model) if model else AubioCues(level.silence))
        self._clock = BeatClock(
            settings.bpm_min,
            settings.bpm_max,
            self._cues.delay,
            self._cues.reading,
            self._cues.lock,
            self._cues.table,
            follow=settings.hold == "follow",
            until_silence=settings.hold_until == "silence",
        )
        self._bar = BarFilter()
        self._taps = Taps()
        self._state = np.zeros(1, dtype=_COUNTER)
        self._counter = self._state.view(np.recarray)[0]
        self._counter.lookahead = round(settings.lookahead * ANALYSIS_RATE)
        self._counter.stop = settings.stop * ANALYSIS_RATE / HOP
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._counter.count = self._counter.decided = 0
        self._counter.last = -math.inf
        self._counter.playing = False
        self._counter.loud, self._counter.quiet, self._counter.ended = -math.inf, 0.0, False
        self._clock.reset()
        self.restart()

    def restart(self) -> None:
        """Be ready for other music, and go on counting; beats that are held by hand go on too."""
        self._cues.reset()
        self._clock.restart()
        if not self.manual_tempo:
            self._bar.reset()
        self._taps.reset()

    def push(self, hops: Hops, signal: Flags) -> tuple[Records, Records]:
        """The state of the clock after each hop (n,), as records of ``TEMPO``, and every beat that comes within the
        look-ahead, as records of ``BEAT``; ``signal`` (n,) is whether the silence gate is open."""
        cues = self._cues.push(hops)
        tempi, beats = np.empty(len(hops), dtype=TEMPO), np.empty(len(hops), dtype=BEAT)
        clock = self._clock
        levels = 20.0 * np.log10(np.maximum(hops.values[:, LAYOUT.rms], 1e-9), dtype=np.float64) - hops.meters["gain"]
        found = _push(
            hops.sample, hops.delay, cues, levels, signal, self._state, clock.state, self._bar.state,
            clock.free, clock.narrow, clock.judge, clock.table, tempi, beats,
        )  # fmt: skip
        return tempi, beats[:found]

    @property
    def manual_tempo(self) -> float:
        """The tempo in BPM that is held by hand; 0 where it is the music's."""
        return float(60.0 * ANALYSIS_RATE / self._clock.now.hand) if self._clock.now.hand > 0.0 else 0.0

    def tap(self, sample: float) -> int:
        """A beat tapped by hand at ``sample``; returns the number of taps in a row.

        From the fourth tap on, tempo and phase are those of the taps, and held.

        Raises:
            ConfigError: the taps are slower or faster than any tempo that can be held.
        """
        line = self._taps.push(sample)
        if line is not None:
            anchor, period = line
            self._hold(anchor - self._counter.nudge, period)
        return self._taps.count

    def set_bpm(self, bpm: float) -> None:
        """Hold this tempo, whatever the bounds are, and leave the nearest beat where it is.

        Raises:
            ConfigError: no such tempo can be held.
        """
        now = self._clock.now
        self._hold(now.anchor if now.period else None, 60.0 * ANALYSIS_RATE / bpm)

    def release(self) -> None:
        """Follow the music again; nothing is held by hand any more."""
        self._clock.release()
        self._taps.reset()

    def double(self) -> tuple[float, float]:
        """Twice as many beats, those of now among them; returns the bounds, which move where they are in the way.

        Raises:
            ConfigError: there is no tempo yet, or its double is faster than any tempo that can be held.
        """
        return self._rescale(0.5)

    def half(self) -> tuple[float, float]:
        """Every other beat of now; where the bar is known, its first beat stays; returns the bounds, as ``double``.

        Raises:
            ConfigError: there is no tempo yet, or its half is slower than any tempo that can be held.
        """
        return self._rescale(2.0)

    def downbeat(self, sample: float) -> None:
        """This is the one: the beat nearest to ``sample`` begins a bar.

        Raises:
            ConfigError: there is no beat yet.
        """
        if self._clock.now.period == 0.0:
            raise ConfigError("there is no beat yet that could begin a bar")
        self._bar.fix(self._count_at(sample - self._counter.nudge), 1)

    def count_on(self, count: int) -> None:
        """Go on counting after ``count``, the number of a beat that was handed out elsewhere."""
        self._counter.count = max(self._counter.count, count)

    def bounds(self, bpm_min: float, bpm_max: float) -> None:
        """Keep the tempo within these, from now on.

        Raises:
            ConfigError: they are not a range.
        """
        self._clock.bounds(bpm_min, bpm_max)

    def nudge(self, samples: float) -> None:
        """Fire every beat so much later than until now; earlier, if negative."""
        self._counter.nudge += samples

    def _hold(self, anchor: float | None, period: float) -> None:
        _check_tempo(60.0 * ANALYSIS_RATE / period)
        self._clock.hold(anchor, period, float(self._counter.decided))
        self._bar.reset()

    def _rescale(self, ratio: float) -> tuple[float, float]:
        clock = self._clock.now
        if clock.bpm == 0.0:
            raise ConfigError("there is no tempo yet that could be doubled or halved")
        bpm = clock.bpm / ratio
        _check_tempo(bpm)
        if clock.hand == 0.0:  # one that is held needs no room
            self._clock.widen(bpm)
        self._rescale_clock(ratio)
        return float(clock.low), float(clock.high)

    def _rescale_clock(self, ratio: float) -> None:
        clock = self._clock.now
        place = self._clock.place if clock.hand == 0.0 else self._clock.hold
        if clock.period == 0.0:
            self._clock.place(None, ratio * 60.0 * ANALYSIS_RATE / clock.bpm)
            return
        number, _, confidence = self._bar.place(self._count_at(clock.anchor))
        anchor = clock.anchor
        if ratio > 1.0 and number > 0:
            anchor -= (number - 1) * clock.period  # the first beat of the bar stays
        place(anchor, ratio * clock.period)
        self._bar.reset()
        if number > 0:
            self._bar.seed(self._count_at(anchor), 1 if ratio > 1.0 else 2 * (number - 1) % 4 + 1, confidence)

    def _count_at(self, sample: float) -> int:
        """Count of the beat of the clock nearest to ``sample``."""
        return _count_at(self._state, self._clock.state, sample, _upcoming(self._state, self._clock.state))
