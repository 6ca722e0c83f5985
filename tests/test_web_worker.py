"""What is made of strangers' songs for the page: whole or not at all, within limits, and by a process that may die."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import wave
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import soundfile

from streammood.config import Settings
from streammood.errors import SourceError
from streammood.songs.worker import Serve
from streammood.web import analyst, worker
from streammood.web.analyst import Analyst, SongError
from streammood.web.store import Stored
from streammood.web.worker import Reading, Refusal, convert
from tests import sounds
from tests.requests_of_a_worker import prepare
from tests.served import Dashboard, Served
from tests.waiting import wait_for

T = TypeVar("T")


def written(path: Path, seconds: float = 1.0, rate: int = 44_100, channels: int = 2) -> Path:
    """A file of a tone."""
    tone = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.stack([tone] * channels, axis=1), rate)
    return path


# WAV for the page


@pytest.mark.parametrize(
    ("rate", "channels", "made_rate", "made_channels"),
    [(44_100, 2, 44_100, 2), (8_000, 1, 8_000, 1), (192_000, 2, 48_000, 2), (48_000, 6, 48_000, 2)],
)
def test_a_wav_has_what_browsers_play(
    tmp_path: Path, rate: int, channels: int, made_rate: int, made_channels: int
) -> None:
    convert(written(tmp_path / "a.flac", 1.0, rate, channels), tmp_path / "a.wav")
    sound, found = soundfile.read(tmp_path / "a.wav", dtype="float32", always_2d=True)
    assert (found, sound.shape[1]) == (made_rate, made_channels)
    assert len(sound) == pytest.approx(made_rate, abs=100)
    assert float(np.abs(sound[500:-500]).max()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["cut.flac", "chained.ogg", "pipe.wav"])
def test_what_can_be_read_of_odd_files_becomes_a_whole_wav(tmp_path: Path, name: str) -> None:
    odd: dict[str, Callable[[], bytes]] = {
        "cut.flac": lambda: written(tmp_path / "w.flac", 4.0).read_bytes()[:-20_000],
        "chained.ogg": sounds.JOINED["ogg"],
        "pipe.wav": lambda: sounds.made("stale.wav"),
    }
    path = tmp_path / name
    path.write_bytes(odd[name]())
    convert(path, tmp_path / "a.wav")
    with wave.open(str(tmp_path / "a.wav")) as made:
        assert made.getnframes() > made.getframerate()
        assert (tmp_path / "a.wav").stat().st_size == 44 + 2 * made.getnchannels() * made.getnframes()


def test_a_small_file_of_hours_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LARGEST", 300_000)
    path = tmp_path / "long.flac"
    soundfile.write(path, np.zeros((20 * 44_100, 2), dtype=np.int16), 44_100)
    assert path.stat().st_size < 30_000
    with pytest.raises(SourceError, match="lasts longer than 0 minutes"):
        convert(path, tmp_path / "a.wav")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["long.flac"]


def test_no_sound_is_no_wav(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("This is text.")
    with pytest.raises(SourceError):
        convert(tmp_path / "text.wav", tmp_path / "a.wav")
    assert not (tmp_path / "a.wav").exists()


@pytest.fixture(scope="module")
def serve() -> Serve:
    """What answers in the process, here without one."""
    nice, os.nice = os.nice, lambda more: 0
    try:
        return Reading(Settings())()
    finally:
        os.nice = nice


@pytest.fixture
def song(tmp_path: Path) -> Stored:
    """Two seconds that somebody has brought."""
    return Stored("id", "session", "a.flac", written(tmp_path / "id.flac", 2.0))


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")


@FULL
@pytest.mark.parametrize("fails", ["wav", "analysis", "result", "outline", "beats.csv"])
def test_a_full_disk_is_told_and_leaves_nothing(serve: Serve, song: Stored, fails: str) -> None:
    requests = {
        "wav": worker.Convert(song.path, song.wav),
        "beats.csv": worker.Download(song.path, song.name, song.analysis, "beats.csv", song.download("beats.csv")),
    }
    analyse = worker.UploadRequest(song.path, song.name, song.analysis, song.result, song.outline)
    if fails == "beats.csv":
        assert serve(analyse, lambda share: None) is None
    path: Path = song.download(fails) if fails == "beats.csv" else getattr(song, fails)
    path.with_name(f"{path.name}.part").symlink_to("/dev/full")
    answer = serve(requests.get(fails, analyse), lambda share: None)
    assert answer == Refusal(507, "There is no room left on the disk of this machine.")
    assert not path.exists()
    assert not list(song.path.parent.glob("*.part"))


def test_songs_without_end_are_analysed_in_part(serve: Serve, song: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LONGEST", 0.9)
    shares: list[float] = []
    request = worker.UploadRequest(song.path, song.name, song.analysis, song.result, song.outline)
    assert serve(request, shares.append) is None
    assert '"duration": 0.9' in song.result.read_text()
    assert "are analysed" in song.outline.read_text()
    assert str(song.path.parent) not in song.outline.read_text() + song.result.read_text()
    assert sum(shares) == pytest.approx(1.0)


# The process


def asked(made: Analyst, ask: Callable[[Analyst], Coroutine[Any, Any, T]]) -> T:
    """What a request brings; then the process ends."""

    async def run() -> T:
        try:
            return await ask(made)
        finally:
            await made.close()

    return asyncio.run(run())


@pytest.fixture
def pretending(monkeypatch: pytest.MonkeyPatch) -> Analyst:
    """Asks a process that dies, hangs or answers as it is asked to."""
    monkeypatch.setattr(analyst, "Reading", lambda settings: prepare)
    monkeypatch.setattr(analyst, "_SILENT", 20.0)
    return Analyst(Settings())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_song_that_ends_its_process_is_named_and_the_next_is_read(pretending: Analyst) -> None:
    async def ask(made: Analyst) -> list[float]:
        for request, reason in (("die", "SIGKILL"), ("leave", "status 3"), ("fail", "ZeroDivisionError")):
            with pytest.raises(SongError, match=reason):
                await made._ask(request, lambda share: None)  # type: ignore[arg-type]
        shares: list[float] = []
        await made._ask("well?", shares.append)  # type: ignore[arg-type]
        return shares

    assert sum(asked(pretending, ask)) <= 1.0


def test_a_song_that_is_taken_away_ends_its_process(pretending: Analyst) -> None:
    async def ask(made: Analyst) -> None:
        hanging = asyncio.create_task(made._ask("hang", lambda share: None))  # type: ignore[arg-type]
        while made._worker._process is None:
            await asyncio.sleep(0.01)
        process = made._worker._process
        next_one = asyncio.create_task(made._ask("well?", lambda share: None))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        hanging.cancel()
        await asyncio.wait([hanging, next_one])
        assert hanging.cancelled()
        assert next_one.exception() is None
        assert not process.is_alive()

    asked(pretending, ask)


def test_a_wav_that_cannot_be_made_is_told_to_the_page(wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Analyst, song: Stored) -> None:
        raise SongError("There is no room left on the disk of this machine.", 507)

    monkeypatch.setattr(Analyst, "convert", fail)
    with Dashboard() as served:
        number = served.upload(wav).json["id"]
        answer = served.ask("GET", f"/songs/{number}/sound?as=wav")
        assert (answer.status, answer.body) == (507, b"There is no room left on the disk of this machine.\n")


def test_what_analyze_reads_the_page_reads() -> None:
    with Dashboard() as served:
        browser = served.stranger()
        assert browser.ask("GET", "/").status == 200
        for kind in ("m4a", "mp4", "aac", "webm", "wma", "zeros_first.mp3", "pipe.flac"):
            answer = browser.ask(
                "POST", f"/songs?name={kind.replace('.', '-')}.{kind.rpartition('.')[2]}", sounds.made(kind)
            )
            assert answer.status == 201, (kind, answer.body)
            song = f"/songs/{answer.json['id']}"
            assert wait_for(functools.partial(is_over, browser, song), 120.0), kind
            assert browser.ask("GET", song).json["state"] == "done", kind
            assert browser.ask("GET", f"{song}/result").json["duration"] == pytest.approx(sounds.SECONDS, abs=0.2)
            assert browser.ask("GET", f"{song}/outline").json["damage"] == ""
            assert browser.ask("GET", f"{song}/sound?as=wav").body[:4] == b"RIFF"


def is_over(browser: Served, song: str) -> bool:
    """Whether the analysis of ``song`` has ended."""
    return browser.ask("GET", song).json["state"] in {"done", "failed"}
