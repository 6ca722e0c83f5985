"""A mood model, and what all models share: the manifest that says what one was made for, and the TFLite runtime.

A model is refused at the start where it is missing, corrupt, or made for features other than ours: a wrong
mood would be worse than none.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from streammood import resources
from streammood.config import FeatureSettings
from streammood.errors import ModelError
from streammood.events import ANALYSIS_RATE, F32
from streammood.models import embedding_model
from streammood.native import quiet

FORMAT = 2  # of the manifest and of what goes into and comes out of the network
RESERVED = frozenset(
    {"event", "time", "decided", "valence", "arousal", "label", "confidence", "path", "duration", "bpm"}
)
_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")  # the second where only that is installed
INT8 = (-128, 127)
LIMIT = 5.0  # deviations beyond which a scaled value is clipped, when fitting and for novelty


class Part(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Window(Part):
    """The stretch of sound that the network sees."""

    hops: int = Field(ge=1)  # in a slot
    slots: int = Field(ge=5)  # in a full window
    first: int = Field(ge=5)  # slots before the first answer


class Scaling(Part):
    """What is taken from each input value, and what it is then divided by."""

    offset: tuple[float, ...]
    scale: tuple[Annotated[float, Field(gt=0.0)], ...]

    @model_validator(mode="after")
    def _as_many(self) -> Scaling:
        if len(self.offset) != len(self.scale):
            raise ValueError(f"offset has {len(self.offset)} values, scale {len(self.scale)}")
        return self


class Line(Part):
    """Straight lines through what a network says of valence and arousal: intercept + slope * answer."""

    intercept: tuple[float, float] = (0.0, 0.0)
    slope: tuple[Annotated[float, Field(gt=0.0)], Annotated[float, Field(gt=0.0)]] = (1.0, 1.0)


class Novelty(Part):
    """How far statistics lie from those of music: their mean square, scaled, each limited to 25."""

    values: int = Field(ge=1)  # of the statistics that count, the first ones; an embedding knows no sound as strange
    familiar: float = Field(gt=0.0)  # music seldom goes beyond this: confidence is whole
    strange: float = Field(gt=0.0)  # speech, noise or hum: no confidence

    @model_validator(mode="after")
    def _apart(self) -> Novelty:
        if self.strange <= self.familiar:
            raise ValueError(f"strange must be above familiar ({self.familiar:g}), got {self.strange:g}")
        return self


class DataSet(Part):
    """What a model learned from, and on what terms."""

    name: str
    clips: int = Field(ge=1)
    licence: str


class ManifestBase(Part):
    """What every model says of itself."""

    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")  # of the TFLite file
    sample_rate: int
    features: FeatureSettings
    training: tuple[DataSet, ...] = ()
    scores: dict[str, dict[str, float]] = {}  # data and protocol -> measure -> value


class Manifest(ManifestBase):
    """Everything about a mood model that the program must know before it trusts it."""

    format: Literal[2]
    embedding: str = Field(pattern=r"^[0-9a-f]{64}$")  # sha256 of the embedding that it hears with
    window: Window
    statistics: Scaling
    novelty: Novelty
    labels: tuple[str, ...]  # none: valence and arousal alone
    circumplex: str = ""  # what valence and arousal were learned from
    temperature: float = Field(1.0, gt=0.0)  # logits are divided by it, so that probabilities are calibrated
    axes: Line = Line()  # so that valence and arousal are on the scale of the ratings

    @field_validator("labels")
    @classmethod
    def _usable(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        check_labels(labels)
        return labels


def check_labels(labels: Sequence[str]) -> None:
    """Refuse labels that would clash with each other, or with a key of the event log.

    Raises:
        ValueError: names the label.
    """
    for label in labels:
        if label.lower() in RESERVED:
            raise ValueError(f"label `{label}` is a key of the event log, choose another name")
        if not label or not all(c.isalnum() or c in "-_" for c in label):
            raise ValueError(f"label `{label}` must be of letters, digits, - and _")
    if len(set(labels)) != len(labels):
        raise ValueError("labels must differ from each other")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network says about one window."""

    logits: F32  # (n_labels,), calibrated
    valence: float  # -1..1
    arousal: float  # -1..1
    familiarity: float  # 0..1, how much the window is like the music that the model learned from


class MoodModel:
    """A network and its manifest."""

    def __init__(self, manifest: Manifest, network: bytes) -> None:
        self.manifest = manifest
        self._interpreter = interpreter(network)
        (self._input,) = self._interpreter.get_input_details()
        self._centre = np.array(manifest.statistics.offset, dtype=np.float32)
        self._spread = np.array(manifest.statistics.scale, dtype=np.float32)
        self._intercept, self._slope = np.array(manifest.axes.intercept), np.array(manifest.axes.slope)
        self._outputs = _by_size(self._interpreter.get_output_details(), len(manifest.labels))
        self._quantise = _Quantiser(manifest.statistics, self._input)

    @classmethod
    def load(cls, name: str, features: FeatureSettings) -> MoodModel:
        """The shipped model ``name``, or one at a path, for use with these feature settings.

        Raises:
            ModelError: it is missing, corrupt, or made for other features.
        """
        model = load(name, features, Manifest, cls)
        if model.manifest.embedding != embedding_model.shipped().sha256:
            raise ModelError(f"{name}: was made for another embedding than this version's; train it again")
        return model

    def __call__(self, statistics: F32) -> Answer:
        """Answer for the statistics (n_statistics,) of a window."""
        self._interpreter.set_tensor(self._input["index"], self._quantise(statistics))
        self._interpreter.invoke()
        logits, circumplex = (
            np.zeros(0, np.float32) if d is None else dequantise(self._interpreter.get_tensor(d["index"]), d)
            for d in self._outputs
        )
        valence, arousal = np.clip(self._intercept + self._slope * circumplex, -1.0, 1.0).tolist()
        return Answer(logits / self.manifest.temperature, valence, arousal, self._familiarity(statistics))

    def _familiarity(self, statistics: F32) -> float:
        novelty = self.manifest.novelty
        counted = slice(0, novelty.values)
        scaled = (statistics[counted] - self._centre[counted]) / self._spread[counted]
        distance = float(np.mean(np.clip(scaled, -LIMIT, LIMIT) ** 2))
        return min(max((novelty.strange - distance) / (novelty.strange - novelty.familiar), 0.0), 1.0)


