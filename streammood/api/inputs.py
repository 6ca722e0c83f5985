"""The live input that a user names."""

from __future__ import annotations

from pathlib import Path

from streammood.capture import Source
from streammood.capture.device import DeviceSource, devices
from streammood.capture.played import Played
from streammood.capture.sound_file import SUFFIXES, SoundFile
from streammood.config import Settings
from streammood.demo.synth import Synth
from streammood.errors import SourceError

DEMO = "demo"
AUTO = "auto"


def open_source(text: str | None, settings: Settings, play: bool = False) -> Source:
    """The source that ``text`` names: `demo`, `auto`, a sound file, or a device by index or name.

    Files and the demo are heard on the default output if ``play``, in step with what is sent, and can be from then on.

    Raises:
        SourceError: there is no such input, or ``play`` is given for a device.
    """
    block = settings.input.block
    if text == DEMO or (text == AUTO and not devices()):
        return Played(Synth(repeat=True), block, play)
    if text is not None and text != AUTO and not text.isdigit() and is_path(text):
        return Played(SoundFile(Path(text).expanduser(), settings.input.channels), block, play)
    if play:
        raise SourceError("--play is for `--input FILE` and `--input demo`; a device is heard already")
    return DeviceSource(settings.input)


def is_path(text: str) -> bool:
    """Device names may hold slashes, so a slash alone makes no path. Addresses and `-` are refused as files are."""
    if text == "-" or "://" in text or text.startswith(("/", "./", "../", "~")):
        return True
    path = Path(text)
    try:
        return path.suffix.lower() in SUFFIXES or (path.exists() and not path.is_dir())
    except (OSError, ValueError):  # a name that no system takes
        return False
