"""YAML as settings files need it: text, lists and sections. What a word or a number means, each setting decides.

So `07000` is no octal number, `2:30` no number of minutes, `off` and `no` are words where words are wanted, and nothing
can be built but these three. Files may come from strangers: depth, size and aliases that grow are limited.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from streammood.config.base import shown

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

_DEEPEST = 20  # lists and sections inside each other
_MOST = 20_000  # values, those that aliases repeat counted each time
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})
_PLAIN = "tag:yaml.org,2002:"
_MERGE = "<<"


def parse(text: str) -> Value:
    """What ``text`` holds in YAML.

    Raises:
        ValueError: it is not YAML, or has a value that no setting can have.
    """
    try:
        node = _Loader(text).get_single_node()
        return None if node is None else _Builder().build(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ValueError(f"cannot be read as YAML: {_place(mark)}{_problem(error)}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ValueError(f"line {line}: {_refused(error.character)}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def scalar(text: str) -> str | None:
    """A single value as it is written in YAML without quotes."""
    return None if text in _EMPTY else text


class _Loader(yaml.BaseLoader):
    """Makes nodes, and stops early where there are too many or they lie too deep."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        self._count += 1
        if self._depth > 2 * _DEEPEST or self._count > _MOST:
            raise ValueError("it is nested too deeply" if self._count <= _MOST else _too_many())
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Builder:
    """Turns nodes into values, and counts them as often as they are repeated."""

    def __init__(self) -> None:
        self._count = 0
        self._above: list[Node] = []

    def build(self, node: Node) -> Value:
        self._count += 1
        if self._count > _MOST:
            raise ValueError(_too_many())
        if len(self._above) > _DEEPEST or node in self._above:
            raise ValueError("it is nested too deeply")
        if not node.tag.startswith(_PLAIN) or node.tag.removeprefix(_PLAIN) not in ("str", "seq", "map"):
            raise ValueError(f"{_place(node.start_mark)}a setting is no {shown(node.tag.replace(_PLAIN, '!!'))}")
        self._above.append(node)
        try:
            if isinstance(node, ScalarNode):
                return self._text(node)
            if isinstance(node, SequenceNode):
                return [self.build(inner) for inner in node.value]
            assert isinstance(node, MappingNode)
            return self._section(node)
        finally:
            self._above.pop()

    def _text(self, node: ScalarNode) -> str | None:
        text: str = node.value
        for char in text:
            if char not in "\n\t" and not char.isprintable() and (char < " " or "\ud800" <= char <= "\udfff"):
                raise ValueError(f"{_place(node.start_mark)}{_refused(ord(char))}")
        return scalar(text) if node.style is None else text

    def _section(self, node: MappingNode) -> dict[str, Value]:
        section: dict[str, Value] = {}
        merged: list[Value] = []
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise ValueError(f"line {line}: the name of a setting must be a word")
            name = self._text(key) or key.value
            if name == _MERGE and key.style is None:
                inner = self.build(value)
                merged += inner if isinstance(inner, list) else [inner]
                continue
            if name in lines:
                raise ValueError(f"`{name}` stands in line {lines[name]} and again in line {line}; keep one of them")
            lines[name] = line
            section[name] = self.build(value)
        for other in merged:
            if not isinstance(other, dict):
                raise ValueError(f"{_place(node.start_mark)}`{_MERGE}` takes over sections only")
            section = other | section
        return section


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or "it cannot be understood"
    return f"{error.context} {problem}" if error.context and problem.startswith("but ") else problem


def _too_many() -> str:
    return f"it holds more than {_MOST:,} values, those that aliases repeat counted each time"


def _refused(character: int) -> str:
    return f"the character U+{character:04X} cannot be used"


def _place(mark: Any) -> str:
    return "" if mark is None else f"line {mark.line + 1}: "
