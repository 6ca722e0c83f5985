"""Scores as numbers: for the manifest, for the card, and for the terminal."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from scipy.stats import spearmanr

from streammood.events import QUADRANTS, Mood, seconds
from streammood.training.folds import Ints
from streammood.training.listening import Heard
from streammood.training.measures import AxisScore, confusion, macro_f1
from streammood.training.protocol import SECONDS, Answered, Scores, label_of, likeliest

Numbers = dict[str, float]
_CLEARLY = 0.1  # distance of a value from 0 from which its sign means something


def by_label(scores: Scores) -> Numbers:
    """Macro-F1 of the summaries: folds, spread, second opinions, and after so many seconds; none without labels."""
    labelled = scores.labelled
    if not labelled:
        return {}
    true, fold, said = scores.true(), scores.folds(), scores.predicted()
    each = [macro_f1(true[fold == k], said[fold == k], len(scores.labels)) for k in sorted(set(fold.tolist()))]
    numbers = {
        "macro_f1": float(np.mean(each)),
        "spread": float(np.std(each)),
        **{f"fold_{k}": value for k, value in enumerate(each, start=1)},
        "accuracy": float(np.mean(true == said)),
        **_second_opinions(scores),
        **{f"after_{t:g}_s": _over_folds(scores, scores.predicted(t)) for t in SECONDS},
        **_sides(scores, said),
        **_steadiness(scores),
    }
    return {name: round(value, 4) for name, value in numbers.items() if np.isfinite(value)}


def _second_opinions(scores: Scores) -> Numbers:
    numbers = {}
    if all(answer.floating for answer in scores.labelled):
        said = np.array([likeliest(answer.floating, scores.labels) for answer in scores.labelled])
        numbers["macro_f1_float"] = _over_folds(scores, said)
    if all(answer.support_vectors is not None for answer in scores.labelled):
        numbers["macro_f1_svm"] = _over_folds(scores, np.array([a.support_vectors for a in scores.labelled]))
    return numbers


def _steadiness(scores: Scores) -> Numbers:
    heard = [answer.heard for answer in scores.labelled]
    numbers = {
        "label_changes_median": float(np.median([h.changes for h in heard])),
        "label_changes_mean": float(np.mean([h.changes for h in heard])),
        "first_mood_s": float(np.median([first_mood(h) for h in heard])),
    }
    if scores.followed:
        numbers["change_followed_s_median"] = float(np.median(scores.followed))
        numbers["change_followed_s_75"] = float(np.quantile(scores.followed, 0.75))
    return numbers


def first_mood(heard: Heard) -> float:
    """Seconds until the first mood."""
    return seconds(heard.moods[0].decided) if heard.moods else np.inf


def _over_folds(scores: Scores, said: Ints) -> float:
    true, fold = scores.true(), scores.folds()
    return float(np.mean([macro_f1(true[fold == k], said[fold == k], len(scores.labels)) for k in set(fold.tolist())]))


def _sides(scores: Scores, said: Ints) -> Numbers:
    """Accuracy of two-class valence and arousal, for the four quadrants only."""
    if set(scores.labels) != set(QUADRANTS):
        return {}
    signs = np.array([QUADRANTS[label] for label in scores.labels])
    right = signs[scores.true()] == signs[said]
    return {f"{axis}_two_class": float(right[:, k].mean()) for k, axis in enumerate(("valence", "arousal"))}


def by_axis(scores: Scores) -> dict[str, AxisScore]:
    """Scores of valence and arousal against ratings of the song, and of just the piece that was heard."""
    found = {}
    for what in ("song", "piece"):
        pairs = [
            (rated, (mood.valence, mood.arousal))
            for answer in scores.answers
            if (mood := answer.heard.summary) is not None and (rated := _rating(answer, what)) is not None
        ]
        if len(pairs) >= 3:
            true, heard = np.array(pairs).transpose(1, 0, 2)
            for k, axis in enumerate(("valence", "arousal")):
                found[f"{axis}, {what}"] = AxisScore.of(true[:, k], heard[:, k])
    return found


def _rating(answer: Answered, what: str) -> tuple[float, ...] | None:
    return answer.clip.targets.get("circumplex") if what == "song" else answer.clip.piece


def moment_by_moment(scores: Scores) -> dict[str, Numbers]:
    """RMSE, and mean correlation within a piece, of valence and arousal against ratings along the piece."""
    errors: list[np.typing.NDArray[np.float64]] = []
    correlations: list[list[float]] = []
    for answer in scores.answers:
        pairs = [
            ((valence, arousal), (mood.valence, mood.arousal))
            for second, valence, arousal in answer.clip.curve
            if (mood := answer.heard.at(second)) is not None
        ]
        if len(pairs) >= 5:
            true, heard = np.array(pairs).transpose(1, 0, 2)
            errors.append((true - heard) ** 2)
            correlations.append([_correlation(true[:, k], heard[:, k]) for k in (0, 1)])
    if not errors:
        return {}
    rmse, within = np.sqrt(np.concatenate(errors).mean(axis=0)), np.nanmean(correlations, axis=0)
    return {
        axis: {"rmse": round(float(rmse[k]), 4), "correlation_within": round(float(within[k]), 4)}
        for k, axis in enumerate(("valence", "arousal"))
    }


def _correlation(true: np.typing.NDArray[np.float64], heard: np.typing.NDArray[np.float64]) -> float:
    if true.std() < 1e-6 or heard.std() < 1e-6:
        return np.nan
    return float(np.corrcoef(true, heard)[0, 1])


def contradictions(scores: Scores) -> Numbers:
    """How often, and for how long, the label is not that of the quadrant in which valence and arousal lie."""
    if set(scores.labels) != set(QUADRANTS) or not scores.labelled:
        return {}
    at_all, clearly, longest = [], [], []
    for answer in scores.labelled:
        signs = [(QUADRANTS[m.label], m) for m in answer.heard.moods]
        clear = [_apart(sign, mood, _CLEARLY) for sign, mood in signs]
        at_all += [_apart(sign, mood, 0.0) for sign, mood in signs]
        clearly += clear
        longest.append(_longest_run(clear) * _interval(answer.heard))
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


def _interval(heard: Heard) -> float:
    moods = heard.moods
    return seconds(moods[-1].decided - moods[0].decided) / (len(moods) - 1) if len(moods) > 1 else 0.0


def rank_correlations(scores: Scores, names: tuple[str, ...], task: str) -> dict[str, Numbers]:
    """Spearman's correlation of valence and arousal with each of the values that a task names."""
    pairs = [
        (answer.clip.targets[task], (mood.valence, mood.arousal))
        for answer in scores.answers
        if task in answer.clip.targets and (mood := answer.heard.summary) is not None
    ]
    if len(pairs) < 3:
        return {}
    true, heard = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    return {
        name: {
            axis: round(float(spearmanr(true[:, column], heard[:, k])[0]), 4)
            for k, axis in enumerate(("valence", "arousal"))
        }
        for column, name in enumerate(names)
    }


