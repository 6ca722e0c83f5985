"""The settings as Markdown: allowed values from the models, descriptions from the comments of ``default.yaml``.

``python -m streammood.config.settings_table docs/*.md`` renews the tables in files, those of signals and commands too.
A file holds the settings between the lines ``<!-- settings -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from streammood import resources
from streammood.config import Settings
from streammood.config.base import alternatives
from streammood.config.explain import limits
from streammood.protocol import markdown

_LINE = re.compile(r"^(?P<space>[ #]*(?:- )?)\{?(?P<name>[a-z_]+): *(?P<value>.*?)(?: # ?(?P<comment>.*))?$")
_WORDS = {bool: "true, false", int: "whole number", float: "number", str: "text", dict: "`name: value`"}
_MARKED = re.compile(r"(<!-- settings -->\n).*?(?=<!-- end -->)", re.DOTALL)


def comments() -> dict[str, str]:
    """The comment in `default.yaml` on each setting, by its path such as ``osc.targets.map.to``."""
    found: dict[str, str] = {}
    open_sections: list[tuple[int, str]] = []
    for line in resources.find("config", "default", ".yaml").read_text(encoding="utf-8").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        depth = len(match["space"])
        open_sections = [(at, name) for at, name in open_sections if at < depth]
        path = ".".join([*(name for _, name in open_sections), match["name"]])
        found[path] = (match["comment"] or "").strip()
        open_sections.append((depth, match["name"]))
    return found


def settings_table() -> str:
    """A heading and a table for each section."""
    meanings = comments()
    return "\n".join(
        f"## {name}\n\n{_section(field).__doc__}\n\n{_table(_section(field), name, meanings)}"
        for name, field in Settings.model_fields.items()
    )


def renewed(text: str) -> str:
    """``text`` with its tables as they are now."""
    return _MARKED.sub(lambda found: f"{found[1]}\n{settings_table()}\n", markdown.renewed(text))


def _section(field: FieldInfo) -> type[BaseModel]:
    return _models(field.annotation)[0]


def _table(model: type[BaseModel], path: str, meanings: dict[str, str]) -> str:
    rows = list(_rows(model, path, meanings))
    return markdown.table(("setting", "default", "allowed", "what it does"), rows)


def _rows(model: type[BaseModel], path: str, meanings: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    for key, field in model.model_fields.items():
        name = f"{path}.{field.alias or key}"
        inner = _models(field.annotation)
        yield f"`{name}`", _default(field), "settings" if inner else _allowed(field), meanings.get(name, "")
        for section in inner:
            yield from _rows(section, name, meanings)


def _models(kind: Any) -> list[type[BaseModel]]:
    """The sections that lie inside a setting."""
    found = []
    for one in alternatives(kind):
        if isinstance(one, type) and issubclass(one, BaseModel):
            found.append(one)
        elif get_origin(one) is tuple:
            found += _models(get_args(one)[0])
    return found


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return ""
    value = field.default
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict | tuple | BaseModel):
        return "" if not isinstance(value, tuple) or _models(field.annotation) else f"`{list(value)}`"
    return f"`{value}`"


def _allowed(field: FieldInfo) -> str:
    bounds = limits(field.metadata)
    words = []
    for kind in alternatives(field.annotation):
        if get_origin(kind) is Literal:
            words.append(", ".join(f"`{value}`" for value in get_args(kind)))
        elif get_origin(kind) is tuple:
            words.append("list")
        elif kind in (int, float) and "ge" in bounds and "le" in bounds:
            words.append(f"{bounds['ge']:.10g}..{bounds['le']:.10g}".replace("-", "−"))
        elif kind is not NoneType:
            words.append(_WORDS.get(get_origin(kind) or kind, "text"))
    if NoneType in alternatives(field.annotation):
        words.append("null")
    return " or ".join(dict.fromkeys(words))


def main(paths: Iterable[str]) -> None:
    """Renew the tables in these files."""
    for path in map(Path, paths):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
