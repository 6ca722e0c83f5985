"""Plays features of clips through the live silence gate and ``MoodStream`` and keeps what it said, for scoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.analysis.hops import Hops
from streammood.analysis.levels import LevelStream, sounding
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.config import LevelSettings, MoodSettings
from streammood.events import Mood, seconds
from streammood.models.mood_model import MoodModel


@dataclass(frozen=True, slots=True)
class Prediction:
    """The moods of one clip."""

    moods: list[Mood]
    summary: Mood | None

    def at(self, second: float) -> Mood | None:
        """The last mood that was known ``second`` seconds into the clip."""
        so_far = [mood for mood in self.moods if seconds(mood.decided) <= second + 1e-6]
        return so_far[-1] if so_far else None

    @property
    def changes(self) -> int:
        """How often the label changed; the first is none."""
        return sum(mood.changed for mood in self.moods[1:])


class Listener:
    """One mood stream, used for clip after clip."""

    def __init__(self, model: MoodModel, mood: MoodSettings | None = None) -> None:
        self._levels = LevelStream(LevelSettings())
        self._stream = MoodStream(mood or MoodSettings(), model)

    def listen(self, frames: npt.NDArray[np.floating]) -> Prediction:
        """The moods of a clip with features (n_frames, n_features)."""
        self._levels.reset()
        self._stream.reset()
        hops = Hops.of(frames)
        levels = self._levels.push(hops)
        moods = self._stream.push(hops, levels["signal"], sounding(levels))
        return Prediction(moods, self._stream.summary())