def by_treatment(scores: Scores) -> Numbers:
    """Macro-F1 of the clips that were treated, after each treatment; the first is without any."""
    true = np.array([label_of(treated.clip) for treated in scores.treated], dtype=np.int64)
    numbers = {}
    for name in scores.treated[0].moods if scores.treated else ():
        said = np.array([likeliest(treated.moods[name], scores.labels) for treated in scores.treated])
        numbers[name] = round(macro_f1(true, said, len(scores.labels)), 4)
    return numbers


def by_unmet(scores: Scores) -> Numbers:
    """Macro-F1 on a set that the model never met, by the likeliest of its own labels; none without a mood."""
    if all(mood is None for _, mood in scores.unmet):
        return {}
    names = tuple(sorted({label for label, _ in scores.unmet}))
    true = np.array([names.index(label) for label, _ in scores.unmet], dtype=np.int64)
    said = np.array([likeliest(mood, names) for _, mood in scores.unmet], dtype=np.int64)
    freely = [scores.labels[likeliest(mood, scores.labels)] for _, mood in scores.unmet if mood is not None]
    return {
        "clips": float(true.size),
        "macro_f1": round(macro_f1(true, said, len(names)), 4),
        "heard_as_another": round(float(np.mean([label not in names for label in freely])), 4),
    }


def confidence_of_music(scores: Scores) -> float | None:
    """Median confidence of the moods of clips, none where none were heard."""
    sure = [mood.confidence for answer in scores.answers for mood in answer.heard.moods]
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
    tables: dict[str, dict[str, float]] = {"labels": by_label(scores)}
    for name, score in by_axis(scores).items():
        tables[name] = {measure: round(value, 4) for measure, value in asdict(score).items()}
    for axis, numbers in moment_by_moment(scores).items():
        tables[f"{axis}, moment by moment"] = numbers
    tables["contradictions"] = contradictions(scores)
    tables["robustness"] = by_treatment(scores)
    tables["never met"] = by_unmet(scores)
    return {name: numbers for name, numbers in tables.items() if numbers}
