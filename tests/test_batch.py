"""Batches of strangers' files: none ends the others, each is named, nothing is left out without a word."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from streammood.config import Settings
from streammood.log.event_log import EventLog
from streammood.songs.batch import Batch, stems
from streammood.songs.collect import collect
from streammood.songs.song import Song
from streammood.songs.worker import Failure, Message, Progress, Reply, Worker, wait
from tests import sounds
from tests.requests_of_a_worker import prepare

ROOT = Path(__file__).parent.parent
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals, names and links")


def short(path: Path) -> Path:
    """A file with half a second of sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:  # libsndfile takes no names that are not UTF-8
        soundfile.write(file, sounds.bursts()[:22_050], sounds.RATE, format="WAV")
    return path


# Processes


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(prepare, memory=1 << 29)
    yield made
    made.stop()


def ask(worker: Worker, request: str) -> Message:
    """The last message that a request brings."""
    worker.ask(request)
    while True:
        wait([worker], 0.5)
        message = worker.receive()
        if message is not None and not isinstance(message, Progress):
            return message


@POSIX
def test_requests_that_go_wrong_are_explained_and_the_next_is_answered(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = {
        "die": "was ended by SIGKILL: there may not be enough memory",
        "crash": "was ended by SIGABRT",
        "leave": r"ended unexpectedly \(status 3\)",
        "fail": r"a fault of this program \(ZeroDivisionError: no\)",
        "hang": "nothing happened for 0 s",
    }
    if sys.platform == "linux":
        expected["eat"] = "it needs more memory than there is"
    for request, reason in expected.items():
        before = ask(worker, "well?")
        assert isinstance(before, Reply)
        if request == "hang":
            monkeypatch.setattr(worker, "_silent", 0.3)
        failure = ask(worker, request)
        monkeypatch.setattr(worker, "_silent", 60.0)
        assert isinstance(failure, Failure)
        assert re.search(reason, failure.reason), failure
        after = ask(worker, "well?")
        assert isinstance(after, Reply)
        assert (after.value == before.value) == (request in {"fail", "eat"}), "only a process that died is replaced"


@POSIX
def test_a_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os; from tests.test_batch import Worker, ask, prepare; worker = Worker(prepare); "
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(ask(worker, 'well?').value)); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    number = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30.0
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{number}").exists()


