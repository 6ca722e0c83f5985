"""The whole analysis as one object: blocks of sound in, events out. Live, files, tests and training share it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from operator import attrgetter

import numpy as np

from streammood.analysis.beat.beat_stream import BeatStream
from streammood.analysis.front_end import FrontEnd
from streammood.analysis.gain import Gain
from streammood.analysis.hops import Hops, Ticks
from streammood.analysis.levels import LevelStream, sounding
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.analysis.onsets import OnsetStream
from streammood.analysis.structure.structure_stream import StructureStream
from streammood.config import Settings
from streammood.events import ANALYSIS_RATE, F32, Beat, Event, Level, Mood, Onset, Section, SongChange, Structure, Tempo
from streammood.models import Models

_BRIDGED = ANALYSIS_RATE  # samples: over a shorter gap the beats count on, after a longer one they begin anew
_NO_MUSIC = 0.2  # probability of music below which no beat is locked
_LEVELS: frozenset[type[Event]] = frozenset({Level, Onset})  # need few features
KINDS: frozenset[type[Event]] = frozenset({Beat, Level, Mood, Onset, Section, SongChange, Structure, Tempo})


class AnalysisChain:
    """Listens to one channel at any rate. The same sound gives the same events, however it is cut into blocks."""

    def __init__(
        self, settings: Settings, sample_rate: float, models: Models, kinds: Collection[type[Event]] = KINDS
    ) -> None:
        """``kinds``: the events that somebody reads; others are not made, which saves time."""
        self._rate = sample_rate
        self._gain = Gain(settings.input, settings.level.silence)
        self._front = FrontEnd(sample_rate, self._gain, everything=not _LEVELS.issuperset(kinds))
        self._levels = LevelStream(settings.level)
        self._onsets = OnsetStream(settings.onset, settings.level)
        self.beats = BeatStream(settings.beat, settings.level, models.beat)  # also takes corrections by hand
        self.moods = MoodStream(settings.mood, models.mood)  # also totals what it has heard
        self.structure = StructureStream(
            models.structure, Structure in kinds, Structure in kinds or SongChange in kinds
        )  # training takes its place
        self._kinds = frozenset(kinds)
        self._music = True  # unless the moods say otherwise
        self.moods_due = Mood in self._kinds  # False: no output reads them, or the machine is too slow

    def reset(self) -> None:
        """Begin a new stream, as a new object would."""
        self._music = True
        for part in (self._gain, self._front, self._levels, self._onsets, self.beats, self.moods, self.structure):
            part.reset()

    @property
    def not_finite(self) -> int:
        """Samples of the input that were NaN or infinite and were taken as silence."""
        return self._front.not_finite

    @property
    def gain(self) -> float:
        """The fixed gain of the input in dB, on top of the automatic one; may be set while running."""
        return self._gain.fixed

    @gain.setter
    def gain(self, decibels: float) -> None:
        self._gain.fixed = decibels

    def skip(self, samples: int) -> None:
        """Account for ``samples`` of the input that never came."""
        self._front.skip(samples)
        self._bridge(samples * ANALYSIS_RATE / self._rate)

    def jump(self, sample: int, gap: float, sample_rate: float) -> None:
        """Go on at ``sample`` of the stream clock, after ``gap`` samples of it without input, at ``sample_rate``."""
        self._rate = sample_rate
        self._front.jump(sample, sample_rate)
        self._bridge(gap)

    def _bridge(self, gap: float) -> None:
        if gap >= _BRIDGED:
            self._onsets.reset()
            self.beats.restart()
            self.structure.restart()

    def push(self, block: F32) -> list[Event]:
        """The events that ``block`` (n,), samples in -1..1, makes known, in the order of ``decided``."""
        events: list[Event] = []
        for ticks, hops in self._front.push(block):
            events += self._take(ticks, hops)
        return events

    def _take(self, ticks: Ticks, hops: Hops) -> list[Event]:
        kinds = self._kinds
        events: list[Event] = []
        if Onset in kinds:
            events += self._onsets.push(ticks)
        if len(hops) == 0:
            return events
        levels = self._levels.push(hops, self._gain.fixed)
        if Level in kinds:
            events += [Level(*level) for level in levels.tolist()]
        signal = np.ascontiguousarray(levels["signal"])  # one hop alone would be another layout, which is compiled anew
        structured = not kinds.isdisjoint({Structure, Section, SongChange})
        moods = self.moods.push(hops, signal, sounding(levels)) if self.moods_due else None
        if Tempo in kinds or Beat in kinds or structured:
            tempi, beats = self.beats.push(hops, signal)
            if Tempo in kinds:
                events += [Tempo(*tempo) for tempo in tempi.tolist()]
            if Beat in kinds:
                events += [Beat(*beat) for beat in beats.tolist()]
            if structured:
                events += self.structure.push(hops, signal, tempi, moods)
        events += moods or ()
        events.sort(key=attrgetter("decided"))  # within a hop, they stay in this order
        self._unlock_without_music(events)
        return events

    def _unlock_without_music(self, events: list[Event]) -> None:
        """Let no beat be locked, but those of a hand, while the sound is surely no music: crowds clap in time, too."""
        self._music |= not self.moods_due
        for i, event in enumerate(events):
            if isinstance(event, Mood):
                self._music = event.music or event.music_confidence > _NO_MUSIC
            elif not self._music and isinstance(event, Beat | Tempo) and event.locked and not self.beats.manual_tempo:
                events[i] = replace(event, locked=False)

    def song(self) -> SongChange | None:
        """The song that plays, as if it ended now: the last of a set; None where nobody looks for songs."""
        songs = self.structure.songs
        return None if songs is None else songs.unfinished(self._front.sample)

    def summary(self) -> Mood | None:
        """The mood of everything since the stream began, as one; None if there was no music."""
        return self.moods.summary()
