"""The mood network: statistics of a window through dense layers, with a head for every task.

It is fitted several times, and the network that is shipped answers with the mean of all, which is steadier than any.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from streammood.training.tasks import Task


def dense(size: int, tasks: list[Task], width: int = 96) -> Any:
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


def join(fitted: list[Any], tasks: list[Task], offset: Any, gain: Any) -> Any:
    """The network that is shipped: every fitted one on scaled inputs, the mean of their labels and circumplex.

    ``gain`` turns the fitted circumplex into -1..1 about ``offset``.
    """
    names = [task.name for task in tasks]
    statistics = layers.Input(fitted[0].input_shape[1:], name="statistics")
    answers = [network(statistics, training=False) for network in fitted]
    answers = [answer if isinstance(answer, list) else [answer] for answer in answers]
    means = {name: layers.Average()([answer[number] for answer in answers]) for number, name in enumerate(names)}
    axes = layers.Rescaling(gain, offset, name="axes")(means["circumplex"])
    return keras.Model(statistics, [means["label"], axes] if "label" in means else [axes])