def test_code_in_the_current_folder_is_not_run(tmp_path: Path) -> None:
    """A program that was installed does not look there, and neither do the processes that it starts."""
    for name in ("pickle", "socket", "html", "av", "soundfile", "selectors", "wave", "multiprocessing"):
        (tmp_path / f"{name}.py").write_text(f"open('{name}.was.run', 'w')\nraise SystemExit('{name} was run')\n")
    for name in ("a.wav", "b.wav"):
        short(tmp_path / name)
    script = tmp_path / "bin" / "streammood"
    script.parent.mkdir()
    script.write_text(
        f"import sys; sys.path[0] = {str(ROOT)!r}\n"
        "from streammood.cli import main\nif __name__ == '__main__':\n    main()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), "analyze", "a.wav", "b.wav", "--jobs", "1"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("*.was.run"))


# Batches


def die_at_b(song: Song, path: Path, stem: str) -> None:
    """An export that ends the process, as a lack of memory may at any moment."""
    if stem == "b":
        os.kill(os.getpid(), signal.SIGKILL)


@POSIX
def test_a_file_that_ends_its_process_is_named_and_the_others_done(tmp_path: Path) -> None:
    files = [short(tmp_path / f"{stem}.wav") for stem in "abcd"]
    with (tmp_path / "all.jsonl").open("w") as log:
        batch = Batch(Settings(), tmp_path, EventLog(log), die_at_b)
        shares: list[float] = []
        results = batch.run(files, 2, shares.append)
    assert [Path(result.path).stem for result in results] == ["a", "b", "c", "d"]
    assert [result.error is None for result in results] == [True, False, True, True]
    assert re.search(r"b\.wav: the process that was reading it was ended by SIGKILL", results[1].error or "")
    assert sum(shares) == pytest.approx(4.0)
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [Path(row["path"]).stem for row in rows if row["event"] == "summary"] == ["a", "c", "d"]
    assert [Path(row["input"]).stem for row in rows if row["event"] == "stream"] == ["a", "c", "d"]


@POSIX
def test_one_file_never_ends_a_batch(tmp_path: Path) -> None:
    songs = tmp_path / "songs"
    odd = [b"caf\xe9.wav", b"\x1b[31mred.wav", b"-x.wav", b"[bold]x.wav", b"n" * 251 + b".wav"]
    for each in odd:
        short(songs / os.fsdecode(each))
    short(songs / "full.wav")
    short(songs / "linked" / "x.aifc")
    (songs / "text.wav").write_text("This is text.")
    (songs / "loop.wav").symlink_to("loop.wav")
    os.mkfifo(songs / "pipe.wav")
    (songs / "cover.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "full.jsonl").symlink_to("/dev/full")
    options = ["--out", "out", "--csv", "out"]
    done = subprocess.run(
        [sys.executable, "-m", "streammood.cli", "analyze", "songs", "empty", 300 * "a", *options],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False, timeout=300,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    table, told = done.stdout, done.stderr
    assert done.returncode == 1
    for line in (
        "left out, since their names are not those of sound files: 1 .jpg",
        "empty: no sound files in this folder",
        "songs/text.wav: cannot be read as sound",
        "songs/loop.wav: is a link that leads back to itself",
        "songs/pipe.wav: is a pipe or a device",
        "songs/full.wav: its events could not be written (No space left on device)",
        f"{300 * 'a'}: cannot be opened (File name too long)",
        "5 of 11 files could not be read to their end or written",
    ):
        assert line in told
    assert "Traceback" not in told
    assert "\x1b" not in table + told
    for name in (r"caf\udce9.wav", r"\x1b[31mred.wav", "-x.wav", "[bold]x.wav", "nnn", "full.wav", "x.aifc"):
        assert name in table
    written = sorted(os.fsencode(path.name) for path in out.glob("*.jsonl"))
    assert len(written) == 7
    assert b"caf\xe9.jsonl" in written
    assert len(list(out.glob("*.beats.csv"))) == 7
    log = (out / os.fsdecode(b"caf\xe9.jsonl")).read_text(encoding="utf-8")
    assert json.loads(log.splitlines()[0])["input"] == r"songs/caf\udce9.wav"


def test_a_file_that_is_longer_than_it_says_does_not_overfill_the_bar(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(sounds.made("stale.wav"))
    shares: list[float] = []
    (result,) = Batch(Settings(), None).run([path], 0, shares.append)
    assert result.error is None
    assert result.duration == pytest.approx(sounds.SECONDS)
    assert sum(shares) == pytest.approx(1.0)


# Names


def test_outputs_have_names_of_their_own() -> None:
    files = ["a/x.wav", "b/x.mp3", "x-2.wav", "X.wav", "e\u0301.wav", "\u00e9.wav", f"{'é' * 200}.wav"]
    names = stems([Path(file) for file in files])
    assert names[:6] == ["x", "x-2", "x-2-2", "X-3", "e\u0301", "\u00e9-2"]
    assert len(os.fsencode(f"{names[6]}.onsets.txt")) <= 255


@POSIX
def test_folders_are_searched_through_links_but_not_for_ever(tmp_path: Path) -> None:
    """Every kind of name, links to folders, loops of them, and what systems leave behind."""
    songs, other = tmp_path / "songs", tmp_path / "other"
    for name in ("a.WAV", "b.aifc", "c.wave", "d.bwf", "e.mp2", "f.snd", "g.rf64", ".hidden.mp3", "._real.wav"):
        short(songs / name)
    short(other / "linked.flac")
    (songs / "link").symlink_to(other)
    (songs / "again").symlink_to(other)
    (other / "back").symlink_to(songs)
    (songs / "self").symlink_to(songs)
    (songs / "._a.WAV").write_bytes(b"\x00\x05\x16\x07" + bytes(78))
    short(songs / "__MACOSX" / "x.wav")
    for name in ("a.jpg", "b.jpg", "notes", "list.m3u", ".DS_Store"):
        (songs / name).touch()
    found = collect([songs, Path("one.xyz")])
    names = [path.name for path in found.files]
    assert sorted(names[:-1]) == sorted(
        ["a.WAV", "b.aifc", "c.wave", "d.bwf", "e.mp2", "f.snd", "g.rf64", ".hidden.mp3", "._real.wav", "linked.flac"]
    )
    assert names[-1] == "one.xyz"
    assert found.left_out == {".jpg": 2, "without an ending": 2, ".m3u": 1}
    assert found.note() == (
        "left out, since their names are not those of sound files: 2 .jpg, 2 without an ending, 1 .m3u"
    )
    assert not found.problems


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered_is_named(tmp_path: Path) -> None:
    short(tmp_path / "songs" / "a.wav")
    (tmp_path / "songs" / "closed").mkdir(mode=0)
    found = collect([tmp_path / "songs"])
    assert len(found.files) == 1
    assert re.search(r"closed: cannot be entered \(Permission denied\)", found.problems[0])
