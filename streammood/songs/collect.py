"""From given paths to sound files: files, folders, and the files that are left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streammood.capture.sound_file import SUFFIXES
from streammood.config.base import printable

_PASSED_OVER = frozenset(
    {"__MACOSX", ".AppleDouble", ".Trash", ".Trashes", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
)
"""Folders that systems make for themselves."""
_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # first bytes of a file's resource fork on a Mac
_KINDS = 8  # that are listed by name
_LONGEST = 12  # characters of an ending


@dataclass(slots=True)
class Collection:
    """The files, in the order in which they were named; those of a folder by name."""

    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # given paths without any readable file
    left_out: Counter[str] = field(default_factory=Counter)  # files in folders, by the endings of their names

    def note(self) -> str | None:
        """The files that were left out, in words; None if there are none."""
        if not self.left_out:
            return None
        kinds = [f"{count} {kind}" for kind, count in self.left_out.most_common(_KINDS)]
        others = self.left_out.total() - sum(count for _, count in self.left_out.most_common(_KINDS))
        kinds += [f"{others} others"] if others else []
        return f"left out, since their names are not those of sound files: {', '.join(kinds)}"


def collect(paths: Sequence[Path]) -> Collection:
    """The files that ``paths`` name; a folder stands for all sound files below it, also through links."""
    found = Collection()
    for path in paths:
        if not _is_folder(path):
            found.files.append(path)  # reading it will show whether it can be read
            continue
        inside = []
        for file in _below(path, found):
            if file.suffix.lower() in SUFFIXES:
                inside.append(file)
            else:
                found.left_out[_kind(file)] += 1
        if not inside:
            found.problems.append(f"{printable(str(path))}: no sound files in this folder")
        found.files += sorted(inside)
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no system takes
        return False


def _below(folder: Path, found: Collection) -> Iterator[Path]:
    """Every file below ``folder``; a folder to which several links lead is entered once."""

    def unread(error: OSError) -> None:
        found.problems.append(f"{printable(str(error.filename))}: cannot be entered ({error.strerror})")

    entered: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, onerror=unread, followlinks=True):
        here = Path(place)
        entry = here.stat()
        identity = (entry.st_dev, entry.st_ino)
        if identity in entered:
            folders.clear()
            continue
        entered.add(identity)
        folders[:] = sorted(set(folders) - _PASSED_OVER)
        yield from (here / name for name in names if not _is_apple_double(here / name))


def _is_apple_double(path: Path) -> bool:
    if not path.name.startswith("._") or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_APPLE_DOUBLE)) == _APPLE_DOUBLE
    except OSError:
        return False


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    return printable(suffix) if 1 < len(suffix) <= _LONGEST else "without an ending"
