"""A fitted network to an int8 TFLite file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from streammood.events import F32

_EXAMPLES = 400


def to_tflite(network: Any, statistics: F32, seed: int, int8: bool = True) -> bytes:
    """The network with int8 weights, activations, inputs and outputs; ranges come from scaled example inputs."""
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    if int8:
        rows = np.random.default_rng(seed).permutation(len(statistics))[:_EXAMPLES]

        def examples() -> Iterator[list[F32]]:
            for row in rows:
                yield [statistics[row : row + 1]]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asks for ranges that the examples give it
        network_bytes: bytes = converter.convert()
    return network_bytes
