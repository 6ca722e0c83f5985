"""The pictures of a model card: the score over the seconds, and which labels are taken for which."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from streammood.training.measures import confusion
from streammood.training.protocol import SECONDS, Scores
from streammood.training.tables import by_label

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(scores: Scores, path: Path) -> None:
    """Write both pictures to one PNG."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), constrained_layout=True)
    numbers = by_label(scores)
    left.plot(SECONDS, [numbers[f"after_{t:g}_s"] for t in SECONDS], "o-")
    left.axhline(numbers["macro_f1"], linestyle=":", color="grey")
    left.set(xlabel="seconds of sound", ylabel="macro-F1", ylim=(0, 1), title="how soon (dotted: whole clip)")
    counts = confusion(np.array(scores.true), scores.predicted(scores.heard), len(scores.labels))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    ticks = range(len(scores.labels))
    right.set(xticks=ticks, yticks=ticks, xlabel="heard", ylabel="true", title="share of each true label")
    right.set_xticklabels(scores.labels, rotation=30)
    right.set_yticklabels(scores.labels)
    for row, column in np.ndindex(*counts.shape):
        dark = bool(shares[row, column] > 0.5)
        right.text(column, row, str(counts[row, column]), ha="center", va="center", color="w" if dark else "k")
    figure.savefig(path, dpi=90)
    plt.close(figure)
