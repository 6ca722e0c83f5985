"""Arrangements written to a folder as the scoring tools read them.

For each: ``NAME.wav`` (or .flac, .ogg), ``NAME.beats`` (s, position in the bar), ``NAME.sections.csv`` (start, end,
kind, level) and ``NAME.key`` (start, end, key).
"""

from __future__ import annotations

import csv
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import soundfile

from streammood.events import ANALYSIS_RATE, F32
from streammood.training.arrangements.compose import FORMS, compose_many
from streammood.training.arrangements.form import Arrangement
from streammood.training.arrangements.render import render

_SUBTYPES = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS"}


def write(
    folder: Path,
    count: int,
    seed: int,
    forms: tuple[str, ...] = FORMS,
    stems: bool = False,
    kind: str = "flac",
    jobs: int = 1,
) -> list[Path]:
    """Write ``count`` arrangements; returns the sound files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = list(compose_many(count, seed, forms))
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(partial(write_one, folder=folder, stems=stems, kind=kind), made))


def write_one(arrangement: Arrangement, folder: Path, stems: bool = False, kind: str = "flac") -> Path:
    """Write the sound of one arrangement, and all that is known about it; with ``stems`` its drums and music, too."""
    base = folder / arrangement.name
    sound = render(arrangement)
    path = base.with_suffix(f".{kind}")
    _write_sound(path, sound.mix, kind)
    if stems:
        for name, stem in (("drums", sound.drums), ("music", sound.music)):
            _write_sound(folder / f"{arrangement.name}.{name}.{kind}", stem, kind)
    labels(arrangement, base)
    return path


def _write_sound(path: Path, sound: F32, kind: str) -> None:
    """Write a second at a time: libsndfile's stack overflows where it makes Vorbis of minutes at once."""
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    with soundfile.SoundFile(path, "w", ANALYSIS_RATE, channels, _SUBTYPES[kind]) as file:
        for start in range(0, len(sound), ANALYSIS_RATE):
            file.write(sound[start : start + ANALYSIS_RATE])


def labels(arrangement: Arrangement, base: Path) -> None:
    """Write ``base``.beats, .sections.csv and .key."""
    lines = [f"{at:.5f}\t{number}\n" for at, number in zip(arrangement.beats, arrangement.numbers, strict=True)]
    base.with_suffix(".beats").write_text("".join(lines), encoding="utf-8")
    with base.with_suffix(".sections.csv").open("w", encoding="utf-8", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("start", "end", "kind", "level"))
        for section in arrangement.sections:
            start, end = arrangement.span(section)
            rows.writerow((f"{start:.4f}", f"{end:.4f}", section.kind, f"{section.level:.3f}"))
    start, end = arrangement.times[0], arrangement.times[-1]
    base.with_suffix(".key").write_text(f"{start:.4f} {end:.4f} {arrangement.key}\n", encoding="utf-8")
