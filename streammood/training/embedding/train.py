"""The embedding from musicnn's wheel and any music: carried over to our features, and fitted there to the original.

No label of any clip is used: what is fitted to is what the original hears in the same sound.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras
from rich.progress import Progress

from streammood.analysis.mood.embedding import BANDS, FRAMES, REACH, compress
from streammood.analysis.mood.slots import HOPS, SlotPool
from streammood.dsp import layout, mel
from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, F32
from streammood.models import embedding_model
from streammood.models.embedding_model import Layer, Weights
from streammood.training import datasets
from streammood.training.bars import bars
from streammood.training.datasets import Clip, Corpus
from streammood.training.embedding import musicnn
from streammood.training.embedding.musicnn import OriginalNetwork
from streammood.training.embedding.network import Stretch, pooled
from streammood.training.embedding.taggers import answers, frames_per_hop, music, original, pieces
from streammood.training.frames import FrameCache

F16 = npt.NDArray[np.float16]

_CONTEXT = 44  # frames of ours before a patch, a second, so that it is not heard as if it were the first sound
_ASIDE = 10  # one group of clips in so many is not fitted to
_LINEAR = 2.0  # deviations beyond which an error counts in proportion
_EXAMPLES = 64  # patches asked at a time

_CARD = """# Embedding `embedding`

What voices, instruments and textures there are in a slot of a fifth of a second, as the means and maxima of {size}
numbers: more than half of what the mood model goes by. {size_kb:.0f} kB, {parameters:,} parameters, filters in int8,
run on every slot by `streammood/analysis/mood/embedding.py`. Written by `streammood train embedding`.

## Where it comes from

The front and the middle of musicnn's `MSD_musicnn`, which its makers fitted to the Last.fm tags of 200,000 songs of
the Million Song Dataset (previews of commercial music): J. Pons and X. Serra, "musicnn: pre-trained convolutional
neural networks for music audio tagging", 2019, <https://github.com/jordipons/musicnn>. Weight decay has emptied most
of its filters; those were left out, and the rest answers as the whole does. They were carried over from its 96 bands
and frames of 16 ms to our mel bands and pairs of hops by interpolation, made causal, and fitted there to what the
original gives in pieces of 3 s of {clips} clips ({sets}), a part of them degraded, the original always clean. The
original is given all music as if it were as loud, from where the silence gate opens, as ours hears it live. No label
was used. Seed {seed}.

On one in {aside} groups of clips, which were not fitted to, the median correlation with the original, over all that
it gives, went from {before:.2f} as carried over to {after:.2f}; on those that were fitted to it is {fitted:.2f}.

No sound of these sets is part of it. Its terms, those of musicnn:

