"""Settings: YAML in, validated and frozen objects out.

Every setting has a default, so a file names only what it changes. What a file says wrongly is refused with
the full path of the setting, what is allowed, what came, and the nearest known name.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from streammood import resources
from streammood.errors import ConfigError

TRIGGERS = frozenset({"beat", "downbeat", "onset", "mood/changed"})
VALUES = frozenset(
    {
        "beat/number",
        "beat/count",
        "beat/phase",
        "beat/confidence",
        "beat/locked",
        "bpm",
        "level/rms",
        "level/low",
        "level/mid",
        "level/high",
        "brightness",
        "mood/valence",
        "mood/arousal",
        "mood/index",
        "mood/confidence",
        "mood/label",
        "status/alive",
        "status/signal",
        "status/lost",
        "status/latency",
    }
)
"""Names of signals; beside these there is ``mood/LABEL`` for each label of the model."""

_CONDITION = re.compile(r"^\s*([\w/]+)\s*(?:(==|!=|<=|>=|<|>)\s*(-?\d+(?:\.\d+)?))?\s*$")
_ADDRESS = re.compile(r"^(/[^\s#*,?\[\]{}/]+)+$")


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


class InputSettings(_Settings):
    """The live input."""

    device: int | str | None = None
    host_api: str | None = None
    sample_rate: int | None = Field(None, ge=8_000, le=192_000)
    block: int = Field(256, ge=32, le=4096)
    channels: Literal["all"] | tuple[Annotated[int, Field(ge=1)], ...] = "all"
    buffer: float = Field(2.0, ge=0.1, le=30.0)

    @field_validator("channels", mode="before")
    @classmethod
    def _one_channel(cls, value: object) -> object:
        return (value,) if isinstance(value, int) else value

    @field_validator("channels")
    @classmethod
    def _one_or_two(cls, value: object) -> object:
        if isinstance(value, tuple) and len(value) not in (1, 2):
            raise ValueError("must be `all`, one channel or a pair, counted from 1")
        return value


class FeatureSettings(_Settings):
    """Frames and bands; a model is bound to these."""

    n_fft: Literal[1024, 2048, 4096] = 2048
    hop: Literal[256, 512, 1024] = 512
    n_mels: int = Field(64, ge=20, le=128)
    fmin: float = Field(30.0, ge=0.0, le=1000.0)
    fmax: float = Field(11_000.0, ge=4000.0, le=22_050.0)
    n_mfcc: int = Field(20, ge=1, le=20)
    contrast_fmin: float = Field(160.0, ge=50.0, le=300.0)


class LevelSettings(_Settings):
    """The silence gate."""

    silence: float = Field(-60.0, ge=-100.0, le=-20.0)
    hold: float = Field(3.0, ge=0.1, le=60.0)


class OnsetSettings(_Settings):
    """aubio's onset detector."""

    method: Literal["default", "energy", "hfc", "complex", "phase", "specdiff", "kl", "mkl", "specflux"] = "specflux"
    threshold: float = Field(0.5, ge=0.01, le=5.0)
    interval: float = Field(0.05, ge=0.01, le=1.0)


class BeatSettings(_Settings):
    """The beat tracker and the clock that predicts its beats."""

    tracker: Literal["aubio"] = "aubio"
    bpm_min: float = Field(60.0, ge=30.0, le=200.0)
    bpm_max: float = Field(200.0, ge=60.0, le=400.0)
    lookahead: float = Field(0.05, ge=0.0, le=0.5)

    @model_validator(mode="after")
    def _an_octave(self) -> BeatSettings:
        if self.bpm_max < 2 * self.bpm_min:
            raise ValueError(f"bpm_max must be at least twice bpm_min ({2 * self.bpm_min:g}), got {self.bpm_max:g}")
        return self


class MoodSettings(_Settings):
    """The mood model and how calmly its answers are followed."""

    model: str = "mood"
    interval: float = Field(0.5, ge=0.1, le=10.0)
    smoothing: float = Field(60.0, ge=0.0, le=600.0)
    reaction: float = Field(1.0, ge=0.0, le=60.0)
    surprise: float = Field(0.3, ge=0.0, le=1.0)
    hysteresis: float = Field(0.1, ge=0.0, le=1.0)


def _split_condition(text: str) -> tuple[str, str, float]:
    match = _CONDITION.match(text)
    if not match:
        raise ValueError(f"must be SIGNAL or SIGNAL OPERATOR NUMBER such as `mood/index == 1`, got `{text}`")
    signal, operator, number = match.groups()
    return signal, operator or "!=", float(number or 0)


