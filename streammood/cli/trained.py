"""What a training run has come to: the model and its size, its score, and what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Table = Mapping[str, Mapping[str, float]]
"""Scores of a manifest: data and protocol -> measure -> value."""


def report(what: str, path: Path, scores: Table) -> list[str]:
    """Lines for people about the model of kind ``what`` at ``path``; the embedding has no ``scores``."""
    beside = [file.name for suffix in (".json", ".md", ".png") if (file := path.with_suffix(suffix)).exists()]
    lines = [f"Model: {path}, {path.stat().st_size / 1000:.0f} kB; beside it {', '.join(beside)}."]
    words = {"mood": _mood, "beat": _beat}.get(what, lambda _: "")(scores)
    if words:
        lines.append(f"Score: {words}.")
    if what == "music":
        return lines
    if what == "embedding":
        return [*lines, "Next: train the mood model anew, which is made for one embedding: streammood train --data DIR"]
    return [*lines, f"Next: streammood run --set {what}.model={path}"]


def _mood(scores: Table) -> str:
    words = []
    labels = scores.get("labels", {})
    if "macro_f1" in labels:
        words.append(f"macro-F1 {labels['macro_f1']:.3f} of clips held out")
    if "after_5_s" in labels:
        words.append(f"{labels['after_5_s']:.3f} after 5 s")
    for axis in ("valence", "arousal"):
        if f"{axis}, read off" in scores:
            words.append(f"R² of {axis} {scores[f'{axis}, read off']['r2']:.2f}")
    return ", ".join(words)


def _beat(scores: Table) -> str:
    """The mean over tracks, each set weighted by how many it has."""
    for ending, words in (
        ("not fitted to", "tracks that it was not fitted to"),
        ("fitted to", "tracks it was fitted to"),
    ):
        sets = [table for name, table in scores.items() if name.endswith(f", {ending}") and "peaks_f" in table]
        tracks = sum(table["tracks"] for table in sets)
        if tracks:
            mean = sum(table["tracks"] * table["peaks_f"] for table in sets) / tracks
            return f"F {mean:.3f} of the peaks, mean over {tracks:.0f} {words}"
    return ""