class _Quantiser:
    """Scales values as the manifest says and turns them into the network's type."""

    def __init__(self, scaling: Scaling, detail: dict[str, Any]) -> None:
        self._shape = tuple(detail["shape"])
        if self._shape[-1] != len(scaling.scale):
            raise ValueError(f"the network takes {self._shape[-1]} values, the manifest scales {len(scaling.scale)}")
        step, zero = detail["quantization"]
        self._integer = detail["dtype"] is np.int8
        gain = 1.0 / (np.array(scaling.scale) * (step if self._integer else 1.0))
        self._gain = gain.astype(np.float32)
        self._shift = ((zero if self._integer else 0.0) - np.array(scaling.offset) * gain).astype(np.float32)

    def __call__(self, values: F32) -> npt.NDArray[Any]:
        scaled = (values * self._gain + self._shift).reshape(self._shape)
        return np.clip(np.rint(scaled), *INT8).astype(np.int8) if self._integer else scaled


M = TypeVar("M", bound=ManifestBase)
N = TypeVar("N")


def load(name: str, features: FeatureSettings, kind: type[M], make: Callable[[M, bytes], N]) -> N:
    """The shipped model ``name``, or one at a path, with its manifest of that kind, as ``make`` makes it of both.

    Raises:
        ModelError: it is missing, corrupt, or made for other features.
    """
    path = resources.find("models", name, ".tflite")
    manifest = read_manifest(path, kind)
    network = _read(path)
    if hashlib.sha256(network).hexdigest() != manifest.sha256:
        raise ModelError(f"{path}: is not the file that its manifest describes (sha256 differs); copy both again")
    _fit(path, manifest, features)
    try:
        return make(manifest, network)
    except (ValueError, RuntimeError, KeyError, IndexError) as error:
        text = " ".join(str(error).split())
        raise ModelError(f"{path}: is not the network that its manifest describes: {text}") from None


def read_manifest(path: Path, kind: type[M]) -> M:
    """The manifest, of that kind, beside the model at ``path``.

    Raises:
        ModelError: there is none, or it cannot be used.
    """
    beside = path.with_suffix(".json")
    try:
        return kind.model_validate_json(_read(beside))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "manifest"
        raise ModelError(f"{beside}: {where}: {fault['msg']}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        shipped = ", ".join(resources.names("models", ".tflite")) or "none"
        raise ModelError(
            f"{path}: no such file; give a .tflite with its .json beside it, or a shipped model ({shipped})"
        ) from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def _fit(path: Path, manifest: ManifestBase, features: FeatureSettings) -> None:
    theirs = {"sample_rate": manifest.sample_rate, **manifest.features.model_dump()}
    ours = {"sample_rate": ANALYSIS_RATE, **features.model_dump()}
    for setting, value in ours.items():
        if theirs[setting] != value:
            raise ModelError(f"{path}: was made for features.{setting} {theirs[setting]}, the settings say {value}")


def interpreter(network: bytes) -> Any:
    """The TFLite interpreter of ``network``, on one thread, ready to be asked."""
    for runtime in _RUNTIMES:
        try:
            module = importlib.import_module(runtime)
        except ModuleNotFoundError:
            continue
        with quiet():
            ready = module.Interpreter(model_content=network, num_threads=1)
            ready.allocate_tensors()
        return ready
    raise ModelError("no TFLite runtime is installed: pip install ai-edge-litert")


def role(name: str) -> str:
    """`serving_default_slots:0` is the input `slots`."""
    return name.removeprefix("serving_default_").partition(":")[0]


def _by_size(details: list[dict[str, Any]], n_labels: int) -> list[dict[str, Any] | None]:
    """Logits (none where there are no labels), then valence and arousal; two of two values keep their names' order."""
    details.sort(key=lambda detail: str(detail["name"]))
    sizes = [int(detail["shape"][-1]) for detail in details]
    if sorted(sizes) != ([2] if n_labels == 0 else sorted([2, n_labels])):
        raise ValueError(f"the network answers {sizes} values, {n_labels} labels and 2 axes were expected")
    if n_labels == 0:
        return [None, *details]
    return [*details] if sizes[0] == n_labels else [*details[::-1]]


def dequantise(values: npt.NDArray[Any], detail: dict[str, Any]) -> F32:
    """The row of ``values`` (1, n) as numbers, by the quantisation in ``detail``."""
    flat: F32 = values[0].astype(np.float32)
    if detail["dtype"] is np.int8:
        step, zero = detail["quantization"]
        flat = (flat - zero) * step
    return flat
