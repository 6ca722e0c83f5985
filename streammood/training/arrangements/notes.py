"""What every part plays in the sections of an arrangement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from streammood.training.arrangements import harmony
from streammood.training.arrangements.form import CHORUS, DROP, DRUMS, GROOVE, INTRO, VERSE, FormSection, Note
from streammood.training.arrangements.harmony import Harmony
from streammood.training.arrangements.rhythm import Figure

Rng = np.random.Generator
_BASS_LINES = {
    "club": ("off beats", "rolling", "eighths", "on beats", "octaves", "syncopated", "sixteenths", "pushed"),
    "broken": ("long", "halves", "syncopated", "eighths", "pushed", "funky"),
    "rock": ("eighths", "halves", "pushed", "on beats", "long"),
    "pop": ("halves", "syncopated", "funky", "pushed", "eighths", "long", "octaves"),
}
_CHORD_ROWS = {
    "club": ("off beats", "stabs", "house", "held", "halves"),
    "broken": ("held", "stabs", "off beats", "pushed"),
    "rock": ("held", "eighths", "strum", "pushed"),
    "pop": ("held", "halves", "strum", "quarters", "eighths", "pushed"),
}
_REGGAE = ("one drop", "rocksteady", "steppers", "ska")
_LIKE = ("", DROP, CHORUS)  # kinds of sections with music of their own; all others share one
_FILLED = (GROOVE, DROP, VERSE, CHORUS, INTRO)  # kinds that may end in a fill


@dataclass(slots=True)
class _Ideas:
    """What the players repeat: a kind of section sounds alike each time it comes."""

    rng: Rng
    form: str
    style: str
    bass: dict[str, str] = field(init=False)  # lines, by kind of section
    rows: dict[str, str] = field(init=False)  # figures of chords
    tunes: dict[str, tuple[int, float]] = field(init=False)  # seeds and densities
    riff: str = field(init=False)
    low: int = field(init=False)  # octave of the bass
    ghost: float = field(init=False)  # how likely soft strokes are

    def __post_init__(self) -> None:
        rng, reggae = self.rng, self.style in _REGGAE
        lines = ("reggae",) if self.style in ("one drop", "rocksteady") else _BASS_LINES[self.form]
        self.bass = {kind: str(rng.choice(lines)) for kind in _LIKE}
        self.rows = {kind: "off beats" if reggae else str(rng.choice(_CHORD_ROWS[self.form])) for kind in _LIKE}
        self.tunes = {kind: (int(rng.integers(1 << 30)), float(rng.uniform(0.15, 0.5))) for kind in _LIKE}
        self.riff = str(rng.choice(["eighths", "pushed", "long"]))
        self.low = int(rng.choice([2, 3, 3]))
        self.ghost = float(rng.choice([0.0, 0.0, 0.03, 0.06]))


def written(
    rng: Rng, form: str, style: str, figure: Figure, chords: Harmony, sections: tuple[FormSection, ...], swing: float
) -> dict[str, list[Note]]:
    """Notes of every part."""
    ideas = _Ideas(rng, form, style)
    notes: dict[str, list[Note]] = {}
    before: frozenset[str] = frozenset()
    for section in sections:
        played = _drums(ideas, figure, section, before) | _music(ideas, figure, chords, section)
        for part, more in played.items():
            notes.setdefault(part, []).extend(more)
        for part, those in notes.items():
            notes[part] = _with_gap(those, section, figure.meter)
        before = section.parts
    return {part: [_swung(note, swing, figure.grid) for note in those] for part, those in notes.items()}


def _drums(ideas: _Ideas, figure: Figure, section: FormSection, before: frozenset[str]) -> dict[str, list[Note]]:
    """What the drums play in ``section``; ``before`` are the parts of the section before it."""
    rng = ideas.rng
    bars = range(section.start, section.start + section.bars)
    fills = section.kind in _FILLED and "snare" in figure.rows
    played = {
        part: _drum_part(rng, part, figure, bars, fills, ideas.ghost)
        for part in DRUMS
        if part in section.parts and part in figure.rows
    }
    fuller = before and len(section.parts) > len(before) + 2 and rng.random() < 0.5
    if section.hit or fuller:
        played.setdefault("crash", []).append(Note(section.start * figure.meter, 1.0, 0, 0.8))
    if section.roll:
        played.setdefault("snare", []).extend(_roll(section, figure.meter, float(rng.choice([2.0, 4.0]))))
    return played


def _music(ideas: _Ideas, figure: Figure, chords: Harmony, section: FormSection) -> dict[str, list[Note]]:
    """What the others play in ``section``."""
    where = range(section.start, section.start + section.bars), figure.meter, figure.grid
    like = section.kind if section.kind in _LIKE else ""
    seed, density = ideas.tunes[like]
    again = np.random.default_rng(seed)
    plays: dict[str, Callable[[], list[Note]]] = {
        "bass": lambda: harmony.bass_line(chords, ideas.bass[like], *where, ideas.low),
        "pad": lambda: harmony.chord_figure(chords, "held", *where, 5),
        "chords": lambda: harmony.chord_figure(chords, ideas.rows[like], *where, 5),
        "guitar": lambda: harmony.bass_line(chords, ideas.riff, *where, 4),
        "lead": lambda: harmony.tune(chords, *where, 5, again, density),
        "arp": lambda: harmony.arpeggio(chords, *where, 6, again),
    }
    return {part: play() for part, play in plays.items() if part in section.parts}


def _drum_part(rng: Rng, part: str, figure: Figure, bars: range, fills: bool, ghost: float) -> list[Note]:
    cells = figure.meter * figure.grid
    row = harmony.fitted(figure.rows[part], cells)
    notes = []
    for bar in bars:
        filling = fills and bar % 4 == 3 and rng.random() < (0.5 if bar % 8 == 7 else 0.2)
        fill = cells - figure.grid * (1 + (bar % 8 == 7)) if filling else cells  # the cell at which it begins
        for cell, sign in enumerate(row):
            likely = _likely(part, sign, cell >= fill)
            gain = float(rng.uniform(0.85, 1.0)) * (1.0 if cell % figure.grid == 0 else 0.85)
            if not (likely and rng.random() < likely):
                gain = 0.3 if part in ("snare", "hat") and rng.random() < ghost else 0.0
            if gain:
                notes.append(Note(bar * figure.meter + cell / figure.grid, 0.25, 0, gain))
    return notes


def _likely(part: str, sign: str, filling: bool) -> float:
    """How likely a stroke is: a fill is the snare's, others rest more."""
    likely = {"x": 1.0, "o": 0.5}.get(sign, 0.0)
    if filling and part == "snare":
        return max(0.7, likely)
    return 0.5 * likely if filling and part in ("kick", "open", "crash") else likely


