"""Where the shipped presets and models lie: beside the code in a wheel, beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(kind: str) -> Path:
    """The shipped folder ``kind``, ``config`` or ``models``."""
    installed = _PACKAGE / "shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def names(kind: str, suffix: str) -> list[str]:
    """Names, without ``suffix``, of the shipped files of one kind."""
    return sorted(path.stem for path in folder(kind).glob(f"*{suffix}"))


def find(kind: str, name: str, suffix: str) -> Path:
    """The file that a user means: a shipped name, or a path of their own (which may not exist)."""
    if name in names(kind, suffix):
        return folder(kind) / f"{name}{suffix}"
    try:
        return Path(name).expanduser()
    except RuntimeError:  # the home of ``~user`` cannot be found
        return Path(name)


def home() -> Path | None:
    """The home of this user; None in a container without HOME and without an entry of the user."""
    try:
        return Path.home()
    except RuntimeError:
        return None
