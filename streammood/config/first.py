"""A first settings file: an input and a receiver, written for a person who has none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streammood.config import Settings, load
from streammood.config.base import shown
from streammood.config.presets import shipped_presets
from streammood.errors import ConfigError, SinkError


@dataclass(frozen=True, slots=True)
class First:
    """What a person has chosen; a device that is None is the demo, a preset that is None sends every signal."""

    device: str | None
    preset: str | None
    host: str
    port: int
    channels: Sequence[int] = ()
    gain: float = 0.0

    def text(self) -> str:
        """The settings file."""
        lines = ["# Written by `streammood setup`. Every setting there is: config/default.yaml.", ""]
        if self.device is not None:
            lines += ["input:", f"  device: {_quoted(self.device)}"]
            lines += [f"  channels: [{', '.join(map(str, self.channels))}]"] if self.channels else []
            lines += [f"  gain: {self.gain:g}  # dB"] if self.gain else []
            lines += [""]
        lines += ["osc:", "  targets:", "    - name: first"]
        lines += [f"      preset: {self.preset}"] if self.preset is not None else []
        lines += [f"      host: {_quoted(self.host)}", f"      port: {self.port}"]
        return "\n".join([*lines, "      offset: 0  # ms; negative: early", ""])

    def write(self, path: Path) -> Settings:
        """Write it to ``path``, which does not exist yet, and return what it says; what is wrong leaves no file.

        Raises:
            ConfigError: there is such a file, or what was chosen is not right.
            SinkError: it cannot be written.
        """
        if self.preset is not None and self.preset not in shipped_presets():
            raise ConfigError(f"no preset {shown(self.preset)}; there are {', '.join(shipped_presets())}")
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            raise ConfigError(f"{path} is there already; choose another name, or move it away") from None
        except OSError as error:
            raise SinkError(f"{path}: cannot be written ({error.strerror}); choose another path") from None
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(self.text())
        try:
            return load(str(path))
        except ConfigError:
            path.unlink()
            raise


def _quoted(text: str) -> str:
    """``text`` as YAML takes it, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
