"""The mood network: slots through convolutions, statistics through dense layers, heads for every task.

Each half is fitted several times with heads of its own, and the network answers with the mean of them all: the two
halves hear different things, and the mean of several fits is steadier than any of them.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # Keras 3 does not export to int8
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what it says at start is of no use to people

from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from streammood.training.tasks import Task


def slots_half(shape: tuple[int, int], tasks: list[Task], width: int = 64) -> Any:
    """Slots (n_slots, n_values) to one answer a task."""
    given = layers.Input(shape, name="slots")
    x = layers.Dropout(0.1)(given)
    x = layers.Conv1D(width, 1, activation="relu")(x)
    x = layers.Conv1D(width, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling1D(2, padding="same")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Conv1D(width, 3, padding="same", activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Conv1D(width, 3, padding="same", activation="relu")(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(0.4)(x)
    return keras.Model(given, _heads(x, tasks))


def statistics_half(size: int, tasks: list[Task], width: int = 96) -> Any:
    """Statistics (n_statistics,) to one answer a task."""
    given = layers.Input((size,), name="statistics")
    x = layers.Dropout(0.2)(given)
    x = layers.Dense(width, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(width, activation="relu")(x)
    x = layers.Dropout(0.4)(x)
    return keras.Model(given, _heads(x, tasks))


def _heads(x: Any, tasks: list[Task]) -> list[Any]:
    return [layers.Dense(task.size, name=task.name)(x) for task in tasks]


def task_loss(task: Task, answer: Any, target: Any, smoothing: float) -> Any:
    """Loss of each example (n,), 0 where the target is not known."""
    known = tf.reduce_all(tf.math.is_finite(target), axis=1)
    target = tf.where(known[:, None], target, tf.zeros_like(target))
    if task.kind == "classes":
        soft = target * (1.0 - smoothing) + smoothing / task.size
        loss = tf.nn.softmax_cross_entropy_with_logits(soft, answer)
    else:
        loss = tf.reduce_mean((answer - target) ** 2, axis=1)
    return task.weight * tf.where(known, loss, tf.zeros_like(loss))


def join(on_slots: list[Any], on_statistics: list[Any], tasks: list[Task], offset: Any, gain: Any) -> Any:
    """The network that is shipped: every fitted half on scaled inputs, the mean of their labels and circumplex.

    ``gain`` turns the fitted circumplex into -1..1 about ``offset``.
    """
    names = [task.name for task in tasks]
    slots = layers.Input(on_slots[0].input_shape[1:], name="slots")
    statistics = layers.Input(on_statistics[0].input_shape[1:], name="statistics")
    answers = [half(slots, training=False) for half in on_slots]
    answers += [half(statistics, training=False) for half in on_statistics]
    answers = [answer if isinstance(answer, list) else [answer] for answer in answers]
    means = {name: layers.Average()([answer[number] for answer in answers]) for number, name in enumerate(names)}
    axes = layers.Rescaling(gain, offset, name="axes")(means["circumplex"])
    return keras.Model([slots, statistics], [means["label"], axes] if "label" in means else [axes])
