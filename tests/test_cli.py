"""The command line as a user meets it: files of every kind, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from streammood.cli.commands import application
from streammood.demo.synth import Rendered

LABELS = ("happy", "aggressive", "calm", "sad")


def streammood(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streammood.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"},
    )


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_event_log_is_the_contract(wav: Path, tmp_path: Path, music: Rendered) -> None:
    done = streammood("analyze", str(wav), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = rows(tmp_path / "steady.jsonl")
    assert lines[0] == {
        "event": "stream",
        "version": 1,
        "program": lines[0]["program"],
        "input": str(wav),
        "sample_rate": 44_100,
    }
    music_keys = {"music", "music_confidence"}
    keys = {
        "beat": {"event", "time", "decided", "bpm", "confidence", "locked", "number", "count", "bar_confidence"},
        "onset": {"event", "time", "decided", "strength"},
        "mood": {"event", "time", "decided", "valence", "arousal", *LABELS, "label", "confidence", *music_keys},
        "energy": {
            "event",
            "time",
            "decided",
            "energy",
            "buildup",
            "breakdown",
            "kind",
            "index",
            "bars",
            "confidence",
            "countin",
            "grid",
            "key",
            "minor",
            "key_confidence",
        },
        "section": {"event", "time", "decided", "kind", "confidence", "bars", "locked"},
        "summary": {
            "event",
            "path",
            "duration",
            "bpm",
            "valence",
            "arousal",
            *LABELS,
            "label",
            "confidence",
            *music_keys,
        },
    }
    decided = 0.0
    for line in lines[1:]:
        assert set(line) == keys[line["event"]]
        if line["event"] == "summary":
            continue
        assert line["decided"] >= decided  # in the order in which things became known
        decided = line["decided"]
        if "confidence" in line:
            assert 0.0 <= line["confidence"] <= 1.0
    moods = [line for line in lines if line["event"] == "mood"]
    assert moods[0]["decided"] <= 3.0
    assert all(b["time"] - a["time"] <= 0.5 for a, b in pairwise(moods))
    for mood in [*moods, lines[-1]]:
        assert sum(mood[label] for label in LABELS) == pytest.approx(1.0, abs=0.001)
        assert mood["label"] in LABELS
        assert -1.0 <= mood["valence"] <= 1.0
        assert -1.0 <= mood["arousal"] <= 1.0
    assert lines[-1]["duration"] == pytest.approx(music.sound.size / 44_100, abs=1e-4)
    assert lines[-1]["bpm"] == pytest.approx(120.0, abs=2)


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"),
    [
        ("wav", 8_000, 1),
        ("flac", 48_000, 2),
        ("ogg", 44_100, 1),
        ("opus", 48_000, 2),
        ("mp3", 32_000, 2),
        ("wav", 96_000, 6),
    ],
)
def test_any_format_rate_and_channels(tmp_path: Path, suffix: str, rate: int, channels: int) -> None:
    t = np.arange(4 * rate) / rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * t) * ((t % 0.5) < 0.1)
    path = tmp_path / f"tone.{suffix}"
    kind = {"opus": {"format": "OGG", "subtype": "OPUS"}}.get(suffix, {})
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate, **kind)
    done = streammood("analyze", str(path), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = rows(tmp_path / "tone.jsonl")
    assert sum(line["event"] == "onset" for line in lines) >= 6
    assert lines[-1]["duration"] == pytest.approx(4.0, abs=0.1)


def test_bad_files_are_told_and_the_others_done(tmp_path: Path, wav: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp3").write_text("not sound at all")
    data = wav.read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    flac = tmp_path / "whole.flac"
    soundfile.write(flac, *soundfile.read(wav))
    (tmp_path / "cut.flac").write_bytes(flac.read_bytes()[:300_000])
    names = ["empty.wav", "text.mp3", "cut.wav", "cut.flac", "missing.wav", "whole.flac"]
    out = tmp_path / "out"
    done = streammood("analyze", *(str(tmp_path / name) for name in names), "--out", str(out))
    assert done.returncode == 1
    for name in names[:-1]:
        assert f"{name}: " in done.stderr
    assert "5 of 6" in done.stderr
    assert "Traceback" not in done.stderr
    assert rows(out / "whole.jsonl")[-1]["duration"] == pytest.approx(14.0, abs=1)
    assert 3 < rows(out / "cut.jsonl")[-1]["duration"] < 9  # what could be heard is kept


def test_two_files_of_one_stem_do_not_overwrite_each_other(tmp_path: Path, wav: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.wav").write_bytes(wav.read_bytes())
    done = streammood("analyze", str(tmp_path), "--out", str(tmp_path / "out"), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    first, second = rows(tmp_path / "out" / "same.jsonl"), rows(tmp_path / "out" / "same-2.jsonl")
    assert first[0]["input"].endswith("a/same.wav")
    assert second[0]["input"].endswith("b/same.wav")
    assert first[1:-1] == second[1:-1]


def test_events_to_the_output_are_json_alone(wav: Path) -> None:
    done = streammood("analyze", str(wav), "--events", "-")
    assert done.returncode == 0
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert events[0] == "stream"
    assert events[-1] == "summary"
    assert "mood" in done.stderr  # the table for people


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["x.wav", "--config", "nothing.yaml"], "nothing.yaml"),
        (["x.wav", "--set", "beat.bpm_mx=3"], "did you mean `bpm_max`"),
        (["x.wav", "--set", "mood.model=nothing"], "nothing"),
        (["x.wav", "--set", "features.n_mels=40"], "`features` is no longer a setting"),
        (["x.wav", "--out", "/proc/no"], "/proc/no"),
        (["x.wav", "--events", "/proc/no/x"], "/proc/no"),
        (["."], "no sound files"),
        (["missing.wav"], "missing.wav: no such file"),
        (["x.wav", "--channels", "left"], "input.channels: must be `all`, one channel or a pair"),
    ],
)
def test_an_error_of_analyze_is_one_line_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(application("analyze"), ["analyze", *arguments])
    assert_one_line(done.exit_code, done.stdout, done.stderr, reason)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["analyze", "missing.wav"], "missing.wav: no such file"),
        (["run", "--input", "demo", "--target", "nowhere"], "HOST:PORT"),
        (["run", "--input", "missing.wav"], "missing.wav: no such file"),
        (["run", "--input", "demo", "--events", "/proc/no/x"], "/proc/no"),
    ],
)
def test_an_error_of_a_process_is_one_line_and_a_status(tmp_path: Path, arguments: list[str], reason: str) -> None:
    done = streammood(*arguments, cwd=tmp_path)
    assert_one_line(done.returncode, done.stdout, done.stderr, reason)


def assert_one_line(status: int, out: str, error: str, reason: str) -> None:
    assert status == 1
    assert reason in error
    assert len(error.strip().splitlines()) <= 2
    assert "Traceback" not in error
    assert not out.strip()


def test_a_file_played_in_real_time_gives_the_events_of_analysis(music: Rendered, tmp_path: Path) -> None:
    wav, live, fast = (tmp_path / name for name in ("short.wav", "live.jsonl", "fast.jsonl"))
    soundfile.write(wav, music.sound[: 6 * music.sample_rate], music.sample_rate)
    assert streammood("run", "--input", str(wav), "--target", "127.0.0.1:9", "--events", str(live)).returncode == 0
    assert streammood("analyze", str(wav), "--events", str(fast)).returncode == 0
    kept = [[r for r in rows(path) if r["event"] in ("beat", "onset", "mood", "summary")] for path in (live, fast)]
    assert kept[0] == kept[1]
    assert {r["event"] for r in kept[0]} == {"beat", "onset", "mood", "summary"}


def test_demo_stops_after_its_time_and_says_what_it_hears(tmp_path: Path) -> None:
    done = streammood("run", "--input", "demo", "--duration", "5", "--target", "127.0.0.1:9")
    assert done.returncode == 0
    assert "demo" in done.stdout
    assert "BPM" in done.stdout
    assert "dB" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["embedding"], "pip download --no-deps musicnn"),
        (["music"], "--from is missing"),
        (["mood", "--from", "wheel.whl"], "--from cannot be used with mood"),
    ],
)
def test_an_origin_that_does_not_fit_what_is_trained_is_refused(
    arguments: list[str], reason: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(application("train"), ["train", *arguments, "--data", str(tmp_path)])
    assert done.exit_code != 0
    assert reason in done.output
    assert len(done.output.strip().splitlines()) == 1
