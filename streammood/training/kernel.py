"""Valence and arousal by likeness to known clips: a teacher that errs otherwise than networks do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from streammood.events import F32
from streammood.models.mood_model import LIMIT

_WIDTH = 0.25  # of the kernel: what gamma is for a single statistic
_RIDGE, _RIDGE_HEARD = 1.0, 0.3  # by statistics, and by what taggers hear
_SHRINKAGE = 30.0  # of the map from statistics to what taggers hear


class Likeness:
    """Kernel ridge regression with a Gaussian kernel (C. Saunders, A. Gammerman and V. Vovk, ICML 1998).

    Each target has a kernel of its own, in which a statistic counts by its correlation with it.
    """

    def __init__(self, means: F32, targets: F32, hearing: F32 | None = None) -> None:
        """Fit to the mean statistics (n_clips, n_values) and the targets (n_clips, n_targets) of clips.

        With ``hearing`` (n_values, n_heard), statistics are turned into what taggers hear before they are compared.
        """
        self._hearing = np.eye(means.shape[1], dtype=np.float32) if hearing is None else hearing
        means = means @ self._hearing
        alpha = _RIDGE if hearing is None else _RIDGE_HEARD
        self._offset, self._scale = means.mean(axis=0), means.std(axis=0) + 1e-3
        scaled = np.clip((means - self._offset) / self._scale, -LIMIT, LIMIT)
        self._kernels: list[tuple[F32, F32, F32, float]] = []
        for target in targets.T:
            counts = (_WIDTH / means.shape[1]) ** 0.5 * _correlation(scaled, target)
            known = scaled * counts
            mean = float(target.mean())
            ridge = KernelRidge(kernel="rbf", alpha=alpha, gamma=1.0).fit(known, target - mean)
            self._kernels.append((counts, known, ridge.dual_coef_.astype(np.float32)[:, None], mean))

    def __call__(self, statistics: Any) -> Any:
        """Targets (n, n_targets) for ``statistics`` (n, n_values)."""
        heard = tf.matmul(statistics, self._hearing)
        scaled = tf.clip_by_value((heard - self._offset) / self._scale, -LIMIT, LIMIT)
        answers = []
        for counts, known, weights, mean in self._kernels:
            asked = scaled * counts
            squares = tf.reduce_sum(asked**2, axis=1)[:, None] + np.sum(known**2, axis=1)
            distances = squares - 2.0 * tf.matmul(asked, known, transpose_b=True)
            answers.append(mean + tf.matmul(tf.exp(-distances), weights))
        return tf.concat(answers, axis=1)


def translation(means: F32, heard: F32) -> F32:
    """The map (n_values, n_heard) from mean statistics (n_clips, n_values) to what taggers hear (n_clips, n_heard).

    Ridge regression (A. E. Hoerl and R. W. Kennard, Technometrics 1970). What taggers hear of the music counts in it,
    what statistics hold beside does not.
    """
    spread = means.std(axis=0) + 1e-3
    varied = heard[:, heard.std(axis=0) > 1e-3]
    wanted = np.clip((varied - varied.mean(axis=0)) / varied.std(axis=0), -LIMIT, LIMIT)
    ridge = Ridge(alpha=_SHRINKAGE).fit(np.clip((means - means.mean(axis=0)) / spread, -LIMIT, LIMIT), wanted)
    weights: F32 = (ridge.coef_ / spread).T.astype(np.float32)
    return weights


def _correlation(values: F32, target: npt.NDArray[np.floating]) -> F32:
    """How far each of ``values`` (n, n_values) goes with ``target`` (n,), either way; 1 in the mean of squares."""
    apart, wanted = values - values.mean(axis=0), target - target.mean()
    norms = np.sqrt((apart**2).sum(axis=0) * (wanted**2).sum())
    found = np.abs(wanted @ apart) / np.maximum(norms, 1e-9)
    counts: F32 = (found / max(float(np.sqrt(np.mean(found**2))), 1e-9)).astype(np.float32)
    return counts
