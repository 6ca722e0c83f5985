"""How much is going on: this song's own loudest counts for a part, density and low end for the rest."""

from __future__ import annotations

import numpy as np

from streammood.analysis.hops import F64, Record
from streammood.analysis.structure.beat_rows import (
    CENTROID,
    FLOOR,
    FLUX,
    HIGH,
    HIGH_FLUX,
    LOUD,
    LOW,
    LOW_FLUX,
    MID,
    WIDTH,
)
from streammood.models.structure_model import StructureModel

_FADE = 0.005  # dB a tenth of a second by which the loudest of the song is forgotten
N_ACTIVITY = 13


class Energy:
    """The flow of the shape in, energy out; the level of the input does not matter."""

    def __init__(self, model: StructureModel) -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Begin a new song."""
        self._loud = self._low = -120.0  # dB, the most of the song so far

    def activity(self, shape: F64) -> F64:
        """What energy is judged by (N_ACTIVITY,), for the smoothed ``shape`` (N_SHAPE,)."""
        self._loud = max(self._loud - _FADE, float(shape[LOUD]))
        self._low = max(self._low - _FADE, float(shape[LOW]))
        loud = max(-40.0, shape[LOUD] - self._loud)
        low = max(-40.0, shape[LOW] - self._low)
        return np.array(
            [
                loud / 10.0,
                low / 10.0,
                max(-2.0, loud / 10.0) ** 2,
                max(-50.0, shape[FLOOR] - shape[LOW]) / 10.0,
                max(-50.0, shape[FLOOR] - self._low) / 10.0,
                max(-50.0, shape[LOW] - shape[LOUD]) / 10.0,
                max(-50.0, shape[MID] - shape[LOUD]) / 10.0,
                max(-50.0, shape[HIGH] - shape[LOUD]) / 10.0,
                shape[LOW_FLUX],
                shape[HIGH_FLUX],
                shape[FLUX],
                shape[WIDTH],
                shape[CENTROID],
            ]
        )

    def push(self, row: Record) -> float:
        """Energy 0..1 at the record ``row`` of ``FLOW_ROW``; 0 in silence."""
        energy = self._model.energy(self.activity(row["shape"]))
        return energy if row["sounds"] else 0.0
