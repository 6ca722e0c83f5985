"""Every command that an operator can give, once: one row a command.

From this table follow what the control port understands, the keys of the terminal and of the views, the buttons and
fields of the dashboard, what the help says, and the table in `docs/control.md`. Who obeys is `engine.operator`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streammood.errors import ControlError
from streammood.protocol.osc import encode
from streammood.protocol.signals import SIGNALS, Range, Value, find, plain

AUTO = "auto"  # in place of a label: the mood is the predicted one
DO, ACK = "do", "ack"  # below the prefix: where commands are sent, and where answers come from
ERROR = "error"  # in place of the name, in the answer to an unknown command
_SHOWN = 40  # characters of the request that an answer repeats
_NAME = 80  # characters of a label or of a target's name
_HUGE = 1 << 63

Given: TypeAlias = float | int | str | bool | None
"""An argument as it is obeyed. A switch that is None changes to its other state; a mood that is None is automatic."""


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody asks for."""

    name: str
    values: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a command was obeyed; ``values`` are the new state, or the reason of the refusal."""

    name: str
    done: bool
    values: tuple[Value, ...] = ()


def refused(name: str, reason: object) -> Answer:
    """The answer to a command that cannot be obeyed."""
    return Answer(name, False, (str(reason),))


@dataclass(frozen=True, slots=True)
class Argument:
    """What a command takes."""

    kind: Literal["number", "switch", "target", "mood", "text"]
    title: str  # in a list of commands
    usage: str  # in an answer
    range: Range = (0.0, 1.0)  # of a number
    adds: bool = False  # to the value before

    def read(self, value: object, usage: str) -> Given:
        """``value`` as the command carries it; ``usage`` names the allowed values.

        Raises:
            ControlError: it is something else.
        """
        if self.kind == "switch":
            return value if isinstance(value, bool) else _number(value, usage) != 0
        if self.kind == "number":
            return _number(value, usage, self.range)
        if isinstance(value, str):
            return self._read_name(value.strip(), usage)
        number = _number(value, usage)
        if self.kind == "text":
            return f"{number:g}"
        if not float(number).is_integer() or (self.kind == "target" and number < 1):
            raise ControlError(f"takes {usage}, got {number:g}")
        return int(number) if number >= 0 else None

    def _read_name(self, text: str, usage: str) -> str | None:
        if self.kind == "mood":
            return None if text in ("", AUTO) else plain(text, _NAME)
        if not text:
            raise ControlError(f"takes {usage}, got ''")
        return plain(text, _NAME)


def _in_range(low: float, high: float, unit: str, title: str, adds: bool = False) -> Argument:
    return Argument("number", title, f"one number in {low:g}..{high:g} ({unit})", (low, high), adds)


@dataclass(frozen=True, slots=True)
class Hotkey:
    """A key that gives a command, by its character or its name."""

    key: str
    step: float = 0.0  # the amount that it adds to a number


@dataclass(frozen=True, slots=True)
class Spec:
    """One row: a command with its arguments, its keys, and its words."""

    name: str
    arguments: tuple[Argument, ...]
    keys: tuple[Hotkey, ...]
    short: str  # beside its key, where there is little room
    title: str  # in a list of keys, and when it was obeyed
    help: str
    sets: str = ""  # the signal that tells what it has set, if one does
    patience: float = 1.0  # s that its answer may take
    asks: bool = False  # it changes nothing: it is not logged, and nobody but who asked is shown the answer

    @property
    def call(self) -> str:
        """Its name and its arguments, as a help text shows them."""
        return " ".join([self.name, *(argument.title.upper() for argument in self.arguments)])

    @property
    def usage(self) -> str:
        """Its arguments, for an answer."""
        return " and ".join(argument.usage for argument in self.arguments) or _TRIGGER

    def read(self, arguments: Sequence[object]) -> Command | None:
        """The command with ``arguments``; None where a button that is a trigger was released (argument 0).

        Raises:
            ControlError: the arguments are not right.
        """
        usage = self.usage
        if not self.arguments and len(arguments) == 1:
            return Command(self.name) if _SWITCH.read(arguments[0], usage) else None
        if len(arguments) != len(self.arguments):
            raise ControlError(f"takes {usage}, got {len(arguments)} arguments")
        given = zip(self.arguments, arguments, strict=True)
        return Command(self.name, tuple(argument.read(value, usage) for argument, value in given))


_TRIGGER = "no argument, or one number, where 0 does nothing"
_SWITCH = Argument("switch", "", "0 or 1")
_TARGET = Argument("target", "target", "a target (its name, or its number from 1)")
_MOOD = Argument("mood", "label", f"a label, or its number from 0; `{AUTO}`, an empty string or -1 ends it")
_INPUT = Argument("text", "input", "the name of a device, a part of it, its index, or `demo`")
_CHANNELS = Argument("text", "channels", "`all`, one channel or a pair such as 1,2")
_DRIVER = 8.0  # s that a driver may take to open
_BPM = _in_range(20.0, 400.0, "BPM", "BPM")

# fmt: off
_TABLE = (
    Spec("tap", (), (Hotkey("space"), Hotkey("t")), "tap", "tap: four set the tempo",
        "a beat is now; from the fourth on, tempo and phase are those of the taps, and held until `auto` (or, with "
        "`beat.hold_until: silence`, until the music stops). The answer counts the taps"),
    Spec("double", (), (Hotkey("x"),), "×2", "twice the beats",
        "twice as many beats; a bound in the way moves, and the answer says so. Holds until the music stops"),
    Spec("half", (), (Hotkey("/"),), "÷2", "half the beats",
        "half as many beats; a bound in the way moves, and the answer says so. Holds until the music stops"),
    Spec("downbeat", (), (Hotkey("d"), Hotkey("1")), "the one", "this is the one",
        "this is the one: the beat nearest to now begins a bar"),
    Spec("bpm", (_BPM,), (), "tempo", "tempo",
        "this is the tempo, whatever the music is, held as by taps; with `beat.hold: follow` its beats drift to those "
        "of the music, by at most 3 % of the tempo"),
    Spec("auto", (), (Hotkey("a"),), "auto", "tempo of the music again",
        "holds no tempo by hand any more: it is the music's"),
    Spec("bpm/min", (_BPM,), (), "at least", "lowest tempo", "no tempo below this", "control/bpm/min"),
    Spec("bpm/max", (_BPM,), (), "at most", "highest tempo", "no tempo above this", "control/bpm/max"),
    Spec("nudge", (_in_range(-2000.0, 2000.0, "ms, positive: later", "ms", adds=True),),
        (Hotkey("left", -10.0), Hotkey("right", 10.0)), "nudge", "nudge",
        "all beats later (positive) or earlier from now on; nudges add up", "control/nudge"),
    Spec("offset", (_TARGET, _in_range(-200.0, 1000.0, "ms", "ms")), (Hotkey("[", -5.0), Hotkey("]", 5.0)),
        "offset", "offset",
        "one target fires later (positive) or earlier than the sound; a target is its name, or its number from 1",
        "target/N/offset"),
    Spec("mute", (_TARGET, Argument("switch", "0|1", "1 to mute or 0 to send again")), (Hotkey("m"),), "mute", "mute",
        "the target gets nothing, and its triggers are released", "target/N/muted"),
    Spec("test", (_TARGET,), (), "test", "test a target",
        "sends a bar of beats, a sweep of the levels, and every mood to one target, for some six seconds"),
    Spec("panic", (), (Hotkey("p"),), "panic", "panic: all triggers 0",
        "every trigger of every target goes to 0 now"),
    Spec("hold", (Argument("switch", "0|1", "1 to freeze the mood or 0 to let it go"),), (Hotkey("h"),), "hold",
        "hold the mood", "freezes the mood as it is", "control/hold"),
    Spec("mood", (_MOOD,), (), "mood", "set the mood",
        f"sends this mood with probability 1, whatever is predicted; `{AUTO}`, an empty string or -1 ends it",
        "control/mood"),
    Spec("gain", (_in_range(-40.0, 60.0, "dB", "dB"),), (), "gain", "gain",
        "fixed gain before the analysis, on top of the automatic one", "control/gain"),
    Spec("input", (_INPUT,), (), "input", "input",
        "listens to another input while the show goes on: beats count on, and the stream clock never runs back; where "
        "the other one cannot be opened, the present one stays", "control/input", _DRIVER),
    Spec("channels", (_CHANNELS,), (), "channels", "channels",
        "listens to other channels of the same device, in the same way", "control/channels", _DRIVER),
    Spec("play", (Argument("switch", "0|1", "1 to hear what is analysed or 0 for silence"),), (), "play",
        "hear the file or the demo",
        "what is analysed is heard on the default output, in step with what is sent, where the input is a file or the "
        "demo", "control/play", _DRIVER),
    Spec("monitor", (_TARGET,), (), "monitor", "messages of a target",
        "the answer holds the latest message on each of at most 50 addresses of the target, newest first: seconds "
        "since it was sent, how many there were, and the message", asks=True),
    Spec("reload", (), (), "reload", "read the settings again",
        "reads the settings file again; the answer names what changed (targets, BPM bounds, gain) and what needs a "
        "restart"),
)
# fmt: on

COMMANDS: Mapping[str, Spec] = {row.name: row for row in _TABLE}
"""Every command by its name."""

KEYS: Mapping[str, tuple[Spec, Hotkey]] = {key.key: (row, key) for row in _TABLE for key in row.keys}
"""Every key with the command that it gives."""


def address(name: str, prefix: str) -> str:
    """Where the command ``name`` is sent."""
    return f"{prefix}/{DO}/{name}"


def command_name(where: str, prefix: str) -> str | None:
    """The name of the command that the address ``where`` asks for; None if there is none.

    Addresses of before, without ``do``, count too, unless the program sends a signal there.
    """
    below = where.removeprefix(f"{prefix}/")
    if below == where:
        return None
    name = below.removeprefix(f"{DO}/")
    return name if name in COMMANDS and (name != below or name not in SIGNALS) else None


def is_answer(where: str) -> bool:
    """Whether the address ``where`` is that of an answer, of this program or of another one like it."""
    return f"/{ACK}/" in where


def parse(where: str, arguments: Sequence[object], prefix: str) -> Command | None:
    """The command that an OSC message gives; None where a button that is a trigger was released (argument 0).

    Raises:
        ControlError: the command does not exist, or its arguments are wrong.
    """
    name = command_name(where, prefix)
    if name is None:
        raise ControlError(f"no command {shown(where)}; {_hint(where, prefix)}")
    return COMMANDS[name].read(arguments)


def _hint(where: str, prefix: str) -> str:
    below = where.removeprefix(f"{prefix}/")
    if below != where and find(below) is not None and below in COMMANDS:
        return f"that is a signal which this program sends; the command is {address(below, prefix)}"
    near = difflib.get_close_matches(below.removeprefix(f"{DO}/")[:_SHOWN], COMMANDS, 1, 0.5)
    return (
        f"did you mean {address(near[0], prefix)}?" if near else f"allowed are {prefix}/{DO}/ and {', '.join(COMMANDS)}"
    )


def packet(name: object, arguments: object, prefix: str) -> bytes:
    """The OSC packet of a command, for whoever commands an engine; one without arguments is a trigger and carries a 1.

    Raises:
        ControlError: the command does not exist, or its arguments are wrong.
    """
    row = COMMANDS.get(name) if isinstance(name, str) else None
    if row is None:
        raise ControlError(f"no command {shown(name)}")
    if not isinstance(arguments, list | tuple) or len(arguments) != len(row.arguments):
        raise ControlError(f"{row.name} takes {len(row.arguments)} arguments")
    command = row.read(arguments)
    values = [] if command is None else [AUTO if value is None else value for value in command.values]
    return encode(address(row.name, prefix), *([int(v) if isinstance(v, bool) else v for v in values] or [1]))


def shown(value: object) -> str:
    """``value`` for people, on one line and not too long."""
    if isinstance(value, int) and abs(value) > _HUGE:
        return "a number of too many digits"
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _number(value: object, usage: str, bounds: Range = (-_HUGE, _HUGE)) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ControlError(f"takes {usage}, got {shown(value)}")
    if not bounds[0] <= value <= bounds[1]:  # NaN is not either
        raise ControlError(f"takes {usage}, got {shown(value) if isinstance(value, int) else f'{value:g}'}")
    return float(value)
