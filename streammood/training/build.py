"""From windows of labelled clips to a mood model: scaled, fitted, joined, quantised, described."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from streammood.analysis.mood.slots import HOPS
from streammood.events import F32
from streammood.models import embedding_model
from streammood.models.mood_model import FORMAT, LIMIT, Line, Manifest, MoodModel, Scaling, Window
from streammood.training.calibrate import Calibration, HeldOutAnswer
from streammood.training.datasets import Clip, Corpus
from streammood.training.fit import Examples, Schedule, corners_of, fit
from streammood.training.folds import Ints
from streammood.training.network import Networks, shipped
from streammood.training.quantise import to_tflite
from streammood.training.votes import Votes
from streammood.training.windows import FIRST, LENGTH, Windows

_CORRELATION = 0.15
_CAREFUL = 0.3  # slope of axes that nothing calibrates


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, and what it says of the clips that it was not fitted to."""

    network: bytes  # a .tflite file
    manifest: Manifest
    held_out: list[HeldOutAnswer]

    def model(self, calibration: Calibration) -> MoodModel:
        """The calibrated model."""
        return MoodModel(calibration.of(self.manifest), self.network)


def build(corpus: Corpus, windows: Windows, held_out: Ints, schedule: Schedule, name: str, seed: int) -> Fitted:
    """Fit a model to the ``windows`` of all clips but those with the numbers in ``held``."""
    keras.utils.set_random_seed(seed)
    embedding = embedding_model.shipped()
    met = ~np.isin(windows.clip, held_out)
    scaling = _scaling(windows.statistics[met])
    values = _scaled(windows.statistics, scaling)
    label = _targets(corpus, "label", len(corpus.labels))
    ratings = _targets(corpus, "circumplex", 2)
    centre, spread = _centre(ratings)
    examples = Examples(
        values[met], windows.clip[met], windows.variant[met], corpus.labels, label, (ratings - centre) / spread
    )
    votes = _votes(examples, seed) if corpus.labels else None
    networks = fit(examples, schedule, 100 * seed)
    network = shipped(networks, votes, _lean(networks, examples) if corners_of(corpus.labels) is not None else 0.0)
    content = to_tflite(network, examples.values, seed)
    manifest = Manifest(
        format=FORMAT,
        embedding=embedding.sha256,
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        window=Window(hops=HOPS, slots=LENGTH, first=FIRST),
        statistics=scaling,
        labels=corpus.labels,
        axes=_line(corpus.labels, centre, spread),
        circumplex=corpus.circumplex,
        training=corpus.sources,
    )
    return Fitted(content, manifest, _predict(network, corpus.clips, values, windows, held_out))


def _predict(
    network: keras.Model, clips: list[Clip], values: F32, windows: Windows, held_out: Ints
) -> list[HeldOutAnswer]:
    """What the network says of clips held out: the mean over their windows, before it is quantised."""
    predicted = []
    for number in held_out.tolist():
        rows = np.flatnonzero((windows.clip == number) & (windows.variant == 0))
        outputs = network(values[rows])
        *logits, axes = (np.mean(output, axis=0) for output in (outputs if isinstance(outputs, list) else [outputs]))
        targets = clips[number].targets
        label = int(np.argmax(targets["label"])) if "label" in targets else None
        given = np.asarray(logits[0] if logits else [], np.float32)
        predicted.append(HeldOutAnswer(given, (float(axes[0]), float(axes[1])), label, targets.get("circumplex")))
    return predicted


def _lean(networks: Networks, examples: Examples) -> float:
    """What brings the correlation of valence with arousal, over windows of labelled clips, inside ``_CORRELATION``.

    What is surely aggressive is energetic and what is surely calm is quiet, so the axes lean against each other.
    """
    labelled = _given(examples.label)[examples.clip]
    valence, arousal = networks(examples.values[labelled]).axes.numpy().mean(axis=0).T.astype(np.float64)
    slope = float(np.cov(valence, arousal)[0, 1] / max(float(arousal.var()), 1e-9))
    rest = float(np.std(valence - slope * arousal) / max(float(arousal.std()), 1e-9))
    most = _CORRELATION / (1.0 - _CORRELATION**2) ** 0.5 * rest
    return slope - float(np.clip(slope, -most, most))


def _targets(corpus: Corpus, name: str, size: int) -> F32:
    """Targets of every clip (n_clips, size); NaN where a clip does not say."""
    return np.array([clip.targets.get(name, (np.nan,) * size) for clip in corpus.clips], np.float32)


def _votes(examples: Examples, seed: int) -> Votes:
    labelled = _given(examples.label)[examples.clip]
    labelled_clips = np.unique(examples.clip[labelled & (examples.variant == 0)])
    rows = np.isin(examples.clip, labelled_clips)
    clean = examples.variant == 0
    means = np.stack([examples.values[clean & (examples.clip == number)].mean(axis=0) for number in labelled_clips])
    whose = np.searchsorted(labelled_clips, examples.clip[rows])
    return Votes.of(examples.values[rows], whose, means, examples.label[labelled_clips], seed)


def _line(labels: tuple[str, ...], centre: F32, spread: F32) -> Line:
    """From the network's axes to those of the ratings; from log odds of sides of quadrants, one to less."""
    if corners_of(labels) is not None:
        return Line(slope=(_CAREFUL, _CAREFUL))
    (valence, arousal), (one, other) = centre.round(4).tolist(), spread.round(4).tolist()
    return Line(intercept=(valence, arousal), slope=(one, other))


def _given(targets: F32) -> npt.NDArray[np.bool_]:
    """Whether each clip (n_clips,) says what is in ``targets`` (n_clips, size)."""
    return np.asarray(np.isfinite(targets).all(axis=1))


def _scaling(values: F32) -> Scaling:
    offset = values.mean(axis=0, dtype=np.float64)
    scale = values.std(axis=0, dtype=np.float64) + 1e-3
    return Scaling(offset=tuple(offset.round(5).tolist()), scale=tuple(scale.round(5).tolist()))


def _scaled(values: F32, scaling: Scaling) -> F32:
    """``values`` as the network takes them, limited as int8 limits them."""
    offset, scale = np.array(scaling.offset, np.float32), np.array(scaling.scale, np.float32)
    limited: F32 = np.clip((values - offset) / scale, -LIMIT, LIMIT)
    return limited


def _centre(ratings: F32) -> tuple[F32, F32]:
    """Mean and deviation (2,) of the known ratings; a plain scale where there are none."""
    labelled_clips = ratings[_given(ratings)]
    if labelled_clips.shape[0] < 2:
        return np.zeros(2, np.float32), np.ones(2, np.float32)
    return labelled_clips.mean(axis=0), labelled_clips.std(axis=0) + np.float32(1e-3)
