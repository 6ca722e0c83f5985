"""The model card: what the manifest says, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from streammood.models.mood_model import Manifest
from streammood.training import tables
from streammood.training.datasets import EMOTIONS, TAGS
from streammood.training.protocol import SECONDS, Scores
from streammood.training.tables import Numbers

_LIMITS = """\
- A few labels cannot hold music; the probabilities and the place in the circumplex say more than the label.
- Trained on previews of Western popular music and freely licensed songs; other traditions will be misread.
- Of the four moods, sad and calm are most often confused, as among listeners; valence is harder than arousal.
- Speech, applause and noise were not in the training data. `confidence` is the calibrated probability of the label,
  lowered where the statistics of the window lie far from those of music. It is no detector of music.
- Meant for lights and visuals. It says nothing about the people in the room."""


def render(manifest: Manifest, scores: Scores, seed: int, size: int) -> str:
    """The card in Markdown."""
    labels = f"Labels {', '.join(manifest.labels)}; v" if manifest.labels else "No labels: v"
    votes = (
        "Its labels are the mean of what it says and of the votes of known clips, of which the model keeps principal "
        "components of their statistics. "
        if manifest.labels
        else ""
    )
    window = manifest.window
    heard = window.hops * window.slots * manifest.features.hop / manifest.sample_rate
    parts = [
        f"# Mood model `{manifest.name}`",
        f"{labels}alence and arousal in -1..1. An int8 TFLite network of {size / 1000:.0f} kB that hears up to "
        f"{heard:.1f} s ({window.slots} slots of {window.hops} hops) and is asked every `mood.interval` seconds; "
        "answers of one piece of music are averaged. It goes by statistics of the window and by what the shipped "
        "embedding heard in it (`embedding.md`). Written by `streammood train`.",
        "## Data and terms",
        "\n".join(f"- `{data.name}`, {data.clips} clips: {data.licence}" for data in manifest.training),
        f"Valence and arousal were learned from: {manifest.circumplex}.",
        "No sound of these sets is part of the model or of this project.",
        "## Protocol",
        f"Folds are grouped by artist, and stratified by label where there are labels; seed {seed}. In each fold a "
        "model is fitted to the others, quantised, and heard through the live path on the clips held out, with "
        "default settings. The model described here is then fitted to all clips. What is fitted is several "
        "teachers, to the labels and ratings, and then the network that ships, to what these teachers say, and in "
        "valence and arousal likeness to known clips: by statistics, or, where the taggers of musicnn "
        "(ISC licence; fitted to tags of the Million Song Dataset and of MagnaTagATune) were asked about the clips, by "
        "what they would hear, which a linear map finds in the statistics and is fitted with the "
        f"model, in each fold to the others. {votes}The temperature of the probabilities and the straight lines "
        "that bring the axes to the scale of the ratings are computed from what such models say of clips held out: "
        "for each fold from the other folds, for the model described here from all. How both are fitted and the "
        "settings of `mood` were chosen on such folds of the public sets, with seeds 1 to 8. "
        "Labelled clips are also fitted to in degraded copies (room, equaliser, noise, low-pass, clipping), and all"
        " from some hop after the silence gate opened; the SVM beside is fitted to clean ones alone. The embedding "
        "is one for all folds: it learned from tags of other music, and knows no label of these clips.",
        scores_in_words(scores, manifest.name),
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def scores_in_words(scores: Scores, picture: str) -> str:
    """All tables in Markdown, with the picture beside them named ``picture``."""
    labels = tables.by_label(scores)
    parts = [*_labels(scores, labels, picture)] if labels else []
    parts += [_axes(scores), _contradictions(scores), _correlations(scores), _robustness(scores), _confidence(scores)]
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
    yield _unmet(scores)
    yield "## Soon and steady"
    yield _table(
        ["seconds of sound", *(f"{t:g}" for t in SECONDS), "whole clip"],
        [["macro-F1", *(f"{numbers[f'after_{t:g}_s']:.3f}" for t in SECONDS), f"{numbers['macro_f1']:.3f}"]],
    )
    yield (
        f"First mood after {numbers['first_mood_s']:.1f} s; {numbers['label_changes_median']:.0f} label changes per "
        f"clip in the median, {numbers['label_changes_mean']:.2f} in the mean. {_followed(numbers)}"
    )
    yield f"![score over the seconds, confusion matrix, steadiness against following]({picture}.png)"
    yield _trade(scores)


def _unmet(scores: Scores) -> str:
    numbers = tables.by_unmet(scores)
    if not numbers:
        return ""
    names = ", ".join(dict.fromkeys(label for label, _ in scores.unmet))
    return (
        "A model of the same kind that was fitted to no clip of `mirex_mood`, nor to any other of its artists, tells "
        f"those of its clusters that are like a label here ({names}; {numbers['clips']:.0f} clips) with a macro-F1 of "
        f"**{numbers['macro_f1']:.3f}**, the likeliest of these labels; {100 * numbers['heard_as_another']:.0f} % it "
        "hears as another."
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
        "macro_f1_float": "macro-F1 before quantising",
        "macro_f1_svm": "macro-F1 of a plain SVM on the same statistics",
        "arousal_two_class": "accuracy, high or low arousal",
        "valence_two_class": "accuracy, high or low valence",
    }
    rows += [(text, f"{numbers[name]:.3f}") for name, text in named.items() if name in numbers]
    return _table(["measure", "value"], rows)


def _trade(scores: Scores) -> str:
    if not scores.trade:
        return ""
    rows = [
        [
            f"{row.settings.reaction:g}, {row.settings.surprise:g}, {row.settings.hysteresis:g}"
            f"{' (default)' if row.default else ''}",
            f"{row.changes:.2f}",
            f"{row.followed:.1f} s",
            f"{row.followed_75:.1f} s",
        ]
        for row in scores.trade
    ]
    head = "`mood.` reaction, surprise, hysteresis", "changes, mean", "followed, median", "followed, 75 %"
    return f"Steadiness against following, on clips of one fold:\n\n{_table(head, rows)}"


def _axes(scores: Scores) -> str:
    axes = tables.by_axis(scores)
    if not axes:
        return ""
    rows = [[name, f"{s.r2:.3f}", f"{s.ccc:.3f}", f"{s.rmse:.3f}", f"{s.spearman:.3f}"] for name, s in axes.items()]
    parts = ["## Valence and arousal", _table(["axis, against ratings of", "R²", "CCC", "RMSE", "Spearman"], rows)]
    moments = tables.moment_by_moment(scores)
    if moments:
        rows = [[axis, f"{n['rmse']:.3f}", f"{n['correlation_within']:.3f}"] for axis, n in moments.items()]
        parts.append("Moment by moment, from the first mood on, against ratings every half second:")
        parts.append(_table(["axis", "RMSE", "mean correlation within a piece"], rows))
    if any(name.endswith("piece") for name in axes):
        parts.append("Song: listeners' mean for 45 s, the scale of the output. Piece: other raters, another scale.")
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


def _correlations(scores: Scores) -> str:
    tags = tables.rank_correlations(scores, TAGS, "tags")
    felt = tables.rank_correlations(scores, EMOTIONS, "emotions")
    rows = [
        [name.replace("_", " "), f"{n['valence']:+.2f}", f"{n['arousal']:+.2f}"] for name, n in (tags | felt).items()
    ]
    if not rows:
        return ""
    head = ["rank correlation with", "valence", "arousal"]
    return f"Independent checks; felt emotions are a sanity check, not truth:\n\n{_table(head, rows)}"


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
    rows = [["music (held-out clips), median", f"{music:.2f}"]]
    rows += [[name, f"{np.mean(values):.2f}" if values else "no mood"] for name, values in means.items()]
    head = "## Confidence\n\nMean `confidence` in synthesised sound that is no music:\n\n"
    return head + _table(["sound", "confidence"], rows)
