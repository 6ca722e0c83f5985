"""Which sections an arrangement has, and which parts play in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streammood.training.arrangements.form import (
    BREAKDOWN,
    BRIDGE,
    BUILDUP,
    CHORUS,
    DROP,
    DRUMS,
    GROOVE,
    INTRO,
    OUTRO,
    PRECHORUS,
    VERSE,
    FormSection,
)
from streammood.training.arrangements.rhythm import Figure

Rng = np.random.Generator
_TOPS = frozenset(("hat", "open", "ride", "shaker", "rim"))
_WORTH = {  # what a part adds to a section's level
    "kick": 0.22, "snare": 0.07, "clap": 0.07, "hat": 0.05, "open": 0.07, "ride": 0.05, "shaker": 0.04, "rim": 0.03,
    "tom": 0.04, "crash": 0.02, "bass": 0.16, "pad": 0.06, "chords": 0.1, "lead": 0.12, "arp": 0.07, "guitar": 0.14,
}  # fmt: skip


@dataclass(slots=True)
class _Plan:
    """Sections one after the other."""

    made: list[FormSection] = field(default_factory=list)

    def add(self, kind: str, bars: int, parts: Iterable[str], **how: Any) -> None:
        """One more."""
        start = self.made[-1].start + self.made[-1].bars if self.made else 0
        self.made.append(FormSection(kind, start, bars, frozenset(parts), **how))


def _some(rng: Rng, likely: float, *parts: str) -> set[str]:
    """These parts, or none."""
    return set(parts) if rng.random() < likely else set()


def club(rng: Rng, figure: Figure) -> tuple[FormSection, ...]:
    """Intro, groove, and two or three times breakdown, build-up and drop; some build-ups lead nowhere."""
    drums = set(DRUMS) & figure.rows.keys()
    tops = drums & _TOPS
    full = drums | {"bass", "chords", "lead"} | _some(rng, 0.5, "arp")
    groove = drums | {"bass"} | _some(rng, 0.6, "chords")
    plan = _Plan()
    plan.add(INTRO, int(rng.choice([4, 8])), tops | {"kick"} if rng.random() < 0.6 else {"pad", "arp"} | tops)
    plan.add(GROOVE, int(rng.choice([8, 8, 16])), groove, hit=bool(rng.random() < 0.5))
    for turn in range(int(rng.choice([2, 2, 3]))):
        quiet = {"pad"} | _some(rng, 0.5, "lead") | _some(rng, 0.4, "arp") | _some(rng, 0.25, *tops - {"ride"})
        quiet |= _some(rng, 0.15, "kick")
        closed, muffled = float(rng.uniform(0.15, 0.6)), bool(rng.random() < 0.5)
        opening = closed if rng.random() < 0.5 else 0.8
        plan.add(BREAKDOWN, int(rng.choice([4, 8, 8, 16])), quiet, sweep=(closed, opening), muffled=muffled)
        building = quiet | _some(rng, 0.6, "chords") | _some(rng, 0.4, *tops) | _some(rng, 0.3, "kick")
        fake = turn > 0 and rng.random() < 0.3
        gap = 0.0 if fake else float(rng.choice([0.0, 0.0, 1.0, 2.0, figure.meter]))
        plan.add(BUILDUP, int(rng.choice([4, 8])), building | (_some(rng, 0.3, "clap") & drums), gap=gap, **_climb(rng))
        if fake:  # what it promised does not come
            plan.add(BREAKDOWN, int(rng.choice([4, 8])), quiet, sweep=(0.8, closed))
            plan.add(GROOVE, 8, groove)
        else:
            plan.add(DROP, int(rng.choice([8, 16, 16])), full, hit=True)
            if rng.random() < 0.3:
                plan.add(GROOVE, 8, groove)
    plan.add(OUTRO, int(rng.choice([4, 8])), tops | {"kick"} | _some(rng, 0.5, "pad"))
    return tuple(plan.made)


def _climb(rng: Rng) -> dict[str, Any]:
    """How a build-up builds up."""
    return {
        "sweep": (float(rng.uniform(0.2, 0.6)), 1.0),
        "roll": bool(rng.random() < 0.75),
        "riser": bool(rng.random() < 0.75),
        "thin": float(rng.choice([0.0, 0.4, 0.8])),
    }


def song(rng: Rng, figure: Figure, form: str) -> tuple[FormSection, ...]:
    """Intro, verses, choruses, a bridge."""
    drums = set(DRUMS) & figure.rows.keys()
    strong = "guitar" if form == "rock" and rng.random() < 0.7 else "chords"
    verse = drums | {"bass"} | _some(rng, 0.7, "chords") | _some(rng, 0.6, "lead")
    verse -= {"open", "crash"} if "hat" in drums else set()
    chorus = drums | {"bass", "chords", strong, "lead"} | _some(rng, 0.5, "pad")
    plan = _Plan()
    openings: tuple[set[str], ...] = ({"chords"}, {strong, "bass"} | drums, drums, {"chords", "pad"})
    plan.add(INTRO, int(rng.choice([2, 4, 4, 8])), openings[rng.integers(4)])
    for turn in range(int(rng.choice([2, 3]))):
        plan.add(VERSE, int(rng.choice([8, 8, 16])), verse)
        if rng.random() < 0.35:
            plan.add(PRECHORUS, 4, (verse | {"chords"}) - {"lead"}, roll=bool(rng.random() < 0.5))
        plan.add(CHORUS, 8, chorus, hit=bool(rng.random() < 0.6))
        if turn == 1 and rng.random() < 0.7:
            quiet = {"chords", "lead"} | _some(rng, 0.5, "pad") | (_some(rng, 0.4, "bass", "hat") & (drums | {"bass"}))
            plan.add(BRIDGE, int(rng.choice([4, 8])), quiet)
            plan.add(CHORUS, 8, chorus, hit=True)
    plan.add(OUTRO, int(rng.choice([2, 4])), {"chords", "bass"} | _some(rng, 0.5, *drums))
    return tuple(plan.made)


def level(section: FormSection) -> float:
    """How much is going on, 0..1, from what plays; a filter takes up to 40 % of it, a climb adds to it."""
    playing = 0.08 + sum(_WORTH[part] for part in section.parts)
    openness = 0.6 + 0.2 * sum(section.sweep)
    return round(min(1.0, playing * openness + 0.08 * section.roll + 0.08 * section.riser), 3)
