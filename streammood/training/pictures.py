"""The picture of a model card: the score over the seconds, which labels are taken for which, where labels lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from streammood.events import QUADRANTS
from streammood.palette import colours
from streammood.training.measures import confusion
from streammood.training.scores import SECONDS, Scores, label_of
from streammood.training.tables import by_label

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(scores: Scores, path: Path) -> None:
    """Write the picture as PNG; none where there are no labels."""
    numbers = by_label(scores)
    if not numbers:
        return
    panels = 3 if set(scores.labels) == set(QUADRANTS) else 2
    figure, axes = plt.subplots(1, panels, figsize=(4.5 * panels, 3.8), constrained_layout=True)
    axes[0].plot(SECONDS, [numbers[f"after_{t:g}_s"] for t in SECONDS], "o-")
    axes[0].axhline(numbers["macro_f1"], linestyle=":", color="grey")
    axes[0].set(xlabel="seconds of sound", ylabel="macro-F1", ylim=(0, 1), title="how soon (dotted: whole clip)")
    _confusion(axes[1], scores)
    if panels == 3:
        _circumplex(axes[2], scores)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _confusion(axes: Any, scores: Scores) -> None:
    counts = confusion(scores.true(), scores.predicted(), len(scores.labels))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    ticks = range(len(scores.labels))
    axes.set(xticks=ticks, yticks=ticks, xlabel="heard", ylabel="true", title="share of each true label")
    axes.set_xticklabels(scores.labels, rotation=30)
    axes.set_yticklabels(scores.labels)
    for row, column in np.ndindex(*counts.shape):
        dark = bool(shares[row, column] > 0.5)
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color="w" if dark else "k")


def _circumplex(axes: Any, scores: Scores) -> None:
    own = colours(scores.labels, "paper")
    for number, label in enumerate(scores.labels):
        moods = [a.prediction.summary for a in scores.labelled if label_of(a.clip) == number]
        places = np.array([(mood.valence, mood.arousal) for mood in moods if mood is not None])
        axes.plot(*places.T, ".", color=own[label], markersize=4, label=label)
    axes.axhline(0.0, color="grey", linewidth=0.6)
    axes.axvline(0.0, color="grey", linewidth=0.6)
    axes.set(xlabel="valence", ylabel="arousal", xlim=(-1, 1), ylim=(-1, 1), title="where clips of each label lie")
    axes.legend(fontsize=7, loc="lower right")
