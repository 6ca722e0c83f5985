"""What came in lies in the file, sample for sample, the rest is silence; a full disk ends the file, not the show."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from streammood import config
from streammood.capture import Deliver
from streammood.capture.paced import Paced
from streammood.capture.recording import Recording
from streammood.demo.synth import Synth
from streammood.engine.live import Engine
from streammood.errors import SinkError
from streammood.events import F32
from streammood.log.event_log import EventLog
from streammood.models import Models
from tests.outputs import Made
from tests.test_cli import streammood
from tests.waiting import wait_for

RATE = 48_000


def noise(size: int) -> F32:
    return (0.2 * np.random.default_rng(size).standard_normal(size)).astype(np.float32)


def test_all_channels_are_kept_and_others_begin_another_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "night.flac")
    notes: list[str] = []
    recording.start(RATE, notes.append)
    pair, many = noise(600).reshape(-1, 2), noise(3000).reshape(-1, 10)
    recording.push(pair)
    recording.push(pair, missing=100)
    recording.push(many)
    recording.close()
    sound, _ = soundfile.read(recording.path, dtype="float32")
    wanted = np.concatenate((pair, np.zeros((100, 2), np.float32), pair))
    np.testing.assert_allclose(sound, wanted, atol=2**-23)
    sound, _ = soundfile.read(tmp_path / "night-2.flac", dtype="float32")
    np.testing.assert_allclose(sound, many[:, :8], atol=2**-23)
    assert "first 8 of 10 channels" in notes[-1]


class Interface(Paced):
    """A device of four channels; what is analysed is the mix of the first two."""

    def __init__(self) -> None:
        super().__init__(Synth(repeat=True), 256)
        self.frames: F32 = np.zeros((0, 4), np.float32)
        self.all: list[F32] = []

    def start(self, deliver: Deliver) -> None:
        def spread(block: F32, captured: float, arrived: float) -> None:
            self.frames = np.outer(block, np.array([1.5, 0.5, 0.1, 0.0], np.float32)).astype(np.float32)
            self.all.append(self.frames.copy())
            deliver(block, captured, arrived)

        super().start(spread)


def test_a_live_input_is_kept_with_its_channels(tmp_path: Path) -> None:
    settings = config.load()
    models, recording, source = Models.load(settings), Recording(tmp_path / "night.wav"), Interface()
    engine = Engine(settings, source, models, Made(lambda _: []), EventLog(), recording)
    engine.start()
    assert wait_for(lambda: recording.written > 30_000)
    engine.stop()
    sound, _ = soundfile.read(tmp_path / "night.wav", dtype="float32")
    assert sound.shape[1] == 4
    came = np.concatenate(source.all)[: len(sound)]
    np.testing.assert_allclose(sound, came, atol=2**-22)


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_blocks_and_gaps_lie_where_they_were(tmp_path: Path, suffix: str) -> None:
    recording = Recording(tmp_path / f"night.{suffix}")
    notes: list[str] = []
    recording.start(RATE, notes.append)
    block = noise(300)
    recording.push(block)
    recording.push(block, missing=200)
    recording.resume(1.0, RATE)
    recording.push(block)
    recording.close()
    sound, rate = soundfile.read(recording.path, dtype="float32")
    wanted = np.concatenate((block, np.zeros(200, np.float32), block, np.zeros(RATE, np.float32), block))
    assert rate == RATE
    assert sound.size == wanted.size == recording.written
    np.testing.assert_allclose(sound, wanted, atol=2**-23)
    assert notes == []


def test_another_rate_begins_another_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "night.flac")
    notes: list[str] = []
    recording.start(RATE, notes.append)
    recording.push(noise(300))
    recording.resume(1.0, 44_100)
    recording.push(noise(500))
    recording.close()
    assert soundfile.info(tmp_path / "night.flac").frames == 300
    assert soundfile.info(tmp_path / "night-2.flac").samplerate == 44_100
    assert notes == [f"the recording goes on at 44100 Hz in {tmp_path / 'night-2.flac'}"]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_is_reported_and_the_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a live engine, which goes on."""
    settings = config.load()
    models = Models.load(settings)
    recording = Recording(tmp_path / "night.flac")
    engine = Engine(settings, Paced(Synth(repeat=True), 256), models, Made(lambda _: []), EventLog(), recording)
    engine.start()
    assert wait_for(lambda: recording.written > 4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1_000_000))
    assert wait_for(lambda: bool(recording.ended))
    heard = engine.received
    assert wait_for(lambda: engine.received > heard + 4096), "the show goes on"
    engine.stop()
    assert engine.error is None
    assert soundfile.info(recording.path).frames == recording.written
    assert recording.ended == "its disk has only 1 MB left"
    assert any("the recording ends after" in note for note in engine.take_notes())


def test_a_disk_that_refuses_ends_the_recording_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "night.flac")
    notes: list[str] = []

    def refuse(*_: object) -> None:
        raise RuntimeError("System error.")

    monkeypatch.setattr(soundfile.SoundFile, "write", refuse)
    recording.start(RATE, notes.append)
    recording.push(noise(300))
    assert wait_for(lambda: bool(recording.ended))
    recording.push(noise(300))
    recording.close()
    assert len(notes) == 1
    assert "System error" in notes[0]
    assert "the show goes on" in notes[0]


def test_what_cannot_be_recorded_says_why(tmp_path: Path) -> None:
    there = tmp_path / "there.flac"
    there.touch()
    for path, reason in (
        (there, "there already"),
        (tmp_path / "night.mp3", r"\.flac or \.wav"),
        (tmp_path / "no" / "night.flac", "cannot be written"),
    ):
        with pytest.raises(SinkError, match=reason):
            Recording(path)


def test_run_records_what_it_hears(tmp_path: Path, wav: Path) -> None:
    done = streammood("run", "--input", str(wav), "--duration", "3", "--record", str(tmp_path / "kept.flac"))
    assert done.returncode == 0, done.stderr
    kept, rate = soundfile.read(tmp_path / "kept.flac", dtype="float32")
    sound, own = soundfile.read(wav, dtype="float32", always_2d=True)
    assert rate == own
    assert kept.size > 1.5 * rate
    np.testing.assert_allclose(kept, sound.mean(1)[: kept.size], atol=2**-14)
