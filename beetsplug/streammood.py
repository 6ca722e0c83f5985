"""A plugin of beets: `beet streammood [QUERY]` sets mood, valence, arousal, energy, bpm and initial_key of items.

A thin file over streammood's own functions; what `streammood library scan` knows already is not analysed again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from beets import ui
from beets.dbcore import types
from beets.plugins import BeetsPlugin

from streammood import config
from streammood.capture.sound_file import SoundFile
from streammood.errors import LibraryError, StreammoodError
from streammood.library.describe import describe, for_library
from streammood.library.scan import stamp_of
from streammood.library.store import Store
from streammood.library.tagging import values
from streammood.library.track import Description
from streammood.models import Models

_FIELDS = {
    "mood": "mood",
    "valence": "valence",
    "arousal": "arousal",
    "energy": "energy",
    "bpm": "bpm",
    "key": "initial_key",
}
"""What streammood calls a value, and what beets does."""


class Streammood(BeetsPlugin):  # type: ignore[misc]  beets has no types
    """Adds the command `beet streammood`."""

    item_types = {"mood": types.STRING, "valence": types.FLOAT, "arousal": types.FLOAT, "energy": types.FLOAT}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"overwrite": False, "write": False})
        self._settings = config.load()
        self._models: Models | None = None

    def commands(self) -> list[Any]:
        """What beets lists."""
        command = ui.Subcommand("streammood", help="set mood, valence, arousal, energy, bpm and initial_key")
        command.parser.add_option("-f", "--force", action="store_true", help="also replace values that are there")
        command.parser.add_option("-w", "--write", action="store_true", help="also write them into the files")
        command.func = self._run
        return [command]

    def _run(self, library: Any, options: Any, arguments: list[str]) -> None:
        force = bool(options.force or self.config["overwrite"].get(bool))
        for item in library.items(arguments):
            try:
                found = values(self._described(Path(os.fsdecode(item.path))))
            except (StreammoodError, OSError) as error:
                self._log.error("{}", error)
                continue
            new = {_FIELDS[name]: value for name, value in found.items() if force or not item.get(_FIELDS[name])}
            item.update({name: float(value) if _is_number(name) else value for name, value in new.items()})
            item.store()
            if options.write or self.config["write"].get(bool):
                item.try_write()
            self._log.info("{}: {}", item, ", ".join(f"{name} {value}" for name, value in new.items()) or "nothing new")

    def _described(self, path: Path) -> Description:
        """What is known of the file at ``path``, or is found now."""
        try:
            with Store(self._settings.library.path) as store:
                track = store.named(path)
        except LibraryError:
            track = None
        if track is not None and track.description is not None:
            now = stamp_of(path)
            if (now.size, now.mtime) == (track.stamp.size, track.stamp.mtime):
                return track.description
        if self._models is None:
            self._models = Models.load(self._settings)
        return describe(SoundFile(path), for_library(self._settings), self._models)


def _is_number(name: str) -> bool:
    return name not in {"mood", "initial_key"}
