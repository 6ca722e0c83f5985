"""Fits networks to windows: mixup over all tasks, noise on what goes in, cosine learning rate.

What goes in is the mean of some windows of a clip, few or all of them, which is harder to learn by heart than windows.
First many teachers are fitted to what is known of the clips, then the few that ship to what the teachers say together,
which is in labels, valence and arousal a mean of those networks and of likeness to known clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from streammood.events import F32
from streammood.training.folds import Ints
from streammood.training.kernel import Likeness
from streammood.training.network import PUPIL, TEACHER, Networks, label_loss, teacher_loss
from streammood.training.tasks import Task

_ALIKE = {"label": 0.35, "circumplex": 0.5}  # share of likeness in what the networks that ship are fitted to
_UNLIKELY = 1e-3  # probability of a label below which likeness, which is no probability, says nothing

Teachers = Callable[[Any], list[Any]]  # what they say to each task (n, task.size) of statistics (n, n_values)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how hard networks are fitted."""

    teachers: int = 24
    teaching: int = 40  # epochs of the teachers
    fits: int = 3  # networks that ship, whose answers are averaged
    learning: int = 60  # epochs of these
    least_steps: int = 400  # where there are few clips, more epochs
    per_clip: int = 3  # times that each clip comes in an epoch
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-3
    mixup: float = 0.3  # both parameters of the beta distribution
    smoothing: float = 0.1
    noise: float = 0.1  # deviation, on scaled statistics


@dataclass(frozen=True, slots=True)
class Examples:
    """What is fitted to."""

    values: F32  # (n_windows, n_values), scaled
    targets: dict[str, F32]  # task by task (n_clips, size), NaN where a clip does not say
    clip: Ints  # (n_windows,) number of the clip
    variant: Ints  # (n_windows,) how the clip was degraded
    tasks: list[Task]


def fit(examples: Examples, schedule: Schedule, seed: int) -> Networks:
    """The networks that ship."""
    size = examples.values.shape[1]
    teachers = Networks(schedule.teachers, size, examples.tasks, TEACHER)
    _fit(teachers, examples, schedule, schedule.teaching, seed, None)
    pupils = Networks(schedule.fits, size, examples.tasks, PUPIL)
    _fit(pupils, examples, schedule, schedule.learning, seed + 1, _together(teachers, examples))
    return pupils


def _together(teachers: Networks, examples: Examples) -> Teachers:
    """The mean of ``teachers``, and in labels and axes of them and of likeness to the clips that these are known of."""
    alike = {number: _likeness(examples, task) for number, task in enumerate(examples.tasks) if task.name in _ALIKE}

    def say(values: Any) -> list[Any]:
        said = [tf.reduce_mean(answer, axis=0) for answer in teachers(values)]
        for number, likeness in alike.items():
            if likeness is not None:
                said[number] = _with_likeness(examples.tasks[number], said[number], likeness(values))
        return said

    return say


def _with_likeness(task: Task, said: Any, alike: Any) -> Any:
    share = _ALIKE[task.name]
    if task.kind == "classes":
        return tf.math.log((1.0 - share) * tf.nn.softmax(said) + share * tf.clip_by_value(alike, _UNLIKELY, 1.0))
    return (1.0 - share) * said + share * alike


def _likeness(examples: Examples, task: Task) -> Likeness | None:
    targets = examples.targets[task.name]
    known = np.flatnonzero(np.isfinite(targets).all(axis=1))
    clean = {clip: np.flatnonzero((examples.clip == clip) & (examples.variant == 0)) for clip in known.tolist()}
    rows = {clip: windows for clip, windows in clean.items() if windows.size}
    if len(rows) < 2:
        return None
    means = np.stack([examples.values[windows].mean(axis=0) for windows in rows.values()])
    return Likeness(means, targets[list(rows)], by_correlation=task.kind == "values")


def _fit(
    networks: Networks, examples: Examples, schedule: Schedule, epochs: int, seed: int, teachers: Teachers | None
) -> None:
    rng = np.random.default_rng(seed)
    values, targets = examples.values, examples.targets
    takes = takes_of(examples.clip, examples.variant)
    steps = -(-len(takes) * schedule.per_clip // schedule.batch)
    epochs = max(epochs, -(-schedule.least_steps // steps))
    rate = keras.optimizers.schedules.CosineDecay(schedule.rate, epochs * steps)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=schedule.decay)
    step = _step(networks, examples.tasks, optimizer, schedule.smoothing, teachers)
    for _ in range(epochs):
        picked = rng.permutation(np.repeat(list(takes), schedule.per_clip))
        for start in range(0, picked.size, schedule.batch):
            batch = picked[start : start + schedule.batch]
            given = np.stack([values[pick_windows(takes[clip], rng)].mean(axis=0) for clip in batch])
            given += rng.normal(0.0, schedule.noise, given.shape).astype(np.float32)
            other = rng.permutation(batch.size)
            share = rng.beta(schedule.mixup, schedule.mixup, batch.size).astype(np.float32)
            share = np.maximum(share, 1.0 - share)
            mix = share[:, None]
            step(
                mix * given + (1.0 - mix) * given[other],
                [targets[task.name][batch] for task in examples.tasks],
                [targets[task.name][batch[other]] for task in examples.tasks],
                share,
            )


def takes_of(clip: Ints, variant: Ints) -> dict[int, list[Ints]]:
    """The windows of each clip: those of it as it is, those of each way in which it was degraded."""
    rows = {number: np.flatnonzero(clip == number) for number in np.unique(clip).tolist()}
    return {number: [of[variant[of] == which] for which in np.unique(variant[of])] for number, of in rows.items()}


def pick_windows(takes: list[Ints], rng: np.random.Generator) -> Ints:
    """One window, some or all of one of ``takes``, any number as likely as any other."""
    windows = takes[rng.integers(len(takes))]
    return rng.choice(windows, rng.integers(1, windows.size + 1), replace=False)


def _step(networks: Networks, tasks: list[Task], optimizer: Any, smoothing: float, teachers: Teachers | None) -> Any:
    def step(values: Any, first: Any, second: Any, share: Any) -> None:
        with tf.GradientTape() as tape:
            answers = networks(values, training=True)
            loss = 0.0
            if teachers is None:
                for task, answer, a, b in zip(tasks, answers, first, second, strict=True):
                    each = share * label_loss(task, answer, a, smoothing)
                    each += (1.0 - share) * label_loss(task, answer, b, smoothing)
                    loss += tf.reduce_sum(tf.reduce_mean(each, axis=1))
            else:
                for task, answer, said in zip(tasks, answers, teachers(values), strict=True):
                    wanted = tf.stop_gradient(said)
                    loss += tf.reduce_sum(tf.reduce_mean(teacher_loss(task, answer, wanted), axis=1))
        gradients = tape.gradient(loss, networks.trainable_variables)
        optimizer.apply_gradients(zip(gradients, networks.trainable_variables, strict=True))

    return tf.function(step, reduce_retracing=True)
