"""Scores of a model on labelled clips, through the live path: labels, how soon, how steady, how robust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from streammood.config import FeatureSettings, MoodSettings
from streammood.errors import DataError
from streammood.events import F32
from streammood.model import MoodModel
from streammood.training import datasets, tables
from streammood.training.degrade import clip, low_pass, noise, room
from streammood.training.frames import FrameCache, extract_signal, read_sound
from streammood.training.listening import Listener
from streammood.training.protocol import Scores
from streammood.training.splices import follow_times

Treatment = Callable[[F32, int, np.random.Generator], F32]
TREATMENTS: dict[str, Treatment] = {
    "gain -20 dB": lambda x, _rate, _rng: x * np.float32(0.1),
    "gain +20 dB": lambda x, _rate, _rng: x * np.float32(10.0),
    "low-pass 8 kHz": lambda x, rate, _rng: low_pass(x, rate, 8_000.0),
    "pink noise 20 dB": lambda x, _rate, rng: noise(x, 20.0, rng),
    "room 0.6 s": lambda x, rate, rng: room(x, rate, 0.6, rng),
    "5 % clipped": lambda x, _rate, _rng: clip(x, 0.05),
}
_SEED = 1


def evaluate(
    data: Path, model: str | Path | None = None, cache: Path = Path(".cache/features"), jobs: int = 1, robust: int = 0
) -> dict[str, float]:
    """Print the scores of ``model`` on the labelled clips in ``data``; ``robust`` clips are also degraded.

    Scores of the shipped model on the sets that it learned from flatter it; its card has those of the folds.

    Raises:
        DataError: there are no labels, too few clips, or a clip that cannot be read.
        ModelError: the model cannot be used.
    """
    settings = FeatureSettings()
    network = MoodModel.load(str(model or MoodSettings().model), settings)
    corpus = datasets.read(data)
    labels = network.manifest.labels
    if not set(corpus.labels) <= set(labels):
        raise DataError(f"{data}: its labels are {', '.join(corpus.labels)}, those of the model {', '.join(labels)}")
    frames = FrameCache(cache, settings)
    paths = [c.path for c in corpus.clips]
    for _ in track(frames.fill(paths, jobs=jobs), total=len(paths), description="features"):
        pass
    listener = Listener(network, settings)
    scores = Scores(labels)
    scored, kept = [], []
    for item in track(corpus.clips, description="listening"):
        heard = listener.listen(frames.frames(item.path))
        if item.scored:
            scores.true.append(labels.index(corpus.labels[int(np.argmax(item.targets["label"]))]))
            scores.fold.append(0)
            scores.heard.append(heard)
            scored.append(item.path)
            kept.append((frames.frames(item.path), heard))
        elif "circumplex" in item.targets and heard.summary is not None:
            scores.axes_true.append((item.targets["circumplex"][0], item.targets["circumplex"][1]))
            scores.axes_heard.append(heard.summary)
    scores.followed = follow_times(listener, settings.hop, kept, _SEED)
    numbers = tables.by_label(scores)
    numbers |= _robustness(scores, scored, listener, settings, robust)
    _print(numbers, scores)
    return numbers


def _robustness(
    scores: Scores, paths: list[Path], listener: Listener, settings: FeatureSettings, count: int
) -> dict[str, float]:
    """Macro-F1 on a seeded choice of clips, as they are and after each treatment."""
    rng = np.random.default_rng(_SEED)
    chosen = rng.permutation(len(paths))[:count].tolist()
    if not chosen:
        return {}
    true = [scores.true[k] for k in chosen]
    numbers = {}
    for name, treat in {"as it is": lambda x, _rate, _rng: x, **TREATMENTS}.items():
        heard = []
        for k in track(chosen, description=name):
            signal, rate = read_sound(paths[k])
            heard.append(listener.listen(extract_signal(treat(signal, rate, rng), rate, settings)))
        part = Scores(scores.labels, true=true, fold=[0] * len(true), heard=heard)
        numbers[f"robust, {name}"] = tables.by_label(part)["macro_f1"]
    return numbers


def _print(numbers: dict[str, float], scores: Scores) -> None:
    console = Console()
    table = Table("measure", "value", title="mood")
    for name, value in numbers.items():
        table.add_row(name.replace("_", " "), f"{value:.3f}")
    for axis, score in tables.by_axis(scores).items():
        for name in ("r2", "ccc", "rmse", "spearman"):
            table.add_row(f"{axis} {name}", f"{getattr(score, name):.3f}")
    console.print(table)
    console.print(tables.matrix(scores), markup=False)
