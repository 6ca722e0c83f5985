"""Targets in a settings file, changed for a person who edits no file: comments stay, and every change can be undone."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import re
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from streammood.config import load
from streammood.config.base import shown
from streammood.config.presets import shipped_presets
from streammood.config.trees import read_tree
from streammood.config.yaml_text import parse
from streammood.errors import ConfigError

FIELDS = ("name", "preset", "host", "port", "offset")
"""What can be changed of a target, in their order."""
INPUT_FIELDS = ("device", "channels", "gain")
"""What can be changed of the input."""
_MOST_UNDONE = 50
_MOST_TARGETS = 64
_SEQUENCE = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ", re.MULTILINE)


_MAPPING = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*( +)[^\s#-]", re.MULTILINE)


class SettingsFile:
    """One YAML file; its methods may be called by any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._undo: list[tuple[str, str]] = []  # texts before and after each change
        self._lock = threading.Lock()

    @property
    def undoable(self) -> int:
        """How many changes can be undone."""
        return len(self._undo)

    def targets(self) -> list[dict[str, Any]]:
        """The targets that hold, each with its ``FIELDS``; those that the file does not name are empty.

        Raises:
            ConfigError: the file is not right.
        """
        written = _written(read_tree(str(self.path))[0])
        return [
            {
                "name": target.name or "",
                "preset": target.preset or "",
                "host": target.host,
                "port": target.port,
                "offset": target.offset,
                "title": target.title,
                "own": sorted(own),
            }
            for target, own in zip(load(str(self.path)).osc.targets, written, strict=True)
        ]

    def add(self, fields: Mapping[str, object]) -> None:
        """A new target at the end.

        Raises:
            ConfigError: it is not right, or the file cannot be written.
        """
        self._change(lambda targets: targets.append(_filled(CommentedMap(), fields)))

    def change(self, index: int, fields: Mapping[str, object]) -> None:
        """Give the target at ``index``, from 0, other ``fields``; an empty one goes back to its default.

        Raises:
            ConfigError: the target does not exist, a value is wrong, or the file cannot be written.
        """

        def apply(targets: list[Any]) -> None:
            targets[index] = _filled(_as_map(targets[index]), fields)

        self._change(apply, index)

    def copy(self, index: int) -> None:
        """The target at ``index`` once more, after it, under a name of its own.

        Raises:
            ConfigError: as for ``change``.
        """

        def apply(targets: list[Any]) -> None:
            made = copy.deepcopy(_as_map(targets[index]))
            names = {str(_as_map(target).get("name")) for target in targets}
            first = str(made.get("name") or "target")[:36]
            made["name"] = next(name for n in range(2, 1000) if (name := f"{first} {n}") not in names)
            targets.insert(index + 1, made)

        self._change(apply, index)

    def remove(self, index: int) -> None:
        """Take the target at ``index`` out.

        Raises:
            ConfigError: as for ``change``.
        """
        self._change(lambda targets: targets.pop(index), index)

    def input(self) -> dict[str, Any]:
        """What the file says of the input: its ``INPUT_FIELDS``, empty where it says nothing.

        Raises:
            ConfigError: the file is not right.
        """
        given = read_tree(str(self.path))[0].get("input")
        own = load(str(self.path)).input
        here = given if isinstance(given, dict) else {}
        values = {name: getattr(own, name) for name in INPUT_FIELDS if here.get(name) is not None}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def set_input(self, fields: Mapping[str, object]) -> None:
        """Give the input other ``INPUT_FIELDS``; an empty one goes back to its default.

        Raises:
            ConfigError: they are not right, or the file cannot be written.
        """
        unknown = set(fields) - set(INPUT_FIELDS)
        if unknown:
            raise ConfigError(f"the input has no {shown(min(unknown))}; there are {', '.join(INPUT_FIELDS)}")

        def apply(document: CommentedMap) -> None:
            if document.get("input") is None:
                document["input"] = CommentedMap()
            for name, value in fields.items():
                if value is None or value == "":
                    document["input"].pop(name, None)
                else:
                    document["input"][name] = value
            if not document["input"]:
                del document["input"]

        with self._lock:
            tree, _ = read_tree(str(self.path))
            self._edit(apply, tree, _without_input)

    def undo(self) -> None:
        """Take the latest change back.

        Raises:
            ConfigError: there is none, or the file was changed by somebody else since.
        """
        with self._lock:
            if not self._undo:
                raise ConfigError("there is no change to undo")
            before, after = self._undo[-1]
            if self._read() != after:
                raise ConfigError(f"{self.path.name} was changed by another program since; undo it there")
            self._write(before)
            self._undo.pop()

    def _change(self, apply: Any, index: int | None = None) -> None:
        """Have ``apply`` change the list of targets, and write the file if it is right then."""
        with self._lock:
            tree, _ = read_tree(str(self.path))  # refuses what is too large, too deep, or no settings
            count = len(load(str(self.path)).osc.targets)
            if index is not None and not 0 <= index < count:
                raise ConfigError(f"there is no target {index + 1}; there are {count}")
            if index is None and count >= _MOST_TARGETS:
                raise ConfigError(f"there are {count} targets already, and at most {_MOST_TARGETS}")

            def change(document: CommentedMap) -> None:
                osc = document.setdefault("osc", CommentedMap())
                if osc is None:
                    document["osc"] = osc = CommentedMap()
                if osc.get("targets") is None:
                    osc["targets"] = CommentedSeq([CommentedMap(host="127.0.0.1", port=7000)])
                apply(osc["targets"])
                if not osc["targets"]:
                    osc.ca.items.pop("targets", None)  # comments of removed entries would break an empty list
                    osc["targets"] = CommentedSeq()

            self._edit(change, tree, _without_targets)

    def _edit(
        self,
        apply: Callable[[CommentedMap], None],
        tree: Mapping[str, Any],
        rest: Callable[[Mapping[str, Any]], dict[str, Any]],
    ) -> None:
        """Have ``apply`` change the file that holds ``tree``; ``rest`` of it must be as it was."""
        before = self._read()
        yaml = _round_trip(before)
        written = io.StringIO()
        try:
            document = yaml.load(before) or CommentedMap()
            apply(document)
            yaml.dump(document, written)
        except (YAMLError, AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"{self.path.name} cannot be changed here ({error}); edit it by hand") from None
        after = written.getvalue() if document else "# nothing is set\n"
        try:
            changed = parse(after)
        except ValueError:
            changed = None
        if not isinstance(changed or {}, dict) or rest(changed or {}) != rest(tree):  # type: ignore[arg-type]
            raise ConfigError(f"{self.path.name} is written in a way that cannot be kept; edit it by hand")
        self._write(after, check=True)
        self._undo = [*self._undo, (before, after)][-_MOST_UNDONE:]

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path.name} cannot be read ({error}); save it as UTF-8") from None

    def _write(self, text: str, check: bool = False) -> None:
        """Put ``text`` in the place of the file, whole or not at all; with ``check``, only if it is right."""
        new = ""
        try:
            number, new = tempfile.mkstemp(suffix=".yaml", prefix=f".{self.path.stem}-", dir=self.path.parent)
            with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if check:
                self._check(new)
            Path(new).chmod(self.path.stat().st_mode & 0o777)
            Path(new).replace(self.path)
        except OSError as error:
            raise ConfigError(f"{self.path.name} cannot be written ({error.strerror}); is the disk full?") from None
        finally:
            with contextlib.suppress(OSError):
                Path(new).unlink()

    def _check(self, new: str) -> None:
        try:
            load(new)
        except ConfigError as error:
            raise ConfigError(str(error).replace(f"{new}: ", "")) from None


