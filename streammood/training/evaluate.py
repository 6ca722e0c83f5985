"""Scores of a model on labelled clips, through the live path: labels, how soon, how steady, how robust."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track

from streammood.config import MoodSettings
from streammood.errors import DataError
from streammood.models.mood_model import MoodModel
from streammood.training import card, datasets, pictures, tables
from streammood.training.frames import FrameCache
from streammood.training.scores import listen

_SEED = 1


def evaluate(
    data: Path,
    model: str | Path | None = None,
    cache: Path = Path(".cache/features"),
    jobs: int = 1,
    robust: int = 0,
    out: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Print the scores of ``model`` on the labelled clips in ``data``; ``robust`` clips are also degraded.

    ``out`` is a folder for the tables and the pictures. Scores of the shipped model on the sets that it learned from
    flatter it; its card has those of the folds.

    Raises:
        DataError: there are no labels, too few clips, or a clip that cannot be read.
        ModelError: the model cannot be used.
    """
    network = MoodModel.load(str(model or MoodSettings().model))
    corpus = datasets.read(data)
    labels = network.manifest.labels
    if not set(corpus.labels) <= set(labels):
        raise DataError(
            f"{data}: its labels are {', '.join(corpus.labels)}, those of the model {', '.join(labels) or 'none'}"
        )
    frame_cache = FrameCache(cache)
    paths = [clip.path for clip in corpus.clips]
    for _ in track(frame_cache.fill(paths, jobs=jobs), total=len(paths), description="features"):
        pass
    everything = list(range(len(paths)))
    scores = listen(corpus, lambda number: frame_cache.frames(paths[number]), everything, network, _SEED, robust)
    text = f"# `{network.manifest.name}` on {data.name}\n\n" + card.scores_in_words(scores, "scores")
    Console().print(Markdown(text))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "scores.md").write_text(text, encoding="utf-8")
        pictures.draw(scores, out / "scores.png")
    return tables.everything(scores)
