"""From windows of labelled clips to a mood model: scaled, fitted, joined, quantised, described."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tf_keras as keras

from streammood.config import FeatureSettings
from streammood.events import ANALYSIS_RATE, F32
from streammood.model import FORMAT, LIMIT, Manifest, MoodModel, Novelty, Scaling, Window
from streammood.stream.slots import HOPS
from streammood.training.datasets import Corpus
from streammood.training.fit import Schedule, Vary, fit
from streammood.training.network import join, slots_half, statistics_half
from streammood.training.quantise import to_tflite
from streammood.training.windows import FIRST, LENGTH, Windows

F16 = npt.NDArray[np.float16]
Floats = npt.NDArray[Any]

_EQUALISER = 0.25  # deviation of each cosine of the random equaliser, in deviations of a mel band
_TEMPERATURE = 0.5  # mixup and smoothed labels make networks too modest; least log loss on held-out clips
_STRETCH = 1.4  # mixup and means over a clip pull the axes to the middle; slope seen on held-out clips: 1.44 to 1.45
_FAMILIAR = 0.97  # share of windows; speech, hum and noise lie from 1.4 times as far
_STRANGE = 1.4
_JITTER = 0.1  # deviation of the noise on statistics
_MASKED_BANDS = 12
_MASKED_SLOTS = 7


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model as float and as int8, for the comparison between the two."""

    quantised: bytes
    floating: bytes
    manifest: Manifest  # of the quantised one

    def model(self) -> MoodModel:
        """The model that is shipped."""
        return MoodModel(self.manifest, self.quantised)

    def float_model(self) -> MoodModel:
        """The same before it was quantised."""
        return MoodModel(self.manifest, self.floating)


def targets_of(corpus: Corpus) -> dict[str, F32]:
    """Targets of every clip, task by task (n_clips, size); NaN where a clip does not say."""
    return {
        task.name: np.array([clip.targets.get(task.name, (np.nan,) * task.size) for clip in corpus.clips], np.float32)
        for task in corpus.tasks
    }


def build(
    corpus: Corpus, windows: Windows, settings: FeatureSettings, schedule: Schedule, name: str, seed: int
) -> Fitted:
    """Fit a model of ``corpus`` to ``windows``, which may be of some of its clips only."""
    keras.utils.set_random_seed(seed)
    slot_scaling, vector_scaling = _scaling(windows.slots, (0, 1)), _scaling(windows.statistics, (0,))
    slots, vectors = scaled(windows.slots, slot_scaling), scaled(windows.statistics, vector_scaling).astype(np.float32)
    targets = targets_of(corpus)
    centre, spread = _centre(targets["circumplex"])
    targets["circumplex"] = ((targets["circumplex"] - np.array(centre)) / np.array(spread)).astype(np.float32)
    per_window = {task: values[windows.clip] for task, values in targets.items()}
    tasks = corpus.tasks
    on_slots = [slots_half(slots.shape[1:], tasks) for _ in range(schedule.on_slots)]
    for number, half in enumerate(on_slots):
        fit(half, slots, per_window, windows.clip, tasks, schedule, _vary_slots(settings.n_mels), 100 * seed + number)
    on_statistics = [statistics_half(vectors.shape[1], tasks) for _ in range(schedule.on_statistics)]
    for number, half in enumerate(on_statistics):
        fit(half, vectors, per_window, windows.clip, tasks, schedule, _vary_statistics, 100 * seed + number)
    network = join(on_slots, on_statistics, tasks, centre, [_STRETCH * axis for axis in spread])
    quantised = to_tflite(network, slots, vectors, seed)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        sha256=hashlib.sha256(quantised).hexdigest(),
        sample_rate=ANALYSIS_RATE,
        features=settings,
        window=Window(hops=HOPS, slots=LENGTH, first=FIRST),
        slots=slot_scaling,
        statistics=vector_scaling,
        novelty=_novelty(vectors),
        labels=corpus.labels,
        circumplex=corpus.circumplex,
        temperature=_TEMPERATURE,
        training=corpus.sources,
    )
    return Fitted(quantised, to_tflite(network, slots, vectors, seed, int8=False), manifest)


def _scaling(values: Floats, axes: tuple[int, ...]) -> Scaling:
    offset = values.mean(axis=axes, dtype=np.float64)
    scale = values.std(axis=axes, dtype=np.float64) + 1e-3
    return Scaling(offset=tuple(offset.round(5).tolist()), scale=tuple(scale.round(5).tolist()))


def scaled(values: Floats, scaling: Scaling) -> F16:
    """``values`` as the network sees them, without offset and scale, limited as int8 limits them."""
    offset, scale = np.array(scaling.offset, np.float32), np.array(scaling.scale, np.float32)
    limited: F16 = np.clip((values.astype(np.float32) - offset) / scale, -LIMIT, LIMIT).astype(np.float16)
    return limited


def _novelty(vectors: Floats) -> Novelty:
    """Familiar is what nearly all windows are; strange is what lies well beyond."""
    familiar = float(np.quantile(np.mean(vectors.astype(np.float32) ** 2, axis=1), _FAMILIAR))
    return Novelty(familiar=round(familiar, 4), strange=round(_STRANGE * familiar, 4))


def _centre(circumplex: F32) -> tuple[list[float], list[float]]:
    """Mean and deviation of the known valences and arousals; a plain scale where none are known."""
    known = circumplex[np.isfinite(circumplex).all(axis=1)]
    if known.shape[0] < 2:
        return [0.0, 0.0], [1.0, 1.0]
    return known.mean(axis=0).tolist(), (known.std(axis=0) + 1e-3).tolist()


def _vary_statistics(values: F32, rng: np.random.Generator) -> F32:
    return values + rng.normal(0.0, _JITTER, values.shape).astype(np.float32)


def _vary_slots(n_mels: int) -> Vary:
    orders = np.arange(1, 6)[:, None]
    cosines = np.cos(np.pi * orders * (np.arange(n_mels) + 0.5) / n_mels).astype(np.float32)

    def vary(values: F32, rng: np.random.Generator) -> F32:
        varied = values.copy()
        varied[:, :, :n_mels] += (rng.normal(0.0, _EQUALISER, (len(values), 5)).astype(np.float32) @ cosines)[:, None]
        for window in varied:
            if rng.random() < 0.5:
                low = rng.integers(0, n_mels - _MASKED_BANDS)
                window[:, low : low + rng.integers(1, _MASKED_BANDS)] = 0.0
            if rng.random() < 0.5:
                start = rng.integers(0, len(window) - _MASKED_SLOTS)
                window[start : start + rng.integers(1, _MASKED_SLOTS)] = 0.0
        return varied

    return vary
