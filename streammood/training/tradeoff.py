"""Steady or quick: what the settings of `mood` do to label changes in a clip, and to how soon a change is followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.config import MoodSettings
from streammood.dsp.layout import HOP
from streammood.models.mood_model import MoodModel
from streammood.training.listening import Listener
from streammood.training.splices import follow_times

F16 = npt.NDArray[np.float16]

DEFAULT = MoodSettings()
CHOICES = tuple(
    MoodSettings(reaction=reaction, surprise=surprise, hysteresis=hysteresis)
    for reaction, surprise, hysteresis in (
        (0.0, 0.4, 0.0),
        (0.5, 0.3, 0.1),
        (0.5, 0.5, 0.1),
        (1.0, 0.5, 0.1),
        (2.0, 0.5, 0.1),
        (4.0, 0.5, 0.2),
    )
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one choice of settings gives."""

    settings: MoodSettings
    changes: float  # of the label in a clip of one mood, mean
    followed: float  # seconds, median
    followed_75: float  # seconds, three quarters of the changes

    @property
    def default(self) -> bool:
        """Whether these are the settings that ship."""
        return self.settings == DEFAULT


def trade_off(model: MoodModel, clips: list[F16], seed: int) -> list[Row]:
    """A row for each choice; ``clips`` are features (n_frames, n_features) of clips that the model has not met."""
    rows = []
    for settings in CHOICES:
        listener = Listener(model, settings)
        heard = [(frames, listener.listen(frames)) for frames in clips]
        times = follow_times(listener, HOP, heard, seed, len(clips))
        if times:
            changes = float(np.mean([h.changes for _, h in heard]))
            rows.append(Row(settings, changes, float(np.median(times)), float(np.quantile(times, 0.75))))
    return rows
