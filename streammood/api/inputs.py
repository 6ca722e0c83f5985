"""The live input that a user names."""

from __future__ import annotations

from pathlib import Path

from streammood.capture import Source
from streammood.capture.device import DeviceSource, devices
from streammood.capture.paced import Paced
from streammood.capture.sound_file import SUFFIXES, SoundFile
from streammood.config import Settings
from streammood.demo.synth import Synth

DEMO = "demo"
AUTO = "auto"


def open_source(text: str | None, settings: Settings) -> Source:
    """The source that ``text`` names: `demo`, `auto`, a sound file, or a device by index or name.

    Raises:
        SourceError: there is no such input.
    """
    block = settings.input.block
    if text == DEMO or (text == AUTO and not devices()):
        return Paced(Synth(repeat=True), block)
    if text is not None and text != AUTO and not text.isdigit() and is_path(text):
        return Paced(SoundFile(Path(text).expanduser(), settings.input.channels), block)
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
