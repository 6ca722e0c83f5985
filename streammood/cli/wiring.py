"""From what a user names (an input, a target, a map) to the parts that do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streammood import config
from streammood.api.inputs import AUTO, DEMO, is_path
from streammood.config import Settings
from streammood.config.base import shown
from streammood.config.yaml_text import parse, scalar
from streammood.errors import ConfigError

_STRUCTURED = ("[", "{", '"', "'")


@dataclass(frozen=True, slots=True)
class Overrides:
    """Options of the command line that override the configuration; None and empty leave it as it is."""

    device: str | None = None
    host_api: str | None = None
    sample_rate: int | None = None
    block: int | None = None
    channels: str | None = None
    targets: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    def load(self, name: str | None) -> Settings:
        """Settings of preset or file ``name`` with these on top.

        Raises:
            ConfigError: something in either is not allowed.
        """
        tree: dict[str, Any] = dict(_assignment(text) for text in self.values)
        plain = {
            "input.device": self.device if _is_device(self.device) else None,
            "input.host_api": self.host_api,
            "input.sample_rate": self.sample_rate,
            "input.block": self.block,
            "input.channels": self.channels,
        }
        tree |= {path: value for path, value in plain.items() if value is not None}
        settings = config.load(name, tree)
        if not self.targets:
            return settings
        like = settings.osc.targets[0].model_dump(by_alias=True, exclude={"name"}) if settings.osc.targets else {}
        return config.load(name, tree | {"osc.targets": [like | _target(text) for text in self.targets]})

    def load_again(self, name: str) -> Settings:
        """Settings of preset or file ``name`` while the program runs.

        Raises:
            ConfigError: something in it is not allowed, or it is empty: an editor is saving it, or the disk is full.
        """
        if not config.read_tree(name)[0]:
            raise ConfigError(f"{name} holds no settings: nothing was changed; save it and reload again")
        return self.load(name)


def _assignment(text: str) -> tuple[str, object]:
    path, separator, value = (part.strip() for part in text.partition("="))
    if not separator or not path:
        raise ConfigError(f"--set: must be NAME=VALUE such as beat.bpm_max=180, got {shown(text)}")
    if not value.startswith(_STRUCTURED):
        return path, scalar(value)  # as it is: names of devices may hold anything
    try:
        return path, parse(value)
    except ValueError as error:
        raise ConfigError(f"--set {shown(path)[1:-1]}: {shown(value)} cannot be read as YAML: {error}") from None


def _target(text: str) -> dict[str, Any]:
    try:
        host, port = config.split_target(text)
    except ValueError as error:
        raise ConfigError(f"--target: {error}") from None
    return {"host": host, "port": port}


def _is_device(text: str | None) -> bool:
    return text is not None and text not in (DEMO, AUTO) and not is_path(text)
