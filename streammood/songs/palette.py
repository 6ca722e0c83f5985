"""Colours of moods on paper. Those of the four shipped moods stay apart for colour-blind eyes and in grey."""

from __future__ import annotations

from collections.abc import Sequence

MOODS = {"happy": "#f2b701", "aggressive": "#c8202f", "calm": "#35b08b", "sad": "#2b62b0"}
_OTHERS = ("#ee7733", "#8f4fa8", "#66ccee", "#999933", "#882255", "#cc79a7", "#555555", "#b07d48")


def colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour, as ``#rrggbb``, for each of ``labels``; after eight other ones they come again."""
    others = [label for label in labels if label not in MOODS]
    return {label: MOODS[label] if label in MOODS else _OTHERS[others.index(label) % len(_OTHERS)] for label in labels}