class MapEntry(_Settings):
    """One line of an address map: a signal, the address that receives it, and how its value is bent."""

    source: str = Field(alias="from")
    to: str
    in_range: tuple[float, float] | None = Field(None, alias="in")
    out_range: tuple[float, float] = Field((0.0, 1.0), alias="out")
    when: str | None = None
    every: int = Field(1, ge=1, le=1024)

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        known = TRIGGERS | VALUES
        if value not in known and not re.fullmatch(r"mood/[\w-]+", value):
            near = difflib.get_close_matches(value, known, 1, 0.4)
            raise ValueError(f"no such signal `{value}`" + (f", did you mean `{near[0]}`?" if near else ""))
        return value

    @field_validator("to")
    @classmethod
    def _address(cls, value: str) -> str:
        if not _ADDRESS.match(value):
            raise ValueError(
                f"must be an OSC address such as /light/1 without spaces or any of #*,?[]{{}}, got `{value}`"
            )
        return value

    @field_validator("when")
    @classmethod
    def _condition(cls, value: str | None) -> str | None:
        if value is not None:
            _split_condition(value)
        return value

    @model_validator(mode="after")
    def _sound(self) -> MapEntry:
        if self.every > 1 and self.source not in TRIGGERS:
            raise ValueError(f"every is for triggers ({', '.join(sorted(TRIGGERS))}), not for {self.source}")
        if self.in_range is not None and self.in_range[0] == self.in_range[1]:
            raise ValueError("in must span more than one value")
        return self

    @property
    def condition(self) -> tuple[str, str, float] | None:
        """Signal, operator and number of ``when``."""
        return None if self.when is None else _split_condition(self.when)


def split_target(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; IPv6 hosts stand in brackets."""
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    if not separator or not host or not port.isdigit() or not 1 <= int(port) <= 65_535:
        raise ValueError(f"must be HOST:PORT with a port in 1..65535, such as 127.0.0.1:7000, got `{text}`")
    return host, int(port)


class TargetSettings(_Settings):
    """One receiver."""

    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(7000, ge=1, le=65_535)
    prefix: str = "/streammood"
    defaults: bool = True
    label: bool = False
    hold: float = Field(0.05, ge=0.005, le=5.0)
    rate: float = Field(60.0, ge=1.0, le=60.0)
    resend: float = Field(0.5, ge=0.1, le=60.0)
    map: tuple[MapEntry, ...] = ()

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        if value and not _ADDRESS.match(value):
            raise ValueError(f"must be empty or an OSC address such as /streammood, got `{value}`")
        return value


def _target(value: object) -> object:
    if isinstance(value, str):
        host, port = split_target(value)
        return {"host": host, "port": port}
    return value


class OscSettings(_Settings):
    """The receivers."""

    targets: tuple[Annotated[TargetSettings, BeforeValidator(_target)], ...] = (TargetSettings(),)


class Settings(_Settings):
    """All settings of one run."""

    input: InputSettings = InputSettings()
    features: FeatureSettings = FeatureSettings()
    level: LevelSettings = LevelSettings()
    onset: OnsetSettings = OnsetSettings()
    beat: BeatSettings = BeatSettings()
    mood: MoodSettings = MoodSettings()
    osc: OscSettings = OscSettings()


def load(name: str | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Settings of a preset or YAML file (or the defaults), with ``overrides`` by dotted path on top.

    Raises:
        ConfigError: the file cannot be read, or it or an override says something that is not allowed.
    """
    tree, where = ({}, "settings") if name is None else _read(name)
    for path, value in (overrides or {}).items():
        _put(tree, path, value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error)}") from None


def _read(name: str) -> tuple[dict[str, Any], str]:
    path = resources.find("config", name, ".yaml")
    if not path.is_file():
        presets = resources.names("config", ".yaml")
        raise ConfigError(f"no configuration `{name}`: give a YAML file or one of the presets {', '.join(presets)}")
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: must hold settings as `name: value`, got {type(tree).__name__}")
    return tree, str(path)


def _put(tree: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        child = tree.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"{path}: `{parent}` holds a value, not settings")
        tree = child
    tree[last] = value


def _explain(error: ValidationError) -> str:
    """The first fault in one line, and how many more there are."""
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    location = [part for part in fault["loc"] if not _is_branch(str(part))]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    if fault["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, 1, 0.4)
        hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
        text = f"unknown setting `{path}`; {hint}"
    elif fault["type"] == "value_error":
        text = f"{path}: {fault['ctx']['error']}"
    elif fault["type"] == "missing":
        text = f"{path}: must be given"
    else:
        message = fault["msg"].replace("Input should be", "must be")
        text = f"{path}: {message}, got {fault['input']!r}"
    return text + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _is_branch(part: str) -> bool:
    """Pydantic names the branch of a union in the location; people do not."""
    return bool(re.match(r"^(int|str|tuple\[.*|literal\[.*|constrained-.*|function-.*|TargetSettings|none)$", part))


def _known_keys(location: list[int | str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        if part == "targets":
            model = TargetSettings
        elif part == "map":
            model = MapEntry
        elif isinstance(part, str):
            annotation = model.model_fields[part].annotation
            model = annotation if isinstance(annotation, type) else model
    return [field.alias or name for name, field in model.model_fields.items()]
