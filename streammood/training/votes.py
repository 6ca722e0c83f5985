"""Labels by likeness to known clips, as layers that ship beside the network: it errs otherwise than networks do.

A network that is taught what this says smooths away what it knows better; so it is part of the model itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from streammood.events import F32
from streammood.training.folds import Ints

_PARTS = 64  # principal components by which clips are alike
_MOST = 1000  # known clips that are kept, which is most of the size
_WIDTH = 1.0  # of the kernel: what gamma is for a single statistic
_RIDGE = 0.3
_STABLE = 1e-6  # of the ridge, so that two clips that are the same can be solved for
_STEEP = 2.0  # a vote is all but cast where an answer says more than half
_LOUD = 3.0  # log odds of a label with all votes, to even
_FAR = 4.5  # square of the distance, in widths, beyond which no clip is taken to be: int8 has finer steps then

Affine = list[F32]  # kernel (n, m) and bias (m,) of a dense layer


@dataclass(frozen=True, slots=True)
class Votes:
    """Radial basis functions about known clips, fitted between every two labels; squashed, they are counted as votes.

    The functions are Gaussian, of the first principal components of statistics, about the means of clips, and fitted to
    their windows, which is what is asked live (T. Poggio and F. Girosi, "Networks for approximation and learning",
    Proc. IEEE 1990; every two labels: J. Friedman, "Another approach to polychotomous classification", 1996).
    As layers: ``counted(tanh(pairs(exp(relu(relu(near(x)) - |x|**2)))))`` with ``x = placed(statistics)``.
    """

    placed: Affine  # statistics to principal components, in widths of the kernel
    near: Affine  # these to how much nearer than far each known clip is, save for their own square
    pairs: Affine  # kernels, ``exp(_FAR)`` times as great, to an answer for every two labels
    counted: Affine  # squashed answers to log odds of labels

    @classmethod
    def of(cls, windows: F32, clip: Ints, means: F32, labels: F32, seed: int) -> Votes:
        """Fit to windows (n, n_values), each of the ``clip`` (n,) with that row in ``means`` (n_clips, n_values).

        ``labels`` (n_clips, n_labels) are 1 for the label of the clip and 0 for others.
        """
        chosen = np.sort(np.random.default_rng(seed).permutation(len(means))[:_MOST])
        windows, clip = windows[np.isin(clip, chosen)], np.searchsorted(chosen, clip[np.isin(clip, chosen)])
        means, label, n_labels = means[chosen], labels[chosen].argmax(axis=1), labels.shape[1]
        offset, scale = means.mean(axis=0), means.std(axis=0) + 1e-3
        parts = PCA(min(_PARTS, *means.shape), svd_solver="full").fit((means - offset) / scale)
        width = (_WIDTH / means.shape[1]) ** 0.5
        centres, points = (width * parts.transform((values - offset) / scale) for values in (means, windows))
        share = 1.0 / np.bincount(clip, minlength=len(means))[clip]  # each clip counts as much
        squares, sums = [], []  # of the functions, over the windows of each label
        for number in range(n_labels):
            own = label[clip] == number
            alike = _kernel(points[own], centres)
            weighted = alike.T * share[own]
            squares.append(weighted @ alike)
            sums.append(weighted.sum(axis=1))
        smooth = _RIDGE * _kernel(centres, centres) + _STABLE * np.eye(len(means))
        several = list(combinations(range(n_labels), 2))
        pairs, bias = np.zeros((len(means), len(several))), np.zeros(len(several))
        counted = np.zeros((len(several), n_labels))
        for number, (one, other) in enumerate(several):
            counted[number, [one, other]] = np.array([1.0, -1.0]) * _LOUD / (n_labels - 1)
            rows = np.flatnonzero((label == one) | (label == other))
            if rows.size:
                bias[number] = np.mean(np.where(label[rows] == one, 1.0, -1.0))
                wanted = (1.0 - bias[number]) * sums[one] - (1.0 + bias[number]) * sums[other]
                total = squares[one] + squares[other] + smooth
                pairs[rows, number] = np.linalg.solve(total[np.ix_(rows, rows)], wanted[rows])
        kernel = width * parts.components_.T / scale[:, None]
        return cls(
            placed=_affine(kernel, -offset @ kernel - width * parts.mean_ @ parts.components_.T),
            near=_affine(2.0 * centres.T, _FAR - (centres**2).sum(axis=1)),
            pairs=_affine(_STEEP * np.exp(-_FAR) * pairs, _STEEP * bias),
            counted=_affine(counted, np.zeros(n_labels)),
        )


def _kernel(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    kernel: npt.NDArray[np.float64] = np.exp(-cdist(one, other, "sqeuclidean"))
    return kernel


def _affine(kernel: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> Affine:
    return [kernel.astype(np.float32), bias.astype(np.float32)]
