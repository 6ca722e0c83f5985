"""Folds in which no artist lies on both sides."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from streammood.training.datasets import Clip

Ints = npt.NDArray[np.int64]


def assign(clips: list[Clip], folds: int, seed: int) -> Ints:
    """The fold (n_clips,) in which each clip is held out; labels are spread evenly over the folds.

    An artist found in several sets is in the same fold in all of them. Where a label has fewer artists than there are
    ``folds``, there are as many as it has.
    """
    scored = [number for number, clip in enumerate(clips) if clip.scored]
    fold_of: dict[str, int] = {}
    if scored:
        labels = np.array([int(np.argmax(clips[number].targets["label"])) for number in scored])
        groups = np.array([clips[number].group for number in scored])
        folds = min(folds, *(np.unique(groups[labels == label]).size for label in np.unique(labels)))
        split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(split.split(labels, labels, groups)):
            fold_of.update(dict.fromkeys(groups[test].tolist(), fold))
    others = [clip.group for clip in clips if clip.group not in fold_of]
    if len(set(others)) >= folds:
        rest = GroupKFold(folds, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(rest.split(others, groups=others)):
            fold_of.update((others[number], fold) for number in test)
    return np.array([fold_of.get(clip.group, -1) for clip in clips])
