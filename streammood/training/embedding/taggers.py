"""What musicnn gives for clips: the embedding is fitted to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from streammood.analysis.mood.slots import LEVEL_HOPS
from streammood.dsp import layout
from streammood.events import ANALYSIS_RATE, F32
from streammood.training.embedding import musicnn
from streammood.training.embedding.musicnn import HOP, PATCH, RATE, Ints
from streammood.training.embedding.network import Stretch, pooled
from streammood.training.frames import FrameCache, read_sound
from streammood.training.windows import opening

MOST = 16  # pieces of a clip


@cache
def original(wheel: Path) -> Stretch:
    """What the embedding follows, as it is."""
    return Stretch(musicnn.read(wheel), causal=False)


def frames_per_hop(frame_cache: FrameCache) -> float:
    """Frames of a tagger in a hop of ours."""
    return layout.HOP / ANALYSIS_RATE * RATE / HOP


def music(clip: Path, frame_cache: FrameCache) -> tuple[int, F32]:
    """The hop in which a clip opens the silence gate, and what taggers take in from there on (n_frames, n_mels)."""
    per_hop = frames_per_hop(frame_cache)
    begin = opening(frame_cache.frames(clip))
    powers = musicnn.powers(*read_sound(clip))[round(begin * per_hop) :]
    return begin, musicnn.levelled(powers, LEVEL_HOPS * per_hop)


def pieces(n_frames: int) -> Ints:
    """Where the pieces of 3 s of so many frames begin, at most ``MOST``; a shorter clip is one piece."""
    starts = np.arange(0, max(1, n_frames - PATCH + 1), PATCH // 2)
    return starts[:: -(-starts.size // MOST)]


def answers(given: Stretch, stretch: F32, starts: Ints) -> F32:
    """Greatest and mean values (n_pieces, 2 * size) of what ``given`` hears in pieces of ``heard``."""
    frames = given(stretch[None])[0].numpy()
    values: F32 = pooled(np.stack([frames[start : start + PATCH] for start in starts])).numpy()
    return values
