"""The live input that a user names."""

from __future__ import annotations

from pathlib import Path

from streammood.capture import Source
from streammood.capture.device import DeviceSource, devices
from streammood.capture.paced import Paced
from streammood.capture.sound_file import SoundFile
from streammood.cli.wiring import AUTO, DEMO, is_path
from streammood.config import Settings
from streammood.demo.synth import Synth


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
