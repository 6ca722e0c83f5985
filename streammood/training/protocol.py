"""The protocol of every score: grouped folds, each with a model of its own, heard through the live path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from streammood.config import MoodSettings
from streammood.dsp.layout import HOP
from streammood.events import Mood
from streammood.models.mood_model import MoodModel
from streammood.training.calibrate import Calibration, Held
from streammood.training.datasets import CLUSTERS, Clip, Corpus
from streammood.training.ensemble import Fitted
from streammood.training.fit import Schedule
from streammood.training.folds import Ints, unmet
from streammood.training.frames import FrameCache
from streammood.training.kept import build_once
from streammood.training.listening import Heard, Listener
from streammood.training.robust import Treated, robustness
from streammood.training.splices import follow_times
from streammood.training.tradeoff import Row, trade_off
from streammood.training.unmusical import confidences
from streammood.training.windows import Windows

SECONDS = (3.0, 5.0, 10.0, 20.0, 30.0)
_TRADED = 30  # clips on which settings are compared
F16 = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Answered:
    """What was heard on a clip that the model in question had never met."""

    clip: Clip
    fold: int
    heard: Heard
    floating: Mood | None = None  # the summary of the network before it was quantised
    support_vectors: int | None = None  # what the plain SVM says


@dataclass(slots=True)
class Scores:
    """Everything that the tables are made of."""

    labels: tuple[str, ...]  # those that clips have; a model may know more
    answers: list[Answered] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)  # seconds until a change of music was followed
    treated: list[Treated] = field(default_factory=list)
    trade: list[Row] = field(default_factory=list)  # of the first fold alone
    unsure: list[dict[str, float | None]] = field(default_factory=list)  # confidence in what is no music, each fold
    unmet: list[tuple[str, Mood | None]] = field(default_factory=list)  # label, summary, of a set never met

    def add(self, other: Scores) -> None:
        """Take in those of another fold."""
        for part in ("answers", "followed", "treated", "trade", "unsure", "unmet"):
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
        heard = [a.heard.summary if second is None else a.heard.at(second) for a in self.labelled]
        return np.array([likeliest(mood, self.labels) for mood in heard], dtype=np.int64)


def label_of(clip: Clip) -> int:
    """Position of the label of a labelled clip."""
    return int(np.argmax(clip.targets["label"]))


def likeliest(mood: Mood | None, labels: tuple[str, ...]) -> int:
    """Position of the likeliest of ``labels``, whatever hysteresis holds; -1 where no mood was heard."""
    return -1 if mood is None else int(np.argmax([mood.probabilities[label] for label in labels]))


def select(windows: Windows, clips: npt.NDArray[np.bool_]) -> Windows:
    """The windows of some clips, given as a mask (n_clips,)."""
    return _rows(windows, clips[windows.clip])


def _rows(windows: Windows, rows: npt.NDArray[np.bool_]) -> Windows:
    return Windows(windows.statistics[rows], windows.clip[rows], windows.variant[rows])


def support_vectors(corpus: Corpus, windows: Windows, held: npt.NDArray[np.bool_]) -> dict[int, int]:
    """A plain SVM on mean statistics of clean clips: the label of every held-out scored clip, by its number."""
    clean = _rows(windows, windows.variant == 0)
    numbers = [number for number, clip in enumerate(corpus.clips) if clip.scored]
    if not numbers:
        return {}
    means = np.stack([clean.statistics[clean.clip == number].mean(axis=0) for number in numbers])
    labels = np.array([label_of(corpus.clips[number]) for number in numbers])
    asked = held[numbers]
    svm = make_pipeline(StandardScaler(), SVC(C=1.0, gamma=0.5 / means.shape[1]))
    said = svm.fit(means[~asked], labels[~asked]).predict(means[asked])
    return dict(zip(np.array(numbers)[asked].tolist(), said.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is asked about which clips, and how thoroughly."""

    clips: list[int]  # numbers in the corpus
    model: MoodModel
    fold: int = 0
    floating: MoodModel | None = None
    support_vectors: dict[int, int] = field(default_factory=dict)


