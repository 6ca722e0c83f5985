"""From raw labelled clips to a quantised model, its manifest and its card, in one call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from streammood.config import FeatureSettings
from streammood.errors import DataError
from streammood.model import Manifest
from streammood.stream.features import Layout
from streammood.training import card, datasets, ensemble, folds, pictures, protocol, tables
from streammood.training.fit import Schedule
from streammood.training.frames import FrameCache
from streammood.training.windows import Windows, cut, pool_slots

FOLDS = 5
F16 = npt.NDArray[np.float16]


def train(
    data: Path,
    out: Path,
    cache: Path = Path(".cache/features"),
    seed: int = 1,
    jobs: int = 1,
    schedule: Schedule | None = None,
) -> Manifest:
    """Train on the clips in ``data``; write ``out`` (.tflite), its manifest (.json) and its card (.md, .png).

    Raises:
        DataError: there are no labels, too few clips, or a clip that cannot be read.
    """
    started = time.monotonic()
    settings, schedule = FeatureSettings(), schedule or Schedule()
    corpus = datasets.read(data)
    fold = folds.assign(corpus.clips, FOLDS, seed)
    with _progress() as progress:
        kept = FrameCache(cache, settings, seed)
        everything = list(range(len(corpus.clips)))
        frames = _frames(corpus, everything, kept, 0, jobs, progress)
        windows = _windows(corpus, frames, kept, jobs, progress)
        scores = protocol.Scores(corpus.labels)
        steps = protocol.cross_validate(corpus, frames, windows, fold, settings, schedule, seed, scores)
        for _ in progress.track(steps, total=FOLDS, description="folds"):
            pass
        for _ in progress.track([0], description="final fit"):
            fitted = ensemble.build(corpus, windows, settings, schedule, out.stem, seed)
    manifest = fitted.manifest.model_copy(update={"scores": _numbers(scores)})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(fitted.quantised)
    out.with_suffix(".json").write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    text = card.render(manifest, scores, seed, len(fitted.quantised), time.monotonic() - started)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    pictures.draw(scores, out.with_suffix(".png"))
    return manifest


def _numbers(scores: protocol.Scores) -> dict[str, dict[str, float]]:
    numbers = {"labels, 5 artist-grouped folds": tables.by_label(scores)}
    for axis, score in tables.by_axis(scores).items():
        numbers[f"{axis}, 5 artist-grouped folds"] = {name: round(value, 4) for name, value in asdict(score).items()}
    return numbers


def _windows(corpus: datasets.Corpus, clean: list[F16], cache: FrameCache, jobs: int, progress: Progress) -> Windows:
    """Windows of every clip as it is, and of every labelled one as a venue might spoil it."""
    layout = Layout.of(cache.settings)
    labelled = [number for number, clip in enumerate(corpus.clips) if clip.scored]
    frames = clean + _frames(corpus, labelled, cache, 1, jobs, progress)
    slots = [pool_slots(values, layout) for values in progress.track(frames, description="pooling")]
    numbers = list(range(len(clean))) + labelled
    return cut(slots, numbers, [0] * len(clean) + [1] * len(labelled), layout, cache.seed)


def _frames(
    corpus: datasets.Corpus, numbers: list[int], cache: FrameCache, variant: int, jobs: int, progress: Progress
) -> list[F16]:
    paths = [corpus.clips[number].path for number in numbers]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{missing[0]}: no such clip" + (f" (and {len(missing) - 1} more)" if missing[1:] else ""))
    for _ in progress.track(
        cache.fill(paths, variant, jobs), total=len(paths), description=("features", "degraded")[variant]
    ):
        pass
    return [cache.frames(path, variant) for path in paths]


@contextmanager
def _progress() -> Iterator[Progress]:
    text = TextColumn("{task.description:>10}")
    with Progress(text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()) as progress:
        yield progress
