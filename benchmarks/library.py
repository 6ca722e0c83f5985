"""``streammood library``: how fast a scan is, how large, what survives; how quick and how right its answers are."""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import found
from benchmarks.program import HERE, program
from benchmarks.table import in_turn, markdown, percentiles
from streammood import config
from streammood.analysis.key import Key
from streammood.capture.sound_file import SoundFile
from streammood.demo.synth import Synth
from streammood.library.catalogue import Catalogue
from streammood.library.describe import describe, for_library
from streammood.library.find import Query, find
from streammood.library.journey import journey, point
from streammood.library.scan import Request, TrackAnalysis, content_hash
from streammood.library.store import Store
from streammood.library.track import Description, Stamp, Words
from streammood.models import Models
from streammood.songs.worker import Worker

SONGS, MINUTES, RATE = 8, 4, 44_100
MANY = 100_000  # songs
ROUNDS = 40
KILLS = int(os.environ.get("STREAMMOOD_KILLS", "20"))
BEFORE = os.environ.get("STREAMMOOD_BEFORE")  # a checkout of another version, whose `analyze` is measured beside ours
TURNS = int(os.environ.get("STREAMMOOD_TURNS", "3"))
_FILES, _CHANGED, _CLIP = 40, 12, 6  # s


def report() -> str:
    """All tables."""
    parts = {
        "Speed": _speed,
        "Beside others": beside,
        "Kill -9": _kills,
        "100,000 songs": _many,
        "How right": found.report,
    }
    return "\n\n".join(f"**{title}.** {part()}" for title, part in parts.items())


# Speed


def _music(folder: Path, count: int, seconds: float) -> list[Path]:
    """FLAC files of the synthesiser, each beginning elsewhere."""
    paths = []
    blocks = Synth(sample_rate=RATE, repeat=True).blocks(RATE)
    for number in range(count):
        sound = np.concatenate([next(blocks) for _ in range(round(seconds))])
        paths.append(folder / f"{number}.flac")
        soundfile.write(paths[-1], sound, RATE)
    return paths


