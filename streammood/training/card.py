"""The model card: what the manifest says, for people."""

from __future__ import annotations

from streammood.model import Manifest
from streammood.training.protocol import SECONDS, Scores
from streammood.training.tables import Numbers, by_axis, by_label, matrix

_LIMITS = """\
- Four labels cannot hold music; the probabilities and the place in the circumplex say more than the label.
- Sad and calm are the pair most often confused, as among listeners.
- Trained on previews of Western popular music and freely licensed songs; other traditions will be misread.
- Speech, applause and noise were not in the training data. `confidence` is the calibrated probability of the label,
  lowered where the statistics of the window lie far from those of music: next to nothing for hum, noise and bare
  (synthesised) speech, little lowered for applause. It is no detector of music.
- Meant for lights and visuals. It says nothing about the people in the room."""


def render(manifest: Manifest, scores: Scores, seed: int, size: int, took: float) -> str:
    """The card in Markdown."""
    labels = by_label(scores)
    parts = [
        f"# Mood model `{manifest.name}`",
        f"Labels {', '.join(manifest.labels)}; valence and arousal in -1..1. An int8 TFLite network of "
        f"{size / 1000:.0f} kB that hears {manifest.window.slots} slots of {manifest.window.hops} hops (5.0 s) and is "
        "asked every `mood.interval` seconds; answers of one piece of music are averaged. Written by `streammood "
        "train`.",
        "## Data and terms",
        "\n".join(f"- `{data.name}`, {data.clips} clips: {data.licence}" for data in manifest.training),
        "No sound of these sets is part of the model or of this project.",
        "## Protocol",
        f"Folds are grouped by artist and stratified by label; seed {seed}. In each fold a model is fitted to the "
        "others, quantised, and heard through the live path on the clips held out, with default settings. The shipped "
        f"model is then fitted to all clips. The run took {took / 60:.0f} minutes. The temperature of the "
        "probabilities, the stretch of the axes and the settings of `mood` are constants that were chosen on such "
        "folds of the public sets. Clips of `4q_taffc` are also fitted to in degraded copies (room, equaliser, noise, "
        "low-pass, clipping); the SVM beside is fitted to clean ones alone.",
        "## Labels",
        _label_table(labels),
        "Rows are true labels, columns the label of the summary:",
        matrix(scores),
        "## Soon",
        "| seconds of sound | " + " | ".join(f"{t:g}" for t in SECONDS) + " |\n" + "|---" * (len(SECONDS) + 1) + "|\n"
        "| macro-F1 | " + " | ".join(f"{labels[f'after_{t:g}_s']:.3f}" for t in SECONDS) + " |",
        f"First mood after {labels['first_mood_s']:.1f} s; {labels['label_changes_median']:.0f} label changes per clip "
        f"in the median, {labels['label_changes_mean']:.2f} in the mean. {_followed(labels)}",
        f"![score over the seconds, and the confusion matrix]({manifest.name}.png)",
        _axis_table(scores),
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _followed(numbers: Numbers) -> str:
    if "change_followed_s_median" not in numbers:
        return ""
    return (
        f"Where two clips heard as different moods are spliced, the label is that of the second after "
        f"{numbers['change_followed_s_median']:.1f} s in the median."
    )


def _label_table(numbers: Numbers) -> str:
    folds = [f"{value:.3f}" for name, value in numbers.items() if name.startswith("fold_")]
    rows = [
        ("macro-F1, quantised, live path", f"{numbers['macro_f1']:.3f} ± {numbers['spread']:.3f}"),
        ("folds", ", ".join(folds)),
    ]
    named = {
        "macro_f1_float": "the same before quantising",
        "macro_f1_svm": "plain SVM on the same statistics",
        "arousal_two_class": "accuracy, high or low arousal",
        "valence_two_class": "accuracy, high or low valence",
    }
    rows += [(text, f"{numbers[name]:.3f}") for name, text in named.items() if name in numbers]
    return "| measure | value |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _axis_table(scores: Scores) -> str:
    axes = by_axis(scores)
    if not axes:
        return ""
    lines = [f"| {name} | {s.r2:.3f} | {s.ccc:.3f} | {s.rmse:.3f} | {s.spearman:.3f} |" for name, s in axes.items()]
    head = "## Valence and arousal\n\n| axis | R² | CCC | RMSE | Spearman |\n|---|---|---|---|---|\n"
    return head + "\n".join(lines)
