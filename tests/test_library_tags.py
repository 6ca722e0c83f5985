"""Tags: written as other programs read them, nothing of others' touched, all of it taken back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mutagen
import pytest
import soundfile

from streammood.errors import SinkError, SourceError
from streammood.library import tags
from streammood.library.scan import plan
from streammood.library.store import Store
from streammood.library.tagging import apply, changes, undo, values
from streammood.library.track import Stamp, Track, Words
from tests import sounds
from tests.collections_of_songs import description

FORMATS: dict[str, tuple[str, str]] = {
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "opus": ("ogg", "libopus"),
    "m4a": ("ipod", "aac"),
    "wma": ("asf", "wmav2"),
    "wav": ("wav", "pcm_s16le"),
    "aiff": ("aiff", "pcm_s16be"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
}
"""Format and encoder of FFmpeg for each ending."""
VALUES = {"mood": "calm", "bpm": "121", "key": "F#m", "valence": "0.250", "arousal": "-0.500", "energy": "0.333"}
_READ_BY_FFPROBE = {
    "mood": {"mood", "tmoo", "wm/mood"},
    "bpm": {"bpm", "tbpm", "tmpo", "wm/beatsperminute"},
    "key": {"key", "tkey", "initialkey", "wm/initialkey"},
    "valence": {"valence", "streammood/valence"},
    "arousal": {"arousal", "streammood/arousal"},
    "energy": {"energy", "streammood/energy"},
}


def file(folder: Path, ending: str) -> Path:
    """A second of sound."""
    path = folder / f"x.{ending}"
    if ending == "ogg":
        soundfile.write(path, sounds.bursts(1.0), sounds.RATE)  # PyAV has no encoder
        return path
    form, codec = FORMATS[ending]
    path.write_bytes(sounds.encode(form, codec, rate=48_000 if codec == "libopus" else 44_100, seconds=1.0))
    return path


def probe(path: Path) -> dict[str, str]:
    """All tags of a file as ffprobe reads them, in lower case."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    every = [found.get("format", {}), *found.get("streams", [])]
    return {name.lower(): value for part in every for name, value in part.get("tags", {}).items()}


def exiftool(path: Path) -> list[str]:
    """The values of all tags of a file as ExifTool reads them."""
    found = json.loads(subprocess.run(["exiftool", "-json", str(path)], capture_output=True, check=True).stdout)[0]
    return [str(value) for value in found.values()]


@pytest.mark.parametrize("ending", [*FORMATS, "ogg"])
def test_tags_are_written_read_back_by_others_and_deleted(tmp_path: Path, ending: str) -> None:
    path = file(tmp_path, ending)
    sound = _decoded(path)
    assert tags.read(path) == {}
    tags.write(path, VALUES)
    assert tags.read(path) == VALUES
    assert _decoded(path) == sound
    if shutil.which("exiftool") and ending != "wv":  # it does not look for APE tags there
        assert {"calm", "121", "F#m"} <= set(exiftool(path)), exiftool(path)
    if shutil.which("ffprobe") and ending not in {"wav", "tta"}:  # there, FFmpeg looks for no ID3
        found = probe(path)
        for name, known in _READ_BY_FFPROBE.items():
            if ending == "m4a" and name == "bpm":
                continue  # FFmpeg prints it as `tmpo` only since version 7
            assert any(found.get(one) == VALUES[name] for one in known), (name, found)
    tags.write(path, dict.fromkeys(VALUES))
    assert tags.read(path) == {}
    assert _decoded(path) == sound


def _decoded(path: Path) -> bytes:
    from streammood.capture.sound_file import SoundFile  # noqa: PLC0415  loads slowly

    return b"".join(block.tobytes() for block in SoundFile(path).blocks(8192))


@pytest.mark.skipif(shutil.which("mediainfo") is None, reason="needs mediainfo: apt-get install mediainfo")
@pytest.mark.parametrize("ending", ["mp3", "flac", "ogg", "opus", "m4a", "wma", "wav", "aiff"])
def test_mediainfo_reads_the_mood_too(tmp_path: Path, ending: str) -> None:
    path = file(tmp_path, ending)
    tags.write(path, VALUES)
    shown = subprocess.run(["mediainfo", "-f", str(path)], capture_output=True, text=True, check=True).stdout
    lines = {line.partition(":")[0].strip().lower(): line.partition(":")[2].strip() for line in shown.splitlines()}
    assert "calm" in {lines.get(name) for name in ("mood", "wm/mood", "tmoo")}
    assert "121" in {lines.get(name) for name in ("bpm", "beats per minute", "wm/beatsperminute")} or "121" in shown


