"""One file for a bug report: versions, devices, settings without secrets, the last status. Whatever is broken is named.

Each part is collected on its own, so that one that fails is one line in the file. Devices are asked for in a process of
its own, because a broken sound system can abort the one that asks.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import yaml

from streammood import __version__, config, resources
from streammood.engine.priority import allowed
from streammood.log import last_run
from streammood.models.manifest import read_manifest
from streammood.models.mood_model import Manifest

_DEVICES = 30.0  # s that a sound system may take to list its devices
_TAIL = 100  # lines of an event log
_TAIL_BYTES = 100_000
_SECRET = re.compile(r"token|password|passwd|secret|credential|api_?key", re.IGNORECASE)
_HIDDEN = "(hidden)"
_ENVIRONMENT = re.compile(r"^(PULSE|ALSA|JACK|PIPEWIRE|XDG_RUNTIME|LANG|LC_|OMP_|NUMBA|STREAMMOOD|PYTHON|VIRTUAL_ENV)")


def report(config_name: str | None, overrides: Callable[[], config.Settings], events: Path | None) -> str:
    """Everything, as text; ``overrides`` loads the settings as ``run`` would."""
    parts: dict[str, Callable[[], str]] = {
        "program": _program,
        "packages": _packages,
        "environment": lambda: _environment(os.environ),
        "settings": lambda: f"from {config_name or 'the defaults'}\n{_settings(overrides())}",
        "model": lambda: _model(overrides()),
        "devices": _devices,
        "last run": _last_run,
    }
    if events is not None:
        parts["event log"] = lambda: _tail(events)
    return "\n".join(f"== {title} ==\n{_tried(part)}\n" for title, part in parts.items())


def _tried(part: Callable[[], str]) -> str:
    try:
        return _without_home(part())
    except Exception as error:  # noqa: BLE001  a report must be written even if this part is broken
        return f"could not be found out: {type(error).__name__}: {error}"


def _without_home(text: str) -> str:
    home = str(resources.home() or "")
    return text.replace(home, "~") if len(home) > 1 else text


def _program() -> str:
    return "\n".join(
        [
            f"streammood {__version__}",
            f"Python {platform.python_version()} ({platform.python_implementation()}), {sys.executable}",
            f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores",
            f"priority that the system allows: {allowed()}",
            f"written {datetime.now(UTC).isoformat(timespec='seconds')}",
        ]
    )


def _packages() -> str:
    wanted = importlib.metadata.requires("streammood") or []
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in wanted})
    return "\n".join(f"{name} {_version(name)}" for name in names)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "is not installed"


def _environment(variables: Mapping[str, str]) -> str:
    rows = [f"{name}={hidden(name, value)}" for name, value in sorted(variables.items()) if _ENVIRONMENT.match(name)]
    return "\n".join(rows) or "nothing that matters is set"


def hidden(name: str, value: object) -> object:
    """``value`` as it may be shown: without what secrets it or anything in it is called to be."""
    if isinstance(value, Mapping):
        return {key: hidden(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(name, inner) for inner in value]
    return _HIDDEN if value is not None and _SECRET.search(name) else value


def _settings(settings: config.Settings) -> str:
    tree = hidden("", settings.model_dump(mode="json", by_alias=True))
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).rstrip()


def _model(settings: config.Settings) -> str:
    path = resources.find("models", settings.mood.model, ".tflite")
    manifest = read_manifest(path, Manifest)
    return (
        f"{path}, {path.stat().st_size} bytes\n{manifest.name}: {', '.join(manifest.labels)}; sha256 {manifest.sha256}"
    )


def _devices() -> str:
    command = [sys.executable, "-P", "-m", "streammood.cli", "devices"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DEVICES, check=False)
    except subprocess.TimeoutExpired:
        return f"the sound system did not answer within {_DEVICES:.0f} s"
    text = "\n".join(part.strip("\n") for part in (done.stdout, done.stderr) if part.strip())
    return text if done.returncode == 0 else f"exit status {done.returncode}\n{text}"


def _last_run() -> str:
    path = last_run.default_path()
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else "none that is known of"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = deque(file.read().decode("utf-8", errors="replace").splitlines(), maxlen=_TAIL)
    return "\n".join(lines)
