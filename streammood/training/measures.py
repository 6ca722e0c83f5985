"""Measures of what was heard against what is true: pure functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.metrics import confusion_matrix, f1_score

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def macro_f1(true: Ints, predicted: Ints, n_labels: int) -> float:
    """Mean F1 of all labels; -1 stands for no prediction."""
    return float(f1_score(true, predicted, labels=list(range(n_labels)), average="macro", zero_division=0.0))


def confusion(true: Ints, predicted: Ints, n_labels: int) -> Ints:
    """Counts (n_labels, n_labels), a row for each true label."""
    matrix: Ints = confusion_matrix(true, predicted, labels=list(range(n_labels)))
    return matrix


@dataclass(frozen=True, slots=True)
class AxisScore:
    """How well one axis of the circumplex is told."""

    r2: float
    ccc: float  # concordance correlation, L. Lin, 1989
    rmse: float  # on -1..1
    spearman: float

    @classmethod
    def of(cls, true: F64, predicted: F64) -> AxisScore:
        """Scores of ``predicted`` (n,) against ``true`` (n,)."""
        error = float(np.mean((true - predicted) ** 2))
        apart = (true.mean() - predicted.mean()) ** 2
        covariance = float(np.cov(true, predicted, bias=True)[0, 1])
        return cls(
            1.0 - error / float(true.var()),
            2.0 * covariance / float(true.var() + predicted.var() + apart),
            float(np.sqrt(error)),
            float(spearmanr(true, predicted)[0]),
        )


def read_off(axes: F64, ratings: F64, parts: int = 10) -> F64:
    """Ratings (n,) as a linear function of both ``axes`` (n, 2), fitted to all parts but the one that is read."""
    given = np.column_stack([axes, np.ones(len(axes))])
    part = np.random.default_rng(0).permutation(len(axes)) % parts
    predicted = np.empty(len(axes))
    for number in range(parts):
        test = part == number
        predicted[test] = given[test] @ np.linalg.lstsq(given[~test], ratings[~test], rcond=None)[0]
    return predicted
