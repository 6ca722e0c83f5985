"""The protocol of every score: grouped folds, each with a model of its own, heard through the live path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sklearn.svm import SVC

from streammood.config import FeatureSettings
from streammood.events import Mood
from streammood.training import ensemble
from streammood.training.datasets import Corpus
from streammood.training.fit import Schedule
from streammood.training.listening import Heard, Listener
from streammood.training.splices import follow_times
from streammood.training.windows import Windows

SECONDS = (3.0, 5.0, 10.0, 20.0, 30.0)
Ints = npt.NDArray[np.int64]


@dataclass(slots=True)
class Scores:
    """What was heard on clips that the model in question had never met."""

    labels: tuple[str, ...]
    true: list[int] = field(default_factory=list)  # label of each scored clip
    fold: list[int] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    floating: list[Heard] = field(default_factory=list)  # the same by the network before it was quantised
    followed: list[float] = field(default_factory=list)  # seconds until a change of music was followed
    support_vectors: list[int] = field(default_factory=list)  # what the plain SVM says
    axes_true: list[tuple[float, float]] = field(default_factory=list)
    axes_heard: list[Mood] = field(default_factory=list)

    def predicted(self, heard: list[Heard], second: float | None = None) -> Ints:
        """Likeliest label of each clip, by its summary or after so many seconds; -1 for none."""
        moods = [h.summary if second is None else h.at(second) for h in heard]
        return np.array([-1 if mood is None else likeliest(mood) for mood in moods])


def likeliest(mood: Mood) -> int:
    """Position of the label with the highest probability, whatever hysteresis holds."""
    return int(np.argmax(list(mood.probabilities.values())))


def select(windows: Windows, clips: npt.NDArray[np.bool_]) -> Windows:
    """The windows of some clips, given as a mask (n_clips,)."""
    return _rows(windows, clips[windows.clip])


def _rows(windows: Windows, rows: npt.NDArray[np.bool_]) -> Windows:
    return Windows(windows.slots[rows], windows.statistics[rows], windows.clip[rows], windows.variant[rows])


def support_vectors(corpus: Corpus, windows: Windows, held: npt.NDArray[np.bool_]) -> dict[int, int]:
    """A plain SVM on the statistics of clean clips: the label of every held-out scored clip, by its number."""
    windows = _rows(windows, windows.variant == 0)
    scored = np.array([clip.scored for clip in corpus.clips])
    fitted, asked = select(windows, scored & ~held), select(windows, scored & held)
    labels = np.array([int(np.argmax(c.targets["label"])) if c.scored else -1 for c in corpus.clips])
    mean, deviation = fitted.statistics.mean(axis=0), fitted.statistics.std(axis=0) + 1e-3
    svm = SVC(C=2.0, gamma=0.3 / mean.size, decision_function_shape="ovr")
    svm.fit((fitted.statistics - mean) / deviation, labels[fitted.clip])
    votes = svm.decision_function((asked.statistics - mean) / deviation)
    if votes.ndim == 1:
        votes = np.stack([-votes, votes], axis=1)
    return {int(clip): int(votes[asked.clip == clip].mean(axis=0).argmax()) for clip in np.unique(asked.clip)}


def cross_validate(
    corpus: Corpus,
    frames: list[npt.NDArray[np.float16]],
    windows: Windows,
    fold: Ints,
    settings: FeatureSettings,
    schedule: Schedule,
    seed: int,
    scores: Scores,
) -> Iterator[int]:
    """Fill ``scores`` fold by fold; yield the number of each finished fold."""
    for number in sorted(set(fold.tolist()) - {-1}):
        held = fold == number
        fitted = ensemble.build(corpus, select(windows, ~held), settings, schedule, "fold", seed + number)
        second_opinion = support_vectors(corpus, windows, held)
        listener, floating = Listener(fitted.model(), settings), Listener(fitted.float_model(), settings)
        kept = []
        for clip in np.flatnonzero(held).tolist():
            targets = corpus.clips[clip].targets
            if corpus.clips[clip].scored:
                scores.true.append(int(np.argmax(targets["label"])))
                scores.fold.append(number)
                scores.heard.append(listener.listen(frames[clip]))
                kept.append((frames[clip], scores.heard[-1]))
                scores.floating.append(floating.listen(frames[clip]))
                scores.support_vectors.append(second_opinion[clip])
            elif "circumplex" in targets:
                mood = listener.listen(frames[clip]).summary
                if mood is not None:
                    scores.axes_true.append((targets["circumplex"][0], targets["circumplex"][1]))
                    scores.axes_heard.append(mood)
        scores.followed += follow_times(listener, settings.hop, kept, seed + number)
        yield number
