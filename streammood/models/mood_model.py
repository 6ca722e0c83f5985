"""The mood model: statistics of five seconds in; how likely each label is, valence and arousal out.

The network takes ``statistics`` (1, n) and gives ``labels`` (1, n_labels), logits, and ``axes`` (1, 2), valence and
arousal. An exporter names its tensors so (see ``models.network``), or the manifest's ``signature`` gives their
names. A network without labels gives ``axes`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from streammood.errors import ModelError
from streammood.events import F32
from streammood.models import embedding_model, music_model
from streammood.models.embedding_model import Weights
from streammood.models.manifest import ManifestBase, ManifestPart, Name, Sha256, Text, load
from streammood.models.music_model import MusicModel
from streammood.models.network import INT8, Network, Tensor
from streammood.protocol.signals import moods

FORMAT = 3  # of the manifest and of what goes into and comes out of the network
RESERVED = frozenset(
    {"event", "time", "decided", "valence", "arousal", "label", "confidence", "path", "duration", "bpm"}
    | {"index", "changed", "music", "music_confidence"}
)
LIMIT = 5.0  # deviations beyond which a scaled value is clipped when fitting

Finite = Annotated[float, Field(ge=-1e6, le=1e6)]
Slope = Annotated[float, Field(gt=0.0, le=100.0)]
Intercept = Annotated[float, Field(ge=-100.0, le=100.0)]


class Window(ManifestPart):
    """The stretch of sound that the network sees."""

    hops: int = Field(ge=1, le=64)  # in a slot
    slots: int = Field(ge=5, le=1000)  # in a full window
    first: int = Field(ge=5, le=1000)  # slots before the first answer

    @model_validator(mode="after")
    def _fits(self) -> Window:
        if self.first > self.slots:
            raise ValueError(f"first must be at most slots ({self.slots}), got {self.first}")
        return self


class Scaling(ManifestPart):
    """The offset that is subtracted from each input value, and the scale that it is then divided by."""

    offset: tuple[Finite, ...] = Field(max_length=100_000)
    scale: tuple[Annotated[float, Field(ge=1e-6, le=1e6)], ...] = Field(max_length=100_000)

    @model_validator(mode="after")
    def _as_many(self) -> Scaling:
        if len(self.offset) != len(self.scale):
            raise ValueError(f"offset has {len(self.offset)} values, scale {len(self.scale)}")
        return self


class Line(ManifestPart):
    """Straight lines through a network's answers for valence and arousal: intercept + slope * answer."""

    intercept: tuple[Intercept, Intercept] = (0.0, 0.0)
    slope: tuple[Slope, Slope] = (1.0, 1.0)


class Manifest(ManifestBase):
    """The manifest of a mood model; one that does not fit is refused."""

    format: Literal[3]
    embedding: Sha256  # of the embedding that it takes in
    window: Window
    statistics: Scaling
    labels: tuple[Name, ...] = Field(max_length=100)  # none: valence and arousal alone
    circumplex: Text = ""  # what valence and arousal were learned from
    temperature: float = Field(1.0, ge=0.01, le=100.0)  # divides the logits, so that probabilities are calibrated
    axes: Line = Line()  # so that valence and arousal are on the scale of the ratings

    @field_validator("labels")
    @classmethod
    def _usable(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        check_labels(labels)
        return labels


def check_labels(labels: Sequence[str]) -> None:
    """Refuse labels that would clash with each other, with a key of the event log or with another OSC address.

    Raises:
        ValueError: names the label.
    """
    for label in labels:
        if label.lower() in RESERVED:
            raise ValueError(f"label `{label}` is a name of the event log or of OSC, choose another")
        if moods([f"mood/{label}"]) != [label]:
            raise ValueError(f"label `{label[:40]}` must be of at most 40 letters, digits, - and _")
    if len(set(labels)) != len(labels):
        raise ValueError("labels must differ from each other")


@dataclass(frozen=True, slots=True)
class MoodPrediction:
    """What the network predicts for one window."""

    logits: F32  # (n_labels,), calibrated
    valence: float  # -1..1
    arousal: float  # -1..1


class MoodModel:
    """A network, its manifest, the embedding that it was fitted to, and the model of music against other sound."""

    def __init__(
        self, manifest: Manifest, network: bytes, embedding: Weights | None = None, music: MusicModel | None = None
    ) -> None:
        """A model of the ``network`` (the content of a .tflite file).

        Args:
            manifest: what describes the network.
            network: content of a .tflite file.
            embedding: None for the shipped one.
            music: None for the shipped one.

        Raises:
            ValueError: it is not the network that the manifest describes.
        """
        self.manifest = manifest
        self.embedding = embedding or embedding_model.shipped()
        self.music = music or music_model.shipped()
        gives = {"labels": len(manifest.labels), "axes": 2} if manifest.labels else {"axes": 2}
        takes = {"statistics": len(manifest.statistics.scale)}
        self._network = Network(network, takes, gives, manifest.signature)
        self._outputs = tuple(gives)
        self._centre = np.array(manifest.statistics.offset, dtype=np.float32)
        self._spread = np.array(manifest.statistics.scale, dtype=np.float32)
        self._intercept, self._slope = np.array(manifest.axes.intercept), np.array(manifest.axes.slope)
        self._quantise = _Quantiser(manifest.statistics, self._network.inputs["statistics"])

    @classmethod
    def load(cls, name: str) -> MoodModel:
        """The shipped model ``name``, or one at a path.

        Raises:
            ModelError: it is missing, corrupt, or made for other features.
        """
        model = load(name, Manifest, cls)
        if model.manifest.embedding != model.embedding.sha256:
            raise ModelError(f"{name}: was made for another embedding than this version's; train it again")
        return model

    def __call__(self, statistics: F32) -> MoodPrediction:
        """Answer for the statistics (n_statistics,) of a window."""
        rows = self._network.ask({"statistics": self._quantise(statistics)}, self._outputs)
        *logits, circumplex = (
            self._network.outputs[name].dequantise(row) for name, row in zip(self._outputs, rows, strict=True)
        )
        valence, arousal = np.clip(self._intercept + self._slope * circumplex, -1.0, 1.0).tolist()
        scaled = logits[0] / self.manifest.temperature if logits else np.zeros(0, np.float32)
        return MoodPrediction(scaled, valence, arousal)


class _Quantiser:
    """Scales values by the manifest and converts them to the network's type."""

    def __init__(self, scaling: Scaling, tensor: Tensor) -> None:
        self._integer = tensor.quantised
        gain = 1.0 / (np.array(scaling.scale) * (tensor.step if self._integer else 1.0))
        self._gain = gain.astype(np.float32)
        self._shift = ((tensor.zero if self._integer else 0.0) - np.array(scaling.offset) * gain).astype(np.float32)

    def __call__(self, values: F32) -> npt.NDArray[Any]:
        scaled = (values * self._gain + self._shift).reshape(1, -1)
        return np.clip(np.rint(scaled), *INT8).astype(np.int8) if self._integer else scaled
