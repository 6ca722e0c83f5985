"""The beat network as it is fitted: dilated gated convolutions that look back only.

It takes hops in pairs, which halves the work, and answers for both. Its answers come late by ``LOOK_AHEAD`` hops,
which a decoder that predicts beats can afford.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from streammood.events import F32

WIDTH = 64
TAPS = 3  # of each convolution
PAIR = 2  # hops taken at a time
LOOK_AHEAD = 7  # hops, 81 ms, that the earlier answer of a pair is late
LATE = LOOK_AHEAD - PAIR + 1  # hops from an answer of the network to the one it is for


class BeatNet(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """Inputs (batch, n_hops, n_inputs) to logits of beat and downbeat (batch, n_hops, 2); n_hops is even.

    The logits at hop i are for hop i - LATE.
    """

    def __init__(self, n_inputs: int, seed: int) -> None:
        super().__init__(name="beatnet")
        rng = self._rng = np.random.default_rng(seed)
        self.entry = _layer(rng, PAIR * n_inputs, WIDTH, 1.4)
        self.dilations: list[int] = []  # pairs of hops
        self.gates: list[tuple[Any, Any]] = []
        self.mixes: list[tuple[Any, Any]] = []
        self.hidden = _layer(rng, WIDTH, WIDTH, 1.4)
        self.head = _layer(rng, WIDTH, 2 * PAIR, 1.0, -3.0)

    def deepen(self, dilations: tuple[int, ...]) -> None:
        """Add the layers of ``dilations`` that are not there yet; the answers of a fitted network stay as they were."""
        gain = 0.0 if self.dilations else 0.7
        for dilation in dilations[len(self.dilations) :]:
            self.dilations.append(dilation)
            self.gates.append(_layer(self._rng, TAPS * WIDTH, 2 * WIDTH))
            self.mixes.append(_layer(self._rng, WIDTH, WIDTH, gain))

    def __call__(self, inputs: Any) -> Any:
        return self.run(inputs)[0]

    def run(self, inputs: Any) -> tuple[Any, Any]:
        """The logits, and what goes into the dilated layers at each pair (batch, n_pairs, n_layers * WIDTH)."""
        batch, hops = inputs.shape[:2]
        n = hops // PAIR

        def dense(x: Any, layer: tuple[Any, Any]) -> Any:
            flat = tf.reshape(x, [-1, layer[0].shape[0]])
            return tf.reshape(flat @ layer[0] + layer[1], [batch, n, layer[0].shape[1]])

        x = tf.nn.relu(dense(inputs, self.entry))
        entered = []
        for dilation, gate, mix in zip(self.dilations, self.gates, self.mixes, strict=True):
            entered.append(x)
            past = tf.pad(x, [[0, 0], [2 * dilation, 0], [0, 0]])
            z = dense(tf.concat([past[:, :n], past[:, dilation : n + dilation], x], -1), gate)
            x += dense(tf.tanh(z[..., :WIDTH]) * tf.sigmoid(z[..., WIDTH:]), mix)
        logits = tf.reshape(dense(tf.nn.relu(dense(x, self.hidden)), self.head), [batch, hops, 2])
        return logits, tf.concat(entered, -1)

    def arrays(self) -> list[F32]:
        """Copies of all weights."""
        return [variable.numpy() for variable in self.trainable_variables]


def _layer(rng: np.random.Generator, rows: int, columns: int, gain: float = 1.0, bias: float = 0.0) -> tuple[Any, Any]:
    weights = rng.normal(0.0, gain / np.sqrt(rows), (rows, columns)).astype(np.float32)
    return tf.Variable(weights), tf.Variable(np.full(columns, bias, dtype=np.float32))