@pytest.mark.parametrize("ending", [*FORMATS, "ogg"])
def test_taglib_has_the_same_names_for_them_in_every_format(tmp_path: Path, ending: str) -> None:
    """Navidrome, Mixxx and Strawberry read tags by TagLib; its names are those of Vorbis comments."""
    taglib = pytest.importorskip("taglib", reason="needs pytaglib")
    path = file(tmp_path, ending)
    tags.write(path, VALUES)
    with taglib.File(path) as found:
        read = {name: found.tags.get(name, [""])[0] for name in ("MOOD", "BPM", "INITIALKEY")}
        axes = {name: found.tags.get(name.upper(), [""])[0] for name in ("valence", "arousal", "energy")}
    assert read == {"MOOD": "calm", "BPM": "121", "INITIALKEY": "F#m"}
    if ending != "wma":  # there it passes over attributes that are not Microsoft's
        assert axes == {name: VALUES[name] for name in axes}


def test_the_names_are_those_of_the_standards(tmp_path: Path) -> None:
    path = file(tmp_path, "mp3")
    tags.write(path, VALUES)
    frames = mutagen.File(path).tags
    assert {"TMOO", "TBPM", "TKEY", "TXXX:VALENCE", "TXXX:AROUSAL", "TXXX:ENERGY"} <= set(frames)
    path = file(tmp_path, "flac")
    tags.write(path, VALUES)
    comments = mutagen.File(path).tags
    assert [comments[name] for name in ("MOOD", "BPM", "INITIALKEY")] == [["calm"], ["121"], ["F#m"]]


@pytest.mark.parametrize("ending", ["mp3", "flac", "m4a", "wma"])
def test_other_tags_stay(tmp_path: Path, ending: str) -> None:
    path = file(tmp_path, ending)
    easy: Any = mutagen.File(path, easy=True)
    if easy.tags is None:
        easy.add_tags()
    easy["Title" if ending == "wma" else "title"] = "A song"
    easy.save()
    tags.write(path, VALUES)
    tags.write(path, {"mood": "sad"})
    assert tags.words(path) == Words(title="A song")
    assert tags.read(path) == VALUES | {"mood": "sad"}


def test_what_holds_no_tags_or_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.mka").write_bytes(sounds.encode("matroska", "flac", seconds=1.0))
    with pytest.raises(SourceError, match="holds no tags that are written here"):
        tags.write(tmp_path / "x.mka", VALUES)
    (tmp_path / "x.mp3").write_bytes(b"ID3" + bytes(range(256)) * 3)
    with pytest.raises((SourceError, SinkError)):
        tags.write(tmp_path / "x.mp3", VALUES)
    assert tags.words(tmp_path / "none.mp3") == Words()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.mka", "x.mp3"]


def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "flac")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(SinkError, match="No space left on device"):
        tags.write(path, VALUES)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# With the library


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    path = file(tmp_path, "flac")
    found = path.stat()
    with Store(tmp_path / "library.sqlite", create=True) as made:
        with made.writing():
            made.describe(path, Stamp(found.st_size, found.st_mtime_ns, "x"), Words(), description())
        yield made


def track(store: Store) -> Track:
    (found,) = store.tracks()
    return found


def test_a_dry_run_writes_nothing_and_undo_takes_everything_back(store: Store) -> None:
    path = track(store).path
    (change,) = changes(store, store.tracks())
    assert tags.read(path) == {}
    assert change.after["mood"] == "happy"
    before = path.stat().st_mtime_ns
    apply(store, change, keep_mtime=True)
    assert path.stat().st_mtime_ns == before
    assert tags.read(path) == values(track(store).description or description())
    assert list(changes(store, store.tracks())) == []
    assert plan(store, [path], "1-test").requests == []  # the next scan has nothing to do
    assert [(back, why) for _, back, why in undo(store)] == [("mood, bpm, key, valence, arousal, energy", "")]
    assert tags.read(path) == {}
    assert list(undo(store)) == []


def test_tags_of_others_are_left_unless_told(store: Store) -> None:
    path = track(store).path
    tags.write(path, {"mood": "mellow"})
    (change,) = changes(store, store.tracks(), fields=("mood", "bpm"))
    assert (change.after, change.left) == ({"bpm": "120"}, {"mood": "mellow"})
    (change,) = changes(store, store.tracks(), fields=("mood", "bpm"), overwrite=True)
    apply(store, change)
    assert tags.read(path) == {"mood": "happy", "bpm": "120"}
    tags.write(path, {"bpm": "60"})  # by hand, afterwards
    ((_, back, why),) = undo(store)
    assert (back, why) == ("mood", "changed since then: bpm")
    assert tags.read(path) == {"mood": "mellow", "bpm": "60"}


def test_our_own_tags_follow_the_library(store: Store) -> None:
    (change,) = changes(store, store.tracks())
    apply(store, change)
    path = track(store).path
    with store.writing():
        store.describe(path, track(store).stamp, Words(), description(valence=-0.5, arousal=-0.5))
    (change,) = changes(store, store.tracks())
    assert change.after["mood"] == "sad"
    assert change.left == {}


def test_what_is_not_sure_is_not_written() -> None:
    assert "mood" not in values(description(valence=0.0, arousal=0.0), sure=0.5)
    assert set(values(description(), sure=0.0)) == set(tags.FIELDS)
