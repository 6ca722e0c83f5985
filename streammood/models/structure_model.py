"""The small linear models by which sections and energy are judged, fitted to arrangements of our own making."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood import resources

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A weighted sum and an offset."""

    weights: F64  # (n,)
    offset: float

    def __call__(self, values: F64) -> float:
        """The sum for ``values`` (n,)."""
        return float(self.weights @ values + self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class SongModel:
    """Judges whether another song has begun."""

    projection: F64  # (n_values, n_dims), from a slot into the space of songs
    change: Linear
    threshold: float  # likelihood above which another song has begun

    @classmethod
    def of(cls, document: dict[str, Any]) -> SongModel:
        """The model that a JSON document describes."""
        return cls(
            np.array(document["projection"], dtype=np.float64).reshape(-1, int(document["dims"])),
            Linear(np.array(document["weights"], dtype=np.float64), float(document["offset"])),
            float(document["threshold"]),
        )

    def projected(self, slot: npt.NDArray[np.float32]) -> F64:
        """The place of a slot (n_values,) in the space of songs (n_dims,)."""
        place: F64 = slot.astype(np.float64) @ self.projection
        return place

    def begins(self, odds: float) -> float:
        """How likely another song has begun, 0..1, from log odds."""
        return _logistic(odds)


@dataclass(frozen=True, slots=True, eq=False)
class StructureModel:
    """Judges build-ups, boundaries and energy."""

    rise: Linear
    change: Linear
    activity: Linear
    threshold: float  # likelihood above which a change is a boundary
    song: SongModel

    @classmethod
    def of(cls, document: dict[str, object]) -> StructureModel:
        """The model that a JSON document describes."""
        parts = {}
        song = document["song"]
        assert isinstance(song, dict)
        for name in ("rise", "change", "activity"):
            part = document[name]
            assert isinstance(part, dict)
            parts[name] = Linear(np.array(part["weights"], dtype=np.float64), float(part["offset"]))
        return cls(
            **parts,
            threshold=float(str(document["threshold"])),
            song=SongModel.of(song),
        )

    @property
    def digest(self) -> str:
        """SHA-256 (hexadecimal) of every number by which sections are found: another model has another."""
        numbers: list[float] = [self.threshold]
        for part in (self.rise, self.change, self.activity):
            numbers += [*part.weights.tolist(), part.offset]
        return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()

    def buildup(self, rise: F64) -> float:
        """How likely a build-up plays, 0..1."""
        return _logistic(self.rise(rise))

    def boundary(self, change: F64, prior: float = 0.0) -> float:
        """How likely a section begins, 0..1; ``prior``: log odds from other evidence."""
        return _logistic(self.change(change) + prior)

    def energy(self, activity: F64) -> float:
        """How much is going on, 0..1."""
        return min(1.0, max(0.0, self.activity(activity)))


def _logistic(value: float) -> float:
    return float(1.0 / (1.0 + np.exp(-min(30.0, max(-30.0, value)))))


@cache
def load() -> StructureModel:
    """The model that ships."""
    return StructureModel.of(json.loads((resources.folder("models") / "structure.json").read_text(encoding="utf-8")))
