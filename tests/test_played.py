"""A file that is heard: what goes to the device is what is analysed, block by block, when it sounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyaudio
import pytest
import soundfile

from streammood import config
from streammood.api.inputs import open_source
from streammood.capture.played import Played
from streammood.capture.sound_file import SoundFile
from streammood.errors import SourceError
from streammood.events import F32
from tests.waiting import wait_for

BLOCK = 256


class Device:
    """An output that takes sound ``ahead`` s before it is heard, at ``pace`` times the pace."""

    ahead = 0.05
    stops_after = 10**9  # callbacks
    there = True
    pace = 10.0

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.active = True
        self.said: list[tuple[float, int]] = []  # when a buffer was taken, and its frames

    def get_default_output_device_info(self) -> dict[str, Any]:
        if not self.there:
            raise OSError("none")
        return {"name": "out"}

    def open(self, rate: int, channels: int, form: int, *, stream_callback: Callable[..., Any], **rest: Any) -> Device:
        assert (channels, form, rest["output"]) == (1, pyaudio.paFloat32, True)
        self.callback, self.frames, self.rate = stream_callback, rest["frames_per_buffer"], rate
        return self

    def start_stream(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for _ in range(self.stops_after):
            now = time.monotonic()
            times = {"output_buffer_dac_time": now + self.ahead, "current_time": now}
            sound, state = self.callback(None, self.frames, times, 0)
            self.heard.append(sound)
            if state == pyaudio.paComplete or not self.active:
                break
            time.sleep(self.frames / self.rate / self.pace)
        self.active = False

    def get_output_latency(self) -> float:
        return self.ahead

    def is_active(self) -> bool:
        return self.active

    def close(self) -> None:
        self.active = False

    def terminate(self) -> None: ...


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> type[Device]:
    class Own(Device): ...

    monkeypatch.setattr(pyaudio, "PyAudio", Own)
    return Own


def played(path: Path, heard: bool = True) -> tuple[Played, list[tuple[F32, float, float]]]:
    source, got = Played(SoundFile(path, "all"), BLOCK, heard), list[tuple[F32, float, float]]()
    source.start(lambda *block: got.append(block))
    return source, got


@pytest.fixture
def short(tmp_path: Path) -> Path:
    sound = 0.5 * np.sin(np.arange(20_000, dtype=np.float32) / 50)
    soundfile.write(tmp_path / "short.wav", sound, 44_100, subtype="FLOAT")
    return tmp_path / "short.wav"


def test_what_is_heard_is_what_is_analysed_when_it_sounds(device: type[Device], short: Path) -> None:
    source, got = played(short)
    assert wait_for(lambda: not source.active)
    out = source._output
    assert out is not None
    source.stop()
    sound = soundfile.read(short, dtype="float32")[0]
    np.testing.assert_array_equal(np.concatenate([block for block, _, _ in got]), sound)
    stream: object = out._stream
    assert isinstance(stream, Device)
    heard = np.frombuffer(b"".join(stream.heard), dtype=np.float32)
    np.testing.assert_array_equal(heard[: sound.size], sound)
    assert not heard[sound.size :].any()
    assert all(arrived >= due for _, due, arrived in got), "nothing is analysed before it is heard"
    assert source.error is None


def test_an_output_that_goes_away_leaves_the_show_running(device: type[Device], short: Path) -> None:
    device.stops_after = 1
    source, got = played(short)
    assert wait_for(lambda: not source.active, 20)
    source.stop()
    assert sum(block.size for block, _, _ in got) == 20_000
    assert "goes on unheard" in source.failure


def test_without_an_output_it_says_so(device: type[Device], short: Path) -> None:
    device.there = False
    with pytest.raises(SourceError, match="leave out --play"):
        played(short)
    with pytest.raises(SourceError, match="a device is heard already"):
        open_source("USB Audio", config.load(), play=True)
    assert isinstance(open_source("demo", config.load(), play=True), Played)


def test_it_is_heard_and_silent_again_without_a_gap(device: type[Device], tmp_path: Path) -> None:
    """Every block once, in order, each as long after the one before as it lasts; what is heard is in step with it."""
    device.pace = 1.0
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 60_000).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", sound, 44_100, subtype="FLOAT")
    source, got = played(tmp_path / "long.wav", heard=False)
    assert not source.heard
    assert wait_for(lambda: len(got) > 40)
    source.hear(True)
    assert source.heard
    output = source._output
    assert output is not None
    stream: object = output._stream
    assert isinstance(stream, Device)
    assert wait_for(lambda: any(np.frombuffer(part, np.float32).any() for part in stream.heard))
    source.hear(False)
    assert not source.heard
    assert wait_for(lambda: not source.active)
    source.stop()
    np.testing.assert_array_equal(np.concatenate([block for block, _, _ in got]), sound)
    dues = np.array([due for _, due, _ in got])
    steps = np.diff(dues) - np.array([block.size for block, _, _ in got[1:]]) / 44_100
    assert np.all(np.diff(dues) > 0.0)
    assert np.abs(steps).max() < 0.1, "a step is as long as the device is late, no more"
    heard = np.concatenate([np.frombuffer(part, np.float32) for part in stream.heard])
    first = int(np.flatnonzero(heard)[0])
    place = int(np.flatnonzero(sound == heard[first])[0])
    assert place % BLOCK == 0
    assert place > 40 * BLOCK
    size = min(2048, heard.size - first)
    np.testing.assert_array_equal(heard[first : first + size], sound[place : place + size])
