"""From raw labelled clips to a quantised model, its manifest and its card, in one call."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.progress import Progress

from streammood.analysis.mood.slots import HOPS
from streammood.analysis.mood.statistics import SHORTEST
from streammood.config import MoodSettings
from streammood.errors import DataError
from streammood.events import F32, QUADRANTS, Mood
from streammood.models.mood_model import Manifest, MoodModel
from streammood.training import card, datasets, folds, pictures, tables
from streammood.training.bars import bars
from streammood.training.build import Fitted, build
from streammood.training.calibrate import Calibration, calibrate, of_each_fold
from streammood.training.datasets import Clip, Corpus
from streammood.training.fit import Schedule
from streammood.training.folds import Ints
from streammood.training.frames import FrameCache
from streammood.training.listening import Listener
from streammood.training.scores import Scores, listen
from streammood.training.windows import Windows, cut, pool_slots

FOLDS = 5
ROBUST = 24  # clips of each fold that are also degraded and heard


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent on fitting and on scoring."""

    schedule: Schedule = field(default_factory=Schedule)
    folds: int = FOLDS
    robust: int = ROBUST


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """What all folds have in common."""

    corpus: Corpus
    windows: Windows
    fold: Ints  # (n_clips,)
    frame_cache: FrameCache
    effort: Effort
    name: str
    seed: int

    def held_out(self, number: int) -> Ints:
        """Numbers of the clips of a fold; none for -1, the model that ships."""
        return np.flatnonzero(self.fold == number) if number >= 0 else np.zeros(0, np.int64)


def train(
    data: Path,
    out: Path,
    cache: Path = Path(".cache/features"),
    seed: int = 1,
    jobs: int = 1,
    effort: Effort | None = None,
) -> Manifest:
    """Train on the clips in ``data``; write ``out`` (.tflite), its manifest (.json) and its card (.md, .png).

    Features are kept in ``cache``: a second run only fits and scores.

    Raises:
        DataError: there are no labels, too few clips, or a clip cannot be read.
    """
    effort = effort or Effort()
    corpus = datasets.read(data)
    fold = folds.assign(corpus.clips, effort.folds, seed)
    frame_cache = FrameCache(cache, seed)
    with bars() as progress:
        _fill(corpus, list(range(len(corpus.clips))), frame_cache, 0, jobs, progress)
        corpus = _with_circumplex(corpus, frame_cache, progress)
        trial = _Trial(corpus, _windows(corpus, frame_cache, jobs, progress), fold, frame_cache, effort, out.stem, seed)
        numbers = sorted(set(fold.tolist()) - {-1})
        with _processes(jobs) as each:
            fitting = each(partial(_fit, trial), [*numbers, -1])
            *of_folds, shipping = progress.track(fitting, total=len(numbers) + 1, description="fitting")
            held_out = [fitted.held_out for fitted in of_folds]
            calibration = calibrate([*chain(*held_out)], corpus.labels)
            scores = Scores(corpus.labels)
            work = zip(numbers, of_folds, of_each_fold(held_out, corpus.labels), strict=True)
            listening = each(partial(_listen, trial), work)
            for of_one in progress.track(listening, total=len(numbers), description="listening"):
                scores.add(of_one)
        model: MoodModel = shipping.model(calibration)
        scores.never_met = _never_met(corpus, model, frame_cache, progress)
    manifest = model.manifest.model_copy(update={"scores": tables.everything(scores)})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(shipping.network)
    out.with_suffix(".json").write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    text = card.render(manifest, scores, seed, len(shipping.network))
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    pictures.draw(scores, out.with_suffix(".png"))
    return manifest


@contextmanager
def _processes(jobs: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """``map`` over so many processes; a single one is this."""
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _share_cores, (jobs,)) as pool:
        yield pool.map


def _share_cores(jobs: int) -> None:
    """So that processes beside each other do not ask for more cores than there are."""
    tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // jobs))


def _fit(trial: _Trial, number: int) -> Fitted:
    return build(
        trial.corpus, trial.windows, trial.held_out(number), trial.effort.schedule, trial.name, trial.seed + 1 + number
    )


def _listen(trial: _Trial, work: tuple[int, Fitted, Calibration]) -> Scores:
    number, fitted, calibration = work
    clips = trial.corpus.clips
    return listen(
        trial.corpus, lambda clip: trial.frame_cache.frames(clips[clip].path), trial.held_out(number).tolist(),
        fitted.model(calibration), trial.seed + number, trial.effort.robust, number,
    )  # fmt: skip


def _never_met(
    corpus: Corpus, model: MoodModel, frame_cache: FrameCache, progress: Progress
) -> list[tuple[str, Mood | None]]:
    listener = Listener(model)
    clips = progress.track(corpus.never_met, description="never met")
    return [(label, listener.listen(frame_cache.frames(path)).summary) for path, label in clips]


def _with_circumplex(corpus: Corpus, frame_cache: FrameCache, progress: Progress) -> Corpus:
    """The corpus itself, or, where nothing tells valence and arousal, with what the shipped model says of each clip."""
    if (corpus.labels and set(corpus.labels) <= set(QUADRANTS)) or any(
        "circumplex" in clip.targets for clip in corpus.clips
    ):
        return corpus
    name = MoodSettings().model
    listener = Listener(MoodModel.load(name), MoodSettings(unmusical="ignore"))
    clips: list[Clip] = []
    for clip in progress.track(corpus.clips, description="circumplex"):
        mood = listener.listen(frame_cache.frames(clip.path)).summary
        axes = {} if mood is None else {"circumplex": (mood.valence, mood.arousal)}
        clips.append(replace(clip, targets={**clip.targets, **axes}))
    return replace(
        corpus, clips=clips, circumplex=f"what the shipped model `{name}` says of the clips, for want of ratings"
    )


def _windows(corpus: Corpus, cache: FrameCache, jobs: int, progress: Progress) -> Windows:
    """Windows of every clip as it is, and of every labelled one as a venue might spoil it."""
    labelled = [number for number, clip in enumerate(corpus.clips) if clip.scored]
    _fill(corpus, labelled, cache, 1, jobs, progress)
    numbers = list(range(len(corpus.clips))) + labelled
    variants = [0] * len(corpus.clips) + [1] * len(labelled)
    work = [(cache, corpus.clips[number].path, variant) for number, variant in zip(numbers, variants, strict=True)]
    with _processes(jobs) as each:
        slots = list(progress.track(each(_slots_of, work), total=len(work), description="pooling"))
    return cut(slots, numbers, variants, cache.seed)


def _slots_of(work: tuple[FrameCache, Path, int]) -> F32:
    cache, clip, variant = work
    late = int(cache.rng(clip, variant).integers(HOPS))  # live, nothing says where in the music a slot begins
    slots = pool_slots(cache.frames(clip, variant), late)
    if slots.shape[0] < SHORTEST:
        raise DataError(f"{clip}: too short for a mood, which needs a second of sound; take it out of the data")
    return slots


def _fill(corpus: Corpus, numbers: list[int], cache: FrameCache, variant: int, jobs: int, progress: Progress) -> None:
    paths = [corpus.clips[number].path for number in numbers]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{missing[0]}: no such clip" + (f" (and {len(missing) - 1} more)" if missing[1:] else ""))
    for _ in progress.track(
        cache.fill(paths, variant, jobs), total=len(paths), description=("features", "degraded")[variant]
    ):
        pass