def _round_trip(text: str) -> YAML:
    """A reader and writer that keeps comments, quotes and the indentation of ``text``."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    offset, mapping = (
        len(found[2]) - len(found[1]) if found else 2 for found in (_SEQUENCE.search(text), _MAPPING.search(text))
    )
    yaml.indent(mapping=max(1, mapping), sequence=max(0, offset) + 2, offset=max(0, offset))
    return yaml


def _written(tree: Mapping[str, Any]) -> list[list[str]]:
    """The fields that the file has for each target."""
    osc = tree.get("osc")
    targets = osc.get("targets") if isinstance(osc, dict) else None
    if targets is None:
        return [[]]
    return [["host", "port"] if isinstance(t, str) else [name for name in FIELDS if name in t] for t in targets]


def _as_map(target: object) -> CommentedMap:
    """A target as its settings, also where it is written as ``HOST:PORT``."""
    if isinstance(target, CommentedMap):
        return target
    if isinstance(target, str):
        host, _, port = target.rpartition(":")
        return CommentedMap(host=host.strip("[]"), port=int(port))
    raise ConfigError(f"a target is written as {shown(target)}; edit the file by hand")


def _filled(target: CommentedMap, fields: Mapping[str, object]) -> CommentedMap:
    """``target`` with these ``fields``.

    Raises:
        ConfigError: one of them is none, or of another kind.
    """
    for name in FIELDS:
        if name not in fields:
            continue
        value = fields[name]
        if value is None or value == "":
            target.pop(name, None)
        elif name in {"port", "offset"}:
            target[name] = _number(name, value)
        elif not isinstance(value, str) or len(value) > 200 or not value.isprintable():
            raise ConfigError(f"{name}: must be a text, got {shown(value)}")
        elif name == "preset" and value not in shipped_presets():
            raise ConfigError(f"no preset {shown(value)}; there are {', '.join(shipped_presets())}")
        else:
            target[name] = value.strip()
    return target


def _number(name: str, value: object) -> int | float:
    low, high = (1, 65_535) if name == "port" else (-200.0, 1000.0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(f"{name}: must be a number in {low:g}..{high:g}, got {shown(value)}")
    return int(value) if float(value).is_integer() else float(value)


def _without_input(tree: Mapping[str, Any]) -> dict[str, Any]:
    """``tree`` but for the fields of its input that can be changed."""
    given = tree.get("input")
    own = {name: value for name, value in given.items() if name not in INPUT_FIELDS} if isinstance(given, dict) else {}
    return {name: value for name, value in tree.items() if name != "input"} | ({"input": own} if own else {})


def _without_targets(tree: Mapping[str, Any]) -> dict[str, Any]:
    """``tree`` but for its targets."""
    osc = tree.get("osc")
    rest = {name: value for name, value in osc.items() if name != "targets"} if isinstance(osc, dict) else {}
    return {name: value for name, value in tree.items() if name != "osc"} | ({"osc": rest} if rest else {})
