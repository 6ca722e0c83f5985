"""Settings files as trees of settings, not yet judged."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from streammood import resources
from streammood.config.base import printable, shown
from streammood.config.yaml_text import Value, parse
from streammood.errors import ConfigError

_LARGEST = 250_000  # bytes; the file that names every setting has 9,000
_LONGEST_NAME = 100  # characters of a path in a message
_LONGEST = 200  # characters of a message
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, which begins alike
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_tree(name: str) -> tuple[dict[str, Value], str]:
    """The settings in the preset or YAML file ``name``, and how to call that file.

    Raises:
        ConfigError: the file is missing, or is not a mapping of settings.
    """
    path = resources.find("config", name, ".yaml")
    where = _name(path)
    try:
        tree = parse(_decode(_read(path)))
    except FileNotFoundError:
        presets = ", ".join(resources.names("config", ".yaml"))
        raise ConfigError(f"no configuration {shown(name)}: give a YAML file or one of the presets {presets}") from None
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{where}: {printable(' '.join(str(error).split()))[:_LONGEST]}") from None
    if tree is None:
        return {}, where
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: must hold settings as `name: value`, got {shown(tree)}")
    return tree, where


def _name(path: Path) -> str:
    text = str(path)
    return printable(text if len(text) <= _LONGEST_NAME else f"…{text[-_LONGEST_NAME:]}")


def _read(path: Path) -> bytes:
    """The content of a settings file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a file, or too large.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
        raise ValueError("it is no file")
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST // 1000} kB")
    return content


def _decode(content: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 as Windows marks it.

    Raises:
        ValueError: it is neither; the text names the likely encoding.
    """
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError:
                raise ValueError(f"it begins as {encoding.upper()} does, and is damaged") from None
    if content.count(0) > len(content) // 4:
        raise ValueError("it seems to be UTF-16 without a mark; save it as UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _refuse(content, error.start)


def _refuse(content: bytes, place: int) -> str:
    line = content[:place].count(b"\n") + 1
    text = content.decode("latin-1")
    if all(char.isprintable() or char in "\t\r\n" for char in text):
        raise ValueError(f"line {line}: `{text[place]}` is written as in Latin-1 (Windows); save the file as UTF-8")
    raise ValueError(f"line {line}: it is no text in UTF-8")
