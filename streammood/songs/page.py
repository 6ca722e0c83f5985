"""A song as one page that needs nothing else: its picture, its sound, and a playhead that runs over both."""

from __future__ import annotations

import base64
import html
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

from streammood.palette import colours
from streammood.songs.picture import BOTTOM, CIRCUMPLEX, LEFT, RIGHT, TOP
from streammood.songs.song import Song
from streammood.songs.sound import playable

_HOLE = re.compile(r"\{\{(\w+)\}\}")


def page(song: Song, picture: bytes, path: Path, title: str) -> str:
    """The page of the song at ``path``; ``picture`` is its PNG.

    Raises:
        SourceError: the sound cannot be read any more.
        OSError: likewise.
    """
    kind, sound = playable(path)
    left, bottom, right, top = CIRCUMPLEX
    layout = {
        "left": LEFT,
        "right": RIGHT,
        "top": 1.0 - TOP,
        "bottom": 1.0 - BOTTOM,
        "circumplex": {"left": left, "right": right, "top": 1.0 - top, "bottom": 1.0 - bottom},
    }
    holes = {
        "title": html.escape(title),
        "alt": html.escape(_in_words(song, title)),
        "picture": base64.b64encode(picture).decode("ascii"),
        "kind": kind,
        "sound": base64.b64encode(sound).decode("ascii"),
        "song": _inline(song.to_dict()),
        "layout": _inline(layout),
        "colours": _inline(colours(song.labels, "paper")),
    }
    template = resources.files("streammood.songs").joinpath("page.html").read_text(encoding="utf-8")
    return _HOLE.sub(lambda hole: holes[hole[1]], template)


def _in_words(song: Song, title: str) -> str:
    """The picture for those who cannot see it."""
    mood = "no mood was heard" if song.mood is None else f"its mood is {song.mood.label}"
    parts = ", ".join(f"{part.label} from {part.start:.0f} to {part.end:.0f} s" for part in song.stretches())
    return f"{title}: {song.duration:.0f} s at {song.bpm:.1f} BPM; {mood}" + (f" ({parts})." if parts else ".")


def _inline(value: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
