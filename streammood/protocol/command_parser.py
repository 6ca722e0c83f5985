"""OSC addresses and arguments in, commands out; what is wrong is told in one line, with what is allowed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from streammood.errors import ControlError
from streammood.protocol.commands import (
    AUTO,
    BpmMax,
    BpmMin,
    Command,
    Double,
    Downbeat,
    Gain,
    Half,
    Hold,
    Mute,
    Nudge,
    Offset,
    Panic,
    Reload,
    SetBpm,
    SetMood,
    Tap,
    Target,
)

BPM = (20.0, 400.0)
NUDGE = (-2000.0, 2000.0)  # ms
OFFSET = (-200.0, 1000.0)  # ms
GAIN = (-40.0, 60.0)  # dB
_SHOWN = 40  # characters of what came that are told back

Arguments: TypeAlias = Sequence[object]


def parse(address: str, arguments: Arguments, prefix: str) -> Command | None:
    """The command that an OSC message says; None where a button that is a trigger was released (argument 0).

    Raises:
        ControlError: there is no such command, or its arguments are not right.
    """
    name = address.removeprefix(f"{prefix}/")
    reader = _READERS.get(name) if name != address else None
    if reader is None:
        near = difflib.get_close_matches(name[:_SHOWN], _READERS, 1, 0.5)
        hint = f"did you mean {prefix}/{near[0]}?" if near else f"known are {prefix}/ and {', '.join(_READERS)}"
        raise ControlError(f"no command {shown(address)}; {hint}")
    return reader(arguments)


def command_name(address: str, prefix: str) -> str | None:
    """The name of the command that ``address`` asks for; None if there is none."""
    name = address.removeprefix(f"{prefix}/")
    return name if name != address and name in _READERS else None


def shown(value: object) -> str:
    """``value`` for people, on one line and not too long."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _count(arguments: Arguments, usage: str, number: int) -> None:
    if len(arguments) != number:
        raise ControlError(f"takes {usage}, got {len(arguments)} arguments")


def _number(value: object, usage: str, bounds: tuple[float, float] = (-math.inf, math.inf)) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ControlError(f"takes {usage}, got {shown(value)}")
    if not bounds[0] <= value <= bounds[1]:
        raise ControlError(f"takes {usage}, got {value:g}")
    return float(value)


def _flag(value: object, usage: str) -> bool:
    return value if isinstance(value, bool) else _number(value, usage) != 0


def _target(value: object, usage: str) -> Target:
    if isinstance(value, str) and value:
        return value
    number = _number(value, usage)
    if not number.is_integer() or number < 1:
        raise ControlError(f"takes {usage}, got {number:g}")
    return int(number)


def _trigger(command: Command) -> Callable[[Arguments], Command | None]:
    usage = "no argument, or one number, where 0 does nothing"

    def read(arguments: Arguments) -> Command | None:
        if not arguments:
            return command
        _count(arguments, usage, 1)
        return command if _flag(arguments[0], usage) else None

    return read


def _range(make: Callable[[float], Command], bounds: tuple[float, float], unit: str) -> Callable[[Arguments], Command]:
    usage = f"one number in {bounds[0]:g}..{bounds[1]:g} ({unit})"

    def read(arguments: Arguments) -> Command:
        _count(arguments, usage, 1)
        return make(_number(arguments[0], usage, bounds))

    return read


def _hold(arguments: Arguments) -> Command:
    usage = "1 to freeze the mood or 0 to let it go"
    _count(arguments, usage, 1)
    return Hold(_flag(arguments[0], usage))


def _offset(arguments: Arguments) -> Command:
    usage = f"a target (its name, or its number from 1) and one number in {OFFSET[0]:g}..{OFFSET[1]:g} (ms)"
    _count(arguments, usage, 2)
    return Offset(_target(arguments[0], usage), _number(arguments[1], usage, OFFSET))


def _mute(arguments: Arguments) -> Command:
    usage = "a target (its name, or its number from 1) and 1 to mute or 0 to send again"
    _count(arguments, usage, 2)
    return Mute(_target(arguments[0], usage), _flag(arguments[1], usage))


def _mood(arguments: Arguments) -> Command:
    usage = f"a label, or its number from 0; `{AUTO}`, an empty string or -1 ends it"
    _count(arguments, usage, 1)
    value = arguments[0]
    if isinstance(value, str):
        label = value.strip()
        return SetMood(None if label in ("", AUTO) else label)
    number = _number(value, usage)
    if not number.is_integer():
        raise ControlError(f"takes {usage}, got {number:g}")
    return SetMood(int(number) if number >= 0 else None)


_READERS: dict[str, Callable[[Arguments], Command | None]] = {
    Tap.name: _trigger(Tap()),
    Double.name: _trigger(Double()),
    Half.name: _trigger(Half()),
    Downbeat.name: _trigger(Downbeat()),
    SetBpm.name: _range(SetBpm, BPM, "BPM"),
    BpmMin.name: _range(BpmMin, BPM, "BPM"),
    BpmMax.name: _range(BpmMax, BPM, "BPM"),
    Nudge.name: _range(Nudge, NUDGE, "ms, positive: later"),
    Offset.name: _offset,
    Hold.name: _hold,
    SetMood.name: _mood,
    Mute.name: _mute,
    Panic.name: _trigger(Panic()),
    Gain.name: _range(Gain, GAIN, "dB"),
    Reload.name: _trigger(Reload()),
}
