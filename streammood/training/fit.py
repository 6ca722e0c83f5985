"""Fits networks to windows: mixup, noise on what goes in, cosine learning rate.

What goes in is the mean of some windows of a clip, few or all of them, which is harder to learn by heart than windows.
Valence and arousal are those of the labels, where these name quadrants of the circumplex: each axis has to tell the
labels on either side of it apart. Ratings are then a linear function of both axes that is fitted too, since raters
have a scale, a middle and a lean of their own. Without such labels the axes are those of the ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from streammood.events import F32, QUADRANTS
from streammood.training.folds import Ints
from streammood.training.network import Answers, Networks


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how hard networks are fitted."""

    networks: int = 3
    width: int = 64
    epochs: int = 40
    least_steps: int = 400  # where there are few clips, more epochs
    per_clip: int = 3  # times that each clip comes in an epoch
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-3
    mixup: float = 0.3  # both parameters of the beta distribution
    smoothing: float = 0.1
    noise: float = 0.1  # deviation, on scaled statistics
    sides: float = 2.0  # weight of the side of each axis on which a label lies
    ratings: float = 1.0  # weight of the ratings


@dataclass(frozen=True, slots=True)
class Examples:
    """What is fitted to; a target that a clip does not say is NaN."""

    values: F32  # (n_windows, n_values), scaled
    clip: Ints  # (n_windows,) number of the clip
    variant: Ints  # (n_windows,) how the clip was degraded
    labels: tuple[str, ...]
    label: F32  # (n_clips, n_labels), 1 for the label of the clip
    ratings: F32  # (n_clips, 2) valence and arousal, scaled


def fit(examples: Examples, schedule: Schedule, seed: int) -> Networks:
    """Networks that were fitted to ``examples``."""
    rng = np.random.default_rng(seed)
    corners = corners_of(examples.labels)
    networks = Networks(
        schedule.networks, examples.values.shape[1], len(examples.labels), schedule.width, corners is not None
    )
    takes = takes_of(examples.clip, examples.variant)
    steps = -(-len(takes) * schedule.per_clip // schedule.batch)
    epochs = max(schedule.epochs, -(-schedule.least_steps // steps))
    rate = keras.optimizers.schedules.CosineDecay(schedule.rate, epochs * steps)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=schedule.decay)
    targets = np.concatenate([examples.label, examples.ratings], axis=1)

    def step(values: Any, first: Any, second: Any, share: Any) -> None:
        with tf.GradientTape() as tape:
            answers = networks(values, training=True)
            each = share * _loss(answers, first, corners, schedule)
            each += (1.0 - share) * _loss(answers, second, corners, schedule)
            loss = tf.reduce_sum(tf.reduce_mean(each, axis=1))
        gradients = tape.gradient(loss, networks.trainable_variables)
        optimizer.apply_gradients(zip(gradients, networks.trainable_variables, strict=True))

    compiled = tf.function(step, reduce_retracing=True)
    for _ in range(epochs):
        picked = rng.permutation(np.repeat(list(takes), schedule.per_clip))
        for start in range(0, picked.size, schedule.batch):
            batch = picked[start : start + schedule.batch]
            given = np.stack([examples.values[pick_windows(takes[clip], rng)].mean(axis=0) for clip in batch])
            given += rng.normal(0.0, schedule.noise, given.shape).astype(np.float32)
            other = rng.permutation(batch.size)
            share = rng.beta(schedule.mixup, schedule.mixup, batch.size).astype(np.float32)
            share = np.maximum(share, 1.0 - share)
            mix = share[:, None]
            compiled(mix * given + (1.0 - mix) * given[other], targets[batch], targets[batch[other]], share)
    return networks


def corners_of(labels: tuple[str, ...]) -> F32 | None:
    """Signs of valence and arousal (n_labels, 2) of labels that name quadrants; None for others."""
    if not labels or not set(labels) <= set(QUADRANTS):
        return None
    return np.array([QUADRANTS[label] for label in labels], dtype=np.float32)


def _loss(answers: Answers, targets: Any, corners: F32 | None, schedule: Schedule) -> Any:
    """Loss of each example (count, n)."""
    n = targets.shape[1] - 2
    loss = 0.0
    if n:
        label, mask = _masked(targets[:, :n])
        smooth = label * (1.0 - schedule.smoothing) + schedule.smoothing / n
        each = -tf.reduce_sum(smooth * tf.nn.log_softmax(answers.labels), axis=-1)
        if corners is not None:
            side = tf.broadcast_to(0.5 + 0.5 * (1.0 - schedule.smoothing) * (label @ corners), tf.shape(answers.axes))
            apart = tf.nn.sigmoid_cross_entropy_with_logits(side, answers.axes)
            each += schedule.sides * tf.reduce_sum(apart, axis=-1)
        loss += mask * each
    ratings, mask = _masked(targets[:, n:])
    loss += schedule.ratings * mask * tf.reduce_mean((answers.ratings - ratings) ** 2, axis=-1)
    return loss


def _masked(targets: Any) -> tuple[Any, Any]:
    """Targets (n, size) with 0 for NaN, and 1 for each row (n,) that says something, else 0."""
    mask = tf.reduce_all(tf.math.is_finite(targets), axis=-1)
    return tf.where(mask[:, None], targets, tf.zeros_like(targets)), tf.cast(mask, tf.float32)


def takes_of(clip: Ints, variant: Ints) -> dict[int, list[Ints]]:
    """The windows of each clip: those of it as it is, those of each way in which it was degraded."""
    rows = {number: np.flatnonzero(clip == number) for number in np.unique(clip).tolist()}
    return {number: [of[variant[of] == which] for which in np.unique(variant[of])] for number, of in rows.items()}


def pick_windows(takes: list[Ints], rng: np.random.Generator) -> Ints:
    """One window, some or all of one of ``takes``, any number as likely as any other."""
    windows = takes[rng.integers(len(takes))]
    return rng.choice(windows, rng.integers(1, windows.size + 1), replace=False)
