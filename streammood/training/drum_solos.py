"""Drums alone, synthesised: intros of a bass drum, grooves, solos. They are music, and few labelled clips hold any."""

from __future__ import annotations

import numpy as np

from streammood.events import F32
from streammood.training.arrangements import rhythm, voices
from streammood.training.arrangements.mixing import laid
from streammood.training.arrangements.voices import Voice

Rng = np.random.Generator

KINDS = ("solo", "bass drum", "groove")
_FIGURES = [*rhythm.CLUB.values(), *rhythm.BROKEN.values(), *rhythm.ROCK.values(), *rhythm.POP.values()]
_STROKES = ("kick", "snare", "tom", "tom", "rim", "hat", "ride", "crash")  # of a solo
_LOUD = {"kick": 1.0, "snare": 0.7, "clap": 0.5, "tom": 0.6, "rim": 0.4, "open": 0.3, "crash": 0.3}
_SOFT = 0.2  # of all other drums


def drums_alone(rng: Rng, seconds: float, rate: int, kind: str = "", kit: dict[str, Voice] | None = None) -> F32:
    """Drums (n,) at ``rate`` Hz, not levelled.

    Args:
        rng: decides what is played.
        seconds: length.
        rate: Hz.
        kind: a solo, the bass drum alone, or some drums of a groove (one of ``KINDS``); drawn where none is given.
        kit: a sound for each drum; synthesised where none is given.
    """
    kit = kit or voices.drums(rate, rng)
    drawn = rng.random()
    kind = kind or KINDS[0 if drawn < 0.3 else 1 if drawn < 0.6 else 2]
    if kind == "solo":
        return _solo(rng, seconds, rate, kit)
    figure = _FIGURES[rng.integers(len(_FIGURES))]
    if kind == "bass drum":
        rows = {"kick": figure.rows["kick"]}
    else:
        some = rng.permutation(list(figure.rows))[: rng.integers(1, len(figure.rows) + 1)]
        rows = {name: row for name, row in figure.rows.items() if name in some}
    step = 60.0 / rng.uniform(figure.slowest, figure.fastest) / figure.grid
    out = np.zeros(round(seconds * rate), np.float32)
    start = rng.uniform(0.0, 4.0 * step * figure.grid)
    gains = {name: _LOUD.get(name, _SOFT) * 10.0 ** rng.uniform(-0.3, 0.3) for name in rows}
    for number in range(-16, int(seconds / step) + 1):
        for name, row in rows.items():
            stroke = row[number % len(row)]
            if stroke == "x" or (stroke == "o" and rng.random() < 0.4):
                at = start + number * step + rng.normal(0.0, 0.003)
                laid(out, kit[name].note(0, 0.0), round(at * rate), gains[name] * rng.uniform(0.7, 1.0))
    return out


def _solo(rng: Rng, seconds: float, rate: int, kit: dict[str, Voice]) -> F32:
    """Strokes at chance, in rolls and rests, on a grid that changes."""
    out = np.zeros(round(seconds * rate), np.float32)
    beat, at = 60.0 / rng.uniform(70.0, 180.0), 0.0
    while at < seconds:
        step = beat / rng.choice([1, 2, 3, 4, 4, 6, 8])
        drums = rng.choice(_STROKES, rng.integers(1, 4))
        for _ in range(int(rng.integers(2, 13))):
            if rng.random() < 0.85:
                name = str(rng.choice(drums))
                gain = _LOUD.get(name, _SOFT) * rng.uniform(0.3, 1.0)
                pitch = int(rng.integers(38, 52)) if name == "tom" else 0
                laid(out, kit[name].note(pitch, 0.0), round((at + rng.normal(0.0, 0.004)) * rate), gain)
            at += step
    return out
