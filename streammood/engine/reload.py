"""Settings that were read again: which of the changes take effect while the program runs, and which do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import BaseModel

from streammood.config import Settings
from streammood.outputs import SampleNow, Sink

MakeSinks: TypeAlias = Callable[[SampleNow], list[Sink]]
"""Makes the sinks, given the function that tells the stream sample at a host time."""
Reread: TypeAlias = Callable[[], tuple[Settings, MakeSinks]]
"""Reads the settings again, and gives what makes the OSC targets; raises a StreammoodError where they are not right."""

_TARGETS = "osc."
_LIVE = ("beat.bpm_min", "beat.bpm_max", "input.gain", _TARGETS)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Settings as they were read, with new OSC targets where those have changed."""

    settings: Settings
    changed: tuple[str, ...]  # paths of settings that take effect now
    restart: tuple[str, ...]  # paths of those that do when the program is started again
    targets: list[Sink] | None = None

    def __str__(self) -> str:
        parts = [f"changed: {', '.join(self.changed)}"] if self.changed else []
        parts += [f"after a restart: {', '.join(self.restart)}"] if self.restart else []
        return "; ".join(parts) or "nothing has changed"


def reload(old: Settings, reread: Reread, sample_at: SampleNow) -> Reloaded:
    """Read the settings again and compare them with ``old``.

    Raises:
        StreammoodError: they are not right, or an output cannot be opened.
    """
    new, make_targets = reread()
    before, after = dict(_leaves(old)), dict(_leaves(new))
    paths = [path for path in after if path not in before or before[path] != after[path]]
    changed = tuple(path for path in paths if path.startswith(_LIVE))
    restart = tuple(path for path in paths if not path.startswith(_LIVE))
    renewed = any(path.startswith(_TARGETS) for path in changed)
    return Reloaded(new, changed, restart, make_targets(sample_at) if renewed else None)


def _leaves(settings: BaseModel, path: str = "") -> Iterator[tuple[str, object]]:
    """Path and value of every setting; lists count as one."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
