"""One picture of a song: waveform with beats, mood ribbon, tempo, valence and arousal, chroma, circumplex."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, BinaryIO

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from streammood import __version__
from streammood.palette import colours
from streammood.songs import margin, panels
from streammood.songs.sketch import Sketch
from streammood.songs.song import Song
from streammood.songs.style import RC, SOFT, Look, clock, time_axis

SIZE = (14.0, 9.0)  # inches
DPI = 150
LEFT, RIGHT = 0.055, 0.775  # of the width: where time begins and ends in every panel
TOP, BOTTOM = 0.875, 0.06  # of the height, from below: where those panels begin and end
_PANELS = (
    (panels.wave, 3.0),
    (panels.beats, 0.5),
    (panels.ribbon, 1.3),
    (panels.energy, 1.1),
    (panels.tempo, 1.9),
    (panels.curves, 2.2),
    (panels.chroma, 2.2),
)
_MARGIN = (0.822, 0.985)  # of the width: where the circumplex begins and ends
CIRCUMPLEX = (_MARGIN[0], TOP - (_MARGIN[1] - _MARGIN[0]) * SIZE[0] / SIZE[1], _MARGIN[1], TOP)
"""Where it lies: left, bottom, right and top as shares of the picture, from its lower left corner."""
_PROGRAM = f"streammood {__version__}"
_METADATA: dict[str, dict[str, Any]] = {  # without dates: the same song gives the same bytes
    ".png": {"Software": _PROGRAM},
    ".svg": {"Date": None, "Creator": _PROGRAM},
    ".pdf": {"CreationDate": None, "Creator": _PROGRAM},
}


def draw(song: Song, sketch: Sketch, title: str) -> Figure:
    """The picture of ``song``; in its panels time runs from ``LEFT`` to ``RIGHT``."""
    look = Look(song, sketch, colours(song.labels, "paper"))
    with rc_context(RC):
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        heights = [height for _, height in _PANELS]
        grid = figure.add_gridspec(
            len(_PANELS), 1, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM, height_ratios=heights, hspace=0.2
        )
        for row, (panel, _) in enumerate(_PANELS):
            axes = figure.add_subplot(grid[row, 0])
            panel(axes, look)
            time_axis(axes, song.duration, last=row == len(_PANELS) - 1)
        _beside(figure, look)
        _heading(figure, song, title)
    return figure


def _beside(figure: Figure, look: Look) -> None:
    left, bottom, right, _ = CIRCUMPLEX
    side = right - left
    margin.circumplex(figure.add_axes((left, bottom, side, TOP - bottom)), look)
    count = len(look.song.labels)
    top = bottom - 0.075
    margin.shares(figure.add_axes((left + 0.055, top - 0.03 * count, side - 0.095, 0.03 * count)), look)
    margin.write_facts(figure, look.song, left - 0.005, top - 0.03 * count - 0.05, right)


def _heading(figure: Figure, song: Song, title: str) -> None:
    figure.text(LEFT, 0.95, title, fontsize=20, fontweight="bold", va="center", parse_math=False)
    facts = [clock(round(song.duration))]
    if song.beats:
        facts.append(f"{song.bpm:.1f} BPM")
    if song.mood is not None:
        facts.append(song.mood.label)
    figure.text(LEFT, 0.907, "   ·   ".join(facts), fontsize=12.5, color=SOFT, va="center", parse_math=False)
    if song.damage is not None:
        figure.text(RIGHT, 0.907, "the file is damaged: this is what could be heard", color="#c8202f", ha="right")
    figure.text(_MARGIN[1], 0.02, _PROGRAM, fontsize=8, color=SOFT, ha="right", va="center")


def save(figure: Figure, to: Path | BinaryIO, kind: str) -> None:
    """Write ``figure`` as ``kind``: .png, .svg or .pdf.

    Raises:
        OSError: it cannot be written.
    """
    with warnings.catch_warnings(), rc_context(RC):
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a title may hold any script
        figure.savefig(to, format=kind[1:], metadata=_METADATA[kind])
