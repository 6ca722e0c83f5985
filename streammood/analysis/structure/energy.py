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
        now = shape.tolist()
        self._loud = max(self._loud - _FADE, now[LOUD])
        self._low = max(self._low - _FADE, now[LOW])
        loud = max(-40.0, now[LOUD] - self._loud)
        low = max(-40.0, now[LOW] - self._low)
        return np.array(
            [
                loud / 10.0,
                low / 10.0,
                max(-2.0, loud / 10.0) ** 2,
                max(-50.0, now[FLOOR] - now[LOW]) / 10.0,
                max(-50.0, now[FLOOR] - self._low) / 10.0,
                max(-50.0, now[LOW] - now[LOUD]) / 10.0,
                max(-50.0, now[MID] - now[LOUD]) / 10.0,
                max(-50.0, now[HIGH] - now[LOUD]) / 10.0,
                now[LOW_FLUX],
                now[HIGH_FLUX],
                now[FLUX],
                now[WIDTH],
                now[CENTROID],
            ]
        )

    def push(self, row: Record) -> float:
        """Energy 0..1 at the record ``row`` of ``FLOW_ROW``; 0 in silence."""
        energy = self._model.energy(self.activity(row["shape"]))
        return energy if row["sounds"] else 0.0
