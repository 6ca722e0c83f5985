"""A target that begins as a preset and is changed on top."""

from __future__ import annotations

from typing import Any

from streammood import resources
from streammood.config.base import shown
from streammood.config.trees import read_tree
from streammood.errors import ConfigError

_DEFAULTS = "default"  # all settings: not a preset


def shipped_presets() -> dict[str, str]:
    """Names of the shipped presets, and the first sentence of each."""
    found = {}
    for name in resources.names("config", ".yaml"):
        if name != _DEFAULTS:
            first = resources.find("config", name, ".yaml").read_text(encoding="utf-8").partition("\n")[0]
            found[name] = first.removeprefix("#").strip()
    return found


def with_preset(value: object) -> object:
    """The settings of a target with those of the preset that it names below them.

    Lines of ``map`` come after the preset's, and take the place of all that send to the same address. Those of the
    preset are optional: they are left out where the model has no such mood.

    Raises:
        ValueError: the preset does not exist, or has no target.
    """
    if not isinstance(value, dict) or value.get("preset") is None:
        return value
    below = _first_target(value["preset"])
    above = {key: part for key, part in value.items() if key != "map"}
    own = _lines(value.get("map"))
    addresses = [line.get("to") for line in own if isinstance(line, dict)]
    lines = [line | {"optional": True} if isinstance(line, dict) else line for line in _lines(below.get("map"))]
    remaining = [line for line in lines if not isinstance(line, dict) or line.get("to") not in addresses]
    return below | above | {"map": [*remaining, *own]}


def _lines(value: object) -> list[Any]:
    """The lines of a map; anything else is refused later, by the validation of the settings."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _first_target(name: object) -> dict[str, Any]:
    if not isinstance(name, str):
        raise ValueError(f"preset must be the name of one, or a file, got {shown(name)}")
    try:
        tree, where = read_tree(name)
    except ConfigError as error:
        raise ValueError(f"preset: {error}") from None
    osc = tree.get("osc")
    targets = osc.get("targets") if isinstance(osc, dict) else None
    first = targets[0] if isinstance(targets, list) and targets else None
    if not isinstance(first, dict):
        raise ValueError(f"preset: {where} holds no target to begin with")
    if first.get("preset") is not None:
        raise ValueError(f"preset: {where} begins as a preset itself; name that one")
    return first
