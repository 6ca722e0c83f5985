"""Finding by mood and likeness against labels: every clip scanned once, what was found against what listeners say."""

from __future__ import annotations

import csv
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.program import program
from benchmarks.table import markdown
from streammood.library.catalogue import _COLUMNS, Catalogue
from streammood.library.find import Query, find
from streammood.library.store import Store

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mood"
CLIPS = "4q_taffc"  # folder of those whose moods listeners have agreed on
_MOODS = {"Q1": "happy", "Q2": "aggressive", "Q3": "sad", "Q4": "calm"}
_NEAR = 10
Numbers = npt.NDArray[np.float64]


def report() -> str:
    """How a scan of all labelled clips went, and what is found in it."""
    if not DATA.is_dir():
        return "Not measured: the labelled clips are not beside this checkout."
    given = os.environ.get("STREAMMOOD_LABELLED_LIBRARY")  # of the clips, if they were scanned before
    with tempfile.TemporaryDirectory() as name:
        base = Path(given) if given else Path(name) / "labelled.sqlite"
        scanned = _scan(base)
        with Store(base) as store:
            inside = os.fsencode(DATA / CLIPS) + b"/"
            catalogue = Catalogue([row for row in store.rows(_COLUMNS) if row[1].startswith(inside)])
    with (DATA / CLIPS / "labels.csv").open(encoding="utf-8") as file:
        labels = {row["file"]: row for row in csv.DictReader(file)}
    rows = [labels[catalogue.entry(i).path.name] for i in range(len(catalogue))]
    moods = np.array([_MOODS[row["quadrant"]] for row in rows])
    artists = np.array([row["artist_group"] for row in rows])
    return (
        f"{scanned}\n\n{len(rows)} clips of 30 s with moods that listeners have agreed on. The shipped model has "
        "learned from these clips, so its own column flatters it. *Held out*: a logistic regression on the stored "
        "vectors, in five folds in which no artist lies on both sides; the embedding has never met these labels.\n\n"
        + markdown(
            ["mood", "share of clips", "P@10, shipped model", "P@10, held out"], _precision(catalogue, moods, artists)
        )
        + "\n\n"
        + _likeness(catalogue, moods, artists)
    )


def _scan(base: Path) -> str:
    """Scan whatever is not in ``base`` yet; how that went."""
    began = time.perf_counter()
    _, used = program("library", "scan", str(DATA), "-l", str(base))
    wall = time.perf_counter() - began
    with Store(base) as store:
        counts, failures = store.counts(), store.failures()
    reasons = "; ".join(f"{path.name}: {reason}" for path, reason in failures[:5]) or "none"
    return (
        f"A scan of all clips, {wall:.0f} s and {used:.0f} s of processor time: {counts['songs']} songs, "
        f"{counts['minutes']} minutes, {counts['failed']} failed. Failures and damage: {reasons}."
    )


def _unit(catalogue: Catalogue) -> Numbers:
    """The vectors (n, size), of length 1."""
    vectors = catalogue.vectors.astype(np.float64)
    unit: Numbers = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def _precision(catalogue: Catalogue, moods: Any, artists: Any) -> list[list[str]]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415

    held = np.zeros((len(moods), len(np.unique(moods))))
    names = np.unique(moods)
    vectors = _unit(catalogue)
    for train, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(moods, moods, artists):
        model = LogisticRegression(C=3.0, max_iter=2000).fit(vectors[train], moods[train])
        held[test] = model.predict_proba(vectors[test])
    rows, means = [], []
    for column, mood in enumerate(names):
        shipped = [hit.place for hit in find(catalogue, Query(mood=str(mood), limit=_NEAR))]
        best = np.argsort(-held[:, column])[:_NEAR]
        found = [
            float(np.mean(moods == mood)),
            float(np.mean(moods[shipped] == mood)),
            float(np.mean(moods[best] == mood)),
        ]
        means.append(found)
        rows.append([str(mood), *(f"{value:.2f}" for value in found)])
    rows.append(["mean", *(f"{value:.2f}" for value in np.mean(means, axis=0))])
    right = float(np.mean(names[held.argmax(axis=1)] == moods))
    return [*rows, ["accuracy over all", "", "", f"{right:.2f}"]]


def _likeness(catalogue: Catalogue, moods: Any, artists: Any) -> str:
    vectors = _unit(catalogue)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -2.0)
    nearest = np.argsort(-alike, axis=1)[:, :_NEAR]
    several = np.array([np.sum(artists == artist) > 1 for artist in artists])
    same = artists[:, None] == artists[None, :]
    np.fill_diagonal(same, False)
    artist = float(np.mean([(artists[nearest[i]] == artists[i]).any() for i in np.flatnonzero(several)]))
    chance = float(np.mean([1.0 - (1.0 - same[i].mean()) ** _NEAR for i in np.flatnonzero(several)]))
    others = np.argsort(-np.where(same, -2.0, alike), axis=1)[:, :_NEAR]
    mood = float(np.mean(moods[others] == moods[:, None]))
    by_chance = float(np.mean([np.mean(moods == mood) for mood in moods]))
    return (
        f"Likeness: {artist:.2f} of the clips by an artist with several have another by the same artist among the "
        f"nearest {_NEAR} (chance {chance:.2f}); of the nearest {_NEAR} by other artists {mood:.2f} are of the same "
        f"mood (chance {by_chance:.2f})."
    )
