"""Settings: YAML in, validated and frozen objects out.

Every setting has a default, so a file names only what it changes. What a file says wrongly is refused with
the full path of the setting, what is allowed, what came, and the nearest known name.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from streammood.config.analysis import (
    BeatSettings,
    EngineSettings,
    InputSettings,
    LevelSettings,
    LogSettings,
    MoodSettings,
    OnsetSettings,
)
from streammood.config.base import Strict
from streammood.config.control import ControlSettings
from streammood.config.dashboard import DashboardSettings
from streammood.config.outputs import LightsSettings, LinkSettings, MidiSettings
from streammood.config.targets import MapEntry, OscSettings, TargetSettings, split_target
from streammood.config.trees import read_tree
from streammood.errors import ConfigError

__all__ = [
    "BeatSettings",
    "ControlSettings",
    "DashboardSettings",
    "EngineSettings",
    "InputSettings",
    "LevelSettings",
    "LightsSettings",
    "LinkSettings",
    "LogSettings",
    "MapEntry",
    "MidiSettings",
    "MoodSettings",
    "OnsetSettings",
    "OscSettings",
    "Settings",
    "TargetSettings",
    "load",
    "split_target",
]

_GONE = {"features": "`features` is no longer a setting, since every model is bound to its values: remove this section"}


class Settings(Strict):
    """All settings of one run."""

    input: InputSettings = InputSettings()
    engine: EngineSettings = EngineSettings()
    level: LevelSettings = LevelSettings()
    onset: OnsetSettings = OnsetSettings()
    beat: BeatSettings = BeatSettings()
    mood: MoodSettings = MoodSettings()
    osc: OscSettings = OscSettings()
    link: LinkSettings = LinkSettings()
    midi: MidiSettings = MidiSettings()
    lights: LightsSettings = LightsSettings()
    control: ControlSettings = ControlSettings()
    dashboard: DashboardSettings = DashboardSettings()
    log: LogSettings = LogSettings()


def load(name: str | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Settings of a preset or YAML file (or the defaults), with ``overrides`` by dotted path on top.

    Raises:
        ConfigError: the file cannot be read, or it or an override says something that is not allowed.
    """
    tree, where = ({}, "settings") if name is None else read_tree(name)
    for path, value in (overrides or {}).items():
        _put(tree, path, value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error)}") from None


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
        text = _GONE.get(path) or f"unknown setting `{path}`; {hint}"
    elif fault["type"] == "value_error":
        text = f"{path}: {fault['ctx']['error']}"
    elif fault["type"] == "missing":
        text = f"{path}: must be given"
    else:
        message = fault["msg"].replace("Input should be", "must be")
        text = f"{path}: {message}, got {fault['input']!r}"
    text += f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)  # names may hold line ends


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
            branches = get_args(annotation) or (annotation,)  # a part of the settings may be left out
            model = next((kind for kind in branches if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
    return [field.alias or name for name, field in model.model_fields.items()]
