"""What an engine's values look like as text: pure functions, one a panel."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

from rich.text import Text

from streammood import palette
from streammood.client.child import TERMINAL
from streammood.client.engine_state import Json
from streammood.events import QUADRANTS
from streammood.protocol.signals import Value
from streammood.protocol.signals import moods as moods_among
from streammood.tui.braille import Canvas

Values = Mapping[str, Value]
Points = Sequence[tuple[float, float, float]]
"""Host time in s, valence, arousal."""

DIM, GOOD, WARN, BAD, ACCENT = "grey62", "#3ddc84", "#ffd23f", "#ff4b3e", "#8fb8ff"
VALENCE, AROUSAL = "#c77dff", "#ff9f5a"
CURVES = 120.0  # s of the curves
PATH = 60.0  # s of the way through the circumplex
_NAME = 12  # columns that a target's name gets at least
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_METER_DB = 60.0  # level signals span -60..0 dBFS
_LOAD, _LATENCY = 0.8, 20.0  # share of the time there is, and ms, from which on they are shown in red
_SECTIONS = ("calm", "groove", "build-up", "drop", "breakdown")  # as section/kind counts them
_DROP = 3
_INPUT = {
    0: ("gone", BAD),
    1: ("fine", GOOD),
    2: ("silent", DIM),
    3: ("stuck", BAD),
    4: ("nothing but zeros", WARN),
    5: ("wrong rate", BAD),
}
_KINDS = {
    "engine": ACCENT,
    "tempo": GOOD,
    "mood": WARN,
    "song": ACCENT,
    "loss": BAD,
    "refused": BAD,
    "answer": ACCENT,
    "note": WARN,
}


def number(values: Values, name: str) -> float | None:
    """The value of a signal as a number; None where it is none, or has not come yet."""
    value = values.get(name)
    return None if value is None or isinstance(value, str) else float(value)


def reading(values: Values, name: str, form: str, unit: str = "", scale: float = 1.0) -> str:
    """The value of a signal as text, a dash where there is none."""
    value = number(values, name)
    return "–" if value is None else f"{scale * value:{form}}{unit}"


def labels(values: Values) -> list[str]:
    """The moods that the engine sends, the four usual ones first."""
    order = {label: place for place, label in enumerate(QUADRANTS)}
    return sorted(moods_among(values), key=lambda label: (order.get(label, len(order)), label))


def bar(share: float | None, width: int, style: str) -> Text:
    """``share`` in 0..1 as a bar of ``width`` characters, in steps of an eighth of one."""
    eighths = round(8 * width * min(1.0, max(0.0, share or 0.0)))
    full, part = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[part] if part else "")
    return Text.assemble((filled, style), ("·" * (width - len(filled)), "grey30"))


def tempo(values: Values, lit: int | None, width: int) -> Text:
    """BPM, lock, confidence and the lamps of the bar; ``lit`` is the lamp that glows, 0 is all of them."""
    bpm, locked = number(values, "bpm"), number(values, "beat/locked")
    state = {None: ("–", DIM), 0.0: ("searching", WARN)}.get(locked, ("locked", GOOD))
    meter = round(number(values, "beat/meter") or 0)
    now = round(number(values, "beat/number") or 0)
    if number(values, "control/tempo"):
        state = ("BY HAND", f"bold {WARN}")
    text = Text.assemble((f"{bpm:6.1f}" if bpm else "   –  ", "bold white" if locked else DIM), " BPM  ", state, "\n")
    text.append("sure ", DIM)
    text.append_text(bar(number(values, "beat/confidence"), max(6, min(24, width - 20)), GOOD))
    text.append(f" {reading(values, 'beat/confidence', '3.0f', ' %', 100)}\n")
    count = meter or max(4, now) if now else 1
    for lamp in range(1, count + 1):
        glows = lit is not None and lit in {0, lamp}
        current = now == lamp
        style = (WARN if lamp == 1 and now else "white") if glows else ("grey70" if current else "grey30")
        text.append("⬤ " if glows else "● " if current else "○ ", style)
    text.append(f" beat {reading(values, 'beat/count', '.0f')}", DIM)
    if meter:
        text.append(f"  {meter} in a bar, {reading(values, 'beat/bar', '.0f', ' %', 100)} sure", DIM)
    if place := song(values):
        text.append("\n").append_text(place)
    return text


def song(values: Values) -> Text:
    """Where in the song the music is, and the bars to the next likely boundary; empty while that is not known."""
    if not number(values, "section/index"):
        return Text()
    kind, bars = round(number(values, "section/kind") or 0), round(number(values, "section/bars") or 0)
    text = Text.assemble((_SECTIONS[kind], "bold white" if kind == _DROP else ""), (f"  bar {bars + 1}", DIM))
    if ahead := number(values, "phrase/countin"):
        text.append(f", {ahead:.0f} to the next", DIM)
    if number(values, "buildup"):
        text.append(f"  build-up {reading(values, 'buildup', '.0f', ' %', 100)}", DIM)
    return text


def levels(values: Values, width: int) -> Text:
    """Input level with its peak, and the bands."""
    length = max(6, width - 18)
    rms = number(values, "level/rms")
    clips = bool(number(values, "level/clipping"))
    text = Text()
    rows = (("level", "level/rms", BAD if clips else GOOD), ("low", "level/low", ACCENT), ("mid", "level/mid", ACCENT))
    shown = (*rows, ("high", "level/high", ACCENT), ("bright", "brightness", DIM), ("energy", "energy", GOOD))
    for name, signal, style in shown:
        value = number(values, signal)
        text.append(f"{name:<7}", DIM)
        text.append_text(bar(value, length, style))
        if signal == "level/rms":
            text.append(f" {_METER_DB * (rms - 1.0):5.1f} dB" if rms is not None else "     –")
        text.append("\n")
    state, style = _INPUT.get(round(number(values, "status/input") or 0), ("–", DIM))
    received = "status/input" in values
    text.append("input  ", DIM)
    text.append(state if received else "–", style if received else DIM)
    text.append(f"  gain {reading(values, 'input/gain', '+.1f', ' dB')}", DIM)
    if clips:
        text.append("  CLIPPING", f"bold {BAD}")
    return text


def health(values: Values) -> Text:
    """Latency, load, loss and stalls of the engine."""
    latency, load = number(values, "status/latency"), number(values, "status/load")
    lost = number(values, "status/lost")
    return Text.assemble(
        ("latency ", DIM), (reading(values, "status/latency", ".1f", " ms"), BAD if (latency or 0) > _LATENCY else ""),
        ("  load ", DIM), (reading(values, "status/load", ".0f", " %", 100), BAD if (load or 0) > _LOAD else ""), "\n",
        ("lost ", DIM), (reading(values, "status/lost", ".0f", " samples"), BAD if lost else ""),
        ("  stalls ", DIM), reading(values, "status/stalls", ".0f"),
    )  # fmt: skip


def moods(values: Values, colours: Mapping[str, str], width: int) -> Text:
    """The label, and how likely each one is."""
    shares = {label: number(values, f"mood/{label}") or 0.0 for label in labels(values)}
    if not shares:
        return Text("no mood yet", DIM)
    label = values.get("mood/label")
    unmusical = number(values, "music") == 0
    best = label if isinstance(label, str) and label else max(shares, key=lambda label: shares[label])
    own = palette.colours([*shares], "screen", colours)
    if unmusical:
        best, own = (label if isinstance(label, str) and label else "no music"), dict.fromkeys(shares, DIM)
    text = Text.assemble(
        (best, DIM if unmusical else f"bold {own.get(best, 'white')}"),
        f"  {reading(values, 'mood/confidence', '.0f', ' %', 100)}",
    )
    text.append(f"   V {reading(values, 'mood/valence', '+.2f')}  A {reading(values, 'mood/arousal', '+.2f')}", DIM)
    if number(values, "control/hold"):
        text.append("  HELD", f"bold {WARN}")
    longest = max(map(len, shares))
    for label, share in shares.items():
        text.append(f"\n{label:<{longest}} ", DIM)
        text.append_text(bar(share, max(6, width - longest - 7), own[label]))
        text.append(f" {100 * share:3.0f} %")
    return text


def circumplex(
    points: Points, now: float, names: Sequence[str], colours: Mapping[str, str], size: tuple[int, int]
) -> Text:
    """The way of the last minute through valence (to the right) and arousal (up), in so many columns and rows."""
    rows = max(3, size[1])
    columns = max(6, min(size[0], 2 * rows + 2))
    canvas = Canvas(columns, rows)
    for i in range(0, canvas.width, 4):
        canvas.dot(i / (canvas.width - 1), 0.5, "grey30")
    for i in range(0, canvas.height, 2):
        canvas.dot(0.5, i / (canvas.height - 1), "grey30")
    own = palette.colours(names, "screen", colours)
    for label, (x, y) in QUADRANTS.items():
        if label in names:
            for i, letter in enumerate(label):
                offset = i if x < 0 else columns - len(label) + i
                canvas.letter(offset / (columns - 1), max(0, y), letter, own[label])
    recent = [(0.5 + 0.5 * v, 0.5 + 0.5 * a) for t, v, a in points if now - t <= PATH]
    for i, (start, end) in enumerate(pairwise(recent)):
        canvas.line(start, end, "grey70" if 2 * i > len(recent) else "grey46")
    if recent:
        canvas.letter(*recent[-1], "◉", "bold white")
    drawn = canvas.text()
    margin = " " * max(0, (size[0] - columns) // 2)
    return Text("\n").join(Text(margin).append_text(line) for line in drawn.split("\n"))


def curves(points: Points, now: float, size: tuple[int, int]) -> Text:
    """Valence and arousal over the last two minutes, the present at the right."""
    columns, rows = max(10, size[0]), max(2, size[1])
    canvas = Canvas(columns, rows)
    for i in range(0, canvas.width, 6):
        canvas.dot(i / (canvas.width - 1), 0.5, "grey30")
    recent = [(1.0 + (t - now) / CURVES, v, a) for t, v, a in points if now - t <= CURVES]
    for (t, v, a), (u, w, b) in pairwise(recent):
        if (u - t) * CURVES < 3.0:
            canvas.line((t, 0.5 + 0.5 * v), (u, 0.5 + 0.5 * w), VALENCE)
            canvas.line((t, 0.5 + 0.5 * a), (u, 0.5 + 0.5 * b), AROUSAL)
    return canvas.text()


def targets(values: Values, chosen: int | None, width: int) -> Text:
    """Each target with its number of packets, its offset and whether it is muted; ``chosen`` is marked."""
    numbers = target_numbers(values)
    if not numbers:
        return Text("none but this view" if "target/count" in values else "not reported; m mutes target 1", DIM)
    text = Text(no_wrap=True, overflow="ellipsis")
    for i, number_ in enumerate(numbers):
        own = f"target/{number_}"
        failed = bool(number(values, f"{own}/failed"))
        counts = Text("  muted" if number(values, f"{own}/muted") else "", WARN)
        sent = reading(values, f"{own}/sent", ".0f")
        counts.append(f"  {reading(values, f'{own}/offset', '+.0f', ' ms')}  {sent} sent", DIM)
        if failed:
            counts.append(f"  {reading(values, f'{own}/failed', '.0f')} failed", BAD)
        mark = "▸" if number_ == chosen else " "
        head = Text(f"{mark}{number_} {values.get(f'{own}/name', '')}", BAD if failed else "")
        head.truncate(max(_NAME, width - counts.cell_len), overflow="ellipsis")
        text.append("\n" if i else "").append_text(head).append_text(counts)
    return text


def target_numbers(values: Values) -> list[int]:
    """The targets that the engine reports, counted from 1 as commands count them; not that of `run --tui` itself."""
    count = round(number(values, "target/count") or 0)
    return [i for i in range(1, count + 1) if values.get(f"target/{i}/name", TERMINAL) != TERMINAL]


def log(entries: Sequence[Json], rows: int) -> Text:
    """The newest entries, the newest at the bottom."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for i, entry in enumerate(list(entries)[-rows:]):
        at = time.strftime("%H:%M:%S", time.localtime(entry["at"]))
        text.append(("\n" if i else "") + at + "  ", DIM)
        text.append(str(entry["text"]), _KINDS.get(entry["kind"], ""))
    return text
