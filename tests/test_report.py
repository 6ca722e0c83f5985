"""What people keep of a song, read back by programs that are not ours and compared with the events."""

from __future__ import annotations

import csv
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import soundfile
from matplotlib.collections import LineCollection
from PIL import Image
from pydantic import BaseModel, ConfigDict
from typer.testing import CliRunner

from streammood import config
from streammood.capture.sound_file import SoundFile
from streammood.cli.commands import application
from streammood.dsp.layout import HOP
from streammood.errors import ConfigError
from streammood.events import F32, seconds
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.palette import MOODS, colours
from streammood.songs import picture
from streammood.songs.batch import analyze
from streammood.songs.exports import Exports, Kind, Place
from streammood.songs.sketch import Sketch, sketch
from streammood.songs.song import Song
from streammood.songs.sound import playable
from tests.test_cli import rows, streammood

SETTINGS = config.load()
KINDS: tuple[Kind, ...] = ("plot", "html", "beats", "csv", "labels")


def heard(path: Path) -> Song:
    models = Models.load(SETTINGS)
    return analyze(SoundFile(path), SETTINGS, models, EventLog(), lambda done: None)


def with_bars(song: Song) -> Song:
    """The song as a tracker that knows bars would tell it."""
    beats = [replace(beat, number=n % 4 + 1, bar_confidence=0.5) for n, beat in enumerate(song.beats)]
    return replace(song, beats=tuple(beats))


@pytest.fixture(scope="module")
def song(wav: Path) -> Song:
    return with_bars(heard(wav))


@pytest.fixture(scope="module")
def drawn(wav: Path, song: Song) -> Sketch:
    return sketch(SoundFile(wav), song.duration)


