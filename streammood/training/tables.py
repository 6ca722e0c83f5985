"""Scores as tables for people and as numbers for the manifest."""

from __future__ import annotations

import numpy as np

from streammood.training.listening import Heard
from streammood.training.measures import AxisScore, confusion, macro_f1
from streammood.training.protocol import SECONDS, Ints, Scores

Numbers = dict[str, float]
_SIDES = {"arousal": {"happy", "aggressive"}, "valence": {"happy", "calm"}}  # labels on the positive side


def by_label(scores: Scores) -> Numbers:
    """Macro-F1 of the summaries: folds, spread, second opinions, and after so many seconds."""
    n = len(scores.labels)
    true, fold = np.array(scores.true), np.array(scores.fold)
    said = scores.predicted(scores.heard)
    each = [macro_f1(true[fold == k], said[fold == k], n) for k in sorted(set(fold.tolist()))]
    numbers = {
        "macro_f1": float(np.mean(each)),
        "spread": float(np.std(each)),
        **{f"fold_{k}": value for k, value in enumerate(each, start=1)},
        "macro_f1_float": _mean_over_folds(scores, scores.predicted(scores.floating)) if scores.floating else np.nan,
        "macro_f1_svm": _mean_over_folds(scores, np.array(scores.support_vectors))
        if scores.support_vectors
        else np.nan,
        **{f"after_{t:g}_s": _mean_over_folds(scores, scores.predicted(scores.heard, t)) for t in SECONDS},
        **_sides(scores, said),
        "label_changes_median": float(np.median([h.changes for h in scores.heard])),
        "label_changes_mean": float(np.mean([h.changes for h in scores.heard])),
        "change_followed_s_median": float(np.median(scores.followed)) if scores.followed else np.nan,
        "first_mood_s": float(np.median([first_mood(h) for h in scores.heard])),
    }
    return {name: round(value, 4) for name, value in numbers.items() if np.isfinite(value)}


def first_mood(heard: Heard) -> float:
    """Seconds until the first mood."""
    return heard.moods[0].decided / 44_100 if heard.moods else np.inf


def _mean_over_folds(scores: Scores, said: Ints) -> float:
    true, fold = np.array(scores.true), np.array(scores.fold)
    return float(np.mean([macro_f1(true[fold == k], said[fold == k], len(scores.labels)) for k in set(fold.tolist())]))


def _sides(scores: Scores, said: Ints) -> Numbers:
    """Accuracy of two-class arousal and valence, for the four quadrants only."""
    if set(scores.labels) != {"happy", "aggressive", "calm", "sad"}:
        return {}
    return {
        f"{axis}_two_class": float(
            np.mean(
                [
                    (scores.labels[t] in high) == (scores.labels[s] in high)
                    for t, s in zip(scores.true, said.tolist(), strict=True)
                ]
            )
        )
        for axis, high in _SIDES.items()
    }


def by_axis(scores: Scores) -> dict[str, AxisScore]:
    """Scores of valence and arousal on clips rated for them."""
    true = np.array(scores.axes_true)
    heard = np.array([(mood.valence, mood.arousal) for mood in scores.axes_heard])
    if len(true) < 3:
        return {}
    return {axis: AxisScore.of(true[:, k], heard[:, k]) for k, axis in enumerate(("valence", "arousal"))}


def matrix(scores: Scores) -> str:
    """The confusion matrix in Markdown, a row for each true label."""
    counts = confusion(np.array(scores.true), scores.predicted(scores.heard), len(scores.labels))
    lines = [f"| true \\ heard | {' | '.join(scores.labels)} |", "|---" * (len(scores.labels) + 1) + "|"]
    for label, row in zip(scores.labels, counts.tolist(), strict=True):
        lines.append(f"| {label} | {' | '.join(map(str, row))} |")
    return "\n".join(lines)
