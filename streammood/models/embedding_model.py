"""The weights of the mood model's embedding, and the file that holds them.

It holds the front and the middle of musicnn (J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks
for music audio tagging", 2019), carried over to our mel bands and frames by ``streammood.training.embedding``.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood import resources
from streammood.errors import ModelError
from streammood.events import F32

_LARGEST = 127  # of int8, as far below 0 as above
NAME, SUFFIX = "embedding", ".npz"
TIMBRE, RHYTHM, MIDDLE = ("timbre0", "timbre1"), "rhythm", ("middle0", "middle1", "middle2")
LAYERS = (*TIMBRE, RHYTHM, *MIDDLE)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Filters; the output is ``gain * max(0, filtered + bias) + offset``."""

    kernel: F32  # (frames, bands or channels, n)
    bias: F32  # (n,)
    gain: F32  # (n,)
    offset: F32  # (n,)

    @property
    def size(self) -> int:
        """Number of filters."""
        return int(self.bias.size)

    @property
    def taps(self) -> int:
        """Values under a filter."""
        return int(self.kernel.shape[0] * self.kernel.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """All layers of the network, and the identity of the file that they came from."""

    layers: dict[str, Layer]
    gain: float  # of the compressed spectrum
    offset: float
    joined: npt.NDArray[np.int64]  # channels of the second layer of the middle to which the first is added
    sha256: str

    @property
    def size(self) -> int:
        """Values that a frame gives."""
        return sum(layer.size for layer in self.layers.values())


def write(layers: dict[str, Layer], gain: float, offset: float, joined: npt.NDArray[np.int64]) -> bytes:
    """The content of a file with these weights, as ``parse`` reads it; every filter in int8 with a step of its own."""
    arrays: dict[str, Any] = {}
    for name, layer in layers.items():
        steps = np.abs(layer.kernel).max(axis=(0, 1)) / _LARGEST + np.finfo(np.float32).tiny
        arrays[f"{name}.kernel"] = np.rint(layer.kernel / steps).astype(np.int8)
        arrays[f"{name}.values"] = np.stack([steps, layer.bias, layer.gain, layer.offset]).astype(np.float32)
    content = io.BytesIO()
    np.savez_compressed(content, scale=np.array([gain, offset]), joined=joined.astype(np.uint8), **arrays)
    return content.getvalue()


def parse(content: bytes) -> Weights:
    """Weights from the content of a file.

    Raises:
        ModelError: it holds something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            layers = {}
            for name in LAYERS:
                steps, *values = file[f"{name}.values"]
                layers[name] = Layer(file[f"{name}.kernel"] * steps, *values)
            gain, offset = file["scale"].tolist()
            return Weights(layers, gain, offset, file["joined"].astype(np.int64), hashlib.sha256(content).hexdigest())
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        text = " ".join(str(error).split())
        raise ModelError(f"the embedding cannot be read: {text}; install streammood again") from None


@cache
def shipped() -> Weights:
    """The weights that come with the program.

    Raises:
        ModelError: they are missing or cannot be read.
    """
    path = resources.find("models", NAME, SUFFIX)
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; install streammood again") from None
