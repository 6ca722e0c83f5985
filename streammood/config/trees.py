"""YAML files as trees of settings, not yet judged."""

from __future__ import annotations

from typing import Any

import yaml

from streammood import resources
from streammood.errors import ConfigError


def parse(text: str) -> Any:
    """What ``text`` says in YAML.

    Raises:
        ValueError: it says nothing that can be understood.
    """
    try:
        return yaml.safe_load(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def read_tree(name: str) -> tuple[dict[str, Any], str]:
    """The settings in the preset or YAML file ``name``, and how to call that file.

    Raises:
        ConfigError: it is not there, or it is no tree of settings.
    """
    path = resources.find("config", name, ".yaml")
    if not path.is_file():
        presets = resources.names("config", ".yaml")
        raise ConfigError(f"no configuration `{name}`: give a YAML file or one of the presets {', '.join(presets)}")
    try:
        tree = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: must hold settings as `name: value`, got {type(tree).__name__}")
    return tree, str(path)
