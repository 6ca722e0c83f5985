"""What all settings share: frozen, nothing unknown, no infinities; empty is the default, one value a list of one."""

from __future__ import annotations

import re
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_SHOWN = 60  # characters of a value in a message


class Strict(BaseModel):
    """Frozen settings that refuse unknown names.

    Numbers may come as text, as a settings file holds them: what a setting is decides how it is read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, data: object) -> object:
        """An empty section, or an empty setting that must have a value, is its default."""
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        required, lists = _kinds(cls)
        given = {name: value for name, value in data.items() if value is not None or name not in required}
        return {name: _listed(value) if name in lists else value for name, value in given.items()}


@cache
def _kinds(model: type[Strict]) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the settings that cannot be null, and of those that are lists of any length."""
    required, lists = set(), set()
    for name, field in model.model_fields.items():
        names = {name, field.alias or name}
        members = alternatives(field.annotation)
        required |= names if NoneType not in members else set()
        lists |= names if any(get_origin(m) is tuple and get_args(m)[-1] is ... for m in members[:1]) else set()
    return frozenset(required), frozenset(lists)


def alternatives(annotation: object) -> tuple[Any, ...]:
    """The types that ``annotation`` allows; one, or the members of a union."""
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(kind for member in get_args(annotation) for kind in alternatives(member))
    return (annotation,)


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def shown(value: object) -> str:
    """A given value, as a message shows it: short, and without control characters."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "settings as `name: value`" if value else "empty settings"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = str(value)
    return f"`{printable(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…')}`"


def printable(text: str) -> str:
    """``text`` in one line, without control characters and lone surrogates."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _two_numbers(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 2:
        return value
    raise ValueError(f"must be two numbers such as [0, 1], got {shown(value)}")


_Bounded = Annotated[float, Field(ge=-1e9, le=1e9)]  # what fits into a float of 32 bits, scaled or not
Pair = Annotated[tuple[_Bounded, _Bounded], BeforeValidator(_two_numbers)]

OSC_ADDRESS = re.compile(r"(/[^\s#*,?\[\]{}/]+)+")
Text = Annotated[str, Field(max_length=255)]  # a name, a host, an address


def osc_prefix(value: str) -> str:
    """``value``, if addresses can begin with it.

    Raises:
        ValueError: they cannot.
    """
    if value and not OSC_ADDRESS.fullmatch(value):
        raise ValueError(f"must be empty or an OSC address such as /streammood, got {shown(value)}")
    return value
