"""The manifest beside a network: a network that does not fit it is refused.

A model is refused at the start where it is missing, corrupt, or made for features other than ours: a wrong
mood would be worse than none. Every number has a range, since models come from strangers too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streammood import resources
from streammood.dsp import layout
from streammood.errors import ModelError
from streammood.events import ANALYSIS_RATE
from streammood.models.interpreter import try_in_child

SUFFIX = ".tflite"
_LARGEST = 64_000_000  # bytes of a network
_LARGEST_MANIFEST = 4_000_000  # bytes
_SHOWN = 200  # characters of a library's message

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=1000)]
Name = Annotated[str, Field(max_length=200)]


class ManifestPart(BaseModel):
    """A part of a manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FeatureLayout(ManifestPart):
    """The features that a model was trained on, see ``dsp.layout``."""

    n_fft: int
    hop: int
    n_mels: int
    fmin: float
    fmax: float
    n_mfcc: int
    contrast_fmin: float


FEATURES = FeatureLayout(
    n_fft=layout.N_FFT,
    hop=layout.HOP,
    n_mels=layout.N_MELS,
    fmin=layout.FMIN,
    fmax=layout.FMAX,
    n_mfcc=layout.N_MFCC,
    contrast_fmin=layout.CONTRAST_FMIN,
)


class DataSet(ManifestPart):
    """A data set that a model was fitted to, and its licence."""

    name: Name
    clips: int = Field(ge=1, le=100_000_000)
    licence: Text


class ManifestBase(ManifestPart):
    """The fields that every manifest has."""

    name: Name
    sha256: Sha256  # of the TFLite file
    sample_rate: int = ANALYSIS_RATE
    features: FeatureLayout = FEATURES
    signature: dict[Name, Name] = Field({}, max_length=16)  # names of tensors that are called otherwise in the file
    training: tuple[DataSet, ...] = Field((), max_length=1000)
    scores: dict[Name, dict[Name, float]] = Field({}, max_length=1000)  # data and protocol -> measure -> value


M = TypeVar("M", bound=ManifestBase)
N = TypeVar("N")


def load(name: str, kind: type[M], make: Callable[[M, bytes], N]) -> N:
    """The shipped model ``name``, or one at a path, with its manifest of that kind, as ``make`` makes it of both.

    Raises:
        ModelError: it is missing, corrupt, or made for other features.
    """
    path = resources.find("models", name, SUFFIX)
    manifest = read_manifest(path, kind)
    network = _read(path, _LARGEST)
    if hashlib.sha256(network).hexdigest() != manifest.sha256:
        raise ModelError(f"{path}: is not the file that its manifest describes (sha256 differs); copy both again")
    try:
        if path.resolve().parent != resources.folder("models").resolve():
            try_in_child(network)
        return make(manifest, network)
    except (ValueError, RuntimeError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: is not the network that its manifest describes: {_line(str(error))}") from None


def read_manifest(path: Path, kind: type[M]) -> M:
    """The manifest, of that kind, beside the model at ``path``.

    Raises:
        ModelError: there is none, it cannot be used, or it is of a model that was made for other features.
    """
    beside = path.with_suffix(".json")
    content = _read(beside, _LARGEST_MANIFEST)
    try:
        json.loads(content, object_pairs_hook=_refuse_duplicates)
        manifest = kind.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "manifest"
        raise ModelError(f"{beside}: {_line(where)}: {_line(fault['msg'])}") from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{beside}: cannot be read as JSON: {_line(str(error))}") from None
    _fit(path, manifest)
    return manifest


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{twice}` stands there twice")
    return found


def _line(text: str) -> str:
    """``text`` as a part of one line that can be shown."""
    line = " ".join(text.split())
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)


def _read(path: Path, largest: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        shipped = ", ".join(resources.names("models", SUFFIX)) or "none"
        raise ModelError(
            f"{path}: no such file; give a .tflite with its .json beside it, or a shipped model ({shipped})"
        ) from None
    except (OSError, ValueError) as error:  # a name may hold what no path can
        raise ModelError(f"{_line(str(path))}: cannot be read: {getattr(error, 'strerror', error)}") from None
    if len(content) > largest:
        raise ModelError(f"{path}: is larger than {largest / 1e6:.0f} MB, which no model of this program is")
    return content


def _fit(path: Path, manifest: ManifestBase) -> None:
    theirs = {"sample_rate": manifest.sample_rate, **manifest.features.model_dump()}
    ours = {"sample_rate": ANALYSIS_RATE, **FEATURES.model_dump()}
    for feature, value in ours.items():
        if theirs[feature] != value:
            raise ModelError(
                f"{path}: was made for features.{feature} {theirs[feature]}, this version has {value}; train it again"
            )