def _roll(section: FormSection, meter: int, first: float) -> list[Note]:
    """A snare roll over the section that becomes twice as fast in its second half and again in its last quarter."""
    start, beats = section.start * meter, section.bars * meter
    notes, at = [], 0.0
    while at < beats - section.gap:
        share = at / beats
        notes.append(Note(start + at, 0.2, 0, 0.35 + 0.55 * share))
        at += 2.0 / first * (1.0 if share < 0.5 else 0.5 if share < 0.75 else 0.25)
    return notes


def _with_gap(played: list[Note], section: FormSection, meter: int) -> list[Note]:
    """Nothing begins in the gap at the section's end, and nothing rings into it."""
    if not section.gap:
        return played
    end = (section.start + section.bars) * meter
    gap = end - section.gap
    return [
        note._replace(beats=min(note.beats, max(0.1, gap - note.beat))) if note.beat < gap else note
        for note in played
        if not gap <= note.beat < end
    ]


def _swung(note: Note, swing: float, grid: int) -> Note:
    """The second half of each beat late, and what lies between in proportion."""
    if grid != 4 or swing == 0.5:
        return note
    whole, part = divmod(note.beat, 1.0)
    part = 2.0 * part * swing if part <= 0.5 else swing + 2.0 * (part - 0.5) * (1.0 - swing)
    return note._replace(beat=whole + part)
