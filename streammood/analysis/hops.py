"""What the front end hands on: ticks of sound for onsets, hops of features for everything else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streammood.dsp.layout import HOP
from streammood.events import F32

TICK = 256  # samples of the analysis rate; every hop is a whole number of these

F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Record: TypeAlias = Any
"""Values with names, as one element of ``Records``."""
Records = npt.NDArray[Any]
"""An array of records; kernels take state as an array of one."""

METER = np.dtype([("gain", "f8"), ("peak", "f8"), ("clips", "f8")], align=True)
"""Of one hop: automatic gain in dB; of the input, the largest sample and how many of a tick were at full scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """Consecutive ticks of a stream; the arrays are reused, copy to keep."""

    sample: int  # one past the last sample of the first tick, on the stream clock
    delay: int  # samples of the input, on the stream clock, that were needed beyond the end of a tick
    sound: F32  # (n, TICK), amplified
    level: F64  # (n,) dB, level of the audible band of the frame that ends with the tick, as the silence gate takes it


@dataclass(frozen=True, slots=True, eq=False)
class Hops:
    """Consecutive hops of a stream; the arrays are reused, copy to keep."""

    sample: int  # one past the last sample of the first hop, on the stream clock
    delay: int  # samples of the input, on the stream clock, that were needed beyond the end of a hop
    values: F32  # (n, LAYOUT.size)
    sound: F32  # (n, HOP), amplified
    meters: Records  # (n,) of ``METER``

    @classmethod
    def of(cls, values: npt.NDArray[np.floating], sample: int = HOP) -> Hops:
        """Hops of features (n, LAYOUT.size) that were stored; the first ends at ``sample``."""
        n = len(values)
        rows = np.ascontiguousarray(values, dtype=np.float32)
        return cls(sample, 0, rows, np.zeros((n, HOP), dtype=np.float32), np.zeros(n, dtype=METER))

    def __len__(self) -> int:
        return len(self.values)


_TYPES = {"int": "i8", "float": "f8", "bool": "?"}


def record_of(event: type[Any]) -> np.dtype[Any]:
    """A record with the fields of an event, in their order: kernels write it, ``event(*record)`` reads it."""
    return np.dtype([(field.name, _TYPES[str(field.type)]) for field in fields(event)], align=True)
