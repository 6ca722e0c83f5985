"""How sure a model may be, and where its valence and arousal lie, by what such models say of clips they never met.

Mixup, smoothed labels and means of windows make networks modest, and pull valence and arousal to the middle.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from streammood.analysis.mood.mood_stream import corners, softmax
from streammood.config import MoodSettings
from streammood.events import F32
from streammood.models.mood_model import Line, Manifest

_LEAST = 20  # clips; from fewer nothing is computed
_TEMPERATURES = (0.2, 5.0)
_SLOPES = (0.5, 3.0)  # ratings without rhyme or reason must not make the axes stand still


@dataclass(frozen=True, slots=True)
class Held:
    """What a model says of a clip that it never met, and what is known of the clip."""

    logits: F32  # (n_labels,), not calibrated, save for a constant
    circumplex: tuple[float, float]  # valence and arousal, not calibrated
    label: int | None  # position of the true label
    rated: tuple[float, ...] | None  # true valence and arousal


@dataclass(frozen=True, slots=True)
class Calibration:
    """What becomes of a network's answers."""

    temperature: float = 1.0
    axes: Line = field(default_factory=Line)

    def of(self, manifest: Manifest) -> Manifest:
        """The manifest of a calibrated model."""
        return manifest.model_copy(update={"temperature": self.temperature, "axes": self.axes})


def calibrate(held: list[Held], labels: tuple[str, ...]) -> Calibration:
    """The temperature with the least log loss (C. Guo et al., ICML 2017) and the lines with the least squares.

    The lines are those with which the axes are best after labels have drawn them, as they do live by default.
    """
    temperature = _temperature([(one.logits, one.label) for one in held if one.label is not None])
    rated = [one for one in held if one.rated is not None]
    if len(rated) < _LEAST:
        return Calibration(temperature)
    wanted = np.array([one.rated for one in rated], dtype=np.float64)
    where = corners(labels)
    if where.size:
        share = MoodSettings().agreement
        drawn = np.array([softmax(one.logits / temperature) @ where for one in rated])
        wanted = (wanted - share * drawn) / max(1.0 - share, 1e-3)
    said = np.array([one.circumplex for one in rated], dtype=np.float64)
    apart = said - said.mean(axis=0)
    slope = np.clip((apart * wanted).sum(axis=0) / np.maximum((apart**2).sum(axis=0), 1e-9), *_SLOPES)
    valence, arousal = (wanted.mean(axis=0) - slope * said.mean(axis=0)).round(4).tolist()
    return Calibration(temperature, Line(intercept=(valence, arousal), slope=tuple(slope.round(4).tolist())))


def of_each_fold(said: list[list[Held]], labels: tuple[str, ...]) -> list[Calibration]:
    """The calibration of each fold's model, by what is said in the other folds."""
    return [
        calibrate([one for other, of_fold in enumerate(said) if other != fold for one in of_fold], labels)
        for fold in range(len(said))
    ]


def _temperature(told: list[tuple[F32, int]]) -> float:
    if len(told) < _LEAST:
        return 1.0
    logits = np.stack([values for values, _ in told])
    rows, true = np.arange(len(told)), np.array([label for _, label in told])

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, true].mean())

    lowest, highest = np.log(_TEMPERATURES).tolist()
    best = minimize_scalar(loss, bounds=(lowest, highest), method="bounded")
    return round(float(np.exp(best.x)), 3)
