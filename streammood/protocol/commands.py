"""What an operator can ask for, as frozen records, and the answer to each.

Nothing here knows how a command came (OSC, a key) or who obeys it (the engine).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

AUTO = "auto"  # in place of a label: the mood is what is heard
Value: TypeAlias = float | int | str
Target: TypeAlias = int | str
"""The name of a target, or its place in the settings, counted from 1."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A beat is heard now."""

    name: ClassVar[str] = "tap"


@dataclass(frozen=True, slots=True)
class Double:
    """Twice as many beats."""

    name: ClassVar[str] = "double"


@dataclass(frozen=True, slots=True)
class Half:
    """Half as many beats."""

    name: ClassVar[str] = "half"


@dataclass(frozen=True, slots=True)
class Downbeat:
    """This is the one."""

    name: ClassVar[str] = "downbeat"


@dataclass(frozen=True, slots=True)
class SetBpm:
    """Take this tempo."""

    name: ClassVar[str] = "bpm"
    bpm: float


@dataclass(frozen=True, slots=True)
class BpmMin:
    """No tempo below this."""

    name: ClassVar[str] = "bpm/min"
    bpm: float


@dataclass(frozen=True, slots=True)
class BpmMax:
    """No tempo above this."""

    name: ClassVar[str] = "bpm/max"
    bpm: float


@dataclass(frozen=True, slots=True)
class Nudge:
    """Move all beats from now on; positive: later. Nudges add up."""

    name: ClassVar[str] = "nudge"
    ms: float


@dataclass(frozen=True, slots=True)
class Offset:
    """Let one target fire later (positive) or earlier (negative) than the sound."""

    name: ClassVar[str] = "offset"
    target: Target
    ms: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Freeze the mood, or let it go; ``on`` None changes from one to the other."""

    name: ClassVar[str] = "hold"
    on: bool | None


@dataclass(frozen=True, slots=True)
class SetMood:
    """Say this mood whatever is heard: a label, or its place in the model's order from 0; None ends that."""

    name: ClassVar[str] = "mood"
    label: int | str | None


@dataclass(frozen=True, slots=True)
class Mute:
    """Send nothing to one target, or send again."""

    name: ClassVar[str] = "mute"
    target: Target
    on: bool


@dataclass(frozen=True, slots=True)
class Panic:
    """Release every trigger of every target now."""

    name: ClassVar[str] = "panic"


@dataclass(frozen=True, slots=True)
class Gain:
    """Scale what the analysis hears."""

    name: ClassVar[str] = "gain"
    db: float


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the settings file again."""

    name: ClassVar[str] = "reload"


BeatCommand: TypeAlias = Tap | Double | Half | Downbeat | SetBpm | BpmMin | BpmMax | Nudge
MoodCommand: TypeAlias = Hold | SetMood
OutputCommand: TypeAlias = Offset | Mute | Panic
Command: TypeAlias = BeatCommand | MoodCommand | OutputCommand | Gain | Reload


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a command was obeyed; ``values`` say what holds now, or why not."""

    name: str
    done: bool
    values: tuple[Value, ...] = ()


def refused(name: str, reason: object) -> Answer:
    """The answer to a command that cannot be obeyed."""
    return Answer(name, False, (str(reason),))
