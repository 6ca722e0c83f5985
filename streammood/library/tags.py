"""Tags in files: what they say of a song, and the moods, tempo and key that are written into them."""

from __future__ import annotations

from pathlib import Path

import mutagen

from streammood.library.track import Words

_LONGEST = 300  # characters of a tag that are stored


def words(path: Path) -> Words:
    """What the tags of the file at ``path`` say; nothing where they cannot be read."""
    try:
        file = mutagen.File(path, easy=True)
    except Exception:  # noqa: BLE001  a file of a stranger: whatever its tags do to the parser, its sound may be fine
        return Words()
    if file is None or file.tags is None:
        return Words()
    return Words(*(_first(file.tags, name) for name in ("title", "artist", "album", "genre")))


def _first(found: object, name: str) -> str:
    try:
        value = found[name]  # type: ignore[index]
    except (KeyError, ValueError, TypeError):
        return ""
    text = str(value[0] if isinstance(value, list) and value else value or "")
    return " ".join(text.split())[:_LONGEST]
