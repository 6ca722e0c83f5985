"""Features and sound in, beats out, each once and before it comes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from streammood.analysis.beat.bar_filter import BarBelief
from streammood.analysis.beat.beat_clock import BeatClock
from streammood.analysis.beat.cues import AubioCues, Cues, NetworkCues
from streammood.analysis.beat.taps import Taps
from streammood.config import BeatSettings, LevelSettings
from streammood.dsp.layout import HOP
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE, F32, Beat, Features, Tempo
from streammood.models.beat_model import BeatModel

_LATEST = 2  # hops: a beat that the clock finds later than this is not handed out
_NEAR = 0.15  # beats around a beat within which a downbeat is taken for its own
_CLOSEST = 0.45  # periods from one beat to the next; less than half, for a tempo that is halved on an off-beat


class BeatStream:
    """Features in, beats and the state of the beat clock out.

    What is told by hand (``tap``, ``double``, ``half``, ``set_bpm``, ``downbeat``) holds until the music stops;
    ``bounds`` and ``nudge`` hold until they are changed.
    """

    def __init__(
        self, settings: BeatSettings, level: LevelSettings, model: BeatModel | None, cues: Cues | None = None
    ) -> None:
        """Hears with ``model``, with aubio where there is none, or with ``cues``."""
        self._lookahead = round(settings.lookahead * ANALYSIS_RATE)
        self._cues = cues or (NetworkCues(model) if model else AubioCues(level.silence))
        self._clock = BeatClock(settings.bpm_min, settings.bpm_max, HOP, self._cues)
        self._bar = BarBelief()
        self._taps = Taps()
        self._nudge = 0.0  # samples by which beats are told later than they are heard
        self.reset()

    def reset(self) -> None:
        """Forget everything that was heard."""
        self._count = 0
        self._last = -math.inf  # sample of the latest beat that was handed out
        self._decided = 0
        self._playing = False
        self.restart()

    def restart(self) -> None:
        """Be ready for other music, and go on counting."""
        self._cues.reset()
        self._clock.reset()
        self._bar.reset()
        self._taps.reset()

    def push(self, features: Features, hop: F32, signal: bool, decided: int) -> Iterator[Beat | Tempo]:
        """The state of the clock after ``hop`` (hop,), and the beat that comes within the look-ahead, if one does."""
        clock, sample = self._clock, features.sample
        self._decided = decided
        cue = self._cues.push(features, hop, sample)
        if signal:
            clock.push(cue, sample)
            if clock.moved:
                self._bar.reset()
        elif self._playing:
            clock.rest()
            self._bar.reset()
        self._playing = signal
        upcoming = self._upcoming() if clock.period > 0.0 else math.inf
        if signal and clock.period > 0.0:
            self._hear_bar(sample - self._cues.delay, cue.downbeat, upcoming)
        yield self._tempo(sample, upcoming)
        if upcoming + self._nudge <= decided + self._lookahead:
            yield self._beat(upcoming + self._nudge)

    def tap(self, sample: float) -> None:
        """A beat tapped by hand at ``sample``; from the fourth tap on, tempo and phase are those of the taps.

        Raises:
            ConfigError: the taps are slower or faster than the bounds allow.
        """
        line = self._taps.push(sample)
        if line is not None:
            anchor, period = line
            self._place(anchor - self._nudge, period)

    def set_bpm(self, bpm: float) -> None:
        """Take this tempo, and keep the nearest beat where it is.

        Raises:
            ConfigError: it lies outside the bounds.
        """
        self._place(self._clock.anchor if self._clock.period else None, 60.0 * ANALYSIS_RATE / bpm)

    def double(self) -> None:
        """Twice as many beats, those of now among them.

        Raises:
            ConfigError: there is no tempo yet, or its double lies outside the bounds.
        """
        self._rescale(0.5)

    def half(self) -> None:
        """Every other beat of now; where the bar is known, its first beat stays.

        Raises:
            ConfigError: there is no tempo yet, or its half lies outside the bounds.
        """
        self._rescale(2.0)

    def downbeat(self, sample: float) -> None:
        """This is the one: the beat nearest to ``sample`` begins a bar.

        Raises:
            ConfigError: there is no beat yet.
        """
        if self._clock.period == 0.0:
            raise ConfigError("there is no beat yet that could begin a bar")
        self._bar.tell(self._count_at(sample - self._nudge, self._upcoming()), 1)

    def count_on(self, count: int) -> None:
        """Go on counting after ``count``, the number of a beat that was handed out elsewhere."""
        self._count = max(self._count, count)

    def bounds(self, bpm_min: float, bpm_max: float) -> None:
        """Keep the tempo within these, from now on.

        Raises:
            ConfigError: they are not a range.
        """
        self._clock.bounds(bpm_min, bpm_max)

    def nudge(self, samples: float) -> None:
        """Tell every beat so much later than until now; earlier, if negative."""
        self._nudge += samples

    def _hear_bar(self, place: int, downbeat: float, upcoming: float) -> None:
        phase = self._clock.phase(place)
        near = min(phase, 1.0 - phase) < _NEAR
        self._bar.push(self._count_at(place, upcoming), downbeat if near else 0.0)

    def _place(self, anchor: float | None, period: float) -> None:
        self._clock.place(anchor, period)
        self._bar.reset()

    def _rescale(self, ratio: float) -> None:
        clock = self._clock
        if clock.bpm == 0.0:
            raise ConfigError("there is no tempo yet that could be doubled or halved")
        if clock.period == 0.0:
            clock.place(None, ratio * 60.0 * ANALYSIS_RATE / clock.bpm)
            return
        number, _, confidence = self._bar.place(self._count_at(clock.anchor, self._upcoming()))
        anchor = clock.anchor
        if ratio > 1.0 and number > 0:
            anchor -= (number - 1) * clock.period  # the first beat of the bar stays
        clock.place(anchor, ratio * clock.period)
        self._bar.reset()
        if number > 0:
            count = self._count_at(anchor, self._upcoming())
            self._bar.lean(count, 1 if ratio > 1.0 else 2 * (number - 1) % 4 + 1, confidence)

    def _upcoming(self) -> float:
        """Sample of the next beat that is to be handed out, by the clock."""
        after = max(self._decided - _LATEST * HOP, self._last + _CLOSEST * self._clock.period)
        return self._clock.next_beat(after - self._nudge)

    def _count_at(self, sample: float, upcoming: float) -> int:
        """Count of the beat of the clock nearest to ``sample``, where the next one falls on ``upcoming``."""
        return self._count + 1 + round((sample - upcoming) / self._clock.period)

    def _tempo(self, sample: int, upcoming: float) -> Tempo:
        clock = self._clock
        count = number = meter = 0
        confidence = 0.0
        if clock.period > 0.0:
            count = self._count_at(clock.anchor, upcoming)
            number, meter, confidence = self._bar.place(count)
        return Tempo(
            sample,
            self._decided,
            clock.bpm,
            clock.confidence,
            clock.locked,
            clock.anchor + self._nudge,
            clock.period,
            count,
            number,
            meter,
            confidence,
        )

    def _beat(self, sample: float) -> Beat:
        """Count the beat at ``sample`` and hand it out."""
        clock = self._clock
        self._last = sample
        self._count += 1
        number, _, bar = self._bar.place(self._count)
        return Beat(round(sample), self._decided, clock.bpm, clock.confidence, clock.locked, number, self._count, bar)
