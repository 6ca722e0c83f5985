"""Features of clips to the windows that the network is fitted to, cut as the live path does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.analysis.hops import Hops
from streammood.analysis.levels import LevelStream
from streammood.analysis.mood.slots import HOPS, SlotPool
from streammood.analysis.mood.statistics import Statistics
from streammood.config import LevelSettings
from streammood.events import F32
from streammood.models import embedding_model

LENGTH = 27  # slots in a window, 5.0 s
FIRST = 13  # slots before the first answer, 2.4 s
_STRIDE = 13  # slots between windows of a clip
_SHORT = 4  # full windows for each short one


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of many clips."""

    statistics: F32  # (n, n_statistics)
    clip: npt.NDArray[np.int64]  # (n,) number of the clip
    variant: npt.NDArray[np.int64]  # (n,) 0 where the clip is as it is, else how it was degraded


def opening(frames: npt.NDArray[np.floating]) -> int:
    """The first of ``frames`` (n_frames, n_features) that the silence gate lets through; 0 if it never opens."""
    signal = LevelStream(LevelSettings()).push(Hops.of(frames))["signal"]
    return int(signal.argmax()) if signal.size else 0


def pool_slots(frames: npt.NDArray[np.floating], late: int = 0) -> F32:
    """Slots (n_slots, n_values) of features (n_frames, n_features), from ``late`` hops after the silence gate opens.

    How long a file is silent before its music begins tells of where it comes from, which nobody hears live. A clip that
    has little more than what the first answer needs is used from its beginning.
    """
    pool = SlotPool(embedding_model.shipped())
    begin = min(opening(frames) + late, max(0, frames.shape[0] - FIRST * HOPS))
    return pool.slots(frames[begin:].astype(np.float32))


def cut(clips: list[F32], numbers: list[int], variants: list[int], seed: int) -> Windows:
    """Windows of the slots of each clip; ``numbers`` say which clip each is, ``variants`` how it was degraded."""
    rng = np.random.default_rng(seed)
    pool = SlotPool(embedding_model.shipped())
    statistics = Statistics(pool.layout)
    vectors, clip, variant = [], [], []
    for values, number, treatment in zip(clips, numbers, variants, strict=True):
        for window in _windows(values, rng):
            vectors.append(statistics(window))
            clip.append(number)
            variant.append(treatment)
    return Windows(np.stack(vectors), np.array(clip), np.array(variant))


def _windows(values: F32, rng: np.random.Generator) -> list[F32]:
    n = values.shape[0]
    if n <= LENGTH:
        return [values]
    starts = np.linspace(0, n - LENGTH, 1 + (n - LENGTH) // _STRIDE).round().astype(int)
    windows = [values[start : start + LENGTH] for start in starts]
    for _ in range(max(1, len(starts) // _SHORT)):
        length = int(rng.integers(FIRST, LENGTH))
        start = int(rng.integers(0, n - length))
        windows.append(values[start : start + length])
    return windows
