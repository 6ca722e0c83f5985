"""The panels of a picture that run along time, each a function on its axes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from streammood.events import seconds
from streammood.songs.song import Song
from streammood.songs.style import AROUSAL, FAINT, INK, PALE, SOFT, VALENCE, Look, name, nothing

_PITCHES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_LETTER = 0.011  # of the width that a letter of a label takes
_CELL = 0.7  # s, of chroma where there are no beats
_TINY = 1e-12
_PAUSE = 3.0  # s without a beat that break the tempo curve
_LEAST_REACH = 0.6  # how far from 0 the curves of valence and arousal can be seen at least
_LEAST_BPM = 20.0  # BPM that the tempo panel spans at least, so that a steady tempo looks steady


def wave(axes: Axes, look: Look) -> None:
    """Outline and RMS, in the colour of the mood."""
    sketch, song = look.sketch, look.song
    edges = np.linspace(0.0, song.duration, sketch.rms.size + 1)
    times = 0.5 * (edges[1:] + edges[:-1])
    top = max(1e-6, float(np.max(np.maximum(sketch.high, -sketch.low), initial=0.0)))
    parts = [(np.ones(times.size, dtype=bool), PALE)]
    for part in song.stretches():
        parts.append(((edges[1:] >= part.start) & (edges[:-1] <= part.end), look.colours[part.label]))
    for where, colour in parts:
        # Opaque, white below the lighter outline: what lies under it must not shine through.
        axes.fill_between(times, sketch.low / top, sketch.high / top, where=where, color="white", linewidth=0)
        axes.fill_between(times, sketch.low / top, sketch.high / top, where=where, color=colour, alpha=0.4, linewidth=0)
        axes.fill_between(times, -sketch.rms / top, sketch.rms / top, where=where, color=colour, linewidth=0)
    axes.set_ylim(-1.03, 1.03)
    axes.set_yticks([])
    name(axes, "waveform")


def beats(axes: Axes, look: Look) -> None:
    """A mark for each beat: long on the downbeat, short and pale where the tempo is not locked."""
    found = look.song.beats
    width = float(np.clip(400 / max(1, len(found)), 0.3, 1.3))
    kinds = (
        ([beat for beat in found if not beat.locked], 0.35, PALE, width),
        ([beat for beat in found if beat.locked and beat.number != 1], 0.55, SOFT, width),
        ([beat for beat in found if beat.locked and beat.number == 1], 1.0, INK, 1.6 * width),
    )
    for some, height, colour, thick in kinds:
        axes.vlines([seconds(beat.sample) for beat in some], 1.0 - height, 1.0, colors=colour, linewidth=thick)
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks([])
    name(axes, "beats")


def _runs(song: Song) -> list[slice]:
    """The moods between one silence and the next."""
    spans = song.spans()
    cuts = [i for i in range(1, len(spans)) if spans[i - 1][1] != spans[i][0]]
    return [slice(a, b) for a, b in zip([0, *cuts], [*cuts, len(spans)], strict=True) if a < b]


def _steps(song: Song, run: slice, values: npt.NDArray[np.float64]) -> tuple[list[float], npt.NDArray[np.float64]]:
    """Times and ``values`` (n, …) of ``run``, the last value held to the end of its span."""
    spans = song.spans()[run]
    return [*(start for start, _ in spans), spans[-1][1]], np.concatenate([values[run], values[run][-1:]])


def ribbon(axes: Axes, look: Look) -> None:
    """The probabilities on top of each other, with the name of each label that holds for long enough."""
    song = look.song
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks([])
    name(axes, "mood")
    if not song.moods:
        nothing(axes, "no mood was heard")
        return
    shares = np.array([[mood.probabilities[label] for label in song.labels] for mood in song.moods])
    for run in _runs(song):
        times, stepped = _steps(song, run, shares)
        axes.stackplot(times, stepped.T, colors=[look.colours[label] for label in song.labels], linewidth=0)
    box = {"boxstyle": "round,pad=0.35", "facecolor": "white", "alpha": 0.85, "linewidth": 0}
    for part in song.stretches():
        if part.end - part.start > _LETTER * (len(part.label) + 2) * song.duration:
            middle = 0.5 * (part.start + part.end)
            axes.text(middle, 0.5, part.label, ha="center", va="center", bbox=box, parse_math=False)


_NAMES = {"boundary": "", "buildup": "build-up", "drop": "drop", "breakdown": "breakdown"}


def energy(axes: Axes, look: Look) -> None:
    """How much is going on, and where sections begin; drops, build-ups and breakdowns by name."""
    song = look.song
    axes.set_ylim(0.0, 1.0)
    axes.set_yticks([])
    name(axes, "energy")
    if not song.structure:
        nothing(axes, "no sections were looked for")
        return
    times = [seconds(now.sample) for now in song.structure]
    values = [now.energy for now in song.structure]
    axes.fill_between(times, values, color=PALE, linewidth=0)
    axes.plot(times, values, color=SOFT, linewidth=1.2)
    for start, _ in song.set_list()[1:]:
        axes.axvline(start, color=INK, linewidth=2.6)
        axes.text(start + 0.003 * song.duration, 0.06, "another song", fontsize=7, weight="bold")
    for section in song.sections:
        at, strong = seconds(section.sample), section.kind == "drop"
        axes.axvline(
            at, color=INK, linewidth=1.8 if strong else 0.7, linestyle=":" if section.kind == "buildup" else "-"
        )
        if words := _NAMES[section.kind]:
            axes.text(
                at + 0.003 * song.duration, 0.93, words, va="top", fontsize=7, weight="bold" if strong else "normal"
            )


def tempo(axes: Axes, look: Look) -> None:
    """The tempo at each beat; pale where it is not locked."""
    found = look.song.beats
    name(axes, "BPM")
    if not found:
        axes.set_yticks([])
        nothing(axes, "no beats were heard")
        return
    times = np.array([seconds(beat.sample) for beat in found])
    bpm = np.array([beat.bpm for beat in found])
    locked = np.array([beat.locked for beat in found])
    breaks = np.flatnonzero(np.diff(times) > _PAUSE) + 1
    for values, colour, width in ((bpm, PALE, 1.0), (np.where(locked, bpm, np.nan), INK, 1.8)):
        axes.plot(np.insert(times, breaks, np.nan), np.insert(values, breaks, np.nan), color=colour, linewidth=width)
    axes.plot(times[~locked], bpm[~locked], ".", color=PALE, markersize=3)
    low, high = np.percentile(bpm[locked] if locked.any() else bpm, [1, 99])
    room = 0.15 * (high - low) + 0.5 * max(0.0, _LEAST_BPM - (high - low))
    axes.set_ylim(low - room, high + room)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)


def curves(axes: Axes, look: Look) -> None:
    """Valence and arousal."""
    song = look.song
    axes.set_yticks([-1.0, -0.5, 0.0, 0.5, 1.0], ["−1", "−½", "0", "+½", "+1"])
    axes.set_ylim(-_LEAST_REACH, _LEAST_REACH)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    name(axes, "valence, arousal")
    if not song.moods:
        nothing(axes, "no mood was heard")
        return
    values = np.array([[mood.valence, mood.arousal] for mood in song.moods])
    reach = max(_LEAST_REACH, 1.1 * float(np.abs(values).max()))
    axes.set_ylim(-reach, reach)
    for run in _runs(song):
        times, stepped = _steps(song, run, values)
        axes.plot(times, stepped[:, 0], color=VALENCE, linewidth=2.0)
        axes.plot(times, stepped[:, 1], color=AROUSAL, linewidth=2.0, linestyle=(0, (5, 1.5)))
    handles = [axes.plot([], [], color=VALENCE, linewidth=2.0)[0]]
    handles += axes.plot([], [], color=AROUSAL, linewidth=2.0, linestyle=(0, (5, 1.5)))
    inks = [VALENCE, AROUSAL]
    axes.legend(
        handles, ["valence", "arousal"], loc="upper right", ncols=2, labelcolor=inks, borderaxespad=0.1,
        facecolor="white", edgecolor="white", framealpha=1.0,
    )  # fmt: skip


def chroma(axes: Axes, look: Look) -> None:
    """How strong each pitch class is, beat by beat; dark is strong."""
    edges, strength = _by_beat(look)
    axes.pcolormesh(edges, np.arange(13) - 0.5, strength**2, cmap="bone_r", vmin=0.0, vmax=1.0, rasterized=True)
    axes.set_yticks(range(0, 12, 2), _PITCHES[::2])
    name(axes, "chroma")


def _by_beat(look: Look) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Edges (n + 1,) in s and chroma (12, n), the strongest class of each beat 1; where beats rest, steps of time."""
    duration, sketch = max(look.song.duration, 1e-3), look.sketch
    count = sketch.rms.size
    marks = np.unique([0.0, *(t for b in look.song.beats if 0.0 < (t := seconds(b.sample)) < duration), duration])
    steps = [np.linspace(a, b, max(1, round((b - a) / _CELL)), endpoint=False) for a, b in pairwise(marks)]
    edges = np.append(np.concatenate(steps), duration)
    cell = np.searchsorted(edges, (np.arange(count) + 0.5) * duration / count, side="right") - 1
    weight = np.bincount(cell, sketch.rms**2, edges.size - 1)
    total = np.array([np.bincount(cell, row * sketch.rms**2, edges.size - 1) for row in sketch.chroma])
    filled = np.bincount(cell, minlength=edges.size - 1) > 0
    if not filled.all():  # a cell is shorter than a column of the sketch
        return np.linspace(0.0, duration, count + 1), sketch.chroma.astype(np.float64)
    mean = total / np.maximum(weight, _TINY)
    return edges, mean / np.maximum(mean.max(axis=0), _TINY)
