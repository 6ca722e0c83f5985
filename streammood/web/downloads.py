"""What can be downloaded of an analysed song beside its JSON: pictures, pages, tables, label tracks."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path

from streammood.capture.sound_file import SoundFile
from streammood.songs import spreadsheets
from streammood.songs.song import Song
from streammood.web.whole import whole

_TEXTS: Mapping[str, Callable[[Song], str]] = {
    "beats.csv": spreadsheets.beats_csv,
    "moods.csv": spreadsheets.moods_csv,
    "beats.txt": spreadsheets.beat_labels,
    "moods.txt": spreadsheets.mood_labels,
    "onsets.txt": spreadsheets.onset_labels,
}
DOWNLOADS = ("picture.png", "page.html", *_TEXTS)
"""How the names of downloads end, after that of the song."""


def store(song: Song, path: Path) -> None:
    """Store ``song`` for later downloads, in a folder that this user alone can write to.

    Raises:
        OSError: it cannot be written.
    """
    with whole(path) as part:
        part.write_bytes(pickle.dumps(song))


def write(download: str, analysis: Path, sound: Path, title: str, to: Path) -> None:
    """Make one of ``DOWNLOADS``.

    Args:
        download: Which.
        analysis: Where ``store`` has written the song.
        sound: The song's own file.
        title: What people call it.
        to: Where the download is written; it is there whole or not at all.

    Raises:
        SourceError: the sound cannot be read.
        OSError: something cannot be written.
    """
    song: Song = pickle.loads(analysis.read_bytes())
    text = _TEXTS.get(download)
    content = text(song).encode() if text is not None else _drawn(download, song, sound, title)
    with whole(to) as part:
        part.write_bytes(content)


def _drawn(download: str, song: Song, sound: Path, title: str) -> bytes:
    from streammood.songs import picture  # noqa: PLC0415  heavy
    from streammood.songs.page import page  # noqa: PLC0415  likewise
    from streammood.songs.sketch import sketch  # noqa: PLC0415  likewise

    drawn = io.BytesIO()
    picture.save(picture.draw(song, sketch(SoundFile(sound), song.duration), title), drawn, ".png")
    return drawn.getvalue() if download == "picture.png" else page(song, drawn.getvalue(), sound, title).encode()