@pytest.fixture(scope="module")
def written(wav: Path, song: Song, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that can be written of the song."""
    folder = tmp_path_factory.mktemp("written")
    Exports(SETTINGS, {kind: Place.of(kind, folder, 1) for kind in KINDS})(song, wav, "steady")
    return folder


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class MoodRow(_Strict):
    valence: float
    arousal: float
    probabilities: dict[str, float]
    label: str
    confidence: float


class BeatRow(_Strict):
    time: float
    bpm: float
    confidence: float
    locked: bool
    number: int
    bar_confidence: float
    mood: MoodRow | None


class StretchRow(_Strict):
    start: float
    end: float
    label: str


class MoodAt(_Strict):
    time: float
    mood: MoodRow


class OnsetRow(_Strict):
    time: float
    strength: float


class SectionRow(_Strict):
    time: float
    kind: str
    confidence: float
    bars: int


class EnergyRow(_Strict):
    time: float
    energy: float


class Document(_Strict):
    """The JSON of ``--beats``, as the README has it."""

    version: int
    program: str
    input: str
    duration: float
    bpm: float
    labels: list[str]
    mood: MoodRow | None
    beats: list[BeatRow]
    stretches: list[StretchRow]
    moods: list[MoodAt]
    onsets: list[OnsetRow]
    songs: list[dict[str, float | str]]
    sections: list[SectionRow]
    energy: list[EnergyRow]


def test_one_command_writes_all_and_its_json_is_what_the_event_log_says(wav: Path, tmp_path: Path) -> None:
    asked = [argument for kind in ("plot", "beats", "csv", "labels") for argument in (f"--{kind}", str(tmp_path))]
    page = tmp_path / "new" / "song.html"
    done = streammood("analyze", str(wav), "--out", str(tmp_path), *asked, "--html", str(page))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    names = {".jsonl", ".png", ".json", ".beats.csv", ".moods.csv", ".beats.txt", ".moods.txt", ".onsets.txt"}
    names |= {".sections.csv", ".sections.txt", ".songs.csv", ".songs.txt"}
    assert {path.name for path in tmp_path.iterdir()} == {f"steady{name}" for name in names} | {"new"}
    assert page.stat().st_size > 100_000
    log = rows(tmp_path / "steady.jsonl")
    told = Document.model_validate_json((tmp_path / "steady.json").read_text())
    assert told.input == str(wav)
    beats = sorted((row for row in log if row["event"] == "beat"), key=lambda row: row["time"])
    assert [(beat.time, beat.bpm, beat.locked, beat.number) for beat in told.beats] == [
        (row["time"], row["bpm"], row["locked"], row["number"]) for row in beats
    ]
    moods = [row for row in log if row["event"] == "mood"]
    assert [row.mood.label for row in told.moods] == [row["label"] for row in moods]
    assert [onset.time for onset in told.onsets] == [row["time"] for row in log if row["event"] == "onset"]
    assert told.mood is not None
    whole = {"label": told.mood.label, "valence": told.mood.valence, **told.mood.probabilities}
    assert whole == {key: log[-1][key] for key in whole}
    assert (told.bpm, told.duration) == (log[-1]["bpm"], log[-1]["duration"])


def test_json_is_its_contract(written: Path) -> None:
    text = (written / "steady.json").read_text()
    told = Document.model_validate_json(text)
    assert told.version == 1
    assert all(beat.mood is not None and set(beat.mood.probabilities) == set(told.labels) for beat in told.beats)
    times = [beat.time for beat in told.beats]
    assert times == sorted(times)


def test_tables_are_the_events(written: Path, song: Song) -> None:
    told = json.loads((written / "steady.json").read_text())
    with (written / "steady.beats.csv").open(newline="") as file:
        beats = list(csv.DictReader(file))
    assert len(beats) == len(told["beats"])
    for row, beat in zip(beats, told["beats"], strict=True):
        for key in ("time", "bpm", "confidence", "number", "bar_confidence"):
            assert float(row[key]) == pytest.approx(beat[key], abs=1e-9)
        assert bool(int(row["locked"])) == beat["locked"]
        assert row["label"] == beat["mood"]["label"]
        assert [float(row[label]) for label in song.labels] == list(beat["mood"]["probabilities"].values())
    with (written / "steady.moods.csv").open(newline="") as file:
        moods = list(csv.DictReader(file))
    assert [row["label"] for row in moods] == [row["mood"]["label"] for row in told["moods"]]
    assert [float(row["start"]) for row in moods] == [row["time"] for row in told["moods"]]
    assert all(float(a["end"]) == float(b["start"]) for a, b in itertools.pairwise(moods))
    assert float(moods[-1]["end"]) == pytest.approx(song.duration, abs=1e-6)


def test_label_tracks_are_read_by_mir_eval(written: Path, song: Song) -> None:
    def columns(name: str) -> tuple[list[float], list[float], list[str]]:
        starts, ends, names = mir_eval.io.load_delimited(str(written / name), [float, float, str], delimiter="\t")
        return starts, ends, names

    starts, ends, names = columns("steady.beats.txt")
    assert starts == ends == [round(seconds(beat.sample), 6) for beat in song.beats]
    assert names == [str(beat.number) for beat in song.beats]
    starts, ends, names = columns("steady.onsets.txt")
    assert starts == ends == [round(seconds(onset.sample), 6) for onset in song.onsets]
    intervals, names = mir_eval.io.load_labeled_intervals(str(written / "steady.moods.txt"), delimiter="\t")
    np.testing.assert_allclose(intervals, [[part.start, part.end] for part in song.stretches()], atol=1e-6)
    assert names == [part.label for part in song.stretches()]


def test_the_outline_is_the_sound(wav: Path, song: Song, drawn: Sketch) -> None:
    sound = soundfile.read(wav, dtype="float32")[0]
    hop = HOP
    hops = sound[: sound.size // hop * hop].reshape(-1, hop)
    columns = [part for part in np.array_split(hops, drawn.rms.size) if part.size]
    assert drawn.rms.size == min(1600, len(hops))
    assert drawn.high.max() == sound.max()
    assert drawn.low.min() == sound.min()
    # Which hop at a border falls to which column may differ: compare the outline over a second.
    ours = drawn.rms[: drawn.rms.size // 80 * 80].reshape(-1, 80).mean(axis=1)
    theirs = np.array([np.sqrt(np.mean(part.astype(np.float64) ** 2)) for part in columns])
    theirs = theirs[: theirs.size // 80 * 80].reshape(-1, 80).mean(axis=1)
    np.testing.assert_allclose(ours, theirs, rtol=0.05)


def test_chroma_of_a_tone_is_its_pitch_class(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 440 * np.arange(4 * 44_100) / 44_100), 44_100)
    chroma = sketch(SoundFile(path), 4.0).chroma
    assert (chroma[:, 10:].argmax(axis=0) == 9).all()


def test_the_panels_hold_the_data_of_the_song(song: Song, drawn: Sketch) -> None:
    figure = picture.draw(song, drawn, "steady")
    _, beats, _, energy, tempo, curves, chroma = figure.axes[:7]
    for axes in figure.axes[:7]:
        assert axes.get_xlim() == (0.0, song.duration)
        box = axes.get_position()
        assert (box.x0, box.x1) == pytest.approx((picture.LEFT, picture.RIGHT))
    marks = {
        round(float(line[0][0]), 6): float(np.ptp(line[:, 1]))
        for part in beats.collections
        if isinstance(part, LineCollection)
        for line in part.get_segments()
    }
    assert set(marks) == {round(seconds(beat.sample), 6) for beat in song.beats}
    downbeats = {round(seconds(beat.sample), 6) for beat in song.beats if beat.number == 1 and beat.locked}
    assert {time for time, height in marks.items() if height == 1.0} == downbeats
    np.testing.assert_allclose(np.asarray(tempo.lines[0].get_ydata()), [beat.bpm for beat in song.beats])
    np.testing.assert_allclose(np.asarray(energy.lines[0].get_ydata()), [now.energy for now in song.structure])
    valence = np.asarray(curves.lines[0].get_ydata())
    np.testing.assert_allclose(valence[:-1], [mood.valence for mood in song.moods])
    assert np.asarray(chroma.collections[0].get_array()).shape[0] == 12


def test_the_picture_shows_the_mood_in_its_colour(written: Path, song: Song) -> None:
    with Image.open(written / "steady.png") as image:
        assert image.size == (2100, 1350)
        pixels = np.asarray(image.convert("RGB")).astype(int)
    tint = np.array([int(colours(song.labels, "paper")[song.stretches()[0].label][i : i + 2], 16) for i in (1, 3, 5)])
    near = np.abs(pixels - tint).max(axis=2) <= 2
    left, right = round(picture.LEFT * 2100), round(picture.RIGHT * 2100)
    wave = near[round((1 - picture.TOP) * 1350) : 400, left:right]
    assert wave.any(axis=0).mean() > 0.95  # in nearly every column: the song is loud from its start to its end
    assert not near[:, : left - 100].any()


@pytest.mark.parametrize("kind", [".png", ".svg", ".pdf"])
def test_the_same_song_gives_the_same_bytes(tmp_path: Path, song: Song, drawn: Sketch, kind: str) -> None:
    first, second = tmp_path / f"1{kind}", tmp_path / f"2{kind}"
    for path in (first, second):
        picture.save(picture.draw(song, drawn, "steady"), path, kind)
    assert first.read_bytes() == second.read_bytes()


def test_titles_of_any_script_and_signs(song: Song, drawn: Sketch, tmp_path: Path) -> None:
    for title in ("$x_1$ \\frac {{sound}}", "音楽 🎵 <b>&", "long " * 40):
        picture.save(picture.draw(song, drawn, title), tmp_path / "x.png", ".png")


def silent(path: Path, seconds: float = 5.0) -> Path:
    soundfile.write(path, np.zeros(round(seconds * 44_100)), 44_100)
    return path


def test_silence_and_a_click_can_be_drawn(tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    soundfile.write(short, np.ones(100) * 0.5, 44_100)
    for path in (silent(tmp_path / "silent.wav"), short):
        song = heard(path)
        assert song.mood is None
        Exports(SETTINGS, {kind: Place.of(kind, tmp_path / "out", 1) for kind in KINDS})(song, path, path.stem)
        told = Document.model_validate_json((tmp_path / "out" / f"{path.stem}.json").read_text())
        assert (told.mood, told.moods, told.beats) == (None, [], [])


def test_other_labels_have_colours_of_their_own() -> None:
    many = tuple(f"mood {i}" for i in range(8)) + tuple(MOODS)
    assert len(set(colours(many, "paper").values())) == len(many)


def _lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB (3,)."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(matrix @ rgb / (0.9505, 1.0, 1.089), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize(
    "blindness",
    [
        np.eye(3),
        # Machado, Oliveira and Fernandes 2009, severity 1: protanopia, deuteranopia, tritanopia
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ],
)
def test_moods_stay_apart_for_colour_blind_eyes(blindness: list[list[float]]) -> None:
    seen = []
    for colour in (shade.paper for shade in MOODS.values()):
        values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        seen.append(_lab(np.clip(np.asarray(blindness) @ linear, 0, 1)))
    # A difference of 2.3 is just noticeable; ten of those are told apart at a glance.
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2)) > 23


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (22_050, 2), (44_100, 6)])
def test_the_sound_of_a_page_is_the_sound_of_the_song(tmp_path: Path, rate: int, channels: int, wav: Path) -> None:
    sound = soundfile.read(wav, dtype="float32")[0][:: 44_100 // rate or 1][: 5 * rate]
    path = tmp_path / "x.wav"
    soundfile.write(path, np.repeat(sound[:, None], channels, axis=1), rate)
    kind, content = playable(path)
    assert kind == "audio/ogg"
    assert len(content) < 5 * 24_000
    page = tmp_path / "x.opus"
    page.write_bytes(content)
    info = soundfile.info(page)
    assert info.channels == min(2, channels)
    assert info.duration == pytest.approx(sound.size / rate, abs=0.001)
    assert _delay(soundfile.read(page, always_2d=True)[0][:, 0], 48_000, sound, rate) == pytest.approx(0.0, abs=0.002)


def _delay(one: F32, one_rate: int, other: F32, other_rate: int) -> float:
    """By how many s ``one`` is later, from the envelopes in steps of 1 ms."""
    envelopes = [
        np.sqrt(np.add.reduceat(x.astype(np.float64) ** 2, np.arange(4900) * rate // 1000))
        for x, rate in ((one, one_rate), (other, other_rate))
    ]
    a, b = (envelope - envelope.mean() for envelope in envelopes)
    return float(np.correlate(a, b, "full").argmax() - (b.size - 1)) / 1000


def test_what_browsers_play_is_taken_as_it_is(tmp_path: Path, wav: Path) -> None:
    path = tmp_path / "x.mp3"
    soundfile.write(path, *soundfile.read(wav))
    assert playable(path) == ("audio/mpeg", path.read_bytes())


def test_one_file_for_several_songs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one file, but there are 2 songs; name a folder"):
        Place.of("plot", tmp_path / "x.png", 2)
    assert Place.of("plot", tmp_path / "x.PDF", 1).file("s", ".png") == tmp_path / "x.PDF"
    assert Place.of("csv", tmp_path / "x.csv", 1).file("s", ".beats.csv") == tmp_path / "x.csv" / "s.beats.csv"


def test_batch_over_folders_with_jobs(tmp_path: Path, wav: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "same & <one>.wav", *soundfile.read(wav, frames=8 * 44_100))
    damaged = tmp_path / "b" / "cut.wav"
    damaged.write_bytes(wav.read_bytes()[:700_000])
    out = tmp_path / "out"
    done = streammood(
        "analyze", str(tmp_path), "--plot", str(out), "--html", str(out), "--labels", str(out), "--jobs", "2"
    )
    assert done.returncode == 1
    assert "cut.wav: damaged or cut short" in done.stderr
    assert "Traceback" not in done.stderr
    for stem in ("same & <one>", "same & <one>-2", "cut"):
        assert (out / f"{stem}.png").stat().st_size > 50_000
        assert (out / f"{stem}.beats.txt").read_text()
    assert "<title>same &amp; &lt;one&gt; · streammood</title>" in (out / "same & <one>.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "option", "value"),
    [
        (["analyze", "--plot", "--html", "x.wav"], "--plot", "--html"),
        (["analyze", "x.wav", "--labels", "--csv=out"], "--labels", "--csv=out"),
        (["analyze", "x.wav", "--out", "-v"], "--out", "-v"),
        (["analyze", "x.wav", "--events", "--jobs"], "--events", "--jobs"),
        (["run", "-c", "--dashboard"], "--config", "--dashboard"),
        (["run", "--target", "127.0.0.1:9", "--target", "--tui"], "--target", "--tui"),
        (["dashboard", "--osc-host", "--port"], "--osc-host", "--port"),
        (["train", "beat", "--data", "x", "--from", "--jobs"], "--from", "--jobs"),
    ],
)
def test_a_value_that_was_forgotten_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], option: str, value: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(application(arguments[0]), arguments)
    assert done.exit_code == 1
    assert done.output.strip() == f"streammood: {option} needs a value before `{value}`"
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, wav: Path) -> None:
    absent = tmp_path / "absent" / "matplotlib"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ModuleNotFoundError('no', name='matplotlib')")
    path = os.pathsep.join([str(absent.parent), str(Path(__file__).parent.parent)])
    for option in ("--plot", "--beats"):
        done = subprocess.run(
            [sys.executable, "-m", "streammood.cli", "analyze", str(wav), option, str(tmp_path / "out")],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
        if option == "--plot":
            assert done.returncode == 1
            assert "this needs matplotlib: pip install 'streammood[views]'" in done.stderr
            assert not (tmp_path / "out").exists()
        else:
            assert done.returncode == 0, done.stderr


def test_a_full_disk_is_told_of_by_name(wav: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.symlink_to("/dev/full")
    done = streammood("analyze", str(wav), "--beats", str(target))
    assert done.returncode == 1
    assert "x.json: cannot be written (No space left on device)" in done.stderr
    assert "Traceback" not in done.stderr
