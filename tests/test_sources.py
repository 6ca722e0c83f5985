"""Choosing a device, mixing channels, reading files, pacing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streammood.capture.device import Device, DeviceSource, choose, find_again
from streammood.capture.mixer import Mixer
from streammood.capture.paced import Paced
from streammood.capture.sound_file import SoundFile
from streammood.cli.wiring import Overrides
from streammood.config import InputSettings
from streammood.errors import SourceError
from streammood.events import F32

FOUND = [
    Device(0, "Built-in Microphone", "ALSA", 2, 44_100, 0.01, False),
    Device(2, "USB Audio CODEC", "ALSA", 2, 48_000, 0.01, True),
    Device(3, "USB Audio CODEC", "JACK", 2, 48_000, 0.01, False),
    Device(5, "USB Audio CODEC 2", "ALSA", 8, 96_000, 0.01, False),
]


@pytest.mark.parametrize(
    ("device", "host_api", "index"),
    [
        (None, None, 2),
        (5, None, 5),
        ("built", None, 0),
        ("usb audio codec 2", None, 5),
        ("USB Audio CODEC", "jack", 3),
        ("USB Audio CODEC", "ALSA", 2),
    ],
)
def test_choosing(device: int | str | None, host_api: str | None, index: int) -> None:
    assert choose(FOUND, device, host_api).index == index


@pytest.mark.parametrize(
    ("device", "host_api", "told"),
    [
        (1, None, r"index 1; there are 0: Built-in Microphone \(ALSA\); 2: USB"),
        (99, None, "index 99"),
        ("codec", None, r"ambiguous: 2: .*; 3: .*; 5: .*use the index"),
        ("USB Audio CODEC", None, "ambiguous"),
        ("line", None, r"no input device called `line`; there are 0: Built-in"),
        (None, "WASAPI", "host APIs with inputs: ALSA, JACK"),
    ],
)
def test_what_cannot_be_chosen(device: int | str | None, host_api: str | None, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        choose(FOUND, device, host_api)


def renumbered(name: str, host_api: str = "ALSA", index: int = 4) -> Device:
    return Device(index, name, host_api, 2, 44_100, 0.01, False)


@pytest.mark.parametrize(
    ("typed", "before", "after"),
    [
        ("USB Audio CODEC", "USB Audio CODEC hw1", "USB Audio CODEC hw2"),
        ("codec", "USB Audio CODEC: Audio (hw:1,0)", "USB Audio CODEC: Audio (hw:3,0)"),
        ("Line", "Line (USB Audio)", "Line (2- USB Audio)"),
        ("Line (USB Audio)", "Line (USB Audio)", "Line (2- USB Audio)"),
        ("Line (2- USB Audio)", "Line (2- USB Audio)", "Line (3- USB Audio)"),
        ("usb audio codec hw1", "USB Audio CODEC hw1", "USB Audio CODEC hw2"),
        ("USB Audio #2", "USB Audio #2", "USB Audio #3"),
        (7, "USB Audio CODEC: Audio (hw:1,0)", "USB Audio CODEC: Audio (hw:3,0)"),
        (7, "Line In", "Line In"),
    ],
)
def test_a_device_that_comes_back_renumbered_is_found(typed: int | str, before: str, after: str) -> None:
    settings = InputSettings.model_validate({"device": typed})
    others = [renumbered("Built-in Microphone", index=0), renumbered("HDMI (hw:0,3)", index=1)]
    first, again = renumbered(before, index=7), renumbered(after, index=3)
    assert find_again([*others, again], first, settings) == again
    with pytest.raises(SourceError, match="is not there"):
        find_again(others, first, settings)


def test_of_two_that_fit_the_one_of_before_is_found() -> None:
    settings = InputSettings(device="usb")
    first = renumbered("USB Audio CODEC", index=7)
    found = [renumbered("USB Microphone", index=1), renumbered("USB Audio CODEC", index=3), renumbered("USB x", "JACK")]
    assert find_again(found, first, settings) == found[1]
    with pytest.raises(SourceError, match="is not there; there are 1: USB Microphone"):
        find_again([found[0], found[2]], first, settings)


def test_the_default_is_what_is_the_default_then() -> None:
    first = renumbered("USB Audio CODEC", index=7)
    now = Device(2, "Other", "ALSA", 2, 44_100, 0.01, True)
    assert find_again([renumbered("USB Audio CODEC"), now], first, InputSettings()) == now


def test_no_devices_at_all() -> None:
    with pytest.raises(SourceError, match=r"no input devices at all.*--input demo"):
        choose([], None, None)


def test_mixing() -> None:
    frames = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, -0.5]], dtype=np.float32)
    np.testing.assert_allclose(Mixer((1, 2, 3), 8000).push(frames), [0.5, 1 / 6], rtol=1e-6)
    np.testing.assert_allclose(Mixer((2,), 8000).push(frames), [1.0, 0.0])
    np.testing.assert_allclose(Mixer((1, 3), 8000).push(frames), [0.25, 0.25])


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "mono.wav"
    soundfile.write(path, np.zeros(100), 44_100)
    with pytest.raises(SourceError, match="has 1 channels, channel 2"):
        SoundFile(path, (2,))


def test_files_are_read_to_their_last_sample(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 10_001).astype(np.float32)
    soundfile.write(path, sound, 44_100, subtype="FLOAT")
    np.testing.assert_array_equal(np.concatenate(list(SoundFile(path).blocks(256))), sound)


def test_pacing_takes_as_long_as_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.zeros(8000), 16_000)
    blocks: list[tuple[int, float, float]] = []

    def deliver(block: F32, captured: float, arrived: float) -> None:
        blocks.append((block.size, captured, arrived))

    source = Paced(SoundFile(path), 256)
    began = time.monotonic()
    source.start(deliver)
    while source.active:
        time.sleep(0.01)
    assert sum(size for size, _, _ in blocks) == 8000
    assert blocks[0][1] - began >= 256 / 16_000, "the first block is whole only after it has sounded"
    assert blocks[-1][1] - blocks[0][1] == pytest.approx((8000 - 256) / 16_000, abs=1e-6)
    assert all(arrived >= captured for _, captured, arrived in blocks)
    source.stop()


class Bursts:
    """A reader that needs 0.25 s for what lasts 0.5 s, and then gives it all at once."""

    name, sample_rate, duration = "bursts", 16_000, 1.5

    def blocks(self, size: int) -> Iterator[F32]:
        for _ in range(3):
            time.sleep(0.25)
            yield from np.zeros((self.sample_rate // 2 // size, size), np.float32)


def test_a_reader_that_makes_its_sound_in_bursts_is_heard_evenly() -> None:
    late: list[float] = []
    source = Paced(Bursts(), 250)
    source.start(lambda block, captured, arrived: late.append(arrived - captured))
    while source.active:
        time.sleep(0.01)
    source.stop()
    assert len(late) == 3 * 32
    assert sum(each > 0.1 for each in late) <= 8  # of 32 and more, if each burst were made when it is due


def test_a_reader_is_left_alone_once_stopped() -> None:
    source = Paced(Bursts(), 250)
    source.start(lambda block, captured, arrived: None)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 1.0
    assert not source.active


class FakePyAudio:
    """PortAudio with one input that takes 44.1 kHz alone, and that another program holds."""

    def get_host_api_count(self) -> int:
        return 1

    def get_host_api_info_by_index(self, index: int) -> dict[str, object]:
        return {"name": "Fake"}

    def get_default_input_device_info(self) -> dict[str, object]:
        return {"index": 0}

    def get_device_count(self) -> int:
        return 1

    def get_device_info_by_index(self, index: int) -> dict[str, object]:
        return {
            "name": "line",
            "hostApi": 0,
            "maxInputChannels": 2,
            "defaultSampleRate": 44_100.0,
            "defaultLowInputLatency": 0.01,
        }

    def is_format_supported(self, rate: int, **_: object) -> bool:
        if rate != 44_100:
            raise ValueError("Invalid sample rate")
        return True

    def open(self, *_: object, **__: object) -> None:
        raise OSError(-9985, "Device unavailable")

    def terminate(self) -> None:
        return None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sample_rate": 48_000}, r"input.sample_rate: `line` refuses 48000 Hz; it takes 44100"),
        ({"channels": [3]}, r"input.channels: `line` has 2 channels, got channel 3"),
        ({}, r"`line` cannot be opened: .*Device unavailable.*another program"),
    ],
)
def test_a_device_that_cannot_be_used(changed: dict[str, object], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaudio.PyAudio", FakePyAudio)
    source = DeviceSource(InputSettings.model_validate(changed))
    with pytest.raises(SourceError, match=told):
        source.start(lambda block, captured, arrived: None)
    assert not source.active


def test_a_slash_makes_no_path_of_a_device_name() -> None:
    assert Overrides(device="Line/Mic (USB)").load(None).input.device == "Line/Mic (USB)"
    assert Overrides(device="3").load(None).input.device == 3
    for path in ("./tune", "/music/tune", "a/b/tune.flac", "demo", "auto"):
        assert Overrides(device=path).load(None).input.device is None


class Replugged(FakePyAudio):
    """PortAudio with one input that takes its own rate alone, and another one after it was plugged in again."""

    rate = 44_100

    def get_device_info_by_index(self, index: int) -> dict[str, object]:
        return super().get_device_info_by_index(index) | {"defaultSampleRate": float(self.rate)}

    def is_format_supported(self, rate: int, **_: object) -> bool:
        if rate != self.rate:
            raise ValueError("Invalid sample rate")
        return True

    def open(self, *_: object, **__: object) -> Stream:  # type: ignore[override]
        return Stream()


class Stream:
    """An open input that delivers nothing."""

    def is_active(self) -> bool:
        return True

    def close(self) -> None:
        return None


def test_a_device_is_opened_at_the_rate_that_it_has_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyaudio.PyAudio", Replugged)
    source, told = DeviceSource(InputSettings()), DeviceSource(InputSettings(sample_rate=44_100))
    source.start(lambda block, captured, arrived: None)
    assert source.active
    assert source.sample_rate == 44_100
    source.stop()
    monkeypatch.setattr(Replugged, "rate", 48_000)
    source.start(lambda block, captured, arrived: None)
    assert source.sample_rate == 48_000
    source.stop()
    with pytest.raises(SourceError, match="refuses 44100 Hz; it takes 48000"):
        told.start(lambda block, captured, arrived: None)
