"""Playlists as other programs read them: M3U8, XSPF, smart playlists of Navidrome, and rekordbox's XML."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes
from xml.etree import ElementTree

from streammood import __version__
from streammood.config.base import printable
from streammood.errors import ConfigError, SinkError
from streammood.library.catalogue import Entry
from streammood.library.find import Query

KINDS = (".m3u8", ".m3u", ".xspf", ".nsp", ".xml")
"""How the names of files end that can be written."""
_NOT_XML = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_BROKEN = re.compile(rb"[\x00-\x1f\x7f]|^\s|\s$")
_XSPF = "http://xspf.org/ns/0/"


def write(path: Path, songs: Sequence[Entry], query: Query, relative: bool = False) -> None:
    """Write a playlist of the kind given by the suffix of ``path``.

    Args:
        path: Ends in one of ``KINDS``; a file that is there is replaced.
        songs: In their order.
        query: By which they were found; a ``.nsp`` holds it instead of the songs, so it follows the collection.
        relative: Paths of songs are written as seen from the folder of the playlist, where a format has such.

    Raises:
        ConfigError: the kind is not known, or cannot hold this query.
        SinkError: it cannot be written.
    """
    kind = path.suffix.lower()
    folder = path.absolute().parent if relative else None
    if kind in {".m3u8", ".m3u"}:
        content = m3u8(songs, folder)
    elif kind == ".xspf":
        content = xspf(songs, path.stem)
    elif kind == ".xml":
        content = rekordbox(songs, path.stem)
    elif kind == ".nsp":
        content = nsp(query, path.stem)
    else:
        raise ConfigError(f"a playlist is called {', '.join('*' + known for known in KINDS)}, got {path.name[:60]!a}")
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except (OSError, ValueError) as error:
        raise SinkError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from None


def m3u8(songs: Sequence[Entry], folder: Path | None = None) -> bytes:
    """An extended M3U in UTF-8: names that are no text stay bytes; those that break lines are URIs."""
    lines = [b"#EXTM3U"]
    for song in songs:
        path = os.fsencode(os.path.relpath(song.path, folder) if folder is not None else song.path)
        if _BROKEN.search(path) or path.startswith(b"#"):
            path = uri(song.path).encode()  # a line is a path, unless it is a comment
        name = printable(" ".join(song.name.split())).encode("utf-8", "replace")
        lines += [b"#EXTINF:%d,%s" % (round(song.duration), name), path]
    return b"\n".join(lines) + b"\n"


def xspf(songs: Sequence[Entry], title: str) -> bytes:
    """An XSPF playlist, version 1."""
    ElementTree.register_namespace("", _XSPF)
    root = ElementTree.Element(f"{{{_XSPF}}}playlist", version="1")
    _text(root, "title", title)
    listed = ElementTree.SubElement(root, f"{{{_XSPF}}}trackList")
    for song in songs:
        track = ElementTree.SubElement(listed, f"{{{_XSPF}}}track")
        _text(track, "location", uri(song.path))
        _text(track, "title", song.words.title or song.path.stem)
        for name, value in (("creator", song.words.artist), ("album", song.words.album)):
            if value:
                _text(track, name, value)
        _text(track, "duration", str(round(1000 * song.duration)))
    return _document(root)


def _text(parent: ElementTree.Element, name: str, value: str) -> None:
    ElementTree.SubElement(parent, f"{{{_XSPF}}}{name}").text = _clean(value)


def _document(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root)
    found: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _clean(text: str) -> str:
    """``text`` without what XML cannot hold."""
    return _NOT_XML.sub("?", text)


def uri(path: Path, host: str = "") -> str:
    """``path`` as an address, whatever bytes its name holds."""
    if os.name == "nt":
        return f"file://{host}/{quote(path.as_posix(), safe='/:')}"
    return f"file://{host}{quote_from_bytes(os.fsencode(path))}"


def rekordbox(songs: Sequence[Entry], title: str) -> bytes:
    """A library with one playlist, as rekordbox 5 and later import it ("bridge"); the mood is the comment."""
    root = ElementTree.Element("DJ_PLAYLISTS", Version="1.0.0")
    ElementTree.SubElement(root, "PRODUCT", Name="streammood", Version=__version__, Company="streammood")
    collection = ElementTree.SubElement(root, "COLLECTION", Entries=str(len(songs)))
    playlists = ElementTree.SubElement(root, "PLAYLISTS")
    top = ElementTree.SubElement(playlists, "NODE", Type="0", Name="ROOT", Count="1")
    node = ElementTree.SubElement(top, "NODE", Name=_clean(title), Type="1", KeyType="0", Entries=str(len(songs)))
    for song in songs:
        place = f"valence {song.valence:+.2f} arousal {song.arousal:+.2f}" if song.valence is not None else ""
        attributes = {
            "TrackID": str(song.id),
            "Name": song.words.title or song.path.stem,
            "Artist": song.words.artist,
            "Album": song.words.album,
            "Genre": song.words.genre,
            "Kind": f"{song.path.suffix[1:].upper()} File",
            "TotalTime": str(round(song.duration)),
            "AverageBpm": f"{song.bpm:.2f}",
            "Tonality": song.key,
            "Comments": f"{song.mood} {place}".strip(),
            "Location": uri(song.path, "localhost"),
        }
        ElementTree.SubElement(collection, "TRACK", {name: _clean(value) for name, value in attributes.items()})
        ElementTree.SubElement(node, "TRACK", Key=str(song.id))
    return _document(root)


def nsp(query: Query, title: str) -> bytes:
    """A smart playlist of Navidrome (0.55 or later): rules over the tags that ``library tag`` writes.

    Valence, arousal and energy are tags that its settings must name, see ``docs/library.md``.

    Raises:
        ConfigError: rules cannot express ``query``.
    """
    if query.like is not None or query.at is not None or query.key is not None:
        raise ConfigError(
            "a .nsp holds rules, which know no distances and keys: "
            "give --mood, --bpm, --valence, --arousal, --energy or --text, or write a .m3u8"
        )
    rules: list[dict[str, Any]] = []
    if query.mood is not None:
        rules.append({"is": {"mood": query.mood}})
    for name in ("bpm", "valence", "arousal", "energy"):
        wanted = getattr(query, name)
        if wanted is None:
            continue
        low, high = wanted
        if math.isfinite(low) and math.isfinite(high):
            rules.append({"inTheRange": {name: [low, high]}})
        elif math.isfinite(low) or math.isfinite(high):
            rules.append({"gt": {name: low}} if math.isfinite(low) else {"lt": {name: high}})
    for word in query.text.split():
        rules.append({"any": [{"contains": {name: word}} for name in ("title", "artist", "album", "genre")]})
    if not rules:
        raise ConfigError("a .nsp needs at least one rule, such as --mood calm")
    smart = {"name": title, "comment": "made by streammood", "all": rules, "sort": "random", "limit": query.limit}
    return json.dumps(smart, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
