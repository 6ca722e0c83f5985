"""Valence and arousal by likeness to known clips: a teacher that errs otherwise than networks do."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.kernel_ridge import KernelRidge

from streammood.events import F32
from streammood.model import LIMIT

_WIDTH = 0.5  # of the kernel: what gamma is for a single statistic
_RIDGE = 1.0


class Likeness:
    """Kernel ridge regression with a Gaussian kernel (C. Saunders, A. Gammerman and V. Vovk, ICML 1998)."""

    def __init__(self, means: F32, targets: F32) -> None:
        """Fit to the mean statistics (n_clips, n_values) and the scaled valence and arousal (n_clips, 2) of clips."""
        self._offset, self._scale = means.mean(axis=0), means.std(axis=0) + 1e-3
        self._gamma = _WIDTH / means.shape[1]
        self._known = np.clip((means - self._offset) / self._scale, -LIMIT, LIMIT)
        ridge = KernelRidge(kernel="rbf", alpha=_RIDGE, gamma=self._gamma).fit(self._known, targets)
        self._weights = ridge.dual_coef_.astype(np.float32)

    def __call__(self, statistics: Any) -> Any:
        """Scaled valence and arousal (n, 2) for ``statistics`` (n, n_values)."""
        asked = tf.clip_by_value((statistics - self._offset) / self._scale, -LIMIT, LIMIT)
        squares = tf.reduce_sum(asked**2, axis=1)[:, None] + np.sum(self._known**2, axis=1)
        distances = squares - 2.0 * tf.matmul(asked, self._known, transpose_b=True)
        return tf.matmul(tf.exp(-self._gamma * distances), self._weights)
