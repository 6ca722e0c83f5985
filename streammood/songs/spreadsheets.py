"""Beats, moods and onsets as rows: for spreadsheets, and as labels for Audacity and Sonic Visualiser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from streammood.events import seconds
from streammood.log.rows import ended
from streammood.songs.song import Song

Row: TypeAlias = Sequence[object]


def _csv(head: Row, rows: Iterable[Row]) -> str:
    """RFC 4180, but with the line ends that every program takes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def beats_csv(song: Song) -> str:
    """A row for each beat, with its mood."""
    head = ("time", "bpm", "confidence", "locked", "number", "bar_confidence", "label", "valence", "arousal")
    rows = []
    for beat, mood in zip(song.beats, song.beat_moods(), strict=True):
        cells: Row = ("", "", "", *("" for _ in song.labels))
        if mood is not None:
            shares = (f"{mood.probabilities[label]:.4f}" for label in song.labels)
            cells = (mood.label, f"{mood.valence:.4f}", f"{mood.arousal:.4f}", *shares)
        rows.append(
            (
                f"{seconds(beat.sample):.6f}",
                f"{beat.bpm:.3f}",
                f"{beat.confidence:.4f}",
                int(beat.locked),
                beat.number,
                f"{beat.bar_confidence:.4f}",
                *cells,
            )
        )
    return _csv((*head, *song.labels), rows)


def moods_csv(song: Song) -> str:
    """A row for each mood, and the time in which it holds."""
    head = ("start", "end", "label", "confidence", "valence", "arousal", *song.labels)
    rows = [
        (
            f"{start:.6f}",
            f"{end:.6f}",
            mood.label,
            f"{mood.confidence:.4f}",
            f"{mood.valence:.4f}",
            f"{mood.arousal:.4f}",
            *(f"{mood.probabilities[label]:.4f}" for label in song.labels),
        )
        for (start, end), mood in zip(song.spans(), song.moods, strict=True)
    ]
    return _csv(head, rows)


def _labels(rows: Iterable[tuple[float, float, str]]) -> str:
    """Audacity's label track: start, end and text between tabs, times in s."""
    return "".join(f"{start:.6f}\t{end:.6f}\t{' '.join(text.split())}\n" for start, end, text in rows)


def beat_labels(song: Song) -> str:
    """A point for each beat, named by its place in the bar, or ``beat`` where that is not known."""
    return _labels((time, time, str(beat.number or "beat")) for beat in song.beats for time in [seconds(beat.sample)])


def mood_labels(song: Song) -> str:
    """A region for each stretch of one mood."""
    return _labels((part.start, part.end, part.label) for part in song.stretches())


def onset_labels(song: Song) -> str:
    """A point for each onset, named by its strength in 0..1."""
    return _labels((time, time, f"{o.strength:.2f}") for o in song.onsets for time in [seconds(o.sample)])


def sections_csv(song: Song) -> str:
    """A row for each section that begins, and for each build-up."""
    head = ("time", "kind", "confidence", "bars")
    rows = [(f"{seconds(s.sample):.6f}", s.kind, f"{s.confidence:.4f}", s.bars) for s in song.sections]
    return _csv(head, rows)


def songs_csv(song: Song) -> str:
    """The set list: a row for each song."""
    rows = [{"start": f"{start:.3f}", **ended(one)} for start, one in song.set_list()]
    head = ("start", "length", "bpm", "key", "camelot", "key_confidence", "mood", "valence", "arousal", "energy")
    return _csv(head, [tuple(row[name] for name in head) for row in rows])


def song_labels(song: Song) -> str:
    """A region for each song, named by its number, tempo and key."""
    rows = [(start, ended(one)) for start, one in song.set_list()]
    return _labels(
        (start, start + row["length"], f"{number} {row['bpm']:.1f} BPM {row['key']}")
        for number, (start, row) in enumerate(rows, 1)
    )


def section_labels(song: Song) -> str:
    """A point for each section that begins, and for each build-up."""
    return _labels((time, time, s.kind) for s in song.sections for time in [seconds(s.sample)])
