"""Rows of beats and their labels, and three linear models fitted to them.

Build-ups and boundaries are logistic regressions, energy is a ridge regression on the level of the section.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from streammood import config, resources
from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.hops import F64, Flags, Hops, Record, Records
from streammood.analysis.structure.beat_rows import BeatRows
from streammood.analysis.structure.context import AHEAD, Context
from streammood.analysis.structure.energy import Energy
from streammood.analysis.structure.structure_stream import StructureStream
from streammood.capture.sound_file import SoundFile
from streammood.errors import DataError
from streammood.events import Event, Mood, Section, seconds
from streammood.models import Models
from streammood.models.structure_model import StructureModel

THRESHOLD = 0.2  # likelihood above which a change is a boundary; chosen on seed 101
_NEAR = 0.4  # s between a boundary and the beat that is its own
_AROUND = 1.2  # s around a boundary within which other beats count for less
_LESS = 0.3
_SETTLED = 1.0  # s after which a section sounds as it does
_BLOCK = 8192  # samples
_SOUNDS = (".flac", ".wav", ".ogg")


@dataclass(frozen=True, slots=True)
class Part:
    """A line of NAME.sections.csv."""

    start: float  # s
    end: float  # s
    kind: str
    level: float


@dataclass(slots=True, eq=False)
class _Samples:
    """What one model is fitted to."""

    values: list[F64] = field(default_factory=list)
    truth: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def add(self, values: F64, truth: float, weight: float = 1.0) -> None:
        self.values.append(values)
        self.truth.append(truth)
        self.weight.append(weight)


class Recorder(StructureStream):
    """Takes the place of the structure of an analyzer, and keeps what it is given."""

    def __init__(self, model: StructureModel) -> None:
        super().__init__(model)
        self._summed = BeatRows()
        self.rows: list[Record] = []
        self.flows: list[Record] = []

    def push(self, hops: Hops, signal: Flags, tempi: Records, moods: Sequence[Mood] | None = None) -> list[Event]:
        """Keep the rows; no events."""
        rows, flows = self._summed.push(hops, signal, tempi)
        self.rows += list(rows)
        self.flows += list(flows)
        return []


def read(path: Path, models: Models) -> Recorder:
    """The rows of a sound file."""
    file = SoundFile(path)
    analyzer = AnalysisChain(config.load(), file.sample_rate, models, {Section})
    analyzer.structure = recorder = Recorder(models.structure)
    for block in file.blocks(_BLOCK):
        analyzer.push(block)
    return recorder


def parts(path: Path) -> list[Part]:
    """The sections beside a sound file."""
    with path.with_suffix(".sections.csv").open(encoding="utf-8") as table:
        return [
            Part(float(row["start"]), float(row["end"]), row["kind"], float(row["level"]))
            for row in csv.DictReader(table)
        ]


def _at(sections: Sequence[Part], time: float, late: float = -0.1) -> Part | None:
    return next((part for part in sections if part.start + late <= time < part.end + min(late, 0.0)), None)


def _beats(rows: Iterable[Record], sections: Sequence[Part], rise: _Samples, change: _Samples) -> None:
    whole = [row for row in rows if not row["early"]]
    times = np.array([seconds(row["sample"]) for row in whole])
    begins, around = np.zeros(len(whole)), np.zeros(len(whole), dtype=bool)
    for part in sections[1:]:
        away = np.abs(times - part.start)
        around |= away < _AROUND
        begins[int(np.argmin(away))] = away.min() < _NEAR
    context = Context()
    for i, row in enumerate(whole):
        context.push(row)
        here, values = _at(sections, times[i]), context.rise()
        if here and values is not None:
            rise.add(values, here.kind == "buildup")
        values, at = context.change(AHEAD - 1), i - AHEAD + 1
        if values is not None:
            change.add(values, begins[at], 1.0 if begins[at] or not around[at] else _LESS)


def _flow(flows: Iterable[Record], sections: Sequence[Part], activity: _Samples, model: StructureModel) -> None:
    energy = Energy(model)
    for flow in flows:
        values, part = energy.activity(flow["shape"]), _at(sections, seconds(flow["sample"]), _SETTLED)
        if part:
            activity.add(values, part.level)


def _sounds(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.iterdir() if path.suffix in _SOUNDS and "." not in path.stem)


def _linear(samples: _Samples, regression: Any) -> dict[str, object]:
    """Weights and offset for values as they come."""
    values = np.array(samples.values)
    scaler = StandardScaler().fit(values)
    regression.fit(scaler.transform(values), np.array(samples.truth), sample_weight=np.array(samples.weight))
    weights = np.ravel(regression.coef_) / scaler.scale_
    offset = float(np.ravel(regression.intercept_)[0] - weights @ scaler.mean_)
    return {"weights": [float(f"{weight:.5g}") for weight in weights], "offset": float(f"{offset:.5g}")}


def _shipped() -> dict[str, object]:
    document: dict[str, object] = json.loads(
        (resources.folder("models") / "structure.json").read_text(encoding="utf-8")
    )
    return document


def fit(folders: Sequence[Path]) -> dict[str, object]:
    """The model as a document.

    Raises:
        DataError: there are no arrangements.
    """
    models = Models.load(config.load())
    rise, change, activity = _Samples(), _Samples(), _Samples()
    for path in _sounds(folders):
        recorder, sections = read(path, models), parts(path)
        _beats(recorder.rows, sections, rise, change)
        _flow(recorder.flows, sections, activity, models.structure)
    if not activity.values:
        raise DataError(f"{folders[0]}: no arrangements; make some with `python -m streammood.training.arrangements`")
    return {
        "rise": _linear(rise, LogisticRegression(C=0.3, max_iter=2000)),
        "change": _linear(change, LogisticRegression(C=0.1, max_iter=2000)),
        "activity": _linear(activity, Ridge(10.0)),
        "threshold": THRESHOLD,
        "song": _shipped()["song"],  # `streammood.training.songs` fits it, to sets
    }


def write(document: dict[str, object], path: Path) -> None:
    """Store the model."""
    text = re.sub(r"\[[^\]]*\]", lambda numbers: re.sub(r"\s+", " ", numbers[0]), json.dumps(document, indent=1))
    path.write_text(text + "\n", encoding="utf-8")
