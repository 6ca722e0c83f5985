"""What all panels of a picture share: inks, the look of text, how time is written and marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from streammood.songs.sketch import Sketch
from streammood.songs.song import Song

INK, SOFT, FAINT, PALE = "#22252b", "#6b717c", "#d5d9e0", "#a9afba"
VALENCE, AROUSAL = "#7b3294", "#c2570c"  # apart from each other and from the moods, also for colour-blind eyes
RC: dict[Any, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.color": INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "streammood",
}
_TICKS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)  # s between marks of time
_MARKS = 10  # of time, at most


@dataclass(frozen=True, slots=True)
class Look:
    """What every panel needs."""

    song: Song
    sketch: Sketch
    colours: dict[str, str]  # of the labels


def clock(time: float) -> str:
    """Minutes and seconds, and hours where there are any."""
    minutes, seconds = divmod(time, 60)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{seconds:04.1f}" if seconds % 1 else f"{seconds:02.0f}"
    return f"{hours}:{minutes:02d}:{whole}" if hours else f"{minutes}:{whole}"


def time_axis(axes: Axes, duration: float, last: bool) -> None:
    """Let ``axes`` span the song; only the ``last`` panel names the times."""
    axes.set_xlim(0.0, max(duration, 1e-3))
    step = next((step for step in _TICKS if duration / step <= _MARKS), _TICKS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: clock(time)))
    axes.tick_params(axis="x", length=3 if last else 0, labelbottom=last)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)


def bare(axes: Axes) -> None:
    """No frame and no marks."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def name(axes: Axes, text: str) -> None:
    """Write the name of a panel to its left."""
    axes.text(-0.05, 0.5, text, transform=axes.transAxes, rotation=90, va="center", ha="center", color=SOFT)


def nothing(axes: Axes, text: str) -> None:
    """Write in a panel why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, va="center", ha="center", color=SOFT, style="italic")