> Copyright (c) Music Technology Group, Universitat Pompeu Fabra 2019. Code developed by Jordi Pons
> (www.jordipons.me).
>
> Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
> granted, provided that the above copyright notice and this permission notice appear in all copies.
>
> THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING
> ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL,
> DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS,
> WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE
> OR PERFORMANCE OF THIS SOFTWARE.
"""


@dataclass(frozen=True, slots=True)
class EmbeddingSchedule:
    """How long and how hard the embedding is fitted."""

    steps: int = 9000
    batch: int = 32
    rate: float = 1e-3


@dataclass(frozen=True, slots=True)
class Patches:
    """Pieces of 3 s of many clips: what goes into ours, and what the original gives."""

    inputs: F16  # (n, frames, BANDS) dB
    targets: F32  # (n, 2 * size)
    clip: npt.NDArray[np.int64]  # (n,) number of the clip


def train(
    data: Path,
    wheel: Path,
    out: Path,
    cache: Path,
    seed: int = 1,
    jobs: int = 1,
    schedule: EmbeddingSchedule | None = None,
) -> Weights:
    """Fit the embedding to what the network in ``wheel`` hears in the clips in ``data``; write ``out``, and its card.

    Raises:
        DataError: the wheel or a clip cannot be read.
    """
    schedule = schedule or EmbeddingSchedule()
    keras.utils.set_random_seed(seed)
    start = on_our_grid(musicnn.read(wheel))
    corpus = datasets.read(data)
    with bars() as progress:
        patches = _patches(corpus, wheel, FrameCache(cache, seed), jobs, progress)
        groups = np.array([int(hashlib.sha256(clip.group.encode()).hexdigest(), 16) % _ASIDE for clip in corpus.clips])
        aside = groups[patches.clip] == 0
        ours = Stretch(start, causal=True, trainable=True)
        before = _agreement(ours, patches, aside)
        steps = _fit(ours, patches, ~aside, schedule, seed)
        for _ in progress.track(steps, total=schedule.steps, description="fitting"):
            pass
        after = _agreement(ours, patches, aside)
        fitted = _agreement(ours, patches, ~aside)
    content = embedding_model.write(ours.layers_now(), start.gain, start.offset, start.joined)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    weights = embedding_model.parse(content)
    out.with_suffix(".md").write_text(
        _card(weights, corpus, len(content), (before, after, fitted), seed), encoding="utf-8"
    )
    return weights


def on_our_grid(theirs: OriginalNetwork) -> OriginalNetwork:
    """musicnn carried over to our mel bands and pairs of hops, not yet fitted."""
    low, high, top = (mel.hz_to_mel(hz) for hz in (layout.FMIN, layout.FMAX, musicnn.RATE / 2))
    band = (high - low) / (layout.N_MELS + 1) / (top / (musicnn.N_MELS + 1))
    frame = HOPS // FRAMES * layout.HOP / ANALYSIS_RATE / (musicnn.HOP / musicnn.RATE)
    return musicnn.carried_over(theirs, frame, band, REACH)


def spectra(frames: npt.NDArray[np.floating]) -> F32:
    """What goes into the embedding (n_frames, BANDS), in dB, of features (n_hops, n_features), by the live path."""
    pool, rows = SlotPool(None), []
    hops = frames.astype(np.float32)
    while len(hops):
        hops = hops[pool.push(hops) :]
        if pool.complete:
            rows.append(pool.spectra.copy())
    return np.concatenate(rows) if rows else np.zeros((0, BANDS), dtype=np.float32)


def _of_one(work: tuple[Clip, Path, FrameCache]) -> tuple[list[F16], list[F32]]:
    """Patches of a clip as it is, and, where it is labelled, as a venue might spoil it, against the clean original."""
    clip, wheel, frame_cache = work
    ratio = FRAMES / (HOPS * frames_per_hop(frame_cache))  # frames of ours to one of the original's
    length = _CONTEXT + round(musicnn.PATCH * ratio)
    begin, stretch = music(clip.path, frame_cache)
    starts = pieces(stretch.shape[0])
    inputs, numbers = [], []
    for variant in (0, 1) if clip.scored else (0,):
        rows = spectra(frame_cache.frames(clip.path, variant)[begin:])
        rows = np.pad(rows, ((_CONTEXT, 0), (0, 0)), constant_values=np.nan)
        for number, start in enumerate(starts):
            piece = rows[int(start * ratio) :][:length]
            if piece.shape[0] == length:
                inputs.append(piece.astype(np.float16))
                numbers.append(number)
    if not inputs:
        return [], []
    values = answers(original(wheel), stretch, starts)
    return inputs, [values[number] for number in numbers]


def _patches(corpus: Corpus, wheel: Path, frame_cache: FrameCache, jobs: int, progress: Progress) -> Patches:
    """Patches of all clips."""
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        stretch = pool.map(_of_one, [(clip, wheel, frame_cache) for clip in corpus.clips], chunksize=8)
        found = list(progress.track(stretch, total=len(corpus.clips), description="original"))
    inputs = [piece for pieces, _ in found for piece in pieces]
    if not inputs:
        raise DataError("no clip is as long as 3 s")
    targets = np.stack([values for _, answers in found for values in answers]).astype(np.float32)
    clip = np.repeat(np.arange(len(found)), [len(pieces) for pieces, _ in found])
    return Patches(np.stack(inputs), targets, clip)


def _compressed(inputs: F16, offset: float) -> F32:
    """Compressed spectra; before the start of a clip, what the network takes for nothing."""
    values = compress(inputs.astype(np.float32))
    return np.where(np.isfinite(values), values, offset).astype(np.float32)


def _answer(ours: Stretch, inputs: Any) -> Any:
    return pooled(ours(inputs)[:, _CONTEXT:])


def _fit(
    ours: Stretch, patches: Patches, chosen: npt.NDArray[np.bool_], schedule: EmbeddingSchedule, seed: int
) -> Iterator[int]:
    """Fit to the ``chosen`` patches; yield the number of each step."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(chosen)
    deviation = patches.targets.std(axis=0) + 1e-3
    nothing = ours.nothing
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(schedule.rate, schedule.steps))

    def step(inputs: Any, targets: Any) -> None:
        with tf.GradientTape() as tape:
            error = tf.abs(_answer(ours, inputs) - targets) / deviation
            loss = tf.reduce_mean(tf.where(error < _LINEAR, error**2, 2.0 * _LINEAR * error - _LINEAR**2))
        gradients = tape.gradient(loss, ours.trainable_variables)
        optimizer.apply_gradients(zip(gradients, ours.trainable_variables, strict=True))

    compiled = tf.function(step)
    for number in range(schedule.steps):
        batch = rng.choice(rows, schedule.batch)
        compiled(_compressed(patches.inputs[batch], nothing), patches.targets[batch])
        yield number


def _agreement(ours: Stretch, patches: Patches, chosen: npt.NDArray[np.bool_]) -> float:
    """Median, over all that it gives, of the correlation with the original on the ``chosen`` patches."""
    rows = np.flatnonzero(chosen)
    batches = np.array_split(rows, -(-rows.size // _EXAMPLES))
    given = np.concatenate(
        [_answer(ours, _compressed(patches.inputs[batch], ours.nothing)).numpy() for batch in batches]
    )
    wanted = patches.targets[rows]
    a, b = given - given.mean(axis=0), wanted - wanted.mean(axis=0)
    norms = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    return float(np.median((a * b).sum(axis=0)[norms > 0] / norms[norms > 0]))


def _card(weights: Weights, corpus: Corpus, size: int, agreement: tuple[float, float, float], seed: int) -> str:
    before, after, fitted = agreement
    parameters = sum(getattr(layer, part).size for layer in weights.layers.values() for part in Layer.__slots__)
    sets = ", ".join(f"`{source.name}`" for source in corpus.sources)
    return _CARD.format(
        size=weights.size, size_kb=size / 1000, parameters=parameters, clips=len(corpus.clips), sets=sets, seed=seed,
        aside=_ASIDE, before=before, after=after, fitted=fitted,
    )  # fmt: skip
