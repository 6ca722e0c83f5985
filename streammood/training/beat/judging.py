"""``python -m streammood.training.beat.judging DATA``: fit the judge of a beat network anew, and write its manifest.

DATA holds sets as for ``streammood train beat``: sound files with a NAME.beats beside each; an empty one stands for
sound without a beat (speech, crowds). What is learned from is every track's known beats and their rivals, and the
beats that the clock itself finds there.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import track
from sklearn.linear_model import LogisticRegression

from streammood.analysis.beat.beat_clock import LockSettings
from streammood.analysis.beat.beat_stream import BeatStream
from streammood.analysis.beat.cues import NetworkCues
from streammood.analysis.beat.judge import N_FEATURES, RIGHT
from streammood.analysis.beat.tempo_filter import FilterSettings
from streammood.analysis.hops import F64, Hops
from streammood.config import BeatSettings, LevelSettings
from streammood.dsp.layout import HOP, LAYOUT
from streammood.events import ANALYSIS_RATE, F32
from streammood.models.beat_model import BeatManifest, BeatModel
from streammood.models.manifest import read_manifest
from streammood.training.beat import data, hypotheses
from streammood.training.beat.data import CHOOSING, LabelledTrack
from streammood.training.frames import FrameCache, extract_signal

Ints = npt.NDArray[np.int64]
_MOST = 100  # tracks of each set
_LONGEST = 120.0  # s of a track
_FOUND, _BEATLESS = 4.0, 10.0  # weights of beats that the clock finds, and of sound without beats
_PENALTY = 0.02  # inverse strength of the penalty on weights
_PRIOR = 0.7  # log odds by which beats of a clock are more often right than those that are learned from


class _StoredCues:
    """Cues that are known already."""

    reading: FilterSettings = NetworkCues.reading
    lock: LockSettings = NetworkCues.lock

    def __init__(self, cues: F64, delay: int, table: F64 | None) -> None:
        self._cues, self.delay, self.table = cues, delay, table

    def reset(self) -> None:
        """They stay."""

    def push(self, hops: Hops) -> F64:
        """All of them."""
        return self._cues[: len(hops)]


def examples(model: BeatModel, frames: F32, truth: F64) -> tuple[F64, Ints, F64]:
    """Features (n, N_FEATURES), classes (n,) and weights (n,) of a track: ``frames`` (n_hops, LAYOUT.size).

    ``known`` are its beats in s; none where there is no beat at all.
    """
    hops = Hops.of(frames)
    network = NetworkCues(model)
    cues = network.push(hops)
    places = ((1.0 + np.arange(len(cues))) * HOP - network.delay) / ANALYSIS_RATE
    stream = BeatStream(BeatSettings(), LevelSettings(), None, _StoredCues(cues, network.delay, model.judge))
    found = np.unique(stream.push(hops, np.ones(len(hops), dtype=bool))[1]["sample"] / ANALYSIS_RATE)
    each = [(found, _FOUND)] + ([(beats, 1.0) for beats in hypotheses.rivals(truth)] if truth.size > 8 else [])
    features, classes, weights = [np.empty((0, N_FEATURES))], [np.empty(0, dtype=np.int64)], [np.empty(0)]
    for beats, weight in each:
        if beats.size < 6:
            continue
        read, after = hypotheses.watch(cues, places, beats, NetworkCues.reading)
        labels = hypotheses.classes(beats, truth)[np.minimum(after, beats.size - 1)]
        features.append(read)
        classes.append(labels)
        weights.append(np.full(len(labels), weight if truth.size else weight * _BEATLESS))
    weighed = np.concatenate(weights)
    return np.concatenate(features), np.concatenate(classes), weighed / np.sqrt(max(1, weighed.size))


def fit(parts: Iterable[tuple[F64, Ints, F64]]) -> F64:
    """The weights of a judge (N_CLASSES, N_FEATURES + 1) from ``examples`` of tracks."""
    features, classes, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    logistic = LogisticRegression(C=_PENALTY, max_iter=200)
    logistic.fit((features - mean) / spread, classes, sample_weight=weights)
    slopes = logistic.coef_ / spread
    table: F64 = np.column_stack((slopes, logistic.intercept_ - slopes @ mean))
    table[RIGHT, -1] += _PRIOR
    return table


def read(root: Path, seed: int) -> list[LabelledTrack]:
    """At most ``_MOST`` tracks of each set below ``root`` that are not for choosing, and grooves of our own."""
    sets: dict[str, list[LabelledTrack]] = {}
    for item in data.read(root) + data.grooves(seed):
        if item.source != CHOOSING and item.kit is None:
            sets.setdefault(item.source, []).append(item)
    return [t for items in sets.values() for t in sorted(items, key=lambda t: zlib.crc32(t.stem.encode()))[:_MOST]]


def main() -> None:
    """Fit, and write the judge into the manifest of the model."""
    parser = argparse.ArgumentParser(prog="python -m streammood.training.beat.judging", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="models/beat.tflite", help="of the network (models/beat.tflite)")
    parser.add_argument("--cache", type=Path, default=Path(".cache/features"))
    parser.add_argument("--seed", type=int, default=1, help="of the grooves (1)")
    asked = parser.parse_args()
    model, frames = BeatModel.load(asked.model), FrameCache(asked.cache)
    parts = []
    for item in track(read(asked.data, asked.seed), description="judge"):
        values = (
            extract_signal(item.groove.sound(), ANALYSIS_RATE)
            if item.groove is not None
            else frames.frames(item.path)[: int(_LONGEST * ANALYSIS_RATE / HOP)].astype(np.float32)
        )
        parts.append(examples(model, values[:, : LAYOUT.size], item.beats))
    write(Path(asked.model).with_suffix(".json"), fit(parts))


def write(path: Path, table: F64) -> None:
    """Put the weights into the manifest at ``path``."""
    manifest = read_manifest(path.with_suffix(".tflite"), BeatManifest)
    judge = tuple(tuple(round(float(value), 5) for value in row) for row in table)
    text = manifest.model_copy(update={"judge": judge}).model_dump_json(indent=1)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
