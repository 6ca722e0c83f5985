"""The picture of a song: in its tags, or beside it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import mutagen
from mutagen.flac import Picture

_LARGEST = 4_000_000  # bytes
_BESIDE = ("cover", "folder", "front", "album")
_BEGINNINGS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp"}


def cover(path: Path) -> tuple[bytes, str] | None:
    """The picture of the song at ``path`` and its kind; None where there is none that a browser shows."""
    return _checked(_inside(path)) or _checked(_beside(path))


def _checked(content: bytes | None) -> tuple[bytes, str] | None:
    """``content`` with its kind, found from its first bytes alone."""
    if not content or len(content) > _LARGEST:
        return None
    kind = next((kind for beginning, kind in _BEGINNINGS.items() if content.startswith(beginning)), None)
    return (content, kind) if kind is not None else None


def _inside(path: Path) -> bytes | None:
    try:
        file: Any = mutagen.File(path)
        tags = file.tags if file is not None else None
        found = list(getattr(file, "pictures", ()))  # FLAC
        if not found and tags is not None:
            found = _in_tags(tags)
        return bytes(getattr(found[0], "data", found[0])) if found else None
    except Exception:  # noqa: BLE001  a file of a stranger: whatever is wrong with it, it has no picture
        return None


def _in_tags(tags: Any) -> list[Any]:
    if hasattr(tags, "getall"):  # ID3
        return list(tags.getall("APIC"))
    parse: Any = Picture
    vorbis = [parse(base64.b64decode(text)) for text in tags.get("metadata_block_picture") or ()]
    return vorbis or list(tags.get("covr") or ())  # MP4


def _beside(path: Path) -> bytes | None:
    try:
        names = {file.name.lower(): file for file in path.parent.iterdir()}
        for stem in _BESIDE:
            for ending in (".jpg", ".jpeg", ".png"):
                file = names.get(stem + ending)
                if file is not None and file.stat().st_size <= _LARGEST:
                    return file.read_bytes()
    except OSError:
        return None
    return None
