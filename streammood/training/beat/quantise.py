"""A fitted beat network to a TFLite file of one step, whose past goes in and whose present comes out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from streammood.events import F32
from streammood.training.beat.network import PAIR, TAPS, WIDTH, BeatNet

_EXAMPLES = 600


def to_tflite(network: BeatNet, stretches: list[F32], seed: int, int8: bool = True) -> bytes:
    """One step of ``network`` with int8 weights and numbers; ranges come from steps within ``stretches`` of inputs
    (n_hops, n_inputs). Without ``int8`` it stays in float32."""
    step = _one_step(network)
    converter = tf.lite.TFLiteConverter.from_keras_model(step)
    if int8:
        examples = list(_examples(network, stretches, np.random.default_rng(seed)))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter(examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asks for ranges that the examples give it
        network_bytes: bytes = converter.convert()
    return network_bytes


def _examples(network: BeatNet, stretches: list[F32], rng: np.random.Generator) -> Iterator[dict[str, F32]]:
    """Steps at random places of the stretches, with the past that they have there."""
    for inputs in stretches:
        entered = network.run(tf.constant(inputs[None]))[1][0].numpy()
        steps = rng.integers(0, len(entered), _EXAMPLES // len(stretches) + 1)
        layer = np.split(np.pad(entered, ((2 * max(network.dilations), 0), (0, 0))), len(network.dilations), axis=1)
        for step in steps:
            now = step + 2 * max(network.dilations)
            past = [layer[k][now - age * d] for k, d in enumerate(network.dilations) for age in range(TAPS - 1, 0, -1)]
            yield {
                "hops": inputs[PAIR * step : PAIR * (step + 1)].reshape(1, -1),
                "past": np.concatenate(past)[None].astype(np.float32),
            }


def _one_step(network: BeatNet) -> Any:
    """The step as a Keras model."""

    def dense(x: Any, layer: tuple[Any, Any], activation: str | None = None) -> Any:
        made = layers.Dense(layer[0].shape[1], activation=activation)
        y = made(x)
        made.set_weights([layer[0].numpy(), layer[1].numpy()])
        return y

    hops = layers.Input((network.entry[0].shape[0],), batch_size=1, name="hops")
    past = layers.Input(((TAPS - 1) * len(network.dilations) * WIDTH,), batch_size=1, name="past")
    x = dense(hops, network.entry, "relu")
    present = []
    for number, (gate, mix) in enumerate(zip(network.gates, network.mixes, strict=True)):
        present.append(x)
        first = number * (TAPS - 1) * WIDTH
        joined = layers.Concatenate()([past[:, first : first + (TAPS - 1) * WIDTH], x])
        signal = dense(joined, (gate[0][:, :WIDTH], gate[1][:WIDTH]), "tanh")
        opened = dense(joined, (gate[0][:, WIDTH:], gate[1][WIDTH:]), "sigmoid")
        x = layers.Add()([x, dense(layers.Multiply()([signal, opened]), mix)])
    logits = layers.Activation("linear", name="logits")(dense(dense(x, network.hidden, "relu"), network.head))
    return keras.Model([hops, past], [logits, layers.Concatenate(name="present")(present)])
