"""Settings of OSC receivers: signals, address maps, targets."""

from __future__ import annotations

import difflib
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from streammood.config.base import OSC_ADDRESS, Pair, Strict, Text, osc_prefix, shown
from streammood.config.presets import with_preset
from streammood.protocol.signals import SIGNALS, TRIGGERS, VALUES, find, natural_range

_CONDITION = re.compile(r"^\s*([\w/]+)\s*(?:(==|!=|<=|>=|<|>)\s*(-?[0-9]{1,12}(?:\.[0-9]{1,12})?))?\s*$")


def _split_condition(text: str) -> tuple[str, str, float]:
    match = _CONDITION.match(text)
    if not match:
        raise ValueError(f"must be SIGNAL or SIGNAL OPERATOR NUMBER such as `mood/index == 1`, got {shown(text)}")
    signal, operator, number = match.groups()
    return signal, operator or "!=", float(number or 0)


def _signal(name: str) -> str:
    signal = find(name)
    if signal is None or signal.option == "details":
        near = difflib.get_close_matches(name, TRIGGERS | VALUES, 1, 0.4)
        raise ValueError(f"no such signal {shown(name)}" + (f", did you mean `{near[0]}`?" if near else ""))
    return name


class MapEntry(Strict):
    """One line of an address map: a signal, the address that receives it, and how its value is bent."""

    source: Text = Field(alias="from")
    to: Text
    in_range: Pair | None = Field(None, alias="in")
    out_range: Pair | None = Field(None, alias="out")
    curve: float = Field(1.0, ge=0.1, le=10.0)
    value: Text | None = None
    when: Text | None = None
    every: int = Field(1, ge=1, le=1024)
    optional: bool = False

    @field_validator("source", "value")
    @classmethod
    def _signals(cls, value: str | None) -> str | None:
        return None if value is None else _signal(value)

    @field_validator("to")
    @classmethod
    def _address(cls, value: str) -> str:
        if not OSC_ADDRESS.fullmatch(value):
            raise ValueError(
                f"must be an OSC address such as /light/1 without spaces or any of #*,?[]{{}}, got {shown(value)}"
            )
        return value

    @field_validator("when")
    @classmethod
    def _condition(cls, value: str | None) -> str | None:
        if value is not None:
            name = _signal(_split_condition(value)[0])
            if name in TRIGGERS or SIGNALS.get(name, SIGNALS["bpm"]).form is str:
                raise ValueError(f"when compares numbers, and {name} is none")
        return value

    @model_validator(mode="after")
    def _sound(self) -> MapEntry:
        if self.every > 1 and not self.triggers:
            raise ValueError(f"every is for triggers ({', '.join(sorted(TRIGGERS))}), not for {self.source}")
        if self.in_range is not None and self.in_range[0] == self.in_range[1]:
            raise ValueError("in must span more than one value")
        if self.value is not None and (not self.triggers or self.value in TRIGGERS):
            raise ValueError("value names the signal whose number a trigger sends, such as beat/number for beat")
        bent = self.out_range is not None or self.curve != 1.0
        sent = self.value or self.source
        if bent and self.in_range is None and sent not in TRIGGERS and natural_range(sent) is None:
            raise ValueError(f"out and curve need in, for {sent} has no range of its own")
        return self

    @property
    def triggers(self) -> bool:
        """Whether this line is of a trigger."""
        return self.source in TRIGGERS

    @property
    def signals(self) -> list[str]:
        """The names of the signals that the line needs."""
        condition = [self.condition[0]] if self.condition else []
        return [self.source, *([self.value] if self.value else []), *condition]

    @property
    def condition(self) -> tuple[str, str, float] | None:
        """Signal, operator and number of ``when``."""
        return None if self.when is None else _split_condition(self.when)


def split_target(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``; IPv6 hosts stand in brackets."""
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    if not separator or not host or not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise ValueError(f"must be HOST:PORT with a port in 1..65535, such as 127.0.0.1:7000, got {shown(text)}")
    return host, int(port)


class TargetSettings(Strict):
    """One receiver."""

    name: str | None = Field(None, min_length=1, max_length=40)
    preset: str | None = None
    host: Text = Field("127.0.0.1", min_length=1)
    port: int = Field(7000, ge=1, le=65_535)
    interface: Text | None = None
    prefix: Text = "/streammood"
    defaults: bool = True
    label: bool = False
    details: bool = False
    offset: float = Field(0.0, ge=-200.0, le=1000.0)
    beat: float = 1.0
    hold: float = Field(0.05, ge=0.005, le=5.0)
    rate: float = Field(60.0, ge=1.0, le=60.0)
    resend: float = Field(0.5, ge=0.1, le=60.0)
    bundle: bool = False
    value_range: Pair = Field((0.0, 1.0), alias="range")
    unipolar: bool = False
    floats: bool = False
    map: tuple[MapEntry, ...] = ()

    @property
    def title(self) -> str:
        """What people call it: its name, or where it is."""
        return self.name or self.place

    @property
    def place(self) -> str:
        """Where it is, as ``--target`` takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        return osc_prefix(value)

    @field_validator("beat")
    @classmethod
    def _ratio(cls, value: float) -> float:
        if value not in (0.5, 1.0, 2.0):
            raise ValueError(f"must be 0.5, 1 or 2, got {value:g}")
        return value

    @field_validator("value_range")
    @classmethod
    def _spans(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] == value[1]:
            raise ValueError("must span more than one value")
        return value


def _target(value: object) -> object:
    if isinstance(value, str):
        host, port = split_target(value)
        return {"host": host, "port": port}
    if value is None:
        raise ValueError("is empty; give HOST:PORT, or settings such as {host: 192.168.1.20, port: 7000}")
    return with_preset(value)


class OscSettings(Strict):
    """The receivers."""

    targets: tuple[Annotated[TargetSettings, BeforeValidator(_target)], ...] = (TargetSettings(),)

    @field_validator("targets")
    @classmethod
    def _names(cls, targets: tuple[TargetSettings, ...]) -> tuple[TargetSettings, ...]:
        names = [target.name for target in targets if target.name is not None]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two targets are called {shown(name)}; give each a name of its own")
        return targets
