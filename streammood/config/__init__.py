"""Settings: YAML in, validated and frozen objects out.

Every setting has a default, so a file names only what it changes. What a file says wrongly is refused with
the full path of the setting, what is allowed, what came, and the nearest known name.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from streammood.config.analysis import (
    BeatSettings,
    EngineSettings,
    InputSettings,
    LevelSettings,
    LogSettings,
    MoodSettings,
    OnsetSettings,
)
from streammood.config.base import Strict, shown
from streammood.config.control import ControlSettings
from streammood.config.dashboard import DashboardSettings
from streammood.config.explain import explain
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
    "read_tree",
    "split_target",
]


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
        raise ConfigError(f"{where}: {explain(error, Settings)}") from None


def _put(tree: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        child = tree.get(parent)
        if child is not None and not isinstance(child, dict):
            raise ConfigError(f"{shown(path)[1:-1]}: {shown(parent)} holds a value, not settings")
        tree[parent] = child = child or {}
        tree = child
    tree[last] = value
