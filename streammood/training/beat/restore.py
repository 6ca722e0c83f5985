"""A shipped beat network back to floating point, so that fitting can go on from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from streammood.dsp.layout import N_MELS
from streammood.errors import ModelError
from streammood.events import F32
from streammood.models.beat_model import BeatManifest
from streammood.models.interpreter import open_network, try_in_child
from streammood.training.beat.network import BeatNet

_DENSE = re.compile(r"/dense(?:_(\d+))?/(\w+)")  # Keras numbers the layers in the order in which they are made


def dequantised(path: Path, seed: int) -> BeatNet:
    """The network of ``path`` (.tflite, its manifest beside it), with weights as exact as int8 is.

    Raises:
        ModelError: it cannot be read, or is not such a network.
    """
    try:
        manifest = BeatManifest.model_validate_json(path.with_suffix(".json").read_text(encoding="utf-8"))
        content = path.read_bytes()
        try_in_child(content)
        layers = _layers(content)
        network = BeatNet(2 * N_MELS, seed)
        network.deepen(manifest.network.dilations)
        _fill(network, layers)
    except (OSError, ValueError, IndexError) as error:
        raise ModelError(f"{path}: cannot be fitted further: {error}") from None
    return network


def _layers(network: bytes) -> list[tuple[F32, F32]]:
    """Weights (inputs, outputs) and biases (outputs,) of every dense layer, in their order."""
    net = open_network(network)
    details = [detail for detail in net.get_tensor_details() if _DENSE.search(detail["name"])]
    found: dict[int, tuple[F32, F32]] = {}
    for detail in details:
        number, part = _layer(detail["name"])
        if part == "MatMul" and detail["shape"].size == 2 and detail["shape"][0] > 1:  # not what the layer answers
            weights = _numbers(net, detail).T
            biases = [d for d in details if _layer(d["name"]) == (number, "BiasAdd") and d["shape"].size == 1]
            none = np.zeros(weights.shape[1], dtype=np.float32)  # zeros are left out
            found[number] = weights, _numbers(net, biases[0]) if biases else none
    return [found[number] for number in sorted(found)]


def _layer(name: str) -> tuple[int, str]:
    """Number of the layer that ``name`` ends in, and its part."""
    *_, last = _DENSE.finditer(name)
    return int(last[1] or 0), last[2]


def _numbers(net: Any, detail: dict[str, Any]) -> F32:
    """A constant of the network; each output has a scale of its own."""
    scales = detail["quantization_parameters"]["scales"]
    values = net.get_tensor(detail["index"]).astype(np.float32)
    return np.asarray(values * scales.reshape(-1, *[1] * (values.ndim - 1)) if scales.size else values, np.float32)


def _fill(network: BeatNet, layers: list[tuple[F32, F32]]) -> None:
    """Each gate is stored as two layers."""
    n = len(network.dilations)
    if len(layers) != 3 * n + 3:
        raise ValueError(f"it has {len(layers)} dense layers, {3 * n + 3} were expected")
    ours = [network.entry, *network.mixes, network.hidden, network.head]
    theirs = [layers[0], *layers[3:-2:3], *layers[-2:]]
    for (weights, bias), given in zip(ours, theirs, strict=True):
        weights.assign(given[0])
        bias.assign(given[1])
    for (weights, bias), signal, opened in zip(network.gates, layers[1:-2:3], layers[2:-2:3], strict=True):
        weights.assign(np.concatenate([signal[0], opened[0]], axis=1))
        bias.assign(np.concatenate([signal[1], opened[1]]))
