"""Shared by the commands for a collection: the group, the database, the options of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streammood.analysis.key import Key
from streammood.cli import wiring
from streammood.cli.options import app
from streammood.config import Settings
from streammood.errors import ConfigError, LibraryError
from streammood.library.find import Query, Range
from streammood.library.journey import point
from streammood.library.store import Store

library = typer.Typer(
    help="A collection of songs: scan it once, then find, play, tag and export by mood, tempo and key.",
    no_args_is_help=True,
)
app.add_typer(library, name="library")

File = Annotated[
    Path | None,
    typer.Option("--library", "-l", metavar="FILE", help="The database; `library.file` of the settings by default."),
]


def settings_of(
    config: str | None, values: list[str] | None, file: Path | None, channels: str | None = None
) -> Settings:
    """Settings with the database that the command line names."""
    assigned = [*(values or []), *([f"library.file={file}"] if file is not None else [])]
    return wiring.Overrides(channels=channels, values=tuple(assigned)).load(config)


Mood = Annotated[str | None, typer.Option(metavar="LABEL", help="The likeliest of this mood first.")]
At = Annotated[str | None, typer.Option(metavar="V,A|NAME", help="Nearest to this valence and arousal first.")]
Within = Annotated[float | None, typer.Option(min=0.0, metavar="DISTANCE", help="Of --at, at most.")]
Valence = Annotated[str | None, typer.Option(metavar="LOW..HIGH", help="Only valence in this range, -1..1.")]
Arousal = Annotated[str | None, typer.Option(metavar="LOW..HIGH", help="Only arousal in this range, -1..1.")]
Bpm = Annotated[str | None, typer.Option(metavar="LOW..HIGH", help="Only tempi in this range.")]
Energy = Annotated[str | None, typer.Option(metavar="LOW..HIGH", help="Only energy in this range, 0..1.")]
InKey = Annotated[str | None, typer.Option("--key", metavar="KEY", help="Only this key: Am, F# minor, 8A, 1m.")]
Compatible = Annotated[bool, typer.Option("--compatible", help="Also keys that mix well with --key.")]
Like = Annotated[Path | None, typer.Option(metavar="PATH", help="Most like this song of the library first.")]
Words = Annotated[str, typer.Option("--text", metavar="WORDS", help="All of them in tags or file name.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="Songs, at most.")]


def query(
    store: Store,
    mood: str | None,
    at: str | None,
    within: float | None,
    valence: str | None,
    arousal: str | None,
    bpm: str | None,
    energy: str | None,
    key: str | None,
    compatible: bool,
    like: Path | None,
    text: str,
    limit: int,
) -> Query:
    """What the options ask for.

    Raises:
        ConfigError: one of them has a value that is not allowed.
        LibraryError: ``like`` is not in the library.
    """
    if within is not None and at is None:
        raise ConfigError("--within needs --at")
    if compatible and key is None:
        raise ConfigError("--compatible needs --key")
    song = None
    if like is not None:
        song = store.named(like.absolute())
        if song is None:
            raise LibraryError(f"{like}: is not in the library; scan it first")
    return Query(
        mood,
        place("--at", at),
        within,
        _range("--valence", valence),
        _range("--arousal", arousal),
        _range("--bpm", bpm),
        _range("--energy", energy),
        _key(key),
        compatible,
        song.id if song is not None else None,
        text,
        limit,
    )


def place(option: str, text: str | None) -> tuple[float, float] | None:
    """The place of the circumplex that an option names.

    Raises:
        ConfigError: it names none.
    """
    try:
        return None if text is None else point(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from None


def _key(text: str | None) -> Key | None:
    try:
        return None if text is None else Key.parse(text)
    except ValueError as error:
        raise ConfigError(f"--key: {error}") from None


def _range(option: str, text: str | None) -> Range | None:
    if text is None:
        return None
    low, separator, high = text.partition("..")
    try:
        found = float(low or "-inf"), float((high or "inf") if separator else low)
    except ValueError:
        found = (1.0, 0.0)
    if not found[0] <= found[1]:
        raise ConfigError(f"{option}: must be LOW..HIGH such as 0.2..0.8, with either end left out, got {text[:40]!a}")
    return found
