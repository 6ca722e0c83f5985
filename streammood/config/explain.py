"""Explains a fault of the settings in one line, in terms of the file that the user wrote."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streammood.config.base import alternatives, printable, shown

_LONGEST = 200  # characters; names and values in it are cut before
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "settings as `name: value`",
    "model": "settings as `name: value`",
    "string_pattern_mismatch": "of letters, digits, - and _ alone",
}
_SECRET = "token"
_GONE = {"features": "is no longer a setting, since every model is bound to the same values: remove this section"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a fault lies."""

    parts: tuple[int | str, ...]  # names and numbers as a user writes them
    kind: Any  # the type that is wanted there
    limits: dict[str, Any] = field(default_factory=dict)  # ge, le
    model: type[BaseModel] | None = None  # the section that it lies in

    def __str__(self) -> str:
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)[1:-1]}" for part in self.parts)
        return text.lstrip(".")


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """The first fault, and how many more there are."""
    faults = [(_place(root, fault), fault) for fault in error.errors(include_url=False)]
    faults.sort(key=lambda pair: pair[1]["type"] != "extra_forbidden")
    first = faults[0][0].parts
    same = [pair for pair in faults if pair[0].parts[: len(first)] == first]
    place, fault = max(same, key=lambda pair: len(pair[0].parts))
    text = _message(place, fault, [other for at, other in same if at.parts == place.parts])
    others = len({at.parts for at, _ in faults} - {at.parts for at, _ in same})
    text = printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
    return f"{text} (and {others} more)" if others else text


def _message(place: _Place, fault: ErrorDetails, branches: Sequence[ErrorDetails]) -> str:
    kind = fault["type"]
    if kind == "extra_forbidden":
        return _unknown(place)
    if kind == "missing":
        return f"{place}: must be given"
    if kind == "value_error":
        return f"{place}: {fault['ctx']['error']}".removeprefix(": ")
    wanted = list(dict.fromkeys(_wanted(place, branch) for branch in branches))
    came = "" if place.parts[-1:] == (_SECRET,) else f", got {shown(fault['input'])}"
    return f"{place}: must be {' or '.join(wanted)}{came}"


def _wanted(place: _Place, fault: ErrorDetails) -> str:
    """The allowed values, such as `in 32..4096`."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in ("greater_than_equal", "less_than_equal"):
        low, high = place.limits.get("ge"), place.limits.get("le")
        if low is not None and high is not None:
            return f"in {low:.10g}..{high:.10g}"
        return f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "`")
    if kind == "string_too_short":
        return (
            f"of {context['min_length']} characters or more" if context["min_length"] > 1 else "text that is not empty"
        )
    if kind == "string_too_long":
        return f"of {context['max_length']} characters at most"
    return _WORDS.get(kind) or _WORDS.get(kind.partition("_")[0]) or fault["msg"]


def _unknown(place: _Place) -> str:
    name = str(place.parts[-1])
    if len(place.parts) == 1 and name in _GONE:
        return f"`{name}` {_GONE[name]}"
    allowed = [] if place.model is None else [one.alias or key for key, one in place.model.model_fields.items()]
    near = difflib.get_close_matches(name[:100], allowed, 1, 0.4)
    hint = f"did you mean `{near[0]}`?" if near else f"allowed here: {', '.join(allowed)}"
    return f"unknown setting `{place}`; {hint}"


def _place(root: type[BaseModel], fault: ErrorDetails) -> _Place:
    """Follow a location through the settings; what pydantic adds to it, such as the branch of a union, is left out."""
    place = _Place((), root)
    last = len(fault["loc"]) - 1
    for number, part in enumerate(fault["loc"]):
        inner = _inside(place.kind, part)
        if inner is not None:
            place = _Place((*place.parts, part), inner[0], inner[1], _section(place.kind))
        elif number == last and fault["type"] == "extra_forbidden":
            place = _Place((*place.parts, part), None, {}, _section(place.kind))
    return place


def _section(kind: Any) -> type[BaseModel] | None:
    return next((one for one in alternatives(kind) if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _inside(kind: Any, part: int | str) -> tuple[Any, dict[str, Any]] | None:
    """The type at ``part`` of ``kind``, and its limits; None where there is no such part."""
    for one in alternatives(kind):
        if isinstance(one, type) and issubclass(one, BaseModel):
            for name, field in one.model_fields.items():
                if part in (name, field.alias):
                    return field.annotation, limits(field.metadata)
        elif get_origin(one) is tuple and isinstance(part, int):
            inner = get_args(one)
            element = inner[0] if inner[-1] is ... else inner[min(part, len(inner) - 1)]
            return element, limits(get_args(element)[1:] if get_origin(element) is Annotated else ())
        elif get_origin(one) is dict and part != "[key]":
            return get_args(one)[1], {}
    return None


def limits(metadata: Sequence[Any]) -> dict[str, Any]:
    """Bounds of a number, of whatever annotation they come from."""
    found: dict[str, Any] = {}
    for item in metadata:
        for part in getattr(item, "metadata", None) or [item]:  # ``Field`` inside ``Annotated`` has its own list
            found |= {name: getattr(part, name) for name in ("ge", "le") if getattr(part, name, None) is not None}
    return found