def listen(
    corpus: Corpus, frames: Callable[[int], F16], audience: Audience, seed: int,
    robust: int, scores: Scores,
) -> None:  # fmt: skip
    """Add to ``scores`` what a model hears; ``robust`` of the clips with a label are treated as a venue would."""
    listener = Listener(audience.model)
    floating = Listener(audience.floating) if audience.floating else None
    kept = []
    for number in audience.clips:
        clip = corpus.clips[number]
        if not (clip.scored or {"circumplex", "emotions"} & clip.targets.keys()):
            continue
        heard = listener.listen(frames(number))
        summary = floating.listen(frames(number)).summary if floating and clip.scored else None
        scores.answers.append(Answered(clip, audience.fold, heard, summary, audience.support_vectors.get(number)))
        if clip.scored:
            kept.append((frames(number), heard))
    scores.followed += follow_times(listener, HOP, kept, seed)
    if audience.fold == 0:
        scores.trade += trade_off(audience.model, [values for values, _ in kept[:_TRADED]], seed)
    scored = [corpus.clips[number] for number in audience.clips if corpus.clips[number].scored]
    scores.treated += robustness(scored, listener, robust, seed)
    scores.unsure.append(confidences(listener, seed))


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What all folds have in common."""

    corpus: Corpus
    windows: Windows
    fold: Ints  # (n_clips,)
    kept: FrameCache  # fitted models are kept beside the features
    schedule: Schedule
    seed: int
    robust: int  # labelled clips of each fold that are treated as a venue would


def fit_fold(trial: Trial, number: int) -> Fitted:
    """A model that was fitted to all folds but this one; not calibrated."""
    held, kept = trial.fold == number, trial.kept
    return build_once(
        kept.folder, trial.corpus, select(trial.windows, ~held), trial.schedule, "fold",
        trial.seed + number,
    )  # fmt: skip


def say_fold(trial: Trial, number: int) -> list[Held]:
    """What such a model says of the clips of this fold that have a label or ratings, for the calibration of others."""
    corpus, kept = trial.corpus, trial.kept
    listener = Listener(fit_fold(trial, number).model(), MoodSettings(agreement=0.0))
    said = []
    for clip in (corpus.clips[one] for one in np.flatnonzero(trial.fold == number)):
        rated = clip.targets.get("circumplex")
        mood = listener.listen(kept.frames(clip.path)).summary if clip.scored or rated else None
        if mood is not None:
            shares = np.array([mood.probabilities[label] for label in corpus.labels], dtype=np.float32)
            logits = np.log(np.maximum(shares, np.finfo(np.float32).tiny))
            label = label_of(clip) if clip.scored else None
            said.append(Held(logits, (mood.valence, mood.arousal), label, rated))
    return said


def hear_fold(trial: Trial, calibration: Calibration, number: int) -> Scores:
    """What a model that was fitted to the other folds, and calibrated, hears in this one."""
    corpus, windows, kept, seed = trial.corpus, trial.windows, trial.kept, trial.seed + number
    held = trial.fold == number
    fitted = fit_fold(trial, number).calibrated(calibration)
    audience = Audience(
        np.flatnonzero(held).tolist(),
        fitted.model(),
        number,
        fitted.float_model(),
        support_vectors(corpus, windows, held),
    )
    scores = Scores(corpus.labels)
    listen(corpus, lambda clip: kept.frames(corpus.clips[clip].path), audience, seed, trial.robust, scores)
    return scores


def hear_unmet(trial: Trial) -> Scores:
    """What a model that met no clip of `mirex_mood`, nor others of its artists, hears in those like a label."""
    corpus, kept, scores = trial.corpus, trial.kept, Scores(trial.corpus.labels)
    like = [(clip, label) for clip in corpus.clips if (label := _cluster_label(clip, corpus.labels)) is not None]
    if not like:
        return scores
    met = select(trial.windows, ~unmet(corpus.clips, "cluster"))
    fitted = build_once(kept.folder, corpus, met, trial.schedule, "unmet", trial.seed)
    listener = Listener(fitted.model())
    for clip, label in like:
        scores.unmet.append((label, listener.listen(kept.frames(clip.path)).summary))
    return scores


def _cluster_label(clip: Clip, labels: tuple[str, ...]) -> str | None:
    cluster = clip.targets.get("cluster")
    label = None if cluster is None else CLUSTERS.get(int(np.argmax(cluster)))
    return label if label in labels else None
