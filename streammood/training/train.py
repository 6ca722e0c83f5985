"""From raw labelled clips to a quantised model, its manifest and its card, in one call."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

import tensorflow as tf
from rich.progress import Progress

from streammood.analysis.mood.slots import HOPS
from streammood.analysis.mood.statistics import SHORTEST
from streammood.config import MoodSettings
from streammood.errors import DataError
from streammood.events import F32
from streammood.models.mood_model import Manifest, MoodModel
from streammood.training import card, datasets, folds, pictures, tables
from streammood.training.bars import bars
from streammood.training.calibrate import calibrate, of_each_fold
from streammood.training.datasets import Clip, Corpus
from streammood.training.embedding import taggers
from streammood.training.fit import Schedule
from streammood.training.frames import FrameCache
from streammood.training.kept import build_once
from streammood.training.listening import Listener
from streammood.training.protocol import Scores, Trial, hear_fold, hear_unmet, say_fold
from streammood.training.windows import Windows, cut, pool_slots

FOLDS = 5
ROBUST = 60  # clips of each fold that are also degraded and heard


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent on fitting and on scoring."""

    schedule: Schedule = field(default_factory=Schedule)
    folds: int = FOLDS
    robust: int = ROBUST


def train(
    data: Path,
    out: Path,
    cache: Path = Path(".cache/features"),
    seed: int = 1,
    jobs: int = 1,
    effort: Effort | None = None,
    wheel: Path | None = None,
) -> Manifest:
    """Train on the clips in ``data``; write ``out`` (.tflite), its manifest (.json) and its card (.md, .png).

    Features and fitted models are kept in ``cache``: a run that was stopped goes on where it was. With the ``wheel`` of
    musicnn, its taggers are asked about the clips, and known clips are compared by what they hear.

    Raises:
        DataError: there are no labels, too few clips, or a clip or the wheel cannot be read.
    """
    effort = effort or Effort()
    corpus = datasets.read(data)
    if wheel is not None:
        taggers.check(wheel)
    fold = folds.assign(corpus.clips, effort.folds, seed)
    kept = FrameCache(cache, seed)
    with bars() as progress:
        _fill(corpus, list(range(len(corpus.clips))), kept, 0, jobs, progress)
        corpus = _with_circumplex(corpus, kept, progress)
        if wheel is not None:
            corpus = _with_taggers(corpus, wheel, kept, jobs, progress)
        windows = _windows(corpus, kept, jobs, progress)
        trial = Trial(corpus, windows, fold, kept, effort.schedule, seed, effort.robust)
        scores = Scores(corpus.labels)
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _share_cores, (jobs,)) as pool:
            numbers = sorted(set(fold.tolist()) - {-1})
            saying = pool.map(partial(say_fold, trial), numbers)
            final = pool.submit(build_once, cache, corpus, windows, effort.schedule, out.stem, seed)
            never_met = pool.submit(hear_unmet, trial)
            said = list(progress.track(saying, total=len(numbers), description="folds"))
            heard = pool.map(partial(hear_fold, trial), of_each_fold(said, corpus.labels), numbers)
            for of_one in progress.track(heard, total=len(numbers), description="listening"):
                scores.add(of_one)
            scores.add(never_met.result())
            for _ in progress.track([0], description="final fit"):
                fitted = final.result().calibrated(calibrate([*chain(*said)], corpus.labels))
    manifest = fitted.manifest.model_copy(update={"scores": tables.everything(scores)})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(fitted.quantised)
    out.with_suffix(".json").write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    text = card.render(manifest, scores, seed, len(fitted.quantised))
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    pictures.draw(scores, out.with_suffix(".png"))
    return manifest


def _share_cores(jobs: int) -> None:
    """So that processes beside each other do not ask for more cores than there are."""
    tf.config.threading.set_intra_op_parallelism_threads(max(1, (os.cpu_count() or 1) // jobs))


def _with_circumplex(corpus: Corpus, kept: FrameCache, progress: Progress) -> Corpus:
    """The corpus itself, or, where nobody rated valence and arousal, with what the shipped model hears in each clip."""
    if any("circumplex" in clip.targets for clip in corpus.clips):
        return corpus
    name = MoodSettings().model
    listener = Listener(MoodModel.load(name))
    clips: list[Clip] = []
    for clip in progress.track(corpus.clips, description="circumplex"):
        mood = listener.listen(kept.frames(clip.path)).summary
        axes = {} if mood is None else {"circumplex": (mood.valence, mood.arousal)}
        clips.append(replace(clip, targets={**clip.targets, **axes}))
    return replace(
        corpus, clips=clips, circumplex=f"what the shipped model `{name}` hears in the clips, for want of ratings"
    )


def _with_taggers(corpus: Corpus, wheel: Path, kept: FrameCache, jobs: int, progress: Progress) -> Corpus:
    """The corpus, and what musicnn's taggers hear in it."""
    heard = taggers.hear([clip.path for clip in corpus.clips], wheel, kept, jobs, progress)
    return replace(corpus, heard=heard, circumplex=f"{corpus.circumplex}, clips compared by what musicnn hears in them")


def _windows(corpus: Corpus, cache: FrameCache, jobs: int, progress: Progress) -> Windows:
    """Windows of every clip as it is, and of every labelled one as a venue might spoil it."""
    labelled = [number for number, clip in enumerate(corpus.clips) if clip.scored]
    _fill(corpus, labelled, cache, 1, jobs, progress)
    numbers = list(range(len(corpus.clips))) + labelled
    variants = [0] * len(corpus.clips) + [1] * len(labelled)
    work = [(cache, corpus.clips[number].path, variant) for number, variant in zip(numbers, variants, strict=True)]
    with ProcessPoolExecutor(jobs) as pool:
        pooled = pool.map(_slots_of, work, chunksize=8)
        slots = list(progress.track(pooled, total=len(work), description="pooling"))
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
