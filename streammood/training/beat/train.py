"""From music with known beats to a quantised beat network, its manifest and its card, in one call."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from streammood.analysis.beat.activations import STROKE_DELAY
from streammood.errors import DataError
from streammood.events import F32
from streammood.models.beat_model import BeatManifest, BeatModel, Shape
from streammood.models.manifest import read_manifest
from streammood.training.bars import bars
from streammood.training.beat import card, data, fit, listening, quantise, restore
from streammood.training.beat.data import Item
from streammood.training.beat.network import LOOK_AHEAD, PAIR, WIDTH, BeatNet

_SCORED = 60  # tracks of each set, fitted to or not
_EXAMPLES, _EXAMPLE_HOPS = 60, 1400  # stretches from which the ranges of the quantised numbers come


def train(
    root: Path,
    out: Path,
    cache: Path = Path(".cache/features"),
    seed: int = 1,
    jobs: int = 1,
    start: Path | None = None,
    stages: tuple[fit.Stage, ...] | None = None,
) -> BeatManifest:
    """Fit to the music in ``root``; write ``out`` (.tflite), its manifest (.json), card (.md) and picture (.png).

    With ``start``, a network that was made before, every stage of the fit begins with its weights, and its judge is
    kept. A stage that is finished is kept in ``cache``, so that a run that was stopped goes on from there.

    Raises:
        DataError: there is no music with beats, or a file that cannot be read.
        ModelError: ``start`` is not a beat network.
    """
    begun = Start.read(start, seed) if start else None
    plan = stages or (fit.FURTHER if begun else fit.STAGES)
    tracks = data.read(root) + data.grooves(seed)
    with bars(22) as progress:
        work = progress.add_task("features", total=len(tracks))
        items = []
        for item in data.items(tracks, cache, jobs):
            items.append(item)
            progress.advance(work)
        fitted = [item for item in items if not item.track.held_out]
        network = fit_stages(fitted, cache, seed, plan, progress, begun)
        chosen = fitted[:: max(1, len(fitted) // _EXAMPLES)]
        stretches = [fit.inputs_of(item.log_mel[: _EXAMPLE_HOPS // PAIR * PAIR]) for item in chosen]
        whole = [inputs[: len(inputs) // PAIR * PAIR] for inputs in stretches]
        quantised = quantise.to_tflite(network, whole, seed)
        manifest = BeatManifest(
            format=1,
            kind="beat",
            name=out.stem,
            sha256=hashlib.sha256(quantised).hexdigest(),
            look_ahead=LOOK_AHEAD,
            stroke_delay=STROKE_DELAY,
            network=Shape(pair=PAIR, width=WIDTH, dilations=tuple(network.dilations)),
            training=data.sources([item.track for item in fitted]),
            judge=begun.judge if begun else (),
        )
        found = _score(BeatModel(manifest, quantised), items, progress)
    manifest = manifest.model_copy(update={"scores": listening.table(found)})
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(quantised)
    out.with_suffix(".json").write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    text = card.render(manifest, plan, seed, len(quantised), begun.sha256 if begun else None)
    out.with_suffix(".md").write_text(text, encoding="utf-8")
    card.draw(found, out.with_suffix(".png"))
    return manifest


def fit_stages(
    items: list[Item],
    cache: Path,
    seed: int,
    stages: tuple[fit.Stage, ...],
    progress: Progress,
    start: Start | None,
) -> BeatNet:
    """The network after all stages, each of which begins with the mean weights of the one before, or with ``start``.

    Its weights are the mean over the last stage and those before it that had as many layers: stages of a learning rate
    that rises and falls again end in different places of one valley, whose middle generalises best (Izmailov et al.,
    "Averaging weights leads to wider optima", UAI 2018).
    """
    if not any(item.beats.size for item in items):
        raise DataError("no track to fit to: all are held out; give more of them")
    network, averaged = (BeatNet(2 * items[0].log_mel.shape[1], seed) for _ in range(2))
    digest = hashlib.sha256(f"{seed} {sorted(item.track.stem for item in items)}".encode())
    if start:
        digest.update(start.sha256.encode())
        for each in (network, averaged):
            each.deepen(start.dilations)
            _restore(each, start.weights)
    ends: list[list[F32]] = []
    for number, stage in enumerate(stages):
        for each in (network, averaged):
            each.deepen(stage.dilations)
            if start:
                _restore(each, start.weights)
        digest.update(str(stage).encode())
        checkpoint = cache / f"beat-stage-{number + 1}-{digest.hexdigest()[:16]}.npz"
        if not checkpoint.is_file():
            work = progress.add_task(f"stage {number + 1}", total=stage.steps)
            for step, loss in fit.fit(network, averaged, items, stage, seed + number):
                progress.update(work, completed=step, description=f"stage {number + 1}, loss {loss:.4f}")
            np.savez(checkpoint, *averaged.arrays())
        with np.load(checkpoint) as weights:
            ends.append([weights[name] for name in weights.files])
        for each in (network, averaged):
            _restore(each, ends[-1])
    alike = [end for end, stage in zip(ends, stages, strict=True) if stage.dilations == stages[-1].dilations]
    _restore(averaged, [np.mean(arrays, axis=0) for arrays in zip(*alike, strict=True)])
    return averaged


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What a fit goes on from."""

    sha256: str  # of the model
    dilations: tuple[int, ...]
    weights: list[F32]
    judge: tuple[tuple[float, ...], ...]

    @classmethod
    def read(cls, path: Path, seed: int) -> Start:
        """The model at ``path``.

        Raises:
            ModelError: it is not a beat network.
        """
        network = restore.dequantised(path, seed)
        judge = read_manifest(path, BeatManifest).judge
        return cls(hashlib.sha256(path.read_bytes()).hexdigest(), tuple(network.dilations), network.arrays(), judge)


def _restore(network: Any, arrays: list[F32]) -> None:
    for variable, array in zip(network.trainable_variables, arrays, strict=True):
        variable.assign(array)


def _score(model: BeatModel, items: list[Item], progress: Progress) -> list[listening.Peaks]:
    """The quantised network on some tracks of each set."""
    counts: dict[tuple[str, bool], int] = {}
    chosen = []
    for item in items:
        key = item.track.source, item.track.held_out
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= _SCORED and item.beats.size > 1:
            chosen.append(item)
    tracked = progress.track(chosen, description="scores")
    return [listening.peaks(item, listening.activations(model, item.log_mel)) for item in tracked]
