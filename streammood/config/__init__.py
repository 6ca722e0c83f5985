"""Settings: YAML in, validated and frozen objects out.

Every setting has a default, so a file names only what it changes. A wrong setting is refused with
its full path, the allowed values, the given one, and the nearest existing name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import PrivateAttr, ValidationError

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
from streammood.config.library import LibrarySettings
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
    "LibrarySettings",
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


# Settings that are gone, and the only values that they could have: files of before hold them still.
_FIXED = {
    "features": {
        "n_fft": 2048, "hop": 512, "n_mels": 64, "fmin": 30.0, "fmax": 11_000.0, "n_mfcc": 20, "contrast_fmin": 160.0
    },
}  # fmt: skip


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
    library: LibrarySettings = LibrarySettings()
    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the author of the settings, though nothing is wrong with them."""
        return self._notes


def load(name: str | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Settings of a preset or YAML file (or the defaults), with ``overrides`` by dotted path on top.

    Raises:
        ConfigError: the file cannot be read, or it or an override has a value that is not allowed.
    """
    tree, where = ({}, "settings") if name is None else read_tree(name)
    for path, value in (overrides or {}).items():
        _put(tree, path, value)
    notes = tuple(f"{where}: {note}" for note in _without_fixed(tree))
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, Settings)}") from None
    settings._notes = notes
    return settings


def _without_fixed(tree: dict[str, Any]) -> Iterator[str]:
    """Remove sections that no longer exist from ``tree`` where they have the fixed values; yields a note on each."""
    for name, fixed in _FIXED.items():
        section = tree.get(name, fixed)
        if name in tree and (section is None or _equals(section, fixed)):
            del tree[name]
            yield f"`{name}` is no longer a setting; its values hold always, so this section may go"


def _equals(section: object, fixed: dict[str, float]) -> bool:
    try:
        return isinstance(section, dict) and all(float(value) == fixed[name] for name, value in section.items())
    except (KeyError, TypeError, ValueError):
        return False


def _put(tree: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        child = tree.get(parent)
        if child is not None and not isinstance(child, dict):
            raise ConfigError(f"{shown(path)[1:-1]}: {shown(parent)} holds a value, not settings")
        tree[parent] = child = child or {}
        tree = child
    tree[last] = value
