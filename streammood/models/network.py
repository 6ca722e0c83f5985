"""A TFLite network, asked by the names in its signature.

An exporter names what goes in and what comes out: the ``name`` of each ``layers.Input``, and of the layer whose output
is returned, become the names in the signature of the file (``TFLiteConverter.from_keras_model``); of a ``tf.function``
they are the names of its arguments and the keys of the dict that it returns. Each is one row (1, n) of float32 or int8.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood.events import F32
from streammood.models.interpreter import open_network
from streammood.native import quiet

INT8 = (-128, 127)
_DTYPES = (np.int8, np.float32)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One row of numbers that goes into a network or comes out of it."""

    name: str  # in the signature
    index: int
    size: int
    dtype: type[np.generic]  # int8 or float32
    step: float  # of int8: a number is (value - zero) * step; 0 for float32
    zero: int

    @property
    def quantised(self) -> bool:
        """Whether its numbers are int8."""
        return self.dtype is np.int8

    def dequantise(self, row: npt.NDArray[Any]) -> F32:
        """The numbers (n,) that ``row`` (n,) stands for."""
        numbers: F32 = row.astype(np.float32)
        return (numbers - self.zero) * self.step if self.quantised else numbers


class Network:
    """An interpreter on one thread; it remembers nothing between two answers, and several threads may ask it."""

    def __init__(
        self,
        content: bytes,
        inputs: Mapping[str, int],
        outputs: Mapping[str, int],
        names: Mapping[str, str],
    ) -> None:
        """A network of the ``content`` of a .tflite file that takes ``inputs`` and gives ``outputs``, by size (n).

        ``names`` has the name in the signature of each that is called otherwise there.

        Raises:
            ValueError: it is not a network, or has other inputs or outputs.
        """
        with quiet():
            self._interpreter = open_network(content)
        runner = self._interpreter.get_signature_runner()
        self.inputs = tensors(runner.get_input_details(), inputs, names, "takes")
        self.outputs = tensors(runner.get_output_details(), outputs, names, "gives")
        self._lock = threading.Lock()

    def ask(self, inputs: Mapping[str, npt.NDArray[Any]], outputs: tuple[str, ...]) -> list[npt.NDArray[Any]]:
        """The rows (n,) of ``outputs`` for the rows (1, n) of ``inputs``, all in the types of their tensors."""
        net = self._interpreter
        with self._lock:  # it lets other threads run while it computes
            for name, row in inputs.items():
                net.set_tensor(self.inputs[name].index, row)
            net.invoke()
            return [net.get_tensor(self.outputs[name].index)[0] for name in outputs]


def tensors(
    details: Mapping[str, dict[str, Any]], expected: Mapping[str, int], names: Mapping[str, str], does: str
) -> dict[str, Tensor]:
    """The ``expected`` tensors, by size, among the ``details`` of a signature, which ``does`` (takes, gives) them.

    Raises:
        ValueError: one is missing or of another shape or type, or there are others.
    """
    found = {}
    for role, size in expected.items():
        name = names.get(role, role)
        if name not in details:
            raise ValueError(f"its signature {does} {', '.join(sorted(details))}; `{name}` is missing")
        detail = details[name]
        if tuple(detail["shape"]) != (1, size):
            raise ValueError(f"`{name}` is of shape {tuple(detail['shape'])}, (1, {size}) was expected")
        if detail["dtype"] not in _DTYPES:
            raise ValueError(f"`{name}` is of {np.dtype(detail['dtype'])}, int8 or float32 were expected")
        step, zero = detail["quantization"]
        if detail["dtype"] is np.int8 and not (0.0 < step < np.inf and INT8[0] <= zero <= INT8[1]):
            raise ValueError(f"`{name}` is of int8 without a step and a zero")
        found[role] = Tensor(name, int(detail["index"]), size, detail["dtype"], float(step), int(zero))
    if len(details) > len(expected):
        raise ValueError(f"its signature {does} {', '.join(sorted(details))}; {', '.join(expected)} were expected")
    return found
