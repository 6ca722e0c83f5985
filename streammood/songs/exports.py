"""The files to write for each song: one file for one song, a folder for several."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.config.base import printable
from streammood.errors import ConfigError, SinkError, SourceError
from streammood.songs import spreadsheets
from streammood.songs.batch import make_folder
from streammood.songs.sketch import sketch
from streammood.songs.song import Song

Kind = Literal["plot", "html", "beats", "csv", "labels"]
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "plot": (".png", ".svg", ".pdf"),
    "html": (".html", ".htm"),
    "beats": (".json",),
    "csv": (),
    "labels": (),
}
"""How the name of a single file may end; the first is what files in a folder get. Without any: a folder only."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one kind of output goes."""

    path: Path
    folder: bool

    @classmethod
    def of(cls, kind: Kind, path: Path, songs: int) -> Place:
        """The place that ``--kind path`` means for so many ``songs``; missing folders are created.

        Raises:
            ConfigError: one file is named for several songs.
            SinkError: nothing can be written there.
        """
        folder = path.is_dir() or path.suffix.lower() not in SUFFIXES[kind]
        if not folder and songs > 1:
            raise ConfigError(f"--{kind} {path}: is one file, but there are {songs} songs; name a folder")
        make_folder(path if folder else path.parent)
        return cls(path, folder)

    def file(self, stem: str, ending: str) -> Path:
        """The file for the song that is called ``stem``."""
        return self.path / f"{stem}{ending}" if self.folder else self.path


class Exports:
    """Writes all that was asked for; called by the process that has analysed the song."""

    def __init__(self, settings: Settings, places: dict[Kind, Place]) -> None:
        self._settings = settings
        self._places = places

    def __call__(self, song: Song, path: Path, stem: str) -> None:
        """Write everything about ``song``, which was read from ``path`` and is called ``stem``.

        Raises:
            SinkError: something cannot be written.
        """
        writers: dict[Kind, Callable[[Place, Song, str], None]] = {"beats": _beats, "csv": _csv, "labels": _labels}
        for kind, write in writers.items():
            if kind in self._places:
                write(self._places[kind], song, stem)
        if self._places.keys() & {"plot", "html"}:
            self._pictures(song, path, stem)

    def _pictures(self, song: Song, path: Path, stem: str) -> None:
        from streammood.songs import picture  # noqa: PLC0415  heavy, and an extra
        from streammood.songs.page import page  # noqa: PLC0415  likewise

        sound = SoundFile(path, self._settings.input.channels)
        figure = picture.draw(song, sketch(sound, song.duration), printable(path.stem))
        if "plot" in self._places:
            place = self._places["plot"]
            to = place.file(stem, SUFFIXES["plot"][0])
            drawn = io.BytesIO()
            picture.save(figure, drawn, to.suffix.lower())
            _write(to, drawn.getvalue())
        if "html" in self._places:
            drawn = io.BytesIO()
            picture.save(figure, drawn, ".png")
            try:
                text = page(song, drawn.getvalue(), path, printable(path.stem))
            except (OSError, SourceError) as error:
                raise SinkError(f"{path}: its sound cannot be put into a page ({error})") from None
            _write(self._places["html"].file(stem, SUFFIXES["html"][0]), text.encode())


def _beats(place: Place, song: Song, stem: str) -> None:
    text = json.dumps(song.to_dict(), allow_nan=False, indent=1)
    _write(place.file(stem, SUFFIXES["beats"][0]), text.encode() + b"\n")


def _csv(place: Place, song: Song, stem: str) -> None:
    _write(place.file(stem, ".beats.csv"), spreadsheets.beats_csv(song).encode())
    _write(place.file(stem, ".moods.csv"), spreadsheets.moods_csv(song).encode())
    _write(place.file(stem, ".sections.csv"), spreadsheets.sections_csv(song).encode())
    _write(place.file(stem, ".songs.csv"), spreadsheets.songs_csv(song).encode())


def _labels(place: Place, song: Song, stem: str) -> None:
    _write(place.file(stem, ".beats.txt"), spreadsheets.beat_labels(song).encode())
    _write(place.file(stem, ".moods.txt"), spreadsheets.mood_labels(song).encode())
    _write(place.file(stem, ".onsets.txt"), spreadsheets.onset_labels(song).encode())
    _write(place.file(stem, ".sections.txt"), spreadsheets.section_labels(song).encode())
    _write(place.file(stem, ".songs.txt"), spreadsheets.song_labels(song).encode())


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SinkError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
