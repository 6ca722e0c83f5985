"""The mood networks: statistics of a window through dense layers, to labels and to valence and arousal.

Several are fitted beside each other; what ships is one network that gives the mean of their answers, and of the votes
of known clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from streammood.events import F32
from streammood.training.votes import Affine, Votes

_DROPOUT = (0.2, 0.5, 0.4)  # of what goes in and of each hidden layer, while fitting
_HIDDEN = 2  # layers


@dataclass(frozen=True, slots=True)
class Answers:
    """What ``count`` networks give for n windows."""

    labels: Any  # (count, n, n_labels), logits
    axes: Any  # (count, n, 2)
    ratings: Any  # (count, n, 2), the axes as raters would place them


class Networks(keras.Model):  # type: ignore[misc]
    """``count`` dense networks on the same statistics, each with weights of its own."""

    def __init__(self, count: int, size: int, n_labels: int, width: int, lean: bool) -> None:
        """``lean``: raters have a scale, a middle and a lean of their own; otherwise ratings are the axes."""
        super().__init__()
        self._n_labels = n_labels
        sizes = [size] + [width] * _HIDDEN
        self._hidden = [self._layer(count, before, after) for before, after in pairwise(sizes)]
        self._head = self._layer(count, width, n_labels + 2)
        self._raters = (
            tf.Variable(np.tile(np.eye(2, dtype=np.float32), (count, 1, 1)), trainable=lean),
            tf.Variable(np.zeros((count, 1, 2), np.float32), trainable=lean),
        )

    def _layer(self, count: int, before: int, after: int) -> tuple[Any, Any]:
        kernels = np.stack([keras.initializers.GlorotUniform()((before, after)).numpy() for _ in range(count)])
        return tf.Variable(kernels), tf.Variable(np.zeros((count, 1, after), np.float32))

    def call(self, statistics: Any, training: bool = False) -> Answers:
        """The answers to scaled ``statistics`` (n, size)."""
        x = tf.repeat(statistics[None], self._head[0].shape[0], axis=0)
        x = tf.nn.dropout(x, _DROPOUT[0]) if training else x
        for (kernel, bias), share in zip(self._hidden, _DROPOUT[1:], strict=True):
            x = tf.nn.relu(tf.matmul(x, kernel) + bias)
            x = tf.nn.dropout(x, share) if training else x
        answer = tf.matmul(x, self._head[0]) + self._head[1]
        axes = answer[..., self._n_labels :]
        return Answers(answer[..., : self._n_labels], axes, tf.matmul(axes, self._raters[0]) + self._raters[1])

    @property
    def layers_of_each(self) -> list[list[Affine]]:
        """Kernel and bias of each hidden layer, and of the head, of each network."""
        every = [*self._hidden, self._head]
        count = self._head[0].shape[0]
        return [[[kernel[k].numpy(), bias[k, 0].numpy()] for kernel, bias in every] for k in range(count)]

    @property
    def n_labels(self) -> int:
        """How many labels there are."""
        return self._n_labels


def shipped(networks: Networks, votes: Votes | None, lean: float = 0.0) -> Any:
    """The network that ships: ``labels``, the mean of the networks and of the votes, and ``axes``.

    Without labels, and so without ``votes``, it gives the axes alone. ``lean`` times the arousal is taken from the
    valence.
    """
    each, n = networks.layers_of_each, networks.n_labels
    statistics = layers.Input((each[0][0][0].shape[0],), name="statistics")
    tops = []
    for *hidden, _ in each:
        x = statistics
        for affine in hidden:
            x = _dense(x, affine, activation="relu")
        tops.append(x)
    top = layers.Concatenate()(tops) if len(tops) > 1 else tops[0]
    kernel: F32 = (np.concatenate([head[0] for *_, head in each]) / len(each)).astype(np.float32)
    bias: F32 = np.stack([head[1] for *_, head in each]).mean(axis=0)
    kernel[:, n] -= np.float32(lean) * kernel[:, n + 1]
    bias[n] -= np.float32(lean) * bias[n + 1]
    axes = _dense(top, [kernel[:, n:], bias[n:]], name="axes")
    if votes is None:
        return keras.Model(statistics, [axes])
    labels = layers.Average(name="labels")([_dense(top, [kernel[:, :n], bias[:n]]), _voted(statistics, votes)])
    return keras.Model(statistics, [labels, axes])


def _voted(statistics: Any, votes: Votes) -> Any:
    """Log odds of labels by ``votes``; the inner ``relu`` changes nothing but the range that int8 has to cover."""
    placed = _dense(statistics, votes.placed)
    square = tf.reduce_sum(placed * placed, axis=1, keepdims=True)
    alike = tf.exp(tf.nn.relu(_dense(placed, votes.near, activation="relu") - square))
    return _dense(_dense(alike, votes.pairs, activation="tanh"), votes.counted)


def _dense(x: Any, affine: Affine, **options: Any) -> Any:
    layer = layers.Dense(affine[1].size, **options)
    answer = layer(x)
    layer.set_weights(affine)
    return answer
