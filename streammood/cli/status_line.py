"""The status line of `run`, cut to the width that there is: what matters most stays, the losses always."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

from streammood.events import ANALYSIS_RATE, Level, OperatorState
from streammood.palette import MOODS

if TYPE_CHECKING:
    from streammood.engine.snapshot import Snapshot

_METER, _SHORT_METER = 12, 6  # characters
_ROOM = 100  # characters from which on the meter is long
_BUSY = 0.8  # share of the time there is for a block, from which on the load is shown
_BEAT_SHOWN = 0.12  # s

_Piece: TypeAlias = tuple[int, Text]
"""A part of the line: its rank (the lowest is dropped last) and its text."""


def mood_style(label: str) -> str:
    """How the name of a mood is drawn."""
    return MOODS[label].screen if label in MOODS else "magenta"


def status_line(now: Snapshot, sample: float, lost: int, width: int) -> Text:
    """Level, tempo, beat, mood, latency and losses in ``width`` columns; ``sample`` is the present."""
    pieces = list(_pieces(now, sample, _METER if width >= _ROOM else _SHORT_METER))
    last = Text(f"lost {lost}", "red" if lost else "dim")
    room = width - 1 - last.cell_len  # the last column stays free: some terminals wrap there
    for piece in sorted(pieces, key=lambda piece: -piece[0]):
        if sum(text.cell_len + 2 for _, text in pieces) <= room:
            break
        pieces.remove(piece)
    line = Text("  ").join([*(text for _, text in pieces), last])
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _pieces(now: Snapshot, sample: float, meter: int) -> Iterator[_Piece]:
    """All parts, from left to right."""
    if not now.connected:
        yield 0, Text("input gone, looking for it", "bold red")
    for word in _operator_words(now.operator):
        yield 2, Text(word, "bold magenta")
    if now.level is not None:
        yield from _level(now.level, meter)
    if now.tempo is not None:
        beat, tempo = now.beat, now.tempo
        recent = beat is not None and 0 <= sample - beat.sample < _BEAT_SHOWN * ANALYSIS_RATE
        lamp = ("● ", "bold white") if recent else ("○ ", "dim")
        bpm = f"{tempo.bpm:5.1f} BPM " if tempo.bpm else "  --- BPM "
        tempo_text = ((bpm, ""), ("locked", "green")) if tempo.locked else ((bpm, "dim"), ("search", "yellow"))
        yield 1, Text.assemble(lamp, *tempo_text)
        yield 6, Text(f"{beat.count if beat else 0:>4}")
    if now.mood is None:
        yield 3, Text("no mood yet", "dim")
    else:
        mood = now.mood
        style = mood_style(mood.label) if mood.music else "dim"
        name = mood.label if mood.music else mood.label or "no music"
        yield 3, Text.assemble((f"{name:<10}", style), f" {100 * mood.confidence:3.0f} %")
        yield 5, Text(f"V {mood.valence:+.2f} A {mood.arousal:+.2f}")
    if now.status is not None:
        status = now.status
        if status.load > _BUSY:
            yield 2, Text(f"load {100 * status.load:.0f} %", "red")
        yield 7, Text(f"p99 {1e3 * status.latency:.1f} ms", "dim")
        yield 8, Text(f"drift {status.drift:+.0f} ppm jitter {1e3 * status.jitter:.1f} ms", "dim")


def _level(level: Level, meter: int) -> Iterator[_Piece]:
    filled = round(level.rms * meter)
    style = "red" if level.clipping else "green"
    yield 4, Text.assemble(("█" * filled, style), ("░" * (meter - filled), "dim"), f" {level.dbfs:6.1f} dB")
    yield (2, Text("CLIPPING", "bold red")) if level.clipping else (9, Text(f"peak {level.peak:5.1f}"))


def _operator_words(state: OperatorState) -> Iterator[str]:
    """What the operator has set."""
    if state.tempo:
        yield f"TEMPO {state.tempo:.1f} BY HAND"
    if state.hold:
        yield "HOLD"
    if state.mood is not None:
        yield f"SET {state.mood}"
    if state.muted:
        yield f"MUTED {', '.join(state.muted)}"
    if state.gain:
        yield f"GAIN {state.gain:+g} dB"
