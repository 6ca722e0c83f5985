"""Fits the beat network to varied crops."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from streammood.analysis.beat.activations import QUIET, RISE_HOPS, beat_inputs
from streammood.dsp.jit import kernel
from streammood.events import F32
from streammood.training.beat import augment
from streammood.training.beat.augment import Crop
from streammood.training.beat.data import Item
from streammood.training.beat.network import LATE, BeatNet

_SHARES = {  # of the crops
    "pseudo": 0.66,
    "fnf_exact_grid": 0.09,
    "patterns": 0.06,
    "groove_midi": 0.12,
    "groove_render": 0.06,
    "pop909_render": 0.05,
    "loops_cc0_tiled": 0.02,
    "asap_render": 0.01,
    "": 0.04,  # no beats at all
}
ARRANGEMENTS = "arrangements"  # a set that only some stages are fitted to
_OVER, _SPLICED = 0.15, 0.08  # shares of crops with drums laid over, and with a cut of the music


@dataclass(frozen=True, slots=True)
class Stage:
    """How long and how hard the network is fitted, and the layers that it has got by then."""

    dilations: tuple[int, ...]  # pairs of hops
    steps: int
    rate: float
    batch: int
    hops: int  # in a crop
    averaged: float  # share of the mean of weights that is kept each step
    arrangements: float = 0.0  # part of crops from arrangements of our own, where those of the others are ``_SHARES``

    @property
    def arranged(self) -> float:
        """Share of the crops that are from arrangements."""
        return self.arrangements / (sum(_SHARES.values()) + self.arrangements)


_FIRST = (1, 2, 4, 8, 16, 32, 64, 128)  # with three taps: hears 11.8 s
STAGES = (
    Stage(_FIRST, 7500, 2.5e-3, 12, 860, 0.997),
    Stage((*_FIRST, 1, 4, 16, 64), 5000, 1.5e-3, 10, 1032, 0.998),
)
FURTHER = tuple(  # of a network that is fitted already; each begins with its weights
    Stage(STAGES[-1].dilations, steps, rate, 10, 1032, 0.997, share)
    for steps, rate, share in ((1000, 5e-4, 0.45), (4500, 1e-3, 0.5), (2500, 3e-4, 0.2))
)
_WARM_UP = 200  # steps
_DECAY = 1e-3


@kernel
def all_inputs(log_mel: F32, out: F32) -> None:
    """What the network hears, hop by hop, of a whole stretch (n_hops, n_mels), into ``out`` (n_hops, 2 * n_mels)."""
    earlier = np.zeros((RISE_HOPS, log_mel.shape[1]), dtype=np.float32)
    peak = QUIET
    for hop in range(log_mel.shape[0]):
        peak = beat_inputs(log_mel[hop], peak, earlier, out[hop])


def inputs_of(log_mel: npt.NDArray[np.floating]) -> F32:
    """Inputs (n_hops, 2 * n_mels) of a stretch of music (n_hops, n_mels)."""
    out = np.empty((log_mel.shape[0], 2 * log_mel.shape[1]), dtype=np.float32)
    all_inputs(np.ascontiguousarray(log_mel, dtype=np.float32), out)
    return out


class Crops:
    """Varied crops without end."""

    def __init__(self, items: list[Item], hops: int, seed: int, arrangements: float = 0.0) -> None:
        """``arrangements``: as in ``Stage``."""
        self._rng = np.random.default_rng(seed)
        self._hops = hops
        self._items = {s: [i for i in items if i.track.source == s] for s in {i.track.source for i in items}}
        parts = _SHARES | {ARRANGEMENTS: arrangements}
        named = [s for s in parts if not s or s in self._items]
        own = [s for s in self._items if s not in parts]
        shares = np.array([parts[s] for s in named] + [1.0 / len(own) for _ in own])
        self._sources, self._shares = named + own, shares / shares.sum()
        self._long = {s: np.cumsum([float(len(i.log_mel)) for i in items]) for s, items in self._items.items()}
        self._drums = [i for s in ("groove_midi", "groove_render", "patterns") for i in self._items.get(s, [])]
        self._bands = items[0].log_mel.shape[1]

    def draw(self) -> Crop:
        """The next one."""
        rng = self._rng
        crop = self._one()
        if self._drums and rng.random() < _OVER:
            crop = augment.drums_over(crop, self._drums[rng.integers(len(self._drums))], rng)
        cut = int(rng.uniform(0.25, 0.75) * self._hops) if rng.random() < _SPLICED else self._hops
        if min(cut, crop.end) < self._hops:
            crop = augment.splice(crop, self._one(), min(cut, crop.end), rng)
        return crop

    def _one(self) -> Crop:
        rng = self._rng
        source = self._sources[rng.choice(len(self._sources), p=self._shares)]
        if not source:
            return augment.beatless(self._hops, self._bands, rng)
        until = self._long[source]  # a long piece is drawn more often than a short one
        item = self._items[source][int(np.searchsorted(until, rng.uniform(0.0, until[-1]), side="right"))]
        return augment.cut(item, self._hops, rng)

    def batch(self, size: int) -> tuple[F32, F32, F32]:
        """Inputs (size, n_hops, n_inputs), targets and their weights (size, n_hops, 2)."""
        inputs, wanted, weight = [], [], []
        for _ in range(size):
            crop = self.draw()
            inputs.append(inputs_of(augment.vary(crop.log_mel, self._rng)))
            answer, trust = augment.targets(crop)
            wanted.append(answer)
            weight.append(trust)
        return np.stack(inputs), np.stack(wanted), np.stack(weight)


def fit(network: BeatNet, averaged: BeatNet, items: list[Item], stage: Stage, seed: int) -> Iterator[tuple[int, float]]:
    """Fit ``network``, and keep the running mean of its weights in ``averaged``; yield step and mean loss."""
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, stage.steps - _WARM_UP, warmup_target=stage.rate, warmup_steps=_WARM_UP
    )
    step = _step(network, keras.optimizers.AdamW(rate, weight_decay=_DECAY, clipnorm=1.0))
    loss = 0.0
    for number, batch in enumerate(_ahead(Crops(items, stage.hops, seed, stage.arrangements), stage), start=1):
        loss += (float(step(*batch)) - loss) / min(number, 100)
        share = 1.0 - min(stage.averaged, number / (number + 10.0))
        for mean, now in zip(averaged.trainable_variables, network.trainable_variables, strict=True):
            mean.assign_add(share * (now - mean))
        yield number, loss


def _step(network: BeatNet, optimizer: Any) -> Any:
    variables = network.trainable_variables

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def gradients(inputs: Any, wanted: Any, weight: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = network(inputs)[:, LATE:]
            each = tf.nn.sigmoid_cross_entropy_with_logits(wanted[:, :-LATE], logits)
            loss = tf.reduce_mean(tf.reduce_sum(weight[:, :-LATE] * each, -1))
        return loss, tape.gradient(loss, variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(inputs: Any, wanted: Any, weight: Any) -> Any:
        loss, slopes = gradients(inputs, wanted, weight)
        optimizer.apply_gradients(zip(slopes, variables, strict=True))
        return loss

    return step


def _ahead(crops: Crops, stage: Stage) -> Iterator[tuple[F32, F32, F32]]:
    """The batches, made beside the fitting; their order does not depend on how the two threads run."""
    ready: queue.Queue[tuple[F32, F32, F32]] = queue.Queue(4)

    def make() -> None:
        for _ in range(stage.steps):
            ready.put(crops.batch(stage.batch))

    threading.Thread(target=make, daemon=True).start()
    for _ in range(stage.steps):
        yield ready.get()
