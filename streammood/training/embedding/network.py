"""The embedding as a Keras network over whole stretches of sound, on the grid of musicnn or on ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from streammood.analysis.mood.embedding import REACH
from streammood.models.embedding_model import MIDDLE, RHYTHM, TIMBRE, Layer
from streammood.training.embedding.musicnn import OriginalNetwork

LATE = REACH // 2  # frames after its centre at which a filter of timbre answers live: rhythm may hear as far


class Filters(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose values start from, and can be read back as, those of the live network."""

    def __init__(self, start: Layer, trainable: bool) -> None:
        super().__init__(trainable=trainable)
        self._start = start

    def build(self, _: Any) -> None:
        """Make the variables."""
        self._values = [
            self.add_weight(part, getattr(self._start, part).shape, initializer=_constant(getattr(self._start, part)))
            for part in Layer.__slots__
        ]
        self.built = True

    @property
    def kernel(self) -> Any:
        """Its filters (frames, bands or channels, n)."""
        return self._values[0]

    def now(self) -> Layer:
        """Its values by now."""
        return Layer(*(value.numpy() for value in self._values))

    def call(self, answers: Any) -> Any:
        """What is made of the answers of its filters."""
        _, bias, gain, offset = self._values
        return tf.nn.relu(answers + bias) * gain + offset


def _constant(values: Any) -> Any:
    return keras.initializers.Constant(np.asarray(values, np.float32))


class Stretch(keras.Model):  # type: ignore[misc]
    """Everything that the frames of a stretch of sound give."""

    def __init__(self, start: OriginalNetwork, causal: bool, trainable: bool = False) -> None:
        super().__init__()
        self._network = start
        long = start.layers[RHYTHM].kernel.shape[0]
        self._padding = (long - 1 - LATE, LATE) if causal else (start.centre, long - 1 - start.centre)
        self._filters = {name: Filters(layer, trainable) for name, layer in start.layers.items()}
        for filters in self._filters.values():
            filters.build(None)

    @property
    def nothing(self) -> float:
        """The compressed spectrum that the network takes for nothing at all, as it is before a stream begins."""
        return -self._network.offset / self._network.gain

    def layers_now(self) -> dict[str, Layer]:
        """All layers as the live network has them."""
        return {name: filters.now() for name, filters in self._filters.items()}

    def call(self, compressed: Any) -> Any:
        """What each frame gives (n, n_frames, size), for compressed spectra (n, n_frames, n_bands)."""
        x = compressed * self._network.gain + self._network.offset
        front = tf.concat([*(self._timbre(x, name) for name in TIMBRE), self._rhythm(x)], axis=2)
        one, two, three = MIDDLE
        first = self._middle(front, one)
        channels = int(self._filters[two].kernel.shape[2])
        spread = tf.one_hot(self._network.joined, channels)
        second = self._middle(first, two) + tf.tensordot(first, spread, 1)
        third = self._middle(second, three) + second
        return tf.concat([front, first, second, third], axis=2)

    def _timbre(self, x: Any, name: str) -> Any:
        filters = self._filters[name]
        reach = filters.kernel.shape[0]
        padded = tf.pad(x, [[0, 0], [(reach - 1) // 2, reach // 2], [0, 0]])
        n, frames, bands = tf.shape(x)[0], tf.shape(x)[1], self._network.bands
        stacked = tf.stack([padded[:, k : k + frames] for k in range(reach)], axis=3)
        kernel = tf.transpose(filters.kernel, [1, 0, 2])
        answers = tf.nn.conv1d(tf.reshape(stacked, [n * frames, bands, reach]), kernel, 1, "VALID")
        return tf.reshape(tf.reduce_max(filters(answers), axis=1), [n, frames, kernel.shape[2]])

    def _rhythm(self, x: Any) -> Any:
        filters = self._filters[RHYTHM]
        bands = tf.transpose(tf.pad(x, [[0, 0], self._padding, [0, 0]]), [0, 2, 1])
        n, n_bands, length = tf.shape(bands)[0], tf.shape(bands)[1], tf.shape(bands)[2]
        answers = filters(tf.nn.conv1d(tf.reshape(bands, [n * n_bands, length, 1]), filters.kernel, 1, "VALID"))
        return tf.reduce_max(tf.reshape(answers, [n, n_bands, tf.shape(x)[1], filters.kernel.shape[2]]), axis=1)

    def _middle(self, x: Any, name: str) -> Any:
        filters = self._filters[name]
        reach = filters.kernel.shape[0]
        padded = tf.pad(x, [[0, 0], [(reach - 1) // 2, reach // 2], [0, 0]])
        return filters(tf.nn.conv1d(padded, filters.kernel, 1, "VALID"))


def pooled(values: Any) -> Any:
    """Greatest and mean value (n, 2 * size) over the frames of (n, n_frames, size)."""
    return tf.concat([tf.reduce_max(values, axis=1), tf.reduce_mean(values, axis=1)], axis=1)
