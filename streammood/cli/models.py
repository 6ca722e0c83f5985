"""Commands that make and score models: train, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streammood.cli.app import app, extra, told

Data = Annotated[
    Path,
    typer.Option(metavar="DIR", help="Labelled clips: a folder for each label, or a labels.csv beside the clips."),
]
Cache = Annotated[Path, typer.Option(metavar="DIR", help="Features are kept here, so that a second run is quick.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Processes that extract features.")]


@app.command()
@told
def train(
    data: Data,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The model; its .json and .md come beside it.")] = Path(
        "models/mood.tflite"
    ),
    cache: Cache = Path(".cache/features"),
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn by chance.")] = 1,
    jobs: Jobs = 1,
) -> None:
    """Train a mood model from labelled clips, score it on folds, quantise it; needs the extra `train`."""
    with extra("train"):
        from streammood.training.train import train as fit  # noqa: PLC0415  heavy, and an extra
    fit(data, out, cache, seed, jobs)


@app.command()
@told
def evaluate(
    data: Data,
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="The shipped model by default.")] = None,
    cache: Cache = Path(".cache/features"),
    jobs: Jobs = 1,
    robust: Annotated[int, typer.Option(min=0, metavar="N", help="Clips that are also degraded and scored.")] = 0,
) -> None:
    """Score a mood model on labelled clips, through the live path; needs the extra `train`."""
    with extra("train"):
        from streammood.training.evaluate import evaluate as score  # noqa: PLC0415  heavy, and an extra
    score(data, model, cache, jobs, robust)
