"""What stands beside the panels of time: the way through the circumplex, the moods of the whole, and facts."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from streammood.events import QUADRANTS
from streammood.songs.song import Song
from streammood.songs.style import INK, SOFT, Look, bare, clock, nothing


def circumplex(axes: Axes, look: Look) -> None:
    """The way of the song from valence to arousal, pale where it begins; the dot is the whole song."""
    axes.set_xlim(-1.0, 1.0)
    axes.set_ylim(-1.0, 1.0)
    axes.set_aspect("equal")
    bare(axes)
    for label, (x, y) in QUADRANTS.items():
        if label in look.song.labels:
            corner = (min(0, x), min(0, y))
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=look.colours[label], alpha=0.2, linewidth=0))
            axes.text(0.93 * x, 0.9 * y, label, ha="right" if x > 0 else "left", va="center", color=SOFT, fontsize=8.5)
    axes.axhline(0.0, color="white", linewidth=1.2)
    axes.axvline(0.0, color="white", linewidth=1.2)
    axes.set_xlabel("valence →", labelpad=4)
    axes.set_ylabel("arousal →", labelpad=4)
    song = look.song
    if not song.moods:
        nothing(axes, "no mood")
        return
    points = np.array([[mood.valence, mood.arousal] for mood in song.moods])
    lines = LineCollection(np.stack([points[:-1], points[1:]], axis=1).tolist(), linewidths=1.6, capstyle="round")
    age = np.linspace(0.75, 0.1, max(1, len(points) - 1))
    lines.set_color([(shade, shade, shade) for shade in age])
    axes.add_collection(lines)
    if song.mood is not None:
        colour = look.colours[song.mood.label]
        axes.plot(
            song.mood.valence, song.mood.arousal, "o", markersize=13, markerfacecolor=colour, markeredgecolor=INK,
            markeredgewidth=1.2, clip_on=False, zorder=5,
        )  # fmt: skip


def shares(axes: Axes, look: Look) -> None:
    """How likely each label is for the song as a whole."""
    song = look.song
    bare(axes)
    rows = range(len(song.labels))
    axes.set_ylim(len(song.labels) - 0.5, -0.5)
    axes.set_xlim(0.0, 1.0)
    axes.set_yticks(rows, song.labels)
    axes.tick_params(axis="y", length=0)
    axes.barh(rows, 1.0, height=0.62, color="#f0f2f5")
    if song.mood is None:
        return
    for row, label in zip(rows, song.labels, strict=True):
        share = song.mood.probabilities[label]
        axes.barh(row, share, height=0.62, color=look.colours[label])
        axes.text(1.04, row, f"{100 * share:.0f} %", va="center", ha="left", fontsize=9)


def facts(song: Song) -> list[tuple[str, str]]:
    """Name and value of each number about the song."""
    locked = sum(beat.locked for beat in song.beats) / max(1, len(song.beats))
    downbeats = sum(beat.number == 1 for beat in song.beats)
    found = [("length", clock(round(song.duration))), ("beats", str(len(song.beats)))]
    if downbeats:
        found.append(("downbeats", str(downbeats)))
    if song.beats:
        found += [("tempo", f"{song.bpm:.1f} BPM"), ("locked", f"{100 * locked:.0f} % of the beats")]
    found.append(("onsets", str(len(song.onsets))))
    if song.mood is not None:
        values = (("valence", song.mood.valence), ("arousal", song.mood.arousal))
        found += [(name, f"{value:+.2f}".replace("-", "−")) for name, value in values]
        found.append(("confidence", f"{100 * song.mood.confidence:.0f} %"))
    return found


def write_facts(figure: Figure, song: Song, left: float, top: float, right: float) -> None:
    """The facts as a small table from ``top`` down, between ``left`` and ``right`` of the figure."""
    for row, (what, value) in enumerate(facts(song)):
        y = top - 0.0225 * row
        figure.text(left, y, what, color=SOFT, va="center")
        figure.text(right, y, value, va="center", ha="right")
