"""Tags in files: title, artist and the like, and the names of mood, tempo and key in each format.

Names follow ID3v2.4, MusicBrainz Picard and Mixxx, so that players find them: https://picard-docs.musicbrainz.org,
"Tag Mapping".
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mutagen
from mutagen.apev2 import APEv2
from mutagen.asf import ASFTags
from mutagen.id3 import ID3, Frames
from mutagen.mp4 import MP4FreeForm, MP4Tags

from streammood.config.base import printable
from streammood.errors import SinkError, SourceError
from streammood.library.track import Words

FIELDS = ("mood", "bpm", "key", "valence", "arousal", "energy")
"""The tags that are written."""
_LONGEST = 300  # characters of a tag that are stored
_ITUNES = "----:com.apple.iTunes:"
_ID3 = {"mood": "TMOO", "bpm": "TBPM", "key": "TKEY", **{name: f"TXXX:{name.upper()}" for name in FIELDS[3:]}}
_VORBIS = {"mood": "MOOD", "bpm": "BPM", "key": "INITIALKEY", **{name: name.upper() for name in FIELDS[3:]}}
_MP4 = {"mood": f"{_ITUNES}MOOD", "bpm": "tmpo", "key": f"{_ITUNES}initialkey"} | {
    name: f"{_ITUNES}{name.upper()}" for name in FIELDS[3:]
}
_ASF = {"mood": "WM/Mood", "bpm": "WM/BeatsPerMinute", "key": "WM/InitialKey"} | {
    name: f"streammood/{name.capitalize()}" for name in FIELDS[3:]
}


def words(path: Path) -> Words:
    """The tags of the file at ``path``; empty where they cannot be read."""
    try:
        file = mutagen.File(path, easy=True)
    except Exception:  # noqa: BLE001  a file of a stranger: whatever its tags do to the parser, its sound may be fine
        return Words()
    if file is None or file.tags is None:
        return Words()
    return Words(*(_first(file.tags, name) for name in ("title", "artist", "album", "genre")))


def _first(found: Any, name: str) -> str:
    try:
        value = found[_ASF_WORDS.get(name, name) if isinstance(found, ASFTags) else name]
    except (KeyError, ValueError, TypeError):
        return ""
    text = str(value[0] if isinstance(value, list) and value else value or "")
    return " ".join(text.split())[:_LONGEST]


_ASF_WORDS = {"title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "genre": "WM/Genre"}


def read(path: Path) -> dict[str, str]:
    """The values of ``FIELDS`` that stand in the tags of the file at ``path``.

    Raises:
        SourceError: it cannot be read, or its format holds no tags that are written here.
    """
    tags = _open(path).tags
    return {} if tags is None else _values(tags)


def write(path: Path, values: Mapping[str, str | None], keep_mtime: bool = False) -> None:
    """Set tags of the file at ``path``; the others, and the sound, stay as they are.

    The file is copied, the copy changed and read back, and put in the place of the file, which is never half written.

    Args:
        path: The file; where it is a link, the file that it leads to.
        values: Of ``FIELDS``; None deletes a tag.
        keep_mtime: The file looks as old as it was.

    Raises:
        SourceError: it cannot be read, or its format holds no tags that are written here.
        SinkError: it cannot be written.
    """
    path = path.resolve()
    name = printable(str(path))
    _open(path)
    copy: Path | None = None
    try:
        before = path.stat()
        handle, made = tempfile.mkstemp(prefix=".streammood-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        copy = Path(made)
        shutil.copy2(path, copy)
        with contextlib.suppress(OSError, AttributeError):  # another user's file, or Windows
            os.chown(copy, before.st_uid, before.st_gid)
        _change(copy, values)
        if not keep_mtime:
            os.utime(copy)
        else:
            os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
        with copy.open("rb+") as file:
            os.fsync(file.fileno())
        copy.replace(path)
    except (OSError, mutagen.MutagenError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SinkError(f"{name}: its tags cannot be written ({reason}); it is as it was") from None
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)


def _change(path: Path, values: Mapping[str, str | None]) -> None:
    file = _open(path)
    if file.tags is None:
        file.add_tags()
    for name, value in values.items():
        _set(file.tags, name, value)
    file.save()
    found = read(path)
    wrong = [name for name, value in values.items() if found.get(name) != value]
    if wrong:
        raise ValueError(f"{wrong[0]} reads back as {found.get(wrong[0])!a}")


def _open(path: Path) -> Any:
    name = printable(str(path))
    try:
        file: Any = mutagen.File(path)
    except (mutagen.MutagenError, OSError) as error:
        raise SourceError(f"{name}: its tags cannot be read ({error})") from None
    except Exception as error:  # noqa: BLE001  a file of a stranger may break the parser
        raise SourceError(f"{name}: its tags cannot be read ({type(error).__name__})") from None
    if file is not None and file.tags is None:
        with contextlib.suppress(Exception):  # formats without tags raise several errors
            file.add_tags()
    if file is None or (file.tags is None and not hasattr(file, "add_tags")) or _names(file.tags) is None:
        raise SourceError(f"{name}: this kind of file holds no tags that are written here")
    return file


def _names(tags: Any) -> Mapping[str, str] | None:
    """What ``FIELDS`` are called in ``tags``; None where they cannot be there."""
    if isinstance(tags, ID3):
        return _ID3
    if isinstance(tags, MP4Tags):
        return _MP4
    if isinstance(tags, ASFTags):
        return _ASF
    if isinstance(tags, APEv2) or hasattr(tags, "vendor"):  # Vorbis comments carry their vendor
        return _VORBIS
    return None


def _values(tags: Any) -> dict[str, str]:
    names = _names(tags) or {}
    found = {}
    for name, native in names.items():
        value = tags.get(native)
        if isinstance(tags, ID3):
            value = value.text if value is not None else None
        if value is None:
            continue
        first = value[0] if isinstance(value, list) and value else value
        text = bytes(first).decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
        if text and text != "[]":
            found[name] = text
    return found


def _set(found: Any, name: str, value: str | None) -> None:
    native = (_names(found) or {})[name]
    tags: Any = found  # which mutagen leaves untyped
    if value is None:
        if native in tags:
            del tags[native]
    elif isinstance(found, ID3):
        kind, _, described = native.partition(":")
        more = {"desc": described} if described else {}
        tags.setall(native, [Frames[kind](encoding=3, text=[value], **more)])
    elif isinstance(found, MP4Tags):
        free: Any = MP4FreeForm
        tags[native] = [int(value)] if native == "tmpo" else [free(value.encode())]
    else:
        tags[native] = value if isinstance(found, APEv2) else [value]
