"""Scanning: nothing is lost, nothing is done twice, whatever happens to files and processes in between."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streammood.analysis.key import Key, estimate_key
from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.errors import LibraryError, SourceError
from streammood.events import Section as Boundary
from streammood.library.catalogue import Catalogue
from streammood.library.describe import describe, energy, for_library, sections, version
from streammood.library.scan import Plan, Processes, Report, plan, scan
from streammood.library.store import Store
from streammood.library.track import Stamp, Words
from streammood.models import Models
from tests import sounds
from tests.collections_of_songs import PretendedCrew, description

ROOT = Path(__file__).parent.parent
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "music"
    made.mkdir()
    for name in ("one", "two", "three"):
        (made / f"{name}.wav").write_text(name)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "library.sqlite", create=True) as made:
        yield made


def run(store: Store, folder: Path, **options: bool) -> tuple[Report, list[str]]:
    """A scan; what it came to, and the names of the files that were analysed."""
    crew = PretendedCrew()
    report = scan(store, plan(store, [folder], "1-test", **options), crew)
    return report, sorted(path.name for path in crew.asked)


def paths(store: Store) -> list[str]:
    return sorted(track.path.name for track in store.tracks())


# What a scan does with files


def test_every_file_is_analysed_once(store: Store, folder: Path) -> None:
    report, asked = run(store, folder)
    assert (report.analysed, asked) == (3, ["one.wav", "three.wav", "two.wav"])
    report, asked = run(store, folder)
    assert (report.unchanged, asked) == (3, [])
    assert store.counts() == {"songs": 3, "failed": 0, "missing": 0, "minutes": 12}


def test_what_is_stored_comes_back(store: Store, tmp_path: Path) -> None:
    given = description(valence=-0.25, arousal=0.75, bpm=174.0, key="F#m")
    with store.writing():
        store.describe(tmp_path / "x.wav", *_stamp_and_words(), given)
    (track,) = store.tracks()
    got = track.description
    assert got is not None
    assert (got.bpm, got.key, got.valence, got.arousal, got.moods) == (174.0, "F#m", -0.25, 0.75, given.moods)
    np.testing.assert_allclose(got.vector, given.vector, atol=0.02)  # int8
    np.testing.assert_allclose(got.curve, given.curve, atol=0.005)  # hundredths


def _stamp_and_words() -> tuple[Stamp, Words]:

    return Stamp(1, 2, "ab"), Words("t", "a")


def test_a_file_that_changes_is_analysed_again_one_that_is_touched_is_not(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "one.wav").write_text("1111")
    os.utime(folder / "two.wav", ns=(1, 1))
    report, asked = run(store, folder)
    assert asked == ["one.wav"]
    assert report.unchanged == 2
    assert run(store, folder)[1] == []


def test_moved_files_are_followed_and_copies_are_known(store: Store, folder: Path) -> None:
    run(store, folder)
    before = {track.path.name: track.id for track in store.tracks()}
    (folder / "sub").mkdir()
    (folder / "one.wav").rename(folder / "sub" / "uno.wav")
    (folder / "dos.wav").write_text("two")
    report, asked = run(store, folder)
    assert (asked, report.moved, report.copies, report.missing) == ([], 1, 1, 0)
    after = {track.path.name: track.id for track in store.tracks()}
    assert after["uno.wav"] == before["one.wav"]
    assert paths(store) == ["dos.wav", "three.wav", "two.wav", "uno.wav"]


def test_two_files_that_change_places_are_both_right(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "one.wav").rename(folder / "x.wav")
    (folder / "two.wav").rename(folder / "one.wav")
    (folder / "x.wav").rename(folder / "two.wav")
    run(store, folder)
    titles = {track.path.name: track.words.title for track in store.tracks()}
    assert titles == {"one.wav": "two", "two.wav": "one", "three.wav": "three"}


def test_failures_are_listed_with_reasons_and_tried_again_when_asked(store: Store, folder: Path) -> None:
    (folder / "a.wav").write_text("die")
    (folder / "b.wav").write_text("bad")
    report, _ = run(store, folder)
    assert report.analysed == 3
    reasons = {path.name: reason for path, reason in store.failures()}
    assert reasons == {
        "a.wav": "the process that was reading it was ended by SIGKILL",
        "b.wav": "cannot be read as sound",
    }
    assert run(store, folder)[1] == []
    assert run(store, folder, retry=True)[1] == ["a.wav", "b.wav"]
    (folder / "b.wav").write_text("good")
    assert run(store, folder)[1] == ["b.wav"]
    assert len(store.failures()) == 1


def test_files_that_are_gone_are_missing_until_they_are_back(store: Store, folder: Path) -> None:
    run(store, folder)
    (folder / "one.wav").unlink()
    assert run(store, folder)[0].missing == 1
    assert paths(store) == ["three.wav", "two.wav"]
    (folder / "one.wav").write_text("one")
    assert run(store, folder)[1] == []
    assert len(paths(store)) == 3


def test_a_disk_that_is_away_makes_nothing_missing(store: Store, folder: Path) -> None:
    run(store, folder)
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()
    report, _ = run(store, folder)
    assert report.problems
    assert len(paths(store)) == 3


def test_other_models_are_reported_and_used_when_asked(store: Store, folder: Path) -> None:
    run(store, folder)
    todo = plan(store, [folder], "2-other")
    assert (todo.requests, todo.report.other_models) == ([], 3)
    assert len(plan(store, [folder], "2-other", renew=True).requests) == 3


@POSIX
def test_names_that_are_no_text_are_stored(store: Store, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"m\xfcsic.wav")).write_text("four")
    run(store, tmp_path)
    assert [os.fsencode(track.path.name) for track in store.tracks()] == [b"m\xfcsic.wav"]


# The database


def test_databases_of_others_and_of_later_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="there is no library yet"):
        Store(tmp_path / "none.sqlite")
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE songs (x)")
    with pytest.raises(LibraryError, match="another program"):
        Store(tmp_path / "other.sqlite")
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(LibraryError, match="later version"):
        Store(tmp_path / "other.sqlite")
    (tmp_path / "text.sqlite").write_text("no database at all" * 100)
    with pytest.raises(LibraryError, match="cannot be used as a library"):
        Store(tmp_path / "text.sqlite")


def test_the_database_is_written_ahead_and_carries_its_version(store: Store) -> None:
    other = sqlite3.connect(store.path)
    assert other.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert other.execute("PRAGMA user_version").fetchone()[0] == 1
    other.close()


# Real sound


@pytest.fixture(scope="module")
def models() -> Models:
    return Models.load(Settings())


def test_a_description_is_what_the_live_analysis_says(wav: Path, models: Models) -> None:
    found = describe(SoundFile(wav), for_library(Settings()), models)
    assert found.duration == pytest.approx(14.0, abs=0.01)
    assert found.bpm == pytest.approx(120.0, abs=1.5)
    assert found.mood == max(found.moods, key=found.moods.__getitem__)
    assert sum(found.moods.values()) == pytest.approx(1.0, abs=1e-4)
    assert np.linalg.norm(found.vector) == pytest.approx(1.0, abs=1e-4)
    assert 0.0 < found.energy <= 1.0
    assert found.key
    assert found.damage == ""


def test_the_version_names_every_model(models: Models) -> None:
    structure = replace(models.structure, threshold=models.structure.threshold / 2)
    assert models.beat is not None
    others = [replace(models, beat=None), replace(models, structure=structure)]
    assert len({version(models), *map(version, others)}) == 3
    assert version(Models.load(Settings())) == version(models)


def test_silence_has_no_mood_and_nothing_to_be_alike_in(tmp_path: Path, models: Models) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(sounds.RATE * 4), sounds.RATE)
    found = describe(SoundFile(tmp_path / "silence.wav"), for_library(Settings()), models)
    assert (found.valence, found.mood, found.vector.size, found.energy, found.key) == (None, "", 0, 0.0, "")


def test_sections_cover_the_song() -> None:
    found = sections([Boundary(44_100 * t, 0, kind, 1.0, 8, True) for t, kind in ((30, "drop"), (10, "buildup"))], 60.0)
    assert [(part.start, part.end, part.label) for part in found] == [
        (0.0, 10.0, "start"), (10.0, 30.0, "buildup"), (30.0, 60.0, "drop"),
    ]  # fmt: skip
    assert sections([], 0.0) == ()


def test_energy_grows_with_level_and_with_what_goes_on() -> None:
    quiet, loud = np.full(10, 1e-3), np.full(10, 1e-1)
    assert energy(quiet, 0.5) < energy(loud, 0.5) < energy(loud, 1.5)
    assert energy(np.append(loud, [0.0, np.nan, np.inf]), 0.5) == energy(loud, 0.5)
    assert energy(np.zeros(3), 0.0) == 0.0


@POSIX
def test_kill_9_loses_at_most_the_files_in_work(tmp_path: Path, wav: Path) -> None:
    sound, rate = soundfile.read(wav)
    for i in range(6):
        soundfile.write(tmp_path / f"{i}.wav", sound[: 4 * rate] * (1.0 - 0.1 * i), rate)
    (tmp_path / "none.wav").write_bytes(b"RIFF")
    base = tmp_path / "library.sqlite"
    command = [sys.executable, "-m", "streammood.cli", "library", "scan", str(tmp_path), "-l", str(base), "--jobs", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120.0
    while time.monotonic() < deadline and _stored(base) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = _stored(base)
    with Store(base) as store:
        state = store.scanning()
        assert state is not None
        assert not state.ended
        assert not state.alive
        with contextlib.closing(sqlite3.connect(base)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        todo = plan(store, [tmp_path], "x")
        assert len(todo.requests) + left == 7
        report = scan(store, Plan(todo.requests, todo.report, todo.gone), Processes(Settings(), 1))
        assert store.counts()["songs"] == 6
    assert [path.name for path, _ in report.failures] in (["none.wav"], [])


def _stored(base: Path) -> int:
    if not base.is_file():
        return 0
    db = sqlite3.connect(base)
    try:
        return int(db.execute("SELECT count(*) FROM songs").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()


def test_a_missing_file_is_an_error(models: Models, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        describe(SoundFile(tmp_path / "no.wav"), Settings(), models)


# Databases of strangers


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("path", "a text"),
        ("title", b"bytes"),
        ("duration", "long"),
        ("bpm", 1e308),
        ("energy", None),
        ("valence", b"\x00"),
        ("key", b"12"),
        ("mood", b"calm"),
        ("moods", "['"),
        ("moods", "[1]"),
        ("moods", None),
        ("sections", "{}"),
        ("vector", "text"),
        ("size", 0.5),
    ],
)
def test_values_that_no_scan_writes_are_one_line(
    store: Store, folder: Path, column: str, value: str | bytes | float | None
) -> None:
    run(store, folder)
    (track, *_) = store.tracks()
    assert len(Catalogue.load(store)) == 3
    with contextlib.closing(sqlite3.connect(store.path)) as db, db:
        db.execute(f"UPDATE songs SET {column} = ? WHERE id = ?", (value, track.id))
    for read in (lambda: Catalogue.load(store), lambda: list(store.tracks()), lambda: store.track(track.id)):
        with pytest.raises(
            LibraryError, match=rf"song {track.id} holds what this program does not write; name another"
        ):
            read()


def test_odd_shares_and_keys_are_none(store: Store, folder: Path) -> None:
    run(store, folder)
    with contextlib.closing(sqlite3.connect(store.path)) as db, db:
        db.execute("UPDATE songs SET moods = ?, key = 'H#'", ('{"calm": "very", "sad": 0.5}',))
    catalogue = Catalogue.load(store)
    assert catalogue.labels == ("sad",)
    assert catalogue.keys == [None] * 3


# Keys


def _scale(tonic: int, minor: bool) -> list[float]:
    """A piece that stays in its scale, with its tonic triad above all; the seventh of minor is raised now and then."""
    steps = {0: 5, 2: 1.5, 3: 2.5, 5: 1.5, 7: 4, 8: 1, 10: 1, 11: 0.7} if minor else {
        0: 5, 2: 1.5, 4: 2.5, 5: 1.5, 7: 4, 9: 1, 11: 1.2
    }  # fmt: skip
    return [float(steps.get((k - tonic) % 12, 0.1)) for k in range(12)]


@pytest.mark.parametrize("minor", [False, True])
def test_all_keys_are_found_in_their_scales(minor: bool) -> None:
    for tonic in range(12):
        found = estimate_key(_scale(tonic, minor))
        assert found is not None
        assert found[0] == Key(tonic, minor)
        assert 0.0 < found[1] <= 1.0
    assert estimate_key(np.ones(12)) is None


def test_keys_are_written_as_tags_and_djs_write_them() -> None:
    for tonic in range(12):
        for minor in (False, True):
            key = Key(tonic, minor)
            assert Key.parse(key.name) == key
            assert Key.parse(key.camelot) == key
    known = {"A minor": "8A", "C": "8B", "f#m": "11A", "Db major": "3B", "1m": "8A", "1d": "8B", "B♭": "6B"}
    assert {text: Key.parse(text).camelot for text in known} == known
    with pytest.raises(ValueError, match="a key is written as"):
        Key.parse("H")
    am = Key.parse("Am")
    near = sorted(k.name for k in (Key(t, m) for t in range(12) for m in (False, True)) if am.distance(k) <= 1)
    assert near == ["Am", "C", "Dm", "Em"]
