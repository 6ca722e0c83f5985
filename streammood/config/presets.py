"""A target that begins as a preset and is changed on top."""

from __future__ import annotations

from typing import Any

from streammood.config.trees import read_tree
from streammood.errors import ConfigError


def with_preset(value: object) -> object:
    """The settings of a target with those of the preset that it names below them.

    Lines of ``map`` come after the preset's, and take the place of all that send to the same address.

    Raises:
        ValueError: there is no such preset, or it holds no target.
    """
    if not isinstance(value, dict) or value.get("preset") is None:
        return value
    below = _first_target(value["preset"])
    above = {key: part for key, part in value.items() if key != "map"}
    own = value.get("map") or []
    if not isinstance(own, list | tuple):
        return value  # refused for what it is
    addresses = {line.get("to") for line in own if isinstance(line, dict)}
    kept = [line for line in below.get("map", []) if line.get("to") not in addresses]
    return below | above | {"map": [*kept, *own]}


def _first_target(name: object) -> dict[str, Any]:
    try:
        tree, where = read_tree(str(name))
    except ConfigError as error:
        raise ValueError(str(error)) from None
    osc = tree.get("osc")
    targets = osc.get("targets") if isinstance(osc, dict) else None
    if not isinstance(targets, list) or not targets or not isinstance(targets[0], dict):
        raise ValueError(f"{where} holds no target to begin with")
    return targets[0]
