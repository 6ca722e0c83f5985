"""Scores of the beats that a show would get: on labelled music, by the instant at which they fire."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import track
from rich.table import Table

from streammood.analysis.aubio import AubioTracker
from streammood.analysis.resampler import Resampler
from streammood.config import Settings
from streammood.errors import DataError
from streammood.events import F32, Beat
from streammood.training.beat.data import LabelledTrack, read
from streammood.training.beat.hearing import beats_of, hear
from streammood.training.beat.scores import BINS, Score, Truth, interval, lateness, reliability, score

LONGEST = 30.0  # s of each track that are heard
_HOP, _AUBIO_SILENCE = 512, -90.0  # samples and dB, aubio's own defaults
_DOUBTFUL = "quality.csv"  # beside the tracks, where some labels are in doubt
Tracker = Callable[[F32, int], list[Beat]]

HEADER = (
    "set",
    "tracks",
    "tracker",
    "F",
    "95 %",
    "CMLt",
    "AMLt",
    "downbeats F",
    "late ms p2.5 / 50 / 97.5",
    "first lock s",
)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One set, heard by one tracker."""

    name: str
    tracker: str
    scores: tuple[Score, ...]

    def row(self) -> list[str]:
        """As ``HEADER``."""
        f, low, high = interval([s.f for s in self.scores])
        bars = [s.downbeat for s in self.scores if np.isfinite(s.downbeat)]
        lock = float(np.median([s.lock for s in self.scores]))
        return [
            self.name,
            str(len(self.scores)),
            self.tracker,
            f"{f:.3f}",
            f"{low:.3f}–{high:.3f}",
            f"{np.mean([s.cmlt for s in self.scores]):.3f}",
            f"{np.mean([s.amlt for s in self.scores]):.3f}",
            f"{np.mean(bars):.3f}" if bars else "",
            lateness(self.scores),
            f"{lock:.1f}" if np.isfinite(lock) else "",
        ]


def trackers(settings: Settings) -> dict[str, Tracker]:
    """The one that is set, the light alternative, and aubio as it comes."""
    light = settings.model_copy(update={"beat": settings.beat.model_copy(update={"tracker": "aubio"})})
    return {
        settings.beat.tracker: lambda sound, rate: beats_of(hear(sound, rate, settings)),
        "aubio, light": lambda sound, rate: beats_of(hear(sound, rate, light)),
        "aubio alone": _aubio_alone,
    }


def sets(data: Path) -> dict[str, list[LabelledTrack]]:
    """Tracks with sound by set, in the order of their names: those that no model was fitted to, apart from the others.

    Raises:
        DataError: there are no labelled tracks.
    """
    found: dict[str, list[LabelledTrack]] = {}
    for item in read(data):
        if item.kit is None and (item.source != "pseudo" or item.held_out):
            found.setdefault(f"{item.source}{'' if item.held_out else ', fitted to'}", []).append(item)
    for name, items in list(found.items()):
        doubtful = _doubtful(items[0].path.with_name(_DOUBTFUL))
        if doubtful:
            found[f"{name}, labels not in doubt"] = [item for item in items if item.stem not in doubtful]
    return dict(sorted(found.items()))


def listen(tracks: list[LabelledTrack], trackers_: Mapping[str, Tracker]) -> Iterator[dict[str, Score]]:
    """What each tracker scores on each track."""
    for item in tracks:
        sound, rate = soundfile.read(item.path, dtype="float32", always_2d=True, frames=int(LONGEST * 48_000))
        mono = np.ascontiguousarray(sound.mean(axis=1))
        truth = Truth(item.beats, item.numbers).before(mono.size / rate)
        if truth.beats.size > 2:
            yield {name: score(item.stem, truth, run(mono, rate)) for name, run in trackers_.items()}


def results(data: Path, settings: Settings, limit: int = 0) -> list[Result]:
    """Every set of ``data``, heard by every tracker; at most ``limit`` tracks of each, evenly chosen, if not 0.

    Raises:
        DataError: there are no labelled tracks.
        ModelError: the beat network cannot be used.
    """
    scored: dict[tuple[str, str], dict[str, Score]] = {}
    every = trackers(settings)
    found: list[Result] = []
    for name, items in sets(data).items():
        chosen = items[:: -(-len(items) // limit)] if limit else items
        new = [item for item in chosen if (item.source, item.stem) not in scored]
        for item in track(new, description=name):
            for scores in listen([item], every):
                scored[item.source, item.stem] = scores
        reached = [scored[i.source, i.stem] for i in chosen if (i.source, i.stem) in scored]
        found += [Result(name, tracker, tuple(scores[tracker] for scores in reached)) for tracker in every if reached]
    if not found:
        raise DataError(f"{data}: no labelled track has beats in its first {LONGEST:.0f} s")
    return found


def evaluate(data: Path, model: str | None = None, limit: int = 0) -> None:
    """Print the scores of the beats of ``model`` on the labelled tracks in ``data``.

    Raises:
        DataError: there are no labelled tracks.
        ModelError: the model cannot be used.
    """
    settings = Settings()
    if model is not None:
        settings = settings.model_copy(update={"beat": settings.beat.model_copy(update={"model": model})})
    found = results(data, settings, limit)
    console = Console(width=160)
    table = Table(*HEADER, title=f"F within ±70 ms after 5 s, first {LONGEST:.0f} s of each track, as beats fire")
    for result in found:
        table.add_row(*result.row())
    console.print(table)
    stated = Table("confidence", "stated", "right", "beats", title="what a confidence is worth")
    for row in stated_rows(found, settings.beat.tracker):
        stated.add_row(*row)
    console.print(stated)


def stated_rows(found: list[Result], tracker: str) -> list[list[str]]:
    """For each bin of confidence: the mean that was stated, the share that was right, and how many beats."""
    scores = [s for r in found if r.tracker == tracker and "doubt" not in r.name for s in r.scores]
    return [
        [f"{low:.1f}–{high:.1f}", f"{stated:.2f}", f"{right:.2f}", str(count)]
        for (low, high), (stated, right, count) in zip(pairwise(BINS), reliability(scores), strict=True)
    ]


def _doubtful(path: Path) -> set[str]:
    """Names of the tracks whose labels are in doubt, by a table beside them."""
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", newline="") as table:
        return {row["track"] for row in csv.DictReader(table) if row["suspect"] == "1"}


def _aubio_alone(sound: F32, rate: int) -> list[Beat]:
    """aubio with its defaults; its beats fire at the end of the hop in which it reports them."""
    tracker = AubioTracker(_HOP, _AUBIO_SILENCE)
    sound = Resampler(rate).push(sound)
    found: list[Beat] = []
    for end in range(_HOP, sound.size + 1, _HOP):
        found += [
            Beat(cue.sample, end, 0.0, 0.0, False, 0, len(found) + 1)
            for cue in tracker.push(sound[end - _HOP : end], end)
        ]
    return found
