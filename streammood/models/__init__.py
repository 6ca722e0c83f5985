"""All models of a run: loaded once by whoever wires the program, refused then where they do not fit, and injected."""

from __future__ import annotations

from dataclasses import dataclass, field

from streammood.config import Settings
from streammood.models import structure_model
from streammood.models.beat_model import BeatModel
from streammood.models.mood_model import MoodModel
from streammood.models.structure_model import StructureModel


@dataclass(frozen=True, slots=True)
class Models:
    """All models of the analysis; they may be shared by several analyzers, also in threads."""

    mood: MoodModel
    beat: BeatModel | None  # None: aubio tracks the beats
    structure: StructureModel = field(default_factory=structure_model.load)

    @classmethod
    def load(cls, settings: Settings) -> Models:
        """The models that ``settings`` name.

        Raises:
            ModelError: one is missing, corrupt, or made for other features.
        """
        beat = BeatModel.load(settings.beat.model) if settings.beat.tracker == "network" else None
        return cls(MoodModel.load(settings.mood.model), beat)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the mood model, in its order."""
        return self.mood.manifest.labels
