"""What musicnn's two taggers hear in clips: to fit the embedding, and to compare known clips by, never live."""

from __future__ import annotations

import hashlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
from rich.progress import Progress

from streammood.analysis.mood.slots import LEVEL_HOPS
from streammood.dsp import layout
from streammood.events import ANALYSIS_RATE, F32
from streammood.training.embedding import musicnn
from streammood.training.embedding.musicnn import HOP, PATCH, RATE, TAGGERS, Head, Ints
from streammood.training.embedding.network import Stretch, pooled
from streammood.training.frames import FrameCache, keep, read_sound
from streammood.training.windows import opening

MOST = 16  # pieces of a clip


@cache
def original(wheel: Path) -> Stretch:
    """What the embedding follows, as it is."""
    return Stretch(musicnn.read(wheel), causal=False)


@cache
def _tagger(wheel: Path, name: str) -> tuple[Stretch, Head]:
    network, head = musicnn.read_tagger(wheel, name)
    return Stretch(network, causal=False), head


def check(wheel: Path) -> None:
    """Nothing, where both taggers are in ``wheel``.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    for name in TAGGERS:
        musicnn.read_tagger(wheel, name)


def frames_per_hop(kept: FrameCache) -> float:
    """Frames of a tagger in a hop of ours."""
    return layout.HOP / ANALYSIS_RATE * RATE / HOP


def music(clip: Path, kept: FrameCache) -> tuple[int, F32]:
    """The hop in which a clip opens the silence gate, and what taggers take in from there on (n_frames, n_mels)."""
    per_hop = frames_per_hop(kept)
    begin = opening(kept.frames(clip))
    powers = musicnn.powers(*read_sound(clip))[round(begin * per_hop) :]
    return begin, musicnn.levelled(powers, LEVEL_HOPS * per_hop)


def pieces(n_frames: int) -> Ints:
    """Where the pieces of 3 s of so many frames begin, at most ``MOST``; a shorter clip is one piece."""
    starts = np.arange(0, max(1, n_frames - PATCH + 1), PATCH // 2)
    return starts[:: -(-starts.size // MOST)]


def answers(given: Stretch, heard: F32, starts: Ints) -> F32:
    """Greatest and mean values (n_pieces, 2 * size) of what ``given`` hears in pieces of ``heard``."""
    frames = given(heard[None])[0].numpy()
    told: F32 = pooled(np.stack([frames[start : start + PATCH] for start in starts])).numpy()
    return told


def hear(clips: list[Path], wheel: Path, kept: FrameCache, jobs: int, progress: Progress) -> F32:
    """What all layers of both taggers in ``wheel`` give in each clip (n_clips, n_values), kept beside its features.

    Raises:
        DataError: a clip cannot be read.
    """
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()[:8]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        heard = pool.map(partial(_hear, wheel, digest, kept), clips, chunksize=4)
        return np.stack(list(progress.track(heard, total=len(clips), description="taggers")))


def _hear(wheel: Path, digest: str, kept: FrameCache, clip: Path) -> F32:
    path = kept.file(clip).with_suffix(f".{digest}.npy")
    if path.is_file():
        known: F32 = np.load(path)
        return known
    _, heard = music(clip, kept)
    starts = pieces(heard.shape[0])
    told = []
    for name in TAGGERS:
        network, head = _tagger(wheel, name)
        given = answers(network, heard, starts)
        told += [given.mean(axis=0), head(given).mean(axis=0)]
    values = np.concatenate(told)
    keep(path, values)
    return values
