"""A beat network and its manifest; refused at the start where it does not fit, as the mood model is."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streammood.config import FeatureSettings
from streammood.dsp.jit import kernel
from streammood.events import F32
from streammood.models.mood_model import INT8, ManifestBase, Part, interpreter, load, role

FORMAT = 1  # of the manifest and of what goes into and comes out of the network


class Shape(Part):
    """What must be known to keep the past of the network."""

    pair: int = Field(ge=1)  # hops taken at a time
    width: int = Field(ge=1)  # channels of a layer
    dilations: tuple[int, ...] = Field(min_length=1)  # steps between the three taps of each layer


class BeatManifest(ManifestBase):
    """Everything about a beat network that the program must know before it trusts it."""

    format: Literal[1]
    kind: Literal["beat"]
    look_ahead: int = Field(ge=1)  # hops that an answer is late
    stroke_delay: int  # samples from a stroke to the end of the hop that answers for it
    network: Shape


class BeatModel:
    """A network and its manifest."""

    def __init__(self, manifest: BeatManifest, network: bytes) -> None:
        self.manifest = manifest
        self._interpreter = interpreter(network)
        given = {role(detail["name"]): detail for detail in self._interpreter.get_input_details()}
        layers = manifest.network.width * len(manifest.network.dilations)
        self._hops, self._past = given["hops"], given["past"]
        self._expect(self._hops, manifest.network.pair * 2 * manifest.features.n_mels)
        self._expect(self._past, 2 * layers)
        answers = {int(detail["shape"][-1]): detail for detail in self._interpreter.get_output_details()}
        self._logits, self._present = answers[2 * manifest.network.pair], answers[layers]
        self._requantised = _requantiser(self._present, self._past)
        self._quantised = np.empty(tuple(self._hops["shape"]), dtype=np.int8)
        self.taps: type[np.generic] = self._past["dtype"]
        self.nothing: int = self._past["quantization"][1]  # what stands for 0 in the past

    @staticmethod
    def _expect(detail: dict[str, Any], size: int) -> None:
        if tuple(detail["shape"]) != (1, size):
            raise ValueError(f"the network takes {tuple(detail['shape'])}, the manifest says (1, {size})")

    @classmethod
    def load(cls, name: str, features: FeatureSettings) -> BeatModel:
        """The shipped model ``name``, or one at a path, for use with these feature settings.

        Raises:
            ModelError: it is missing, corrupt, or made for other features.
        """
        return load(name, features, BeatManifest, cls)

    def __call__(self, hops: F32, past: npt.NDArray[Any]) -> tuple[list[float], npt.NDArray[Any]]:
        """2 * pair logits for inputs (pair, 2 * n_mels), and what went into each layer (n_layers * width,).

        ``past`` (2 * n_layers * width,) holds what went into each layer before, in the type ``taps``.
        """
        net = self._interpreter
        step, zero = self._hops["quantization"]
        if step:
            _quantise(hops, np.float32(1.0 / step), np.float32(zero), self._quantised)
        net.set_tensor(self._hops["index"], self._quantised if step else hops.reshape(1, -1))
        net.set_tensor(self._past["index"], past.reshape(1, -1))
        net.invoke()
        present = net.get_tensor(self._present["index"])[0]
        if self._requantised is not None:
            present = self._requantised[present.view(np.uint8)]
        logits = net.get_tensor(self._logits["index"])[0].tolist()  # numbers: for four of them arrays are slower
        step, zero = self._logits["quantization"]
        return [(logit - zero) * step for logit in logits] if step else logits, present


@kernel
def _quantise(numbers: F32, scale: np.float32, zero: np.float32, out: npt.NDArray[np.int8]) -> None:
    """All ``numbers`` in int8, one after the other, into ``out`` (1, n)."""
    at = 0
    for row in numbers:
        for number in row:
            out[0, at] = min(max(np.rint(number * scale + zero), INT8[0]), INT8[1])
            at += 1


def _requantiser(present: dict[str, Any], past: dict[str, Any]) -> npt.NDArray[np.int8] | None:
    """From the numbers in which the present comes out to those in which the past goes in; None where they are one."""
    (step, zero), (wanted, offset) = present["quantization"], past["quantization"]
    if not step or (step, zero) == (wanted, offset):
        return None
    numbers = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.float64)
    table: npt.NDArray[np.int8] = np.clip(np.rint((numbers - zero) * step / wanted + offset), *INT8).astype(np.int8)
    return table
