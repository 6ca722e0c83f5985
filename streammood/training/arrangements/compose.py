"""Composes arrangements: a form, its tempo and key, sections, and what every part plays in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from streammood.training.arrangements import rhythm
from streammood.training.arrangements.form import F64, Arrangement
from streammood.training.arrangements.harmony import Harmony
from streammood.training.arrangements.notes import written
from streammood.training.arrangements.sections import club, level, song

Rng = np.random.Generator
FORMS = ("club", "broken", "rock", "pop")

_FIGURES = {"club": rhythm.CLUB, "broken": rhythm.BROKEN, "rock": rhythm.ROCK, "pop": rhythm.POP}


def compose_many(count: int, seed: int, forms: tuple[str, ...] = FORMS) -> Iterator[Arrangement]:
    """``count`` arrangements, the forms in turn; the same for the same ``seed``, whatever ``count`` is."""
    for number in range(count):
        yield compose(forms[number % len(forms)], 10_000 * seed + number)


def compose(form: str, seed: int) -> Arrangement:
    """The arrangement of this form (one of ``FORMS``) and seed."""
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
    rng = np.random.default_rng([FORMS.index(form), seed])
    figures = _FIGURES[form]
    style = list(figures)[rng.integers(len(figures))]
    figure = figures[style]
    bpm = float(np.round(figure.slowest * (figure.fastest / figure.slowest) ** rng.random(), 2))
    swing = 0.5 + (rng.uniform(0.0, figure.swing) if figure.swing else 0.0)
    minor = bool(rng.random() < {"club": 0.75, "broken": 0.75, "rock": 0.5, "pop": 0.4}[form])
    chords = Harmony.draw(rng, minor, int(rng.integers(12)))
    electronic = form in ("club", "broken")
    sections = club(rng, figure) if electronic else song(rng, figure, form)
    sections = tuple(replace(s, level=level(s)) for s in sections)
    bars = sections[-1].start + sections[-1].bars
    gm = rng.random() < (0.2 if electronic else 0.6)
    return Arrangement(
        form=form,
        seed=seed,
        bpm=bpm,
        meter=figure.meter,
        swing=swing,
        times=_times(rng, bars * figure.meter, bpm, human=not electronic),
        sections=sections,
        tonic=chords.tonic,
        minor=minor,
        sound="gm" if gm else "synth",
        ducking=float(rng.uniform(0.3, 0.95)) if electronic and rng.random() < 0.8 else 0.0,
        notes=written(rng, form, style, figure, chords, sections, swing),
    )


def _times(rng: Rng, beats: int, bpm: float, human: bool) -> F64:
    """The grid: exact where machines play, drifting by about a percent where people do."""
    period = np.full(beats, 60.0 / bpm)
    if human and rng.random() < 0.6:
        wander = np.cumsum(rng.normal(0.0, 0.0012, beats))
        period *= 1.0 + np.clip(wander - wander.mean(), -0.02, 0.02)
    start = float(rng.uniform(0.0, 1.0))
    times: F64 = start + np.concatenate([[0.0], np.cumsum(period)])
    return times
