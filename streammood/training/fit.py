"""Fits a network to windows: mixup over all tasks, noise on what goes in, cosine learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from streammood.events import F32
from streammood.training.network import task_loss
from streammood.training.tasks import Task


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how hard a network is fitted."""

    epochs: int = 40
    least_steps: int = 400  # where there are few clips, more epochs
    fits: int = 3  # whose answers are averaged
    per_clip: int = 3  # windows of each clip in an epoch
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-3
    mixup: float = 0.3  # both parameters of the beta distribution
    smoothing: float = 0.1
    noise: float = 0.1  # deviation, on scaled statistics


def fit(
    network: Any,
    values: F32,
    targets: dict[str, F32],
    clip: npt.NDArray[np.int64],
    tasks: list[Task],
    schedule: Schedule,
    seed: int,
) -> None:
    """Fit to ``values`` (n_windows, n_values) with ``targets`` per window and the number of each window's ``clip``."""
    rng = np.random.default_rng(seed)
    windows_of = [np.flatnonzero(clip == c) for c in np.unique(clip)]
    steps = -(-len(windows_of) * schedule.per_clip // schedule.batch)
    epochs = max(schedule.epochs, -(-schedule.least_steps // steps))
    rate = keras.optimizers.schedules.CosineDecay(schedule.rate, epochs * steps)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=schedule.decay)
    step = _step(network, tasks, optimizer, schedule.smoothing)
    for _ in range(epochs):
        picked = np.concatenate([rng.choice(of, schedule.per_clip) for of in windows_of])
        rng.shuffle(picked)
        for start in range(0, picked.size, schedule.batch):
            batch = picked[start : start + schedule.batch]
            other = rng.permutation(batch)
            share = rng.beta(schedule.mixup, schedule.mixup, batch.size).astype(np.float32)
            share = np.maximum(share, 1.0 - share)
            first, second = (
                values[rows] + rng.normal(0.0, schedule.noise, (rows.size, values.shape[1])).astype(np.float32)
                for rows in (batch, other)
            )
            mix = share[:, None]
            step(
                mix * first + (1.0 - mix) * second,
                [targets[task.name][batch] for task in tasks],
                [targets[task.name][other] for task in tasks],
                share,
            )


def _step(network: Any, tasks: list[Task], optimizer: Any, smoothing: float) -> Any:
    def step(values: Any, first: Any, second: Any, share: Any) -> None:
        with tf.GradientTape() as tape:
            answers = network(values, training=True)
            answers = answers if isinstance(answers, list) else [answers]
            loss = 0.0
            for task, answer, a, b in zip(tasks, answers, first, second, strict=True):
                each = share * task_loss(task, answer, a, smoothing)
                each += (1.0 - share) * task_loss(task, answer, b, smoothing)
                loss += tf.reduce_mean(each)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    return tf.function(step, reduce_retracing=True)
