"""The beat network: two hops and its own past in; how likely beats and downbeats are, and its present, out.

The network takes ``hops`` (1, pair * 2 * n_mels) and ``past`` (1, 2 * n_layers * width) and gives ``logits``
(1, 2 * pair), beat and downbeat of each hop, and ``present`` (1, n_layers * width), what went into each layer.
An exporter names its tensors so (see ``models.network``), or the manifest's ``signature`` gives their names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from streammood.dsp.layout import N_MELS
from streammood.models.manifest import ManifestBase, ManifestPart, load
from streammood.models.network import INT8, Network, Tensor

FORMAT = 1  # of the manifest and of what goes into and comes out of the network
_LARGEST_PAST = 4_000_000  # numbers that are stored of the past


class Shape(ManifestPart):
    """The sizes of the network's memory."""

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
    """The manifest of a beat network; one that does not fit is refused."""

    format: Literal[1]
    kind: Literal["beat"]
    look_ahead: int = Field(ge=1, le=1000)  # hops that an answer is late
    stroke_delay: int = Field(ge=-44_100, le=44_100)  # samples from a stroke to the end of the hop that answers for it
    network: Shape
    judge: tuple[tuple[float, ...], ...] = Field((), max_length=16)  # weights, see ``analysis.beat.judge``


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
        self.hops, self.past = self._network.inputs["hops"], self._network.inputs["past"]
        self.logits, self.present = self._network.outputs["logits"], self._network.outputs["present"]
        self.requantised = _requantiser(self.present, self.past)
        self.judge = np.array(manifest.judge, dtype=np.float64) if manifest.judge else None

    @classmethod
    def load(cls, name: str) -> BeatModel:
        """The shipped model ``name``, or one at a path.

        Raises:
            ModelError: it is missing, corrupt, or made for other features.
        """
        return load(name, BeatManifest, cls)

    def ask(self, hops: npt.NDArray[Any], past: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Logits (2 * pair,), and what went into each layer (n_layers * width,), all in the types of their tensors.

        ``hops`` (1, pair * 2 * n_mels) are the inputs of a pair, ``past`` (1, 2 * n_layers * width) holds what went
        into each layer before.
        """
        logits, present = self._network.ask({"hops": hops, "past": past}, ("logits", "present"))
        return logits, present


def _requantiser(present: Tensor, past: Tensor) -> npt.NDArray[Any]:
    """For each of the 256 numbers of the present, that which stands for the same in the past; empty if all are equal.

    Raises:
        ValueError: they are of different types.
    """
    if present.dtype is not past.dtype:
        raise ValueError("past and present must be of one type")
    if not present.quantised or (present.step, present.zero) == (past.step, past.zero):
        return np.zeros(0, dtype=past.dtype)
    numbers = np.arange(INT8[0], INT8[1] + 1, dtype=np.float64)
    numbers = (numbers - present.zero) * present.step / past.step + past.zero
    table: npt.NDArray[np.int8] = np.clip(np.rint(numbers), *INT8).astype(np.int8)
    return table
