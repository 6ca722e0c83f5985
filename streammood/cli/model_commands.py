"""Commands that make and score models: train, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from streammood import native
from streammood.cli import terminal
from streammood.cli.options import app, extra, report_errors
from streammood.cli.trained import Table, report
from streammood.errors import ConfigError

What = Annotated[Literal["mood", "beat"], typer.Argument(help="Which model.")]
Fitted = Annotated[
    Literal["mood", "beat", "embedding", "music"],
    typer.Argument(
        help="Which model; embedding: the network that finds voices and instruments for the mood model, from clips as "
        "for mood, without their labels; music: separates music (clips as for mood) from other sound."
    ),
]
Data = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        help="mood: a folder of clips for each label, or a labels.csv beside the clips. "
        "beat: sound files with a NAME.beats beside each NAME: a time in seconds a line, and the position in the bar.",
    ),
]
Cache = Annotated[Path, typer.Option(metavar="DIR", help="Features are cached here, so that a second run is quick.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Processes for features and folds of a mood model.")]


@app.command()
@report_errors
def train(
    data: Data,
    what: Fitted = "mood",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The model; .json, .md and .png come beside it. models/WHAT.tflite, or .npz, by default.",
        ),
    ] = None,
    cache: Cache = Path(".cache/features"),
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="beat: a model to fit further, instead of a new one. "
            "embedding: the wheel of musicnn (pip download --no-deps musicnn). "
            "music: a folder with a folder of recordings that are no music for each source of them.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn by chance.")] = 1,
    jobs: Jobs = 1,
) -> None:
    """Train a model from clips, quantise it, write its card with its scores; needs the extra `train`."""
    path = out or Path("models") / f"{what}{'.npz' if what in {'embedding', 'music'} else '.tflite'}"
    if what == "embedding" and start is None:
        raise ConfigError(
            "--from is missing: the embedding starts from the wheel of musicnn (pip download --no-deps musicnn)"
        )
    if what == "mood" and start is not None:
        raise ConfigError("--from cannot be used with mood: a mood model is always fitted anew; leave --from out")
    if what == "music" and start is None:
        raise ConfigError("--from is missing: a folder with a folder of recordings that are no music for each source")
    scores: Table = {}
    with native.silenced(), extra("train"):  # TensorFlow speaks of drivers and delegates
        if what == "mood":
            from streammood.training.train import train as fit_mood  # noqa: PLC0415  heavy, and an extra

            scores = fit_mood(data, path, cache, seed, jobs).scores
        elif what == "music" and start is not None:
            from streammood.training.music import train_music  # noqa: PLC0415  heavy, and an extra

            train_music(data, start, path, cache, seed)
        elif start is not None and what == "embedding":
            from streammood.training.embedding.train import train as fit_embedding  # noqa: PLC0415  heavy, and an extra

            fit_embedding(data, start, path, cache, seed, jobs)
        else:
            from streammood.training.beat.train import train as fit_beat  # noqa: PLC0415  heavy, and an extra

            scores = fit_beat(data, path, cache, seed, jobs, start).scores
    for line in report(what, path, scores):
        terminal.print_line(terminal.console(), line)


@app.command()
@report_errors
def evaluate(
    data: Data,
    what: What = "mood",
    model: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="The shipped model by default.")] = None,
    cache: Cache = Path(".cache/features"),
    jobs: Jobs = 1,
    robust: Annotated[int, typer.Option(min=0, metavar="N", help="mood: clips that are also degraded and scored.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="mood: tables and pictures are written here as well.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="beat: at most so many tracks of each set.")] = 0,
) -> None:
    """Score a model on labelled music, through the live path; needs the extra `train`."""
    with native.silenced(), extra("train"):
        if what == "mood":
            from streammood.training.evaluate import evaluate as score_mood  # noqa: PLC0415  heavy, and an extra

            score_mood(data, model, cache, jobs, robust, out)
        else:
            from streammood.training.beat.evaluate import evaluate as score_beat  # noqa: PLC0415  heavy, and an extra

            score_beat(data, model, limit)
