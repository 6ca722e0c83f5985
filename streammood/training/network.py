"""The mood network: statistics of a window through dense layers, with a head for every task.

Many teachers are fitted beside each other; one network ships, and beside it the votes of known clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from streammood.training.tasks import Task
from streammood.training.votes import Affine, Votes

_HIDDEN = 2  # layers


@dataclass(frozen=True, slots=True)
class Dropout:
    """Shares of values that are left out while a network is fitted."""

    given: float
    first: float
    second: float


TEACHER = Dropout(0.2, 0.5, 0.4)
PUPIL = Dropout(0.1, 0.2, 0.2)  # what a teacher says of every window is hard to learn by heart


class Networks(keras.Model):  # type: ignore[misc]
    """``count`` dense networks on the same statistics, each with weights of its own."""

    def __init__(self, count: int, size: int, tasks: list[Task], dropout: Dropout, width: int = 96) -> None:
        super().__init__()
        self._dropout = dropout
        sizes = [size] + [width] * _HIDDEN
        self._hidden = [self._layer(count, before, after) for before, after in pairwise(sizes)]
        self._heads = [self._layer(count, width, task.size) for task in tasks]

    def _layer(self, count: int, before: int, after: int) -> tuple[Any, Any]:
        kernels = np.stack([keras.initializers.GlorotUniform()((before, after)).numpy() for _ in range(count)])
        return tf.Variable(kernels), tf.Variable(np.zeros((count, 1, after), np.float32))

    def call(self, statistics: Any, training: bool = False) -> list[Any]:
        """Answers to each task (count, n, task.size) for ``statistics`` (n, size)."""
        x = tf.repeat(statistics[None], self.count, axis=0)
        x = _without(x, self._dropout.given, training)
        for (kernel, bias), share in zip(self._hidden, (self._dropout.first, self._dropout.second), strict=True):
            x = _without(tf.nn.relu(tf.matmul(x, kernel) + bias), share, training)
        return [tf.matmul(x, kernel) + bias for kernel, bias in self._heads]

    def first(self) -> tuple[list[Affine], list[Affine]]:
        """Each hidden layer and each head of the first of the networks."""
        hidden, heads = (
            [[kernel[0].numpy(), bias[0, 0].numpy()] for kernel, bias in part] for part in (self._hidden, self._heads)
        )
        return hidden, heads

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._hidden[0][0].shape[0])

    @property
    def size(self) -> int:
        """How many statistics go in."""
        return int(self._hidden[0][0].shape[1])


def _without(x: Any, share: float, training: bool) -> Any:
    return tf.nn.dropout(x, share) if training else x


def label_loss(task: Task, answer: Any, target: Any, smoothing: float) -> Any:
    """Loss of each example (..., n) against what its clip says, 0 where it says nothing."""
    known = tf.reduce_all(tf.math.is_finite(target), axis=-1)
    target = tf.where(known[..., None], target, tf.zeros_like(target))
    if task.kind == "classes":
        target = target * (1.0 - smoothing) + smoothing / task.size
    loss = _loss(task, answer, target)
    return tf.where(known, loss, tf.zeros_like(loss))


def teacher_loss(task: Task, answer: Any, wanted: Any) -> Any:
    """Loss of each example (..., n) against the answer of a teacher."""
    return _loss(task, answer, tf.nn.softmax(wanted) if task.kind == "classes" else wanted)


def _loss(task: Task, answer: Any, target: Any) -> Any:
    if task.kind == "classes":
        loss = -tf.reduce_sum(target * tf.nn.log_softmax(answer), axis=-1)
    else:
        loss = tf.reduce_mean((answer - target) ** 2, axis=-1)
    return task.weight * loss


def shipped(network: Networks, tasks: list[Task], offset: Any, gain: Any, votes: Votes | None) -> Any:
    """The network that is shipped: the circumplex, and before it, where there are labels, the mean of both opinions.

    ``gain`` turns the fitted circumplex into -1..1 about ``offset``.
    """
    statistics = layers.Input((network.size,), name="statistics")
    hidden, heads = network.first()
    x = statistics
    for affine in hidden:
        x = _dense(x, affine, "relu")
    answers = {task.name: _dense(x, head) for task, head in zip(tasks, heads, strict=True)}
    axes = layers.Rescaling(gain, offset, name="axes")(answers["circumplex"])
    if votes is None:
        return keras.Model(statistics, [axes])
    return keras.Model(statistics, [layers.Average(name="labels")([answers["label"], _voted(statistics, votes)]), axes])


def _voted(statistics: Any, votes: Votes) -> Any:
    """Log odds of labels by ``votes``; the inner ``relu`` changes nothing but the range that int8 has to cover."""
    placed = _dense(statistics, votes.placed)
    square = tf.reduce_sum(placed * placed, axis=1, keepdims=True)
    alike = tf.exp(tf.nn.relu(_dense(placed, votes.near, "relu") - square))
    return _dense(_dense(alike, votes.pairs, "tanh"), votes.counted)


def _dense(x: Any, affine: Affine, activation: str | None = None) -> Any:
    layer = layers.Dense(affine[1].size, activation=activation)
    answer = layer(x)
    layer.set_weights(affine)
    return answer
