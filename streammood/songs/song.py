"""One song as a whole: what the events of its analysis come to, beat by beat.

Live, a mood comes only after its music. A song lies there complete, so each beat gets the mood
of the music around it: that which was answered half a window later. Pictures, tables, pages and
the dashboard's player all read this one structure; ``to_dict`` is its JSON, a contract described in ``docs/songs.md``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streammood import __version__
from streammood.events import Beat, Event, Mood, Onset, Section, SongChange, Structure, seconds
from streammood.log.rows import ended

if TYPE_CHECKING:
    import pandas

FORMAT_VERSION = 1
_THINNED = 5  # states of the structure come ten times a second
_CENTRE = 2.5  # s; a mood covers the last five seconds, so it belongs to the moment in their middle
_STEPS = 3  # an answer that is not followed by another within so many intervals was the last before a silence


@dataclass(frozen=True, slots=True)
class MoodSpan:
    """A part of the song in which one label held."""

    start: float  # s
    end: float  # s
    label: str


@dataclass(frozen=True, slots=True)
class Song:
    """The analysis of one sound file."""

    name: str
    duration: float  # s of sound that could be read
    labels: tuple[str, ...]  # of the mood model, in its order
    mood: Mood | None  # of the whole; None without music
    beats: tuple[Beat, ...]  # in the order of their time
    moods: tuple[Mood, ...]  # of music, in the order of their time
    onsets: tuple[Onset, ...]
    sections: tuple[Section, ...] = ()  # what begins, in the order of their time
    structure: tuple[Structure, ...] = ()  # energy and the section that plays, twice a second
    songs: tuple[SongChange, ...] = ()  # each that has ended, in their order; the last ends with the file
    damage: str | None = None  # why the file could not be read to its end

    @classmethod
    def of(
        cls,
        name: str,
        duration: float,
        labels: Sequence[str],
        events: Iterable[Event],
        mood: Mood | None,
        damage: str | None = None,
        last: SongChange | None = None,
    ) -> Song:
        """A song of the ``events`` of its analysis, and of the ``mood`` of the whole; ``last`` ends with the file."""
        ordered = sorted(events, key=lambda event: event.sample)
        changes = [event for event in ordered if isinstance(event, SongChange)]
        return cls(
            name,
            duration,
            tuple(labels),
            mood,
            tuple(event for event in ordered if isinstance(event, Beat)),
            tuple(event for event in ordered if isinstance(event, Mood) and event.music),
            tuple(event for event in ordered if isinstance(event, Onset)),
            tuple(event for event in ordered if isinstance(event, Section)),
            tuple(event for event in ordered if isinstance(event, Structure))[::_THINNED],
            (*changes, last) if last is not None else tuple(changes),
            damage,
        )

    @property
    def bpm(self) -> float:
        """Median tempo of all beats, 0 without beats."""
        return float(np.median([beat.bpm for beat in self.beats])) if self.beats else 0.0

    def set_list(self) -> list[tuple[float, SongChange]]:
        """Each song in it with its beginning in s: one in most files, many in the recording of a set."""
        return [(max(0.0, seconds(song.sample) - song.length), song) for song in self.songs]

    @property
    def mood_times(self) -> list[float]:
        """The moment, in s, that each of ``moods`` speaks of."""
        return [max(0.0, seconds(mood.sample) - _CENTRE) for mood in self.moods]

    def beat_moods(self) -> list[Mood | None]:
        """The mood at each beat; None without any music."""
        if not self.moods:
            return [None] * len(self.beats)
        times = self.mood_times
        return [self.moods[max(0, bisect_right(times, seconds(beat.sample)) - 1)] for beat in self.beats]

    def spans(self) -> list[tuple[float, float]]:
        """From when to when, in s, each of ``moods`` holds; silence lies where one ends before the next begins."""
        times = self.mood_times
        if not times:
            return []
        longest = _STEPS * float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        found = []
        for time, follows in zip(times, [*times[1:], self.duration], strict=True):
            last = follows == self.duration and follows - time <= longest + _CENTRE
            found.append((time, follows if last or follows - time <= longest else time + longest))
        return found

    def stretches(self) -> list[MoodSpan]:
        """The song cut where its label changes; silences are left out."""
        found: list[MoodSpan] = []
        for (start, end), mood in zip(self.spans(), self.moods, strict=True):
            if found and found[-1].label == mood.label and found[-1].end == start:
                found[-1] = MoodSpan(found[-1].start, end, mood.label)
            else:
                found.append(MoodSpan(start, end, mood.label))
        return found

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table with a row for each beat, and its mood.

        Returns:
            The columns ``time`` (s), ``bpm``, ``confidence``, ``locked``, ``number`` and ``bar_confidence`` of the
            beat, and ``label``, ``valence``, ``arousal`` and the probability of each label of its mood, which are
            missing without music.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas  # noqa: PLC0415  few need it
        except ImportError:
            raise ImportError("Song.to_frame() needs pandas; install it with: pip install pandas") from None
        head = ("time", "bpm", "confidence", "locked", "number", "bar_confidence")
        rows = []
        for beat, mood in zip(self.beats, self.beat_moods(), strict=True):
            row = dict(zip(head, (seconds(beat.sample), *(getattr(beat, name) for name in head[1:])), strict=True))
            if mood is not None:
                row |= {"label": mood.label, "valence": mood.valence, "arousal": mood.arousal, **mood.probabilities}
            rows.append(row)
        return pandas.DataFrame(rows, columns=[*head, "label", "valence", "arousal", *self.labels])

    def to_dict(self) -> dict[str, Any]:
        """Everything as one JSON object: the mood of the song, of each beat and along the time.

        Returns:
            What ``streammood analyze --beats`` writes; times in s, tempi in BPM. ``docs/songs.md`` describes it.
        """
        return {
            "version": FORMAT_VERSION,
            "program": f"streammood {__version__}",
            "input": self.name,
            "duration": round(self.duration, 6),
            "bpm": round(self.bpm, 3),
            "labels": list(self.labels),
            "mood": _mood(self.mood),
            "beats": [_beat(beat, mood) for beat, mood in zip(self.beats, self.beat_moods(), strict=True)],
            "stretches": [
                {"start": round(part.start, 6), "end": round(part.end, 6), "label": part.label}
                for part in self.stretches()
            ],
            "moods": [
                {"time": round(time, 6), "mood": _mood(mood)}
                for time, mood in zip(self.mood_times, self.moods, strict=True)
            ],
            "onsets": [
                {"time": round(seconds(onset.sample), 6), "strength": round(onset.strength, 4)} for onset in self.onsets
            ],
            "sections": [
                {
                    "time": round(seconds(section.sample), 6),
                    "kind": section.kind,
                    "confidence": round(section.confidence, 4),
                    "bars": section.bars,
                }
                for section in self.sections
            ],
            "songs": [{"start": round(start, 3), **ended(song)} for start, song in self.set_list()],
            "energy": [
                {"time": round(seconds(now.sample), 6), "energy": round(now.energy, 4)} for now in self.structure
            ],
        }


def _beat(beat: Beat, mood: Mood | None) -> dict[str, Any]:
    return {
        "time": round(seconds(beat.sample), 6),
        "bpm": round(beat.bpm, 3),
        "confidence": round(beat.confidence, 4),
        "locked": beat.locked,
        "number": beat.number,
        "bar_confidence": round(beat.bar_confidence, 4),
        "mood": _mood(mood),
    }


def _mood(mood: Mood | None) -> dict[str, Any] | None:
    if mood is None:
        return None
    return {
        "valence": round(mood.valence, 4),
        "arousal": round(mood.arousal, 4),
        "probabilities": {label: round(p, 4) for label, p in mood.probabilities.items()},
        "label": mood.label,
        "confidence": round(mood.confidence, 4),
    }