def _speed() -> str:
    """All in turn, so that they meet the same noise; starting is measured with a short file and taken off."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        music, one = folder / "music", folder / "one"
        music.mkdir()
        one.mkdir()
        files, short = _music(music, SONGS, 60.0 * MINUTES), _music(one, 1, 2.0)[0]
        runs: dict[str, Callable[[Path], tuple[float, float]]] = {
            "`analyze --jobs 1`": lambda what: program("analyze", str(what), str(short), "--jobs", "1"),
            "`library scan --jobs 1`": lambda what: _scan(what, folder, 1),
            "`library scan --jobs 2`": lambda what: _scan(what, folder, 2),
        }
        if BEFORE:
            runs["`analyze --jobs 1` before"] = lambda what: program(
                "analyze", str(what), str(short), "--jobs", "1", checkout=Path(BEFORE)
            )
        times: dict[str, list[tuple[float, float]]] = {what: [] for what in runs}
        for turn in range(-1, TURNS):
            for what, run in runs.items():
                start = run(short)
                if turn >= 0:
                    whole = run(music)
                    times[what].append((max(1e-3, whole[0] - start[0]), max(1e-3, whole[1] - start[1])))
        resident = _resident(files[0])
    wall = {what: np.array([took for took, _ in rows]) / SONGS for what, rows in times.items()}
    core = {what: np.array([used for _, used in rows]) / SONGS for what, rows in times.items()}
    one_job, two_jobs = "`library scan --jobs 1`", "`library scan --jobs 2`"
    table = [
        [
            what,
            *(f"{60 / np.median(of[what]):.0f}" for of in (wall, core)),
            f"{np.median(core[what]):.2f}",
            f"{np.median(core[what] / core[one_job]):.2f}",
        ]
        for what in runs
    ]
    faster = np.median(wall[one_job] / wall[two_jobs])
    return (
        f"{SONGS} songs of {MINUTES} minutes, FLAC at 44.1 kHz, {TURNS} times in turn, starting not counted; medians, "
        f"also of ratios turn by turn. Two jobs are {faster:.2f} times as fast as one "
        f"(budget 1.9 on two idle cores). A worker takes at most {resident:.0f} MB (budget 300).\n\n"
        + markdown(["", "songs/min", "songs/min and core", "core s a song", "core time against a scan"], table)
    )


def _scan(music: Path, folder: Path, jobs: int) -> tuple[float, float]:
    base = folder / "scan.sqlite"
    for file in folder.glob("scan.sqlite*"):
        file.unlink()
    return program("library", "scan", str(music), "-l", str(base), "--jobs", str(jobs))


def _resident(file: Path) -> float:
    """MB that a worker has taken at most."""
    worker = Worker(TrackAnalysis(config.load()))
    worker.ask(Request(file, frozenset()))
    most = 0.0
    while (message := worker.receive()) is None or type(message).__name__ == "Progress":
        process = worker._process
        if process is not None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            if found := re.search(r"VmHWM:\s+(\d+)", status):
                most = max(most, int(found[1]) / 1024)
        time.sleep(0.02)
    worker.stop()
    return most


def beside() -> str:
    """Calls of others for tempo, key and timbre of one song, decoding included, beside ours for everything."""
    settings = for_library(config.load())
    models = Models.load(settings)

    def ours(file: Path) -> None:
        describe(SoundFile(file, settings.input.channels), settings, models)

    def by_librosa(file: Path) -> None:
        librosa = importlib.import_module("librosa")
        sound, rate = librosa.load(file, sr=None)
        librosa.beat.beat_track(y=sound, sr=rate)
        librosa.feature.chroma_stft(y=sound, sr=rate)
        librosa.feature.mfcc(y=sound, sr=rate)
        librosa.feature.spectral_contrast(y=sound, sr=rate)

    def by_essentia(file: Path) -> None:
        standard = importlib.import_module("essentia.standard")
        sound = standard.MonoLoader(filename=str(file), sampleRate=RATE)()
        standard.RhythmExtractor2013()(sound)
        standard.KeyExtractor()(sound)

    calls: dict[str, Callable[[Path], None]] = {
        "streammood: everything that a library stores": ours,
        "librosa: beat_track, chroma, MFCC, contrast (no key, no mood)": by_librosa,
        "Essentia: RhythmExtractor2013, KeyExtractor (no mood)": by_essentia,
    }
    rows = []
    with tempfile.TemporaryDirectory() as name:
        song, short = _music(Path(name), 1, 60.0 * MINUTES)[0], Path(name) / "short.flac"
        soundfile.write(short, soundfile.read(song, frames=10 * RATE)[0], RATE)
        for what, call in calls.items():
            try:
                call(short)  # imports, compiles
                used = []
                for _ in range(TURNS):
                    began = time.process_time()
                    call(song)
                    used.append(time.process_time() - began)
                rows.append([what, f"{np.median(used):.2f}", f"{60 / np.median(used):.0f}"])
            except ModuleNotFoundError:
                rows.append([what, "not installed", ""])
    return (
        f"A song of {MINUTES} minutes, FLAC at 44.1 kHz, decoded and analysed in one process, {TURNS} times:\n\n"
        + markdown(["", "core s a song", "songs/min and core"], rows)
    )


# What survives


def _kills() -> str:
    """A scan is killed at random while files change, again and again: what is stored then, and what in the end."""
    generator = random.Random(0)
    sound = next(Synth(sample_rate=RATE, repeat=True).blocks(RATE * _CLIP))
    with tempfile.TemporaryDirectory() as name:
        folder, base = Path(name), Path(name) / "x.sqlite"
        files = [folder / f"{number}.flac" for number in range(_FILES)]
        arguments = ("library", "scan", str(folder), "-l", str(base), "--jobs", "2")

        def change(some: list[Path]) -> None:
            for path in some:
                soundfile.write(path, sound * np.float32(generator.uniform(0.2, 0.9)), RATE)

        change(files)
        program(*arguments)  # compiles what no earlier process has
        change(generator.sample(files, _CHANGED))
        whole, _ = program(*arguments)
        broken = lost = twice = midst = 0
        stored = _stored(base)
        for _ in range(KILLS):
            change(generator.sample(files, _CHANGED))
            process = subprocess.Popen(
                [sys.executable, "-m", "streammood.cli", *arguments],
                cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(generator.uniform(0.0, whole))
            process.send_signal(signal.SIGKILL)
            process.wait()
            with contextlib.closing(sqlite3.connect(base)) as db:
                broken += db.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
                midst += db.execute("SELECT ended IS NULL FROM scan").fetchone()[0]
            now = _stored(base)
            lost += sum(path not in now for path in stored)
            twice += sum(now.get(path) != number for path, number in stored.items() if path in now)
            stored = now
        program(*arguments)
        with Store(base) as store:
            tracks = {track.path: track for track in store.tracks()}
        right = sum(path in tracks and tracks[path].stamp.hash == content_hash(path) for path in files)
    return (
        f"{KILLS} times at a random moment (seed 0) of a scan by two jobs, of {_FILES} files of which {_CHANGED} "
        f"change before each; {midst} of them while files were analysed. Databases broken: {broken}; stored songs "
        f"lost: {lost}; stored twice: {twice}. After one more scan {right} of {_FILES} files are there as they are now."
    )


def _stored(base: Path) -> dict[bytes, int]:
    """The id of each file that was analysed."""
    with contextlib.closing(sqlite3.connect(base)) as db:
        return dict(db.execute("SELECT path, id FROM songs WHERE duration NOT NULL").fetchall())


# Many songs


def _filled(path: Path, count: int) -> None:
    """A library of ``count`` songs anywhere."""
    generator = np.random.default_rng(0)
    places = np.clip(generator.normal(0.0, 0.35, (count, 2)), -1.0, 1.0).tolist()
    plain = Description(
        240.0, 120.0, 0.9, "Am", 0.5, 0.5, 0.0, 0.0, "happy", 0.7,
        {"happy": 0.7, "aggressive": 0.1, "calm": 0.1, "sad": 0.1}, np.zeros((120, 2), np.float32), (),
        np.zeros(0, np.float32), "benchmark",
    )  # fmt: skip
    with Store(path, create=True) as store, store.writing():
        for number, (valence, arousal) in enumerate(places):
            vector = generator.normal(size=211).astype(np.float32)
            mood = ("sad", "calm", "aggressive", "happy")[2 * (arousal > 0) + (valence > 0)]
            key = Key(number % 12, bool(number % 2)).name
            song = replace(
                plain, valence=valence, arousal=arousal, vector=vector, mood=mood, key=key, bpm=60.0 + number % 140,
                moods={label: 0.7 if label == mood else 0.1 for label in plain.moods},
            )  # fmt: skip
            words = Words(f"Song {number}", f"Artist {number % 5000}", "Album", "Rock")
            store.describe(Path(f"/music/{number}.flac"), Stamp(number, number, str(number)), words, song)


def _many() -> str:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name) / "x.sqlite"
        _filled(base, MANY)
        began = time.perf_counter()
        with Store(base) as store:
            catalogue = Catalogue.load(store)
        loaded = time.perf_counter() - began
        asked: dict[str, Callable[[], object]] = {
            "likeness": lambda: find(catalogue, Query(like=500)),
            "mood": lambda: find(catalogue, Query(mood="calm")),
            "place, tempo and energy": lambda: find(catalogue, Query(at=(0.5, -0.5), bpm=(90, 120), energy=(0.2, 0.8))),
            "keys that mix": lambda: find(catalogue, Query(key=Key.parse("8A"), compatible=True)),
            "words": lambda: find(catalogue, Query(text="artist 77")),
            "journey of an hour": lambda: journey(catalogue, point("calm"), point("energetic"), 60.0),
        }
        times = in_turn(list(asked.values()), ROUNDS, warm=2)
        rows = [[what, *percentiles(taken, 1e-3)] for what, taken in zip(asked, times, strict=True)]
        painted = _painted(base)
    return f"Loading takes {loaded:.1f} s. Budget for likeness: 50 ms. {painted}\n\n" + markdown(
        ["question", "p50 ms", "p99 ms", "max ms"], rows
    )


def _painted(base: Path) -> str:
    """How long a browser takes from the address to the map."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    from tests.browser import CHROMIUM  # noqa: PLC0415
    from tests.served import Dashboard  # noqa: PLC0415

    watch = """addEventListener("drawn", (event) => {
      if (event.detail.songs > 0) window.paintedAt ??= performance.now();
    }, true)"""
    frames = """async () => {
      const map = document.getElementById("map");
      const times = [];
      for (let i = 0; i < 30; i++) {
        const began = performance.now();
        const done = new Promise((resolve) => map.addEventListener("drawn", resolve, { once: true }));
        map.dispatchEvent(new WheelEvent("wheel", { deltaY: i < 15 ? -40 : 40, clientX: 300, clientY: 300 }));
        await done;
        times.push(performance.now() - began);
      }
      return times;
    }"""
    with Dashboard(library=base) as served, sync_playwright() as driver:
        served.ask("GET", "/library/points")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(watch)
        page.goto(f"{served.origin}/#library")
        first = float(page.wait_for_function("() => window.paintedAt").json_value())
        page.wait_for_timeout(1500)
        times = page.evaluate(frames)
        browser.close()
    p50, p99, _ = percentiles(times)
    return (
        f"The map is painted {first / 1e3:.2f} s after the address was opened (budget 1 s), the library being loaded; "
        f"zooming takes p50 {p50}, p99 {p99} ms a picture."
    )
