"""How sure a model may be, and where its valence and arousal lie, by what such models say of clips they never met.

Mixup, smoothed labels and means of windows make networks modest, and pull valence and arousal to the middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from streammood.events import F32, QUADRANTS
from streammood.models.mood_model import Line, Manifest

_LEAST = 20  # clips; from fewer nothing is computed
_TEMPERATURES = (0.2, 5.0)
_SLOPES = (0.02, 3.0)  # ratings without rhyme or reason must not make the axes stand still
_REACH = 0.75  # of an axis, between which and its negative nine tenths of all labelled clips lie

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeldOutAnswer:
    """What a model says of a clip that it never met, and what is known of the clip."""

    logits: F32  # (n_labels,), not calibrated, save for a constant
    axes: tuple[float, float]  # valence and arousal, not calibrated
    label: int | None  # position of the true label
    rated: tuple[float, ...] | None  # true valence and arousal


@dataclass(frozen=True, slots=True)
class Calibration:
    """What becomes of a network's answers."""

    temperature: float = 1.0
    axes: Line | None = None  # None: as the manifest has them

    def of(self, manifest: Manifest) -> Manifest:
        """The manifest of a calibrated model."""
        return manifest.model_copy(update={"temperature": self.temperature, "axes": self.axes or manifest.axes})


def calibrate(answers: list[HeldOutAnswer], labels: tuple[str, ...]) -> Calibration:
    """The temperature with the least log loss (C. Guo et al., ICML 2017), and a straight line for each axis.

    Where labels name quadrants, an axis is 0 where the labels on either side of it are as likely, and nine tenths of
    the labelled clips span most of it; otherwise the lines are those with the least squared error of the ratings.
    """
    labelled = [one for one in answers if one.label is not None]
    temperature = _temperature([(one.logits, one.label) for one in labelled if one.label is not None])
    if labels and set(labels) <= set(QUADRANTS):
        if len(labelled) < _LEAST:
            return Calibration(temperature)
        sides = np.array([QUADRANTS[labels[one.label]] for one in labelled if one.label is not None])
        return Calibration(temperature, _sided(np.array([one.axes for one in labelled]), sides))
    rated = [one for one in answers if one.rated is not None]
    if len(rated) < _LEAST:
        return Calibration(temperature)
    return Calibration(temperature, _rated(np.array([one.axes for one in rated]), np.array([o.rated for o in rated])))


def _sided(axes: F64, sides: npt.NDArray[np.int64]) -> Line:
    lines = []
    for values, side in zip(axes.T, sides.T, strict=True):
        middle = float(values.mean())
        if np.unique(side).size == 2:
            fitted = LogisticRegression(C=1e3).fit(values[:, None], side)
            boundary = float(-fitted.intercept_[0] / fitted.coef_[0, 0])
            middle = float(np.clip(boundary, *np.quantile(values, [0.2, 0.8])))
        reach = float(np.abs(np.quantile(values, [0.05, 0.95]) - middle).mean())
        slope = float(np.clip(_REACH / max(reach, 1e-9), *_SLOPES))
        lines.append((-slope * middle, slope))
    return _line(lines)


def _rated(axes: F64, ratings: F64) -> Line:
    apart = axes - axes.mean(axis=0)
    slopes = np.clip((apart * ratings).sum(axis=0) / np.maximum((apart**2).sum(axis=0), 1e-9), *_SLOPES)
    return _line(list(zip(ratings.mean(axis=0) - slopes * axes.mean(axis=0), slopes, strict=True)))


def _line(lines: list[tuple[float, float]]) -> Line:
    (a, b), (c, d) = ((round(float(x), 4) for x in line) for line in lines)
    return Line(intercept=(a, c), slope=(b, d))


def of_each_fold(answers: list[list[HeldOutAnswer]], labels: tuple[str, ...]) -> list[Calibration]:
    """The calibration of each fold's model, by what is said in the other folds."""
    return [
        calibrate([one for other, of_fold in enumerate(answers) if other != fold for one in of_fold], labels)
        for fold in range(len(answers))
    ]


def _temperature(labelled: list[tuple[F32, int]]) -> float:
    if len(labelled) < _LEAST:
        return 1.0
    logits = np.stack([values for values, _ in labelled])
    rows, true = np.arange(len(labelled)), np.array([label for _, label in labelled])

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, true].mean())

    lowest, highest = np.log(_TEMPERATURES).tolist()
    best = minimize_scalar(loss, bounds=(lowest, highest), method="bounded")
    return round(float(np.exp(best.x)), 3)
