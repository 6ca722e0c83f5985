"""Scores as numbers: for the manifest, for the card, and for the terminal."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from sklearn.metrics import roc_auc_score

from streammood.events import QUADRANTS, Mood, seconds
from streammood.training.folds import Ints
from streammood.training.listening import Prediction
from streammood.training.measures import AxisScore, confusion, macro_f1, read_off
from streammood.training.scores import SECONDS, Scores, label_of, likeliest

Numbers = dict[str, float]
_SETTLED = 5.0  # s from which answers rest on a full window
_SURE = 0.3  # confidence
_RATED = 20  # clips, at least, for scores of ratings
_CLEARLY = 0.1  # distance of a value from 0 from which its sign means something


def by_label(scores: Scores) -> Numbers:
    """Macro-F1 of the summaries: folds, spread, and after so many seconds; none without labels."""
    labelled = scores.labelled
    if not labelled:
        return {}
    true, fold, predicted = scores.true(), scores.folds(), scores.predicted()
    each = [macro_f1(true[fold == k], predicted[fold == k], len(scores.labels)) for k in sorted(set(fold.tolist()))]
    numbers = {
        "macro_f1": float(np.mean(each)),
        "spread": float(np.std(each)),
        **{f"fold_{k}": value for k, value in enumerate(each, start=1)},
        "accuracy": float(np.mean(true == predicted)),
        **{f"after_{t:g}_s": _over_folds(scores, scores.predicted(t)) for t in SECONDS},
        **_sides(scores, predicted),
        **_steadiness(scores),
    }
    return {name: round(value, 4) for name, value in numbers.items() if np.isfinite(value)}


def _steadiness(scores: Scores) -> Numbers:
    predictions = [answer.prediction for answer in scores.labelled]
    numbers = {
        "label_changes_median": float(np.median([h.changes for h in predictions])),
        "label_changes_mean": float(np.mean([h.changes for h in predictions])),
        "first_mood_s": float(np.median([first_mood(h) for h in predictions])),
    }
    if scores.followed:
        numbers["change_followed_s_median"] = float(np.median(scores.followed))
        numbers["change_followed_s_75"] = float(np.quantile(scores.followed, 0.75))
    return numbers


def first_mood(prediction: Prediction) -> float:
    """Seconds until the first mood."""
    return seconds(prediction.moods[0].decided) if prediction.moods else np.inf


def _over_folds(scores: Scores, predicted: Ints) -> float:
    true, fold = scores.true(), scores.folds()
    return float(
        np.mean([macro_f1(true[fold == k], predicted[fold == k], len(scores.labels)) for k in set(fold.tolist())])
    )


def _sides(scores: Scores, predicted: Ints) -> Numbers:
    """Accuracy of two-class valence and arousal, for the four quadrants only."""
    if set(scores.labels) != set(QUADRANTS):
        return {}
    signs = np.array([QUADRANTS[label] for label in scores.labels])
    right = signs[scores.true()] == signs[predicted]
    return {f"{axis}_two_class": float(right[:, k].mean()) for k, axis in enumerate(("valence", "arousal"))}


def by_axis(scores: Scores) -> dict[str, AxisScore]:
    """Scores of the ratings as they are read off valence and arousal; none where nobody rated."""
    pairs = [
        (answer.clip.targets["circumplex"], (mood.valence, mood.arousal))
        for answer in scores.answers
        if (mood := answer.prediction.summary) is not None and "circumplex" in answer.clip.targets
    ]
    if len(pairs) < _RATED:
        return {}
    true, axes = np.array(pairs).transpose(1, 0, 2)
    return {axis: AxisScore.of(true[:, k], read_off(axes, true[:, k])) for k, axis in enumerate(("valence", "arousal"))}


def by_side(scores: Scores) -> Numbers:
    """How well each axis tells the labels on either side of it apart, for the four quadrants only."""
    answers = [answer for answer in scores.labelled if answer.prediction.summary is not None]
    if set(scores.labels) != set(QUADRANTS) or not answers:
        return {}
    sides = np.array([QUADRANTS[scores.labels[label_of(answer.clip)]] for answer in answers])
    moods = [answer.prediction.summary for answer in answers]
    axes = np.array([(mood.valence, mood.arousal) for mood in moods if mood is not None])
    numbers = {"quadrant": float(np.mean(((axes > 0) == (sides > 0)).all(axis=1)))}
    numbers["correlation"] = float(np.corrcoef(axes.T)[0, 1])
    for k, axis in enumerate(("valence", "arousal")):
        numbers[f"auc_{axis}"] = float(roc_auc_score(sides[:, k] > 0, axes[:, k]))
        numbers[f"{axis}_5"], numbers[f"{axis}_95"] = np.quantile(axes[:, k], [0.05, 0.95]).tolist()
    return {name: round(value, 4) for name, value in numbers.items()}


def gate(scores: Scores) -> Numbers:
    """What telling music from other sound costs on music, from the fifth second on: shares of the answers."""
    moods = [mood for answer in scores.answers for mood in answer.prediction.moods if seconds(mood.decided) >= _SETTLED]
    if not moods:
        return {}
    return {
        "music": round(float(np.mean([mood.music for mood in moods])), 4),
        "sure": round(float(np.mean([mood.confidence >= _SURE for mood in moods])), 4),
    }


def contradictions(scores: Scores) -> Numbers:
    """How often, and for how long, the label is not that of the quadrant in which valence and arousal lie."""
    if set(scores.labels) != set(QUADRANTS) or not scores.labelled:
        return {}
    at_all, clearly, longest = [], [], []
    for answer in scores.labelled:
        signs = [(QUADRANTS[m.label], m) for m in answer.prediction.moods if m.label]
        clear = [_apart(sign, mood, _CLEARLY) for sign, mood in signs]
        at_all += [_apart(sign, mood, 0.0) for sign, mood in signs]
        clearly += clear
        longest.append(_longest_run(clear) * _interval(answer.prediction))
    return {
        "share_of_moods": round(float(np.mean(at_all)), 4),
        "share_clearly": round(float(np.mean(clearly)), 4),
        "longest_clearly_s_median": round(float(np.median(longest)), 2),
        "longest_clearly_s_90": round(float(np.quantile(longest, 0.9)), 2),
    }


def _apart(signs: tuple[int, int], mood: Mood, margin: float) -> bool:
    return signs[0] * mood.valence < -margin or signs[1] * mood.arousal < -margin


def _longest_run(values: list[bool]) -> int:
    longest = run = 0
    for value in values:
        run = run + 1 if value else 0
        longest = max(longest, run)
    return longest


def _interval(prediction: Prediction) -> float:
    moods = prediction.moods
    return seconds(moods[-1].decided - moods[0].decided) / (len(moods) - 1) if len(moods) > 1 else 0.0


def by_treatment(scores: Scores) -> Numbers:
    """Macro-F1 of the clips that were treated, after each treatment; the first is without any."""
    true = np.array([label_of(treated.clip) for treated in scores.treated], dtype=np.int64)
    numbers = {}
    for name in scores.treated[0].moods if scores.treated else ():
        predicted = np.array([likeliest(treated.moods[name], scores.labels) for treated in scores.treated])
        numbers[name] = round(macro_f1(true, predicted, len(scores.labels)), 4)
    return numbers


def never_met(scores: Scores) -> Numbers:
    """Macro-F1 on a set that was not fitted to, by the likeliest of its own labels; none without a mood."""
    if all(mood is None for _, mood in scores.never_met):
        return {}
    names = tuple(sorted({label for label, _ in scores.never_met}))
    true = np.array([names.index(label) for label, _ in scores.never_met], dtype=np.int64)
    predicted = np.array([likeliest(mood, names) for _, mood in scores.never_met], dtype=np.int64)
    freely = [scores.labels[likeliest(mood, scores.labels)] for _, mood in scores.never_met if mood is not None]
    return {
        "clips": float(true.size),
        "macro_f1": round(macro_f1(true, predicted, len(names)), 4),
        "heard_as_another": round(float(np.mean([label not in names for label in freely])), 4),
    }


def confidence_of_music(scores: Scores) -> float | None:
    """Median confidence of the moods of clips, none where none were heard."""
    sure = [mood.confidence for answer in scores.answers for mood in answer.prediction.moods]
    return float(np.median(sure)) if sure else None


def matrix(scores: Scores) -> str:
    """The confusion matrix in Markdown, a row for each true label."""
    counts = confusion(scores.true(), scores.predicted(), len(scores.labels))
    lines = [f"| true \\ heard | {' | '.join(scores.labels)} |", "|---" * (len(scores.labels) + 1) + "|"]
    for label, row in zip(scores.labels, counts.tolist(), strict=True):
        lines.append(f"| {label} | {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def everything(scores: Scores) -> dict[str, dict[str, float]]:
    """All numbers, table by table, as the manifest keeps them."""
    tables: dict[str, dict[str, float]] = {"labels": by_label(scores), "axes": by_side(scores)}
    for name, score in by_axis(scores).items():
        tables[f"{name}, read off"] = {measure: round(value, 4) for measure, value in asdict(score).items()}
    tables["contradictions"] = contradictions(scores)
    tables["robustness"] = by_treatment(scores)
    tables["music"] = gate(scores)
    tables["never met"] = never_met(scores)
    return {name: numbers for name, numbers in tables.items() if numbers}
