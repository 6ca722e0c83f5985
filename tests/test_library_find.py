"""Questions to a library: what fits best comes first, and playlists are what other programs read."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import numpy as np
import pytest

from streammood.analysis.key import Key
from streammood.errors import ConfigError, LibraryError
from streammood.library import playlists
from streammood.library.catalogue import Catalogue, Entry
from streammood.library.find import Query, find
from streammood.library.journey import journey, point
from streammood.library.recommend import recommend, target
from streammood.library.store import Store
from streammood.library.track import Stamp, Words
from tests.collections_of_songs import LABELS, description

N = 300
KEYS = ("Am", "C", "Em", "F#", "Bbm", "D")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Songs anywhere in the circumplex; the last holds no music."""
    folder = tmp_path_factory.mktemp("library")
    rng = np.random.default_rng(1)
    with Store(folder / "library.sqlite", create=True) as store:
        with store.writing():
            for i in range(N):
                valence, arousal = rng.uniform(-1.0, 1.0, 2).tolist()
                found = description(
                    valence, arousal, 60.0 + i % 120, KEYS[i % 6], i / N, i, duration=float(rng.uniform(120, 300))
                )
                words = Words(f"Song {i}", f"Artist {i % 40}", "Ålbum" if i % 2 else "", "Jazz")
                store.describe(Path(f"/music/{i:03d}.flac"), Stamp(i, i, f"{i}"), words, found)
            silent = description()
            empty: dict[str, object] = {
                "valence": None,
                "arousal": None,
                "mood": "",
                "moods": {},
                "key": "",
                "bpm": 0.0,
            }
            parts = {name: getattr(silent, name) for name in silent.__slots__} | empty
            store.describe(
                Path("/music/silence.wav"),
                Stamp(1, 1, "s"),
                Words(),
                type(silent)(**(parts | {"vector": np.zeros(0, np.float32), "curve": np.zeros((0, 2), np.float32)})),
            )
        return Catalogue.load(store)


def entries(catalogue: Catalogue, query: Query) -> list[Entry]:
    return [catalogue.entry(hit.place) for hit in find(catalogue, query)]


@pytest.mark.parametrize("mood", LABELS)
def test_the_likeliest_of_a_mood_come_first(catalogue: Catalogue, mood: str) -> None:
    hits = find(catalogue, Query(mood=mood, limit=N))
    distances = [hit.distance for hit in hits]
    assert distances == sorted(distances)
    assert len(hits) == N
    column = catalogue.shares[:, catalogue.labels.index(mood)]
    assert hits[0].place == int(column.argmax())


def test_the_nearest_to_a_place_come_first(catalogue: Catalogue) -> None:
    hits = find(catalogue, Query(at=(0.3, -0.4), within=0.5, limit=10))
    apart = np.linalg.norm(catalogue.circumplex - [0.3, -0.4], axis=1)  # NaN sorts last
    assert [hit.place for hit in hits] == np.argsort(apart)[:10].tolist()
    assert all(hit.distance <= 0.25 for hit in hits)


def test_ranges_hold(catalogue: Catalogue) -> None:
    asked = Query(bpm=(100.0, 110.0), energy=(0.2, 0.9), valence=(0.0, np.inf), arousal=(-1.0, 0.5), limit=1000)
    found = entries(catalogue, asked)
    assert found
    for song in found:
        assert 100.0 <= song.bpm <= 110.0
        assert 0.2 <= song.energy <= 0.9
        assert song.valence is not None
        assert song.valence >= 0.0


def test_keys_that_mix_well_are_found_when_asked(catalogue: Catalogue) -> None:
    assert {song.key for song in entries(catalogue, Query(key=Key.parse("8A"), limit=1000))} == {"Am"}
    mixing = Query(key=Key.parse("Am"), compatible=True, limit=1000)
    assert {song.key for song in entries(catalogue, mixing)} == {"Am", "C", "Em"}


def test_words_are_found_without_accents_and_capitals(catalogue: Catalogue) -> None:
    found = entries(catalogue, Query(text="ALBUM 277", limit=1000))
    assert [song.words.title for song in found] == ["Song 277"]
    assert len(entries(catalogue, Query(text="ålbum JAZZ", limit=1000))) == N // 2
    assert [song.path.name for song in entries(catalogue, Query(text="017.flac"))] == ["017.flac"]
    assert entries(catalogue, Query(text="nothing of this")) == []


