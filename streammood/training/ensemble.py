"""From windows of labelled clips to a mood model: scaled, fitted, joined, quantised, described."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import tf_keras as keras

from streammood.analysis.mood.slots import HOPS
from streammood.events import F32
from streammood.models import embedding_model
from streammood.models.mood_model import FORMAT, LIMIT, Manifest, MoodModel, Novelty, Scaling, Window
from streammood.training.calibrate import Calibration
from streammood.training.datasets import Corpus
from streammood.training.fit import Examples, Schedule, fit
from streammood.training.network import shipped
from streammood.training.quantise import to_tflite
from streammood.training.votes import Votes
from streammood.training.windows import FIRST, LENGTH, Windows

_FAMILIAR = 0.97  # share of windows; speech, hum and noise lie from 1.5 times as far, applause from 1.3
_STRANGE = 1.4


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model as float and as int8, for the comparison between the two."""

    quantised: bytes
    floating: bytes
    manifest: Manifest  # of the quantised one

    def calibrated(self, calibration: Calibration) -> Fitted:
        """The same with other sure and other scaled answers."""
        return replace(self, manifest=calibration.of(self.manifest))

    def model(self) -> MoodModel:
        """The model that is shipped."""
        return MoodModel(self.manifest, self.quantised)

    def float_model(self) -> MoodModel:
        """The same before it was quantised."""
        return MoodModel(self.manifest, self.floating)


def targets_of(corpus: Corpus) -> dict[str, F32]:
    """Targets of every clip, task by task (n_clips, size); NaN where a clip does not say."""
    return {
        task.name: np.array([clip.targets.get(task.name, (np.nan,) * task.size) for clip in corpus.clips], np.float32)
        for task in corpus.tasks
    }


def build(corpus: Corpus, windows: Windows, schedule: Schedule, name: str, seed: int) -> Fitted:
    """Fit a model of ``corpus`` to ``windows``, which may be of some of its clips only."""
    keras.utils.set_random_seed(seed)
    embedding = embedding_model.shipped()
    scaling = _scaling(windows.statistics)
    vectors = scaled(windows.statistics, scaling)
    targets = targets_of(corpus)
    centre, spread = _centre(targets["circumplex"])
    targets["circumplex"] = ((targets["circumplex"] - np.array(centre)) / np.array(spread)).astype(np.float32)
    tasks = corpus.tasks
    examples = Examples(vectors, targets, windows.clip, windows.variant, tasks, corpus.heard)
    votes = _votes(examples, seed) if "label" in targets else None
    network = shipped(fit(examples, schedule, 100 * seed), tasks, centre, spread, votes)
    quantised = to_tflite(network, vectors, seed)
    manifest = Manifest(
        format=FORMAT,
        embedding=embedding.sha256,
        name=name,
        sha256=hashlib.sha256(quantised).hexdigest(),
        window=Window(hops=HOPS, slots=LENGTH, first=FIRST),
        statistics=scaling,
        novelty=_novelty(vectors, vectors.shape[1] - 2 * embedding.size),
        labels=corpus.labels,
        circumplex=corpus.circumplex,
        training=corpus.sources,
    )
    return Fitted(quantised, to_tflite(network, vectors, seed, int8=False), manifest)


def _votes(examples: Examples, seed: int) -> Votes:
    known, means, labels = examples.known("label")
    told = np.isin(examples.clip, known)
    return Votes.of(examples.values[told], np.searchsorted(known, examples.clip[told]), means, labels, seed)


def _scaling(values: F32) -> Scaling:
    offset = values.mean(axis=0, dtype=np.float64)
    scale = values.std(axis=0, dtype=np.float64) + 1e-3
    return Scaling(offset=tuple(offset.round(5).tolist()), scale=tuple(scale.round(5).tolist()))


def scaled(values: F32, scaling: Scaling) -> F32:
    """``values`` as the network sees them, without offset and scale, limited as int8 limits them."""
    offset, scale = np.array(scaling.offset, np.float32), np.array(scaling.scale, np.float32)
    limited: F32 = np.clip((values - offset) / scale, -LIMIT, LIMIT)
    return limited


def _novelty(vectors: F32, values: int) -> Novelty:
    """Familiar is what nearly all windows are, by the first ``values`` statistics; strange is what lies well beyond."""
    familiar = float(np.quantile(np.mean(vectors[:, :values] ** 2, axis=1), _FAMILIAR))
    return Novelty(values=values, familiar=round(familiar, 4), strange=round(_STRANGE * familiar, 4))


def _centre(circumplex: F32) -> tuple[list[float], list[float]]:
    """Mean and deviation of the known valences and arousals; a plain scale where none are known."""
    known = circumplex[np.isfinite(circumplex).all(axis=1)]
    if known.shape[0] < 2:
        return [0.0, 0.0], [1.0, 1.0]
    return known.mean(axis=0).tolist(), (known.std(axis=0) + 1e-3).tolist()
