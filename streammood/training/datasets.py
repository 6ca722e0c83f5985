"""Labelled music: the public sets that the shipped model learned from, and a user's own, in one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from streammood.errors import DataError
from streammood.events import QUADRANTS
from streammood.models.manifest import DataSet
from streammood.models.mood_model import check_labels
from streammood.training.label_table import Row, read_rows

SOUND = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
LABELS = tuple(QUADRANTS)
LEAST = 4  # artists or songs of each label
LEAST_RATED = 20  # artists or songs with valence and arousal, where there are no labels
NEVER_MET = "mirex_mood"  # never fitted to: it shows what a model makes of other music
CLUSTERS = {"2": "happy", "3": "sad", "5": "aggressive"}  # of that set, those that are like a label
_LABEL_COLUMNS = ("mood", "label", "class")
_GROUP_COLUMNS = ("artist_group", "group", "artist")

Targets = dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Clip:
    """A sound file and what is known about it; clips of one group never lie on both sides of a fold."""

    path: Path
    group: str
    source: str
    targets: Targets = field(default_factory=dict)
    scored: bool = True  # whether its label counts in the scores


@dataclass(frozen=True, slots=True)
class Corpus:
    """Clips, the labels they are told by, and where they come from."""

    clips: list[Clip]
    labels: tuple[str, ...]
    sources: tuple[DataSet, ...]
    circumplex: str  # what valence and arousal are learned from, for people
    never_met: tuple[tuple[Path, str], ...] = ()  # clips of a set that is not fitted to, and the label of each


def read(data: Path) -> Corpus:
    """The corpus in folder ``data``: known sets, a ``labels.csv``, or a folder for each mood.

    Raises:
        DataError: there are no labels, or too few clips of one.
    """
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; give one with labels.csv, or with a folder of clips for each mood")
    names = [name for name in _READERS if (data / name / "labels.csv").is_file()]
    if names:
        corpus = _from_sets(data, names)
    elif (data / "labels.csv").is_file():
        corpus = _own(_from_csv(data))
    else:
        corpus = _own(_from_folders(data))
    _check(data, corpus)
    return corpus


def _check(data: Path, corpus: Corpus) -> None:
    rated = {clip.group for clip in corpus.clips if "circumplex" in clip.targets}
    if not corpus.labels and not rated:
        columns = " or ".join(_LABEL_COLUMNS)
        raise DataError(f"{data}: no clip has a label; fill a column {columns}, or the columns valence and arousal")
    if not corpus.labels:
        if len(rated) < LEAST_RATED:
            raise DataError(f"{data}: clips of {len(rated)} artists or songs are rated, {LEAST_RATED} are needed")
        return
    if len(corpus.labels) < 2:
        raise DataError(f"{data}: only one label, `{corpus.labels[0]}`; a mood needs another to be told from")
    try:
        check_labels(corpus.labels)
    except ValueError as error:
        raise DataError(f"{data}: {error}") from None
    for number, label in enumerate(corpus.labels):
        groups = {c.group for c in corpus.clips if c.scored and c.targets.get("label", (0.0,) * 99)[number] == 1.0}
        if len(groups) < LEAST:
            raise DataError(f"{data}: label `{label}` has clips of {len(groups)} artists or songs, {LEAST} are needed")


def one_hot(number: int, size: int) -> tuple[float, ...]:
    """1 at ``number``, else 0."""
    return tuple(float(k == number) for k in range(size))


# ---------------------------------------------------------------- the sets that the shipped model learned from


def _from_sets(data: Path, names: list[str]) -> Corpus:
    clips: list[Clip] = []
    sources = []
    for name in names:
        targets_of, licence = _READERS[name]
        rows = read_rows(data / name / "labels.csv")
        clips += [
            Clip(
                data / name / row["file"],
                row.get("artist_group") or f"{name}/{row['file']}",
                name,
                targets_of(row),
                scored=name == "4q_taffc",
            )
            for row in rows
        ]
        sources.append(DataSet(name=name, clips=len(rows), licence=licence))
    return Corpus(clips, LABELS, tuple(sources), _BOTH, _never_met(data / NEVER_MET, {clip.group for clip in clips}))


def _never_met(folder: Path, artists: set[str]) -> tuple[tuple[Path, str], ...]:
    """Clips of other ``artists`` whose cluster is like a label, and that label."""
    rows = read_rows(folder / "labels.csv") if (folder / "labels.csv").is_file() else []
    return tuple(
        (folder / row["file"], CLUSTERS[row["cluster"]])
        for row in rows
        if row["cluster"] in CLUSTERS and row.get("artist_group") not in artists
    )


def _quadrant(row: Row) -> Targets:
    return {"label": one_hot(row.choice("mood", LABELS), 4)}


def _circumplex(row: Row) -> Targets:
    return {"circumplex": (row.number("valence"), row.number("arousal"))}


_BOTH = "the labels, which name quadrants, and listeners' ratings of `deam_10s`, of which they are a linear function"
_READERS: dict[str, tuple[Callable[[Row], Targets], str]] = {
    "4q_taffc": (_quadrant, "previews of commercial music, research use (Panda, Malheiro and Paiva, IEEE TAFFC 2018)"),
    "deam_10s": (_circumplex, "CC BY-NC-SA (DEAM; Aljanaki, Yang and Soleymani, PLOS ONE 2017)"),
}


# ---------------------------------------------------------------- a user's own


@dataclass(frozen=True, slots=True)
class _Row:
    path: Path
    label: str
    group: str
    circumplex: tuple[float, float] | None


def _own(rows: list[_Row]) -> Corpus:
    labels = tuple(sorted({row.label for row in rows if row.label}))
    clips = []
    for row in rows:
        targets: Targets = {}
        if row.label:
            targets["label"] = one_hot(labels.index(row.label), len(labels))
        if row.circumplex:
            targets["circumplex"] = row.circumplex
        clips.append(Clip(row.path, row.group, "own", targets, scored=bool(row.label)))
    sources = (DataSet(name="own", clips=max(1, len(clips)), licence="the trainer's own clips; their terms apply"),)
    return Corpus(clips, labels, sources, "ratings of the clips")


def _from_csv(data: Path) -> list[_Row]:
    path = data / "labels.csv"
    rows = read_rows(path)
    label = _column(rows[0], _LABEL_COLUMNS)
    group = _column(rows[0], _GROUP_COLUMNS)
    if label is None and not {"valence", "arousal"} <= set(rows[0]):
        columns = " or ".join(_LABEL_COLUMNS)
        raise DataError(f"{path}: needs a column {columns}, or valence and arousal; has {', '.join(rows[0])}")
    return [
        _Row(
            data / row["file"],
            row[label] if label else "",
            row[group] if group else row["file"],
            _axes(row),
        )
        for row in rows
    ]


def _column(row: Row, names: Iterable[str]) -> str | None:
    return next((name for name in names if name in row), None)


def _axes(row: Row) -> tuple[float, float] | None:
    if not row.get("valence") or not row.get("arousal"):
        return None
    return row.number("valence", -1.0, 1.0), row.number("arousal", -1.0, 1.0)


def _from_folders(data: Path) -> list[_Row]:
    rows = [
        _Row(clip, folder.name, f"{folder.name}/{clip.name}", None)
        for folder in sorted(data.iterdir())
        if folder.is_dir()
        for clip in sorted(folder.iterdir())
        if clip.suffix.lower() in SOUND
    ]
    if not rows:
        raise DataError(f"{data}: no labelled clips; give labels.csv, or a folder of clips for each mood")
    return rows