def test_what_is_most_alike_comes_first_and_not_the_song_itself(catalogue: Catalogue) -> None:
    number = int(catalogue.ids[5])
    hits = find(catalogue, Query(like=number, limit=N + 5))
    vectors = catalogue.vectors.astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    alike = vectors @ vectors[5]
    np.testing.assert_allclose(catalogue.likeness(5), alike, atol=1e-5)  # float32
    assert [hit.place for hit in hits[:5]] == [int(i) for i in np.argsort(-alike) if i != 5][:5]
    assert len(hits) == N - 1  # neither itself nor silence


def test_what_nobody_knows_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(LibraryError, match="choose one of happy"):
        find(catalogue, Query(mood="furious"))
    with pytest.raises(LibraryError, match="not in the library"):
        find(catalogue, Query(like=123_456))
    with pytest.raises(LibraryError, match="holds no music"):
        find(catalogue, Query(like=int(catalogue.ids[N])))
    with pytest.raises(ValueError, match="got 'far away'"):
        point("far away")


# Journeys and feelings


def test_a_journey_leads_from_one_mood_to_another_without_breaks(catalogue: Catalogue) -> None:
    places = journey(catalogue, point("sad"), point("happy"), 60.0)
    way = catalogue.circumplex[places]
    assert np.linalg.norm(way[0] - [-0.5, -0.5]) < 0.3
    assert np.linalg.norm(way[-1] - [0.5, 0.5]) < 0.3
    assert 50.0 < catalogue.duration[places].sum() / 60.0 < 70.0
    assert len(set(places)) == len(places)
    sums = way.sum(axis=1)  # along the diagonal
    assert np.corrcoef(np.arange(len(sums)), sums)[0, 1] > 0.9
    octaves = np.diff(np.log2(catalogue.bpm[places]))
    assert np.abs(octaves - np.rint(octaves)).mean() < 0.1  # chance: 0.25


def test_a_journey_through_few_songs_ends(catalogue: Catalogue) -> None:
    few = Catalogue(_rows(catalogue)[:3])
    assert len(journey(few, point("sad"), point("happy"), 600.0)) == 3
    with pytest.raises(LibraryError, match="no songs with a mood"):
        journey(Catalogue([]), point("sad"), point("happy"), 10.0)
    assert find(Catalogue([]), Query(text="x")) == []


def _rows(catalogue: Catalogue) -> list[tuple[object, ...]]:
    return list(zip(*catalogue._columns.values(), strict=True))


def test_feelings_are_followed_or_lifted(catalogue: Catalogue) -> None:
    assert recommend(catalogue, "angry", {}).at == point("calm")
    assert recommend(catalogue, "disgusted", {}).at == point("calm")
    assert recommend(catalogue, "afraid", {}).at == point("calm")
    assert recommend(catalogue, "surprised", {}).at == point("energetic")
    assert recommend(catalogue, "happy", {}).at == recommend(catalogue, "neutral", {}).at == point("happy")
    assert recommend(catalogue, "sad", {}).at == point("sad")
    followed = recommend(catalogue, "angry", {"angry": "follow"}, limit=5)
    assert followed.at == target("angry", "follow")
    assert followed.at[0] < 0 < followed.at[1]
    assert len(followed.hits) == 5


# Playlists


@pytest.fixture
def songs(catalogue: Catalogue) -> list[Entry]:
    return [catalogue.entry(i) for i in range(3)]


ODD = Entry(9, Path(os.fsdecode(b"/m\xfcsic/a & b <#1>.mp3")), Words("A & B\x01"), 61.4, 120.0, "", 0.5, None, None, "")


