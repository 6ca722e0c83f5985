"""What a model says of clips that it never met, through the live path: everything that the tables are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streammood.config import MoodSettings
from streammood.dsp.layout import HOP
from streammood.events import Mood
from streammood.models.mood_model import MoodModel
from streammood.training.datasets import Clip, Corpus
from streammood.training.folds import Ints
from streammood.training.listening import Listener, Prediction
from streammood.training.robust import Treated, robustness
from streammood.training.splices import follow_times
from streammood.training.unmusical import confidences

SECONDS = (3.0, 5.0, 10.0, 20.0, 30.0)
F16 = npt.NDArray[np.float16]
Frames = Callable[[int], F16]
"""Features (n_hops, n_features) of the clip with that number in the corpus."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The moods of one clip, by a model of the other folds."""

    clip: Clip
    fold: int
    prediction: Prediction


@dataclass(slots=True)
class Scores:
    """Answers of the models of all folds."""

    labels: tuple[str, ...]  # those that clips have; a model may have more
    answers: list[Answered] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)  # seconds until a change of music was followed
    treated: list[Treated] = field(default_factory=list)
    unsure: list[dict[str, float | None]] = field(default_factory=list)  # confidence in what is no music, each fold
    never_met: list[tuple[str, Mood | None]] = field(default_factory=list)  # label and summary

    def add(self, other: Scores) -> None:
        """Take in those of another fold."""
        for part in ("answers", "followed", "treated", "unsure", "never_met"):
            getattr(self, part).extend(getattr(other, part))

    @property
    def labelled(self) -> list[Answered]:
        """The answers on clips whose label counts."""
        return [answer for answer in self.answers if answer.clip.scored]

    def true(self) -> Ints:
        """The label of each labelled clip."""
        return np.array([label_of(answer.clip) for answer in self.labelled], dtype=np.int64)

    def folds(self) -> Ints:
        """The fold of each labelled clip."""
        return np.array([answer.fold for answer in self.labelled], dtype=np.int64)

    def predicted(self, second: float | None = None) -> Ints:
        """Likeliest label of each labelled clip, by its summary or after so many seconds; -1 for none."""
        prediction = [a.prediction.summary if second is None else a.prediction.at(second) for a in self.labelled]
        return np.array([likeliest(mood, self.labels) for mood in prediction], dtype=np.int64)


def label_of(clip: Clip) -> int:
    """Position of the label of a labelled clip."""
    return int(np.argmax(clip.targets["label"]))


def likeliest(mood: Mood | None, labels: tuple[str, ...]) -> int:
    """Position of the likeliest of ``labels``, whatever hysteresis holds; -1 without a mood."""
    return -1 if mood is None else int(np.argmax([mood.probabilities[label] for label in labels]))


def settings_of(corpus: Corpus) -> MoodSettings:
    """Default settings; with a user's own clips, all sound is taken for music, as its labels are."""
    return MoodSettings(unmusical="ignore" if {clip.source for clip in corpus.clips} == {"own"} else "fade")


def listen(
    corpus: Corpus, frames: Frames, clips: list[int], model: MoodModel, seed: int, robust: int, fold: int = 0
) -> Scores:
    """What ``model`` says of ``clips``, of which ``robust`` labelled ones are also treated as a venue would."""
    listener, scores, labelled = Listener(model, settings_of(corpus)), Scores(corpus.labels), []
    for number in clips:
        clip = corpus.clips[number]
        if not (clip.scored or "circumplex" in clip.targets):
            continue
        prediction = listener.listen(frames(number))
        scores.answers.append(Answered(clip, fold, prediction))
        if clip.scored:
            labelled.append((frames(number), prediction))
    scores.followed = follow_times(listener, HOP, labelled, seed)
    scores.treated = robustness([corpus.clips[n] for n in clips if corpus.clips[n].scored], listener, robust, seed)
    scores.unsure = [confidences(Listener(model), seed)]
    return scores
