"""Fits networks to windows: mixup over all tasks, noise on what goes in, cosine learning rate.

What goes in is the mean of some windows of a clip, few or all of them, which is harder to learn by heart than windows.
First many teachers are fitted to what is known of the clips, then the one that ships to what the teachers say together,
which is in valence and arousal a mean of those networks and of likeness to known clips. Where taggers were asked about
the clips that are fitted to, likeness is by what they would hear.
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
from streammood.training.kernel import Likeness, translation
from streammood.training.network import PUPIL, TEACHER, Networks, label_loss, teacher_loss
from streammood.training.tasks import Task

_ALIKE, _ALIKE_HEARD = 0.5, 0.65  # share of likeness in valence and arousal; where it is by what taggers hear

Teachers = Callable[[Any], list[Any]]  # what they say to each task (n, task.size) of statistics (n, n_values)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how hard networks are fitted."""

    teachers: int = 24
    teaching: int = 40  # epochs of the teachers
    learning: int = 60  # epochs of the network that ships
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
    heard: F32 | None = None  # (n_clips, n_heard) what taggers hear in the clips

    def known(self, task: str) -> tuple[Ints, F32, F32]:
        """Which clips say ``task`` (n,), their mean statistics as they are (n, n_values), what they say (n, size)."""
        targets = self.targets[task]
        told = np.flatnonzero(np.isfinite(targets).all(axis=1))
        numbers, means = self.means(told)
        return numbers, means, targets[numbers]

    def means(self, clips: Ints) -> tuple[Ints, F32]:
        """Which of ``clips`` there are as they are (n,), and the mean statistics of these (n, n_values)."""
        clean = (self.variant == 0) & np.isin(self.clip, clips)
        numbers = np.unique(self.clip[clean])
        means = [self.values[clean & (self.clip == clip)].mean(axis=0) for clip in numbers]
        return numbers, np.array(means, dtype=np.float32).reshape(len(means), -1)

    def hearing(self) -> F32 | None:
        """What makes of statistics what taggers hear (n_values, n_heard), or None where none were asked."""
        if self.heard is None:
            return None
        numbers, means = self.means(np.unique(self.clip))
        return translation(means, self.heard[numbers])


def fit(examples: Examples, schedule: Schedule, seed: int) -> Networks:
    """The network that ships, as one of one."""
    size = examples.values.shape[1]
    teachers = Networks(schedule.teachers, size, examples.tasks, TEACHER)
    _fit(teachers, examples, schedule, schedule.teaching, seed, None)
    pupil = Networks(1, size, examples.tasks, PUPIL)
    _fit(pupil, examples, schedule, schedule.learning, seed + 1, _together(teachers, examples))
    return pupil


def _together(teachers: Networks, examples: Examples) -> Teachers:
    """The mean of ``teachers``, and in valence and arousal of them and of likeness to the clips that are rated."""
    rated = next(number for number, task in enumerate(examples.tasks) if task.name == "circumplex")
    _, means, ratings = examples.known("circumplex")
    alike = _ALIKE if examples.heard is None else _ALIKE_HEARD
    likeness = Likeness(means, ratings, examples.hearing()) if len(means) > 1 else None

    def say(values: Any) -> list[Any]:
        said = [tf.reduce_mean(answer, axis=0) for answer in teachers(values)]
        if likeness is not None:
            said[rated] = (1.0 - alike) * said[rated] + alike * likeness(values)
        return said

    return say


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
