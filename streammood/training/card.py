"""The model card: what the manifest says, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from streammood.models.mood_model import Manifest
from streammood.training import tables
from streammood.training.datasets import NEVER_MET
from streammood.training.scores import SECONDS, Scores
from streammood.training.tables import Numbers

_LIMITS = """\
- A few labels cannot hold music; the probabilities and the place in the circumplex say more than the label.
- Trained on previews of Western popular music and freely licensed songs; other traditions will be misread.
- Of the four moods, sad and calm are most often confused, as among listeners; valence is harder than arousal.
- `confidence` is the calibrated probability of the label times the probability that the sound is music (`music.md`).
- Meant for lights and visuals. It says nothing about the people in the room."""


def render(manifest: Manifest, scores: Scores, seed: int, size: int) -> str:
    """The card in Markdown."""
    labels = f"Labels {', '.join(manifest.labels)}; v" if manifest.labels else "No labels: v"
    votes = (
        "The labels are the mean of their answers and of the votes of known clips, of which the model keeps principal "
        "components of their statistics. "
        if manifest.labels
        else ""
    )
    window = manifest.window
    span = window.hops * window.slots * manifest.features.hop / manifest.sample_rate
    parts = [
        f"# Mood model `{manifest.name}`",
        f"{labels}alence and arousal in -1..1. An int8 TFLite network of {size / 1000:.0f} kB that hears up to "
        f"{span:.1f} s ({window.slots} slots of {window.hops} hops) and is asked every `mood.interval` seconds; "
        "answers of one piece of music are averaged. It goes by statistics of the window and by what the shipped "
        "embedding heard in it (`embedding.md`). Written by `streammood train`.",
        "## Data and terms",
        "\n".join(f"- `{data.name}`, {data.clips} clips: {data.licence}" for data in manifest.training),
        f"Valence and arousal were learned from: {manifest.circumplex}.",
        "No sound of these sets is part of the model or of this project.",
        "## Protocol",
        f"Folds are grouped by artist, and stratified by label where there are labels; seed {seed}. In each fold a "
        "model is fitted to the others, quantised, and heard through the live path on the clips held out, with "
        "default settings. The model described here is then fitted to all clips. It is several dense networks on the "
        f"same statistics. {votes}The temperature of the probabilities and the lines that bring the axes to their "
        "range are computed from what such models say of clips held out: for each fold from the other folds, for the "
        "model described here from all. Labelled clips are also fitted to in degraded copies (room, equaliser, noise, "
        "low-pass, clipping), and all from some hop after the silence gate opened. The embedding is one for all "
        "folds: it learned from tags of other music, and knows no label of these clips.",
        scores_in_words(scores, manifest.name),
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def scores_in_words(scores: Scores, picture: str) -> str:
    """All tables in Markdown, with the picture beside them named ``picture``."""
    labels = tables.by_label(scores)
    parts = [*_labels(scores, labels, picture)] if labels else []
    parts += [_axes(scores), _contradictions(scores), _robustness(scores), _confidence(scores)]
    return "\n\n".join(part for part in parts if part)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _labels(scores: Scores, numbers: Numbers, picture: str) -> Iterable[str]:
    yield "## Labels"
    yield _label_table(numbers)
    yield "Rows are true labels, columns the label of the summary:"
    yield tables.matrix(scores)
    yield _never_met(scores)
    yield "## Soon and steady"
    yield _table(
        ["seconds of sound", *(f"{t:g}" for t in SECONDS), "whole clip"],
        [["macro-F1", *(f"{numbers[f'after_{t:g}_s']:.3f}" for t in SECONDS), f"{numbers['macro_f1']:.3f}"]],
    )
    yield (
        f"First mood after {numbers['first_mood_s']:.1f} s; {numbers['label_changes_median']:.0f} label changes per "
        f"clip in the median, {numbers['label_changes_mean']:.2f} in the mean. {_followed(numbers)}"
    )
    yield f"![score over the seconds, confusion matrix, labels in the circumplex]({picture}.png)"


def _never_met(scores: Scores) -> str:
    numbers = tables.never_met(scores)
    if not numbers:
        return ""
    names = ", ".join(dict.fromkeys(label for label, _ in scores.never_met))
    return (
        f"No clip of `{NEVER_MET}` was fitted to. Those of its clusters that are like a label here ({names}; "
        f"{numbers['clips']:.0f} clips, of other artists) are told with a macro-F1 of **{numbers['macro_f1']:.3f}**, "
        f"the likeliest of these labels; {100 * numbers['heard_as_another']:.0f} % are taken for another."
    )


def _followed(numbers: Numbers) -> str:
    if "change_followed_s_median" not in numbers:
        return ""
    return (
        "Where two clips heard as different moods are spliced, the label is that of the second after "
        f"{numbers['change_followed_s_median']:.1f} s in the median, {numbers['change_followed_s_75']:.1f} s in three "
        "quarters of the cases."
    )


def _label_table(numbers: Numbers) -> str:
    folds = [f"{value:.3f}" for name, value in numbers.items() if name.startswith("fold_")]
    rows = [
        ("macro-F1, quantised, live path", f"{numbers['macro_f1']:.3f} ± {numbers['spread']:.3f}"),
        ("folds", ", ".join(folds)),
    ]
    named = {
        "accuracy": "accuracy",
        "arousal_two_class": "accuracy, high or low arousal",
        "valence_two_class": "accuracy, high or low valence",
    }
    rows += [(text, f"{numbers[name]:.3f}") for name, text in named.items() if name in numbers]
    return _table(["measure", "value"], rows)


def _axes(scores: Scores) -> str:
    numbers, read = tables.by_side(scores), tables.by_axis(scores)
    parts = ["## Valence and arousal"] if numbers or read else []
    if numbers:
        rows = [
            [axis, f"{numbers[f'auc_{axis}']:.3f}", f"{numbers[f'{axis}_5']:+.2f}..{numbers[f'{axis}_95']:+.2f}"]
            for axis in ("valence", "arousal")
        ]
        parts.append("How well each axis tells the labels on either side of it apart, whole clips:")
        parts.append(_table(["axis", "AUC", "5..95 % of the clips"], rows))
        parts.append(
            f"{100 * numbers['quadrant']:.0f} % of the clips lie in the quadrant of their label; the axes correlate "
            f"with {numbers['correlation']:+.2f}."
        )
    if read:
        rows = [[name, f"{s.r2:.3f}", f"{s.ccc:.3f}", f"{s.rmse:.3f}", f"{s.spearman:.3f}"] for name, s in read.items()]
        parts.append("Listeners' ratings, read off both axes by a linear function (ten parts, the one read left out):")
        parts.append(_table(["rating", "R²", "CCC", "RMSE", "Spearman"], rows))
    return "\n\n".join(parts)


def _contradictions(scores: Scores) -> str:
    numbers = tables.contradictions(scores)
    if not numbers:
        return ""
    return (
        f"The label and the quadrant in which valence and arousal lie disagree in "
        f"{100 * numbers['share_of_moods']:.0f} % of the moods, clearly (by more than 0.1) in "
        f"{100 * numbers['share_clearly']:.0f} %; the longest clear disagreement in a clip lasts "
        f"{numbers['longest_clearly_s_median']:.1f} s in the median and {numbers['longest_clearly_s_90']:.1f} s in the "
        "90th percentile."
    )


def _robustness(scores: Scores) -> str:
    numbers = tables.by_treatment(scores)
    if not numbers:
        return ""
    whole = next(iter(numbers.values()))
    rows = [[name, f"{value:.3f}", f"{value - whole:+.3f}"] for name, value in numbers.items()]
    return f"## Robust\n\nMacro-F1 of {len(scores.treated)} held-out clips, their first 20 s treated:\n\n" + _table(
        ["treatment", "macro-F1", "difference"], rows
    )


def _confidence(scores: Scores) -> str:
    music = tables.confidence_of_music(scores)
    if music is None or not scores.unsure:
        return ""
    means: Mapping[str, list[float]] = {
        name: [value for found in scores.unsure if (value := found[name]) is not None] for name in scores.unsure[0]
    }
    numbers = tables.gate(scores)
    rows = [["music (held-out clips), median", f"{music:.2f}"]]
    rows += [[name, f"{np.mean(values):.2f}" if values else "no mood"] for name, values in means.items()]
    head = (
        f"## Confidence\n\nOf the moods of held-out clips from the fifth second on, {100 * numbers['music']:.1f} % are "
        f"taken for music and {100 * numbers['sure']:.1f} % have a confidence of 0.3 or more. Mean `confidence` in "
        "synthesised sound that is no music:\n\n"
        if numbers
        else "## Confidence\n\n"
    )
    return head + _table(["sound", "confidence"], rows)
