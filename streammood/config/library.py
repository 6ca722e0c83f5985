"""Settings of the library: the path of its database, and the music for each feeling."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field

from streammood.config.base import Strict, Text

Mapping = Literal["follow", "lift"]
Feeling = Literal["angry", "disgusted", "afraid", "happy", "neutral", "sad", "surprised"]
FEELINGS: dict[Feeling, Mapping] = {
    "angry": "lift",
    "disgusted": "lift",
    "afraid": "lift",
    "happy": "follow",
    "neutral": "lift",
    "sad": "follow",
    "surprised": "follow",
}
"""Whether music follows a feeling or lifts it, where nothing else is set."""


class LibrarySettings(Strict):
    """The collection of songs of this user."""

    file: Text | None = None
    expressions: Text | None = None
    feelings: dict[Feeling, Mapping] = Field(FEELINGS)

    @property
    def path(self) -> Path:
        """The database; ``library.sqlite`` in the user's data folder by default."""
        if self.file is not None:
            return Path(self.file).expanduser()
        return platformdirs.user_data_path("streammood", appauthor=False) / "library.sqlite"
