"""Live inputs through PyAudio.

PortAudio's own thread calls back with each block. A thread with blocking reads was tried beside it and lost
neither more nor fewer samples (``benchmarks/capture.py``); the callback also reports the capture time of a block.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyaudio

from streammood.capture import Deliver
from streammood.capture.mixer import Mixer
from streammood.config import InputSettings
from streammood.errors import SourceError
from streammood.events import F32
from streammood.lasting import reason_of
from streammood.native import quiet

_COMMON_RATES = (22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000)
_OPENED_AT_MOST = 2  # channels for `all`: sound servers offer 32 where there are two
_NUMBER = re.compile(r"hw:?\d+(,\d+)?|(?<=\()\d+\s*-\s*|#\d+|\(\d+\)|[:,]\d+|\b\d{1,2}$")
_PLAUSIBLE_AGE = 1.0  # s; some drivers report no capture times, or times on another clock


@dataclass(frozen=True, slots=True)
class Device:
    """One input that PortAudio offers."""

    index: int
    name: str
    host_api: str
    channels: int
    sample_rate: int  # default, in Hz
    latency: float  # lowest by default, in s
    default: bool


@contextlib.contextmanager
def _portaudio() -> Iterator[pyaudio.PyAudio]:
    audio = _initialise()
    try:
        yield audio
    finally:
        audio.terminate()


def _initialise() -> pyaudio.PyAudio:
    with quiet():
        return pyaudio.PyAudio()


def _inputs(audio: pyaudio.PyAudio) -> list[Device]:
    apis = [str(audio.get_host_api_info_by_index(i)["name"]) for i in range(audio.get_host_api_count())]
    try:
        default = int(audio.get_default_input_device_info()["index"])
    except OSError:
        default = -1
    found = []
    for index in range(audio.get_device_count()):
        info = audio.get_device_info_by_index(index)
        if int(info["maxInputChannels"]) > 0:
            found.append(
                Device(
                    index,
                    str(info["name"]),
                    apis[int(info["hostApi"])],
                    int(info["maxInputChannels"]),
                    int(info["defaultSampleRate"]),
                    float(info["defaultLowInputLatency"]),
                    index == default,
                )
            )
    return found


def devices() -> list[Device]:
    """All inputs that there are now."""
    with _portaudio() as audio:
        return _inputs(audio)


def _listed(found: list[Device]) -> str:
    return "; ".join(f"{d.index}: {d.name} ({d.host_api})" for d in found)


def choose(found: list[Device], device: int | str | None, host_api: str | None) -> Device:
    """The input that the settings mean: an index, an exact name, or part of a name that fits only one.

    Raises:
        SourceError: there is none, or more than one.
    """
    if not found:
        raise SourceError("no input devices at all: plug one in, or use `--input demo` or `--input FILE`")
    offered = found
    if host_api is not None:
        offered = [d for d in found if host_api.lower() in d.host_api.lower()]
        if not offered:
            apis = ", ".join(sorted({d.host_api for d in found}))
            raise SourceError(f"input.host_api: no inputs under `{host_api}`; host APIs with inputs: {apis}")
    if device is None:
        chosen = [d for d in offered if d.default] or offered[:1]
        return chosen[0]
    if isinstance(device, int):
        by_index = [d for d in offered if d.index == device]
        if not by_index:
            raise SourceError(f"no input device with index {device}; there are {_listed(offered)}")
        return by_index[0]
    wanted = device.lower()
    fitting = [d for d in offered if d.name.lower() == wanted] or [d for d in offered if wanted in d.name.lower()]
    if not fitting:
        raise SourceError(f"no input device called `{device}`; there are {_listed(offered)}")
    if len(fitting) > 1:
        raise SourceError(
            f"input device `{device}` is ambiguous: {_listed(fitting)}; use the index, or input.host_api to choose"
        )
    return fitting[0]


def find_again(found: list[Device], first: Device, settings: InputSettings) -> Device:
    """The device that the settings mean, among those that are there after ``first`` was chosen.

    A device may come back under another number ("hw2", "Line (2- USB Audio)") and at another place in the list. So what
    the user typed is looked for; where that is not clear, or was an index, the name of the ``first``, and at last that
    name without its numbers.

    Raises:
        SourceError: there is none, or more than one.
    """
    if not isinstance(settings.device, int):
        with contextlib.suppress(SourceError):
            return choose(found, settings.device, settings.host_api)
    same_api = [d for d in found if d.host_api == first.host_api]
    for same in (lambda d: d.name == first.name, lambda d: _unnumbered(d.name) == _unnumbered(first.name)):
        fitting = [d for d in same_api if same(d)]
        by_index = [d for d in fitting if d.index == first.index]
        if len(fitting) == 1 or by_index:
            return (by_index or fitting)[0]
    raise SourceError(f"`{first.name}` is not there; there are {_listed(found) or 'no inputs'}")


def _unnumbered(name: str) -> str:
    """``name`` without what sound systems number cards and sockets by."""
    return " ".join(_NUMBER.sub("", name.lower()).split())


class DeviceSource:
    """A live input, found again when it comes back; the default input is whatever is the default then.

    ``name`` and ``sample_rate`` are those of the device that was opened last.
    """

    ends = False

    def __init__(self, settings: InputSettings) -> None:
        self._settings = settings
        self._audio: pyaudio.PyAudio | None = None
        self._stream: pyaudio.Stream | None = None
        self._last = 0.0
        self._mixer = Mixer((1,), 1)
        self.frames: F32 = np.zeros((0, 1), dtype=np.float32)  # of the block that is being delivered, all channels
        self.overflows = 0  # blocks that PortAudio flagged as following lost ones
        self.failure = ""  # of the callback, the latest
        found = devices()
        chosen = choose(found, settings.device, settings.host_api)
        self.name = chosen.name
        self.latency = chosen.latency
        self.sample_rate = settings.sample_rate or chosen.sample_rate
        self._first = chosen

    def start(self, deliver: Deliver) -> None:
        """Open the device among those that are there now."""
        self.stop()
        self._audio = _initialise()
        try:
            device = find_again(_inputs(self._audio), self._first, self._settings)
            self.sample_rate = self._settings.sample_rate or device.sample_rate
            self._open(self._audio, device, deliver)
            self.name = device.name
        except BaseException:
            self.stop()
            raise

    def _open(self, audio: pyaudio.PyAudio, device: Device, deliver: Deliver) -> None:
        count, picked = self._channels(audio, device)
        self._mixer = mixer = Mixer(picked, self.sample_rate, self._settings.block)
        block_time = 1.0 / self.sample_rate

        def callback(data: bytes | None, frames: int, times: Mapping[str, float], flags: int) -> tuple[None, int]:
            arrived = time.monotonic()
            try:
                self.frames = np.frombuffer(data or b"", dtype=np.float32).reshape(-1, count)
                block = mixer.push(self.frames)
                age = times["current_time"] - times["input_buffer_adc_time"] - frames * block_time
                deliver(block, arrived - (age if abs(age) < _PLAUSIBLE_AGE else 0.0), arrived)
                self.overflows += bool(flags & pyaudio.paInputOverflow)
            except Exception as error:  # noqa: BLE001  PortAudio would never call again
                self.failure = reason_of(error)
            self._last = arrived
            return None, pyaudio.paContinue

        try:
            with quiet():
                self._last = time.monotonic()
                self._stream = audio.open(
                    self.sample_rate,
                    count,
                    pyaudio.paFloat32,
                    input=True,
                    input_device_index=device.index,
                    frames_per_buffer=self._settings.block,
                    stream_callback=callback,
                )
        except (OSError, ValueError) as error:
            raise SourceError(f"`{device.name}` cannot be opened: {error}; is another program using it?") from None

    def _channels(self, audio: pyaudio.PyAudio, device: Device) -> tuple[int, list[int]]:
        """How many channels to open, and which of them to mix, counted from 1.

        Where one is chosen, all are opened, since a sound server mixes fewer down. A device that refuses
        to be opened as a whole is opened as far as the chosen channel.
        """
        wanted = self._settings.channels
        if wanted == "all":
            count = min(_OPENED_AT_MOST, device.channels)
            self._check_rate(audio, device, count)
            return count, list(range(1, count + 1))
        if max(wanted) > device.channels:
            fault = f"has {device.channels} channels, got channel {max(wanted)}"
            raise SourceError(f"input.channels: `{device.name}` {fault}")
        if self._accepts(audio, device, device.channels, self.sample_rate):
            return device.channels, list(wanted)
        self._check_rate(audio, device, max(wanted))
        return max(wanted), list(wanted)

    @property
    def advice(self) -> str:
        """Warnings about its channels, for people; empty where there are none."""
        return self._mixer.advice

    def _check_rate(self, audio: pyaudio.PyAudio, device: Device, channels: int) -> None:
        if not self._accepts(audio, device, channels, self.sample_rate):
            good = ", ".join(str(rate) for rate in _COMMON_RATES if self._accepts(audio, device, channels, rate))
            raise SourceError(
                f"input.sample_rate: `{device.name}` refuses {self.sample_rate} Hz; it takes {good or 'none we know'}"
            )

    @staticmethod
    def _accepts(audio: pyaudio.PyAudio, device: Device, channels: int, rate: int) -> bool:
        try:
            with quiet():
                return bool(
                    audio.is_format_supported(
                        rate, input_device=device.index, input_channels=channels, input_format=pyaudio.paFloat32
                    )
                )
        except ValueError:
            return False

    def stop(self) -> None:
        """Close the device and let PortAudio forget its list of devices."""
        stream, self._stream = self._stream, None
        audio, self._audio = self._audio, None
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
        if audio is not None:
            with quiet():
                audio.terminate()

    @property
    def active(self) -> bool:
        """False once the device has stopped calling back."""
        try:
            running = self._stream is not None and bool(self._stream.is_active())
        except OSError:
            running = False
        return running and time.monotonic() - self._last < 1.0
