"""Colours of moods, once for all that shows them: screens, paper and lamps."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Medium: TypeAlias = Literal["screen", "paper"]
Rgb: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shade:
    """One colour as each medium shows it."""

    screen: str  # "#rrggbb", on black
    paper: str  # "#rrggbb", on white
    lamp: Rgb  # 0..255, of an LED


MOODS = {
    "happy": Shade("#ffd23f", "#f2b701", (255, 255, 0)),
    "aggressive": Shade("#ff4b3e", "#c8202f", (255, 0, 0)),
    "calm": Shade("#3ddc84", "#35b08b", (0, 255, 0)),
    "sad": Shade("#4d8dff", "#2b62b0", (0, 0, 255)),
}
"""Of the four shipped moods; on paper they stay apart for colour-blind eyes and in grey."""

OTHERS: Mapping[Medium, Sequence[str]] = {
    "screen": (
        "#c77dff",
        "#ff9f5a",
        "#2ec4d6",
        "#f472b6",
        "#a3e635",
        "#e2e8f0",
        "#818cf8",
        "#c08457",
        "#fda4af",
        "#0d9488",
    ),
    "paper": ("#8f4fa8", "#ee7733", "#66ccee", "#cc79a7", "#999933", "#555555", "#882255", "#b07d48"),
}
"""In turn, of labels that have none."""


def colours(labels: Sequence[str], medium: Medium, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour, as ``#rrggbb``, for each of ``labels``; ``own`` are those that the user gave.

    Where more labels have none than there are other colours, these come again.
    """
    shades = {label: getattr(shade, medium) for label, shade in MOODS.items()} if own is None else own
    others = [label for label in labels if label not in shades]
    free = OTHERS[medium]
    return {label: shades[label] if label in shades else free[others.index(label) % len(free)] for label in labels}


def lamps(labels: Sequence[str], own: Mapping[str, Rgb]) -> list[Rgb]:
    """Red, green and blue for each of ``labels``; those that ``own`` does not name get hues at equal distances."""
    return [own[label] if label in own else _hue(index / len(labels)) for index, label in enumerate(labels)]


def _hue(turn: float) -> Rgb:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(turn, 1.0, 1.0))
    return red, green, blue