@pytest.mark.parametrize("name", ["a\nb.wav", "a\r\n/etc/passwd", "\x1b[2J.wav", " leading.wav", "trailing.wav "])
def test_a_name_that_breaks_its_line_is_an_address_in_m3u8(songs: list[Entry], tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    odd = replace(songs[0], path=path, words=Words("ev\x1b[31mil\x07\nname", "", "", ""))
    head, info, line = playlists.m3u8([odd]).splitlines()
    assert head == b"#EXTM3U"
    assert info.decode().isprintable()
    assert os.fsencode(path) == unquote_to_bytes(line.removeprefix(b"file://"))
    (relative,) = playlists.m3u8([odd], tmp_path).splitlines()[2:]
    assert os.fsencode(path) == unquote_to_bytes(relative.removeprefix(b"file://"))


def test_m3u8_names_every_file_byte_for_byte(songs: list[Entry], tmp_path: Path) -> None:
    playlists.write(tmp_path / "x.m3u8", [*songs, ODD], Query())
    lines = (tmp_path / "x.m3u8").read_bytes().splitlines()
    assert lines[0] == b"#EXTM3U"
    assert lines[2::2] == [os.fsencode(song.path) for song in [*songs, ODD]]
    assert lines[1].startswith(b"#EXTINF:")
    assert b"Artist 0 \xe2\x80\x93 Song 0" in lines[1]
    near = playlists.m3u8(songs, Path("/music/lists")).splitlines()
    assert near[2] == b"../000.flac"


def test_xspf_and_rekordbox_are_xml_with_addresses_that_lead_back(songs: list[Entry], tmp_path: Path) -> None:
    playlists.write(tmp_path / "x.xspf", [*songs, ODD], Query())
    root = ElementTree.parse(tmp_path / "x.xspf").getroot()
    space = "{http://xspf.org/ns/0/}"
    assert root.tag == f"{space}playlist"
    places = [location.text or "" for location in root.iter(f"{space}location")]
    assert [unquote_to_bytes(place.removeprefix("file://")) for place in places] == [
        os.fsencode(song.path) for song in [*songs, ODD]
    ]
    playlists.write(tmp_path / "x.xml", [*songs, ODD], Query())
    root = ElementTree.parse(tmp_path / "x.xml").getroot()
    tracks = root.findall("COLLECTION/TRACK")
    assert root.attrib["Version"] == "1.0.0"
    assert tracks[0].attrib["Location"] == "file://localhost/music/000.flac"
    assert tracks[0].attrib["Tonality"] == "Am"
    assert [t.attrib["Key"] for t in root.findall("PLAYLISTS/NODE/NODE/TRACK")] == [t.attrib["TrackID"] for t in tracks]


def test_a_smart_playlist_holds_rules_that_json_can(tmp_path: Path) -> None:
    asked = Query(mood="calm", bpm=(60.0, 100.0), energy=(-np.inf, 0.5), text="jazz")
    playlists.write(tmp_path / "x.nsp", [], asked)
    rules = json.loads((tmp_path / "x.nsp").read_text(), parse_constant=pytest.fail)
    assert rules["all"][:3] == [
        {"is": {"mood": "calm"}},
        {"inTheRange": {"bpm": [60.0, 100.0]}},
        {"lt": {"energy": 0.5}},
    ]
    for refused in (Query(like=1), Query(at=(0.0, 0.0)), Query(), Query(key=Key(0, False))):
        with pytest.raises(ConfigError, match=r"\.nsp"):
            playlists.write(tmp_path / "y.nsp", [], refused)
    with pytest.raises(ConfigError, match=r"\*\.m3u8"):
        playlists.write(tmp_path / "x.txt", [], Query())
    assert [path.name for path in tmp_path.iterdir()] == ["x.nsp"]


# The commands


def test_the_commands_find_write_and_refuse_in_one_line(tmp_path: Path) -> None:
    from typer.testing import CliRunner  # noqa: PLC0415

    from streammood.cli.commands import application  # noqa: PLC0415

    base = tmp_path / "library.sqlite"
    with Store(base, create=True) as store, store.writing():
        store.describe(Path("/music/a.flac"), Stamp(1, 1, "a"), Words("One"), description(0.5, -0.5, key="Am"))
        store.describe(Path("/music/b.flac"), Stamp(1, 1, "b"), Words("Two"), description(-0.5, 0.5, key="C"))

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(application("library"), ["library", *arguments, "--library", str(base)])
        return result.exit_code, result.output

    code, output = run("find", "--mood", "calm", "--json")
    assert code == 0
    assert [json.loads(line)["title"] for line in output.splitlines()] == ["One", "Two"]
    code, output = run("recommend", "--feeling", "angry", "--json")
    assert "One" in output.splitlines()[1]
    code, output = run("playlist", str(tmp_path / "x.m3u8"), "--from", "calm", "--to", "aggressive", "--minutes", "8")
    assert code == 0
    assert (tmp_path / "x.m3u8").read_text().splitlines()[2::2] == ["/music/a.flac", "/music/b.flac"]
    assert run("status")[1].splitlines()[0].endswith("2 songs, 8 minutes")
    wrong = {
        ("find", "--key", "H"): "--key: a key is written as",
        ("find", "--bpm", "fast"): "--bpm: must be LOW..HIGH",
        ("find", "--within", "0.1"): "--within needs --at",
        ("find", "--like", "/nowhere.mp3"): "is not in the library",
        ("tag", "--fields", "colour"): "--fields: must be of mood",
        ("playlist", "x.m3u8", "--from", "sad"): "needs both",
    }
    for arguments, expected in wrong.items():
        code, output = run(*arguments)
        assert code == 1
        assert expected in output
        assert len(output.strip().splitlines()) == 1
