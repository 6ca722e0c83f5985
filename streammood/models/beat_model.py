"""The beat network: two hops and its own past in; how likely beats and downbeats are, and its present, out.

The network takes ``hops`` (1, pair * 2 * n_mels) and ``past`` (1, 2 * n_layers * width) and gives ``logits``
(1, 2 * pair), beat and downbeat of each hop, and ``present`` (1, n_layers * width), what went into each layer.
An exporter names its tensors so (see ``models.network``), or the manifest's ``signature`` says how they are called.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from streammood.dsp.jit import kernel
from streammood.dsp.layout import N_MELS
from streammood.events import F32
from streammood.models.manifest import ManifestBase, Part, load
from streammood.models.network import INT8, Network, Tensor

FORMAT = 1  # of the manifest and of what goes into and comes out of the network
_LARGEST_PAST = 4_000_000  # numbers that are kept of the past


class Shape(Part):
    """What must be known to keep the past of the network."""

    pair: int = Field(ge=1, le=16)  # hops taken at a time
    width: int = Field(ge=1, le=4096)  # channels of a layer
    dilations: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        min_length=1, max_length=64
    )  # steps between the three taps of each layer

    @model_validator(mode="after")
    def _bounded(self) -> Shape:
        if 2 * self.width * sum(self.dilations) > _LARGEST_PAST:
            raise ValueError(f"width times dilations must not keep more than {_LARGEST_PAST:,} numbers of the past")
        return self


class BeatManifest(ManifestBase):
    """Everything about a beat network that the program must know before it trusts it."""

    format: Literal[1]
    kind: Literal["beat"]
    look_ahead: int = Field(ge=1, le=1000)  # hops that an answer is late
    stroke_delay: int = Field(ge=-44_100, le=44_100)  # samples from a stroke to the end of the hop that answers for it
    network: Shape


class BeatModel:
    """A network and its manifest."""

    def __init__(self, manifest: BeatManifest, network: bytes) -> None:
        """A model of the ``network``, the content of a .tflite file.

        Raises:
            ValueError: it is not the network that the manifest describes.
        """
        self.manifest = manifest
        shape = manifest.network
        layers = shape.width * len(shape.dilations)
        self._network = Network(
            network,
            {"hops": shape.pair * 2 * N_MELS, "past": 2 * layers},
            {"logits": 2 * shape.pair, "present": layers},
            manifest.signature,
        )
        self._hops, past = self._network.inputs["hops"], self._network.inputs["past"]
        self._logits, present = self._network.outputs["logits"], self._network.outputs["present"]
        self._requantised = _requantiser(present, past)
        self._quantised = np.empty((1, self._hops.size), dtype=np.int8)
        self.taps: type[np.generic] = past.dtype
        self.nothing = past.zero  # what stands for 0 in the past

    @classmethod
    def load(cls, name: str) -> BeatModel:
        """The shipped model ``name``, or one at a path.

        Raises:
            ModelError: it is missing, corrupt, or made for other features.
        """
        return load(name, BeatManifest, cls)

    def __call__(self, hops: F32, past: npt.NDArray[Any]) -> tuple[list[float], npt.NDArray[Any]]:
        """2 * pair logits for inputs (pair, 2 * n_mels), and what went into each layer (n_layers * width,).

        ``past`` (2 * n_layers * width,) holds what went into each layer before, in the type ``taps``.
        """
        given: npt.NDArray[Any] = hops.reshape(1, -1)
        if self._hops.quantised:
            given = self._quantised
            _quantise(hops, np.float32(1.0 / self._hops.step), np.float32(self._hops.zero), given)
        row, present = self._network.ask({"hops": given, "past": past.reshape(1, -1)}, ("logits", "present"))
        if self._requantised is not None:
            present = self._requantised[present.view(np.uint8)]
        logits = row.tolist()  # numbers: for four of them arrays are slower
        step, zero = self._logits.step, self._logits.zero
        return [(logit - zero) * step for logit in logits] if self._logits.quantised else logits, present


@kernel
def _quantise(numbers: F32, scale: np.float32, zero: np.float32, out: npt.NDArray[np.int8]) -> None:
    """All ``numbers`` in int8, one after the other, into ``out`` (1, n)."""
    at = 0
    for row in numbers:
        for number in row:
            out[0, at] = min(max(np.rint(number * scale + zero), INT8[0]), INT8[1])
            at += 1


def _requantiser(present: Tensor, past: Tensor) -> npt.NDArray[np.int8] | None:
    """From the numbers in which the present comes out to those in which the past goes in; None where they are one.

    Raises:
        ValueError: they are of different types.
    """
    if present.dtype is not past.dtype:
        raise ValueError("past and present must be of one type")
    if not present.quantised or (present.step, present.zero) == (past.step, past.zero):
        return None
    numbers = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float64)
    numbers = (numbers - present.zero) * present.step / past.step + past.zero
    table: npt.NDArray[np.int8] = np.clip(np.rint(numbers), *INT8).astype(np.int8)
    return table
