"""What each part of the analysis costs: the same song with and without it, in turn, in processor time of the thread."""

from __future__ import annotations

import time
from collections.abc import Collection

import numpy as np

from benchmarks.table import markdown
from streammood import config
from streammood.analysis.analyzer import KINDS, AnalysisChain
from streammood.demo.synth import Synth
from streammood.events import F32, Beat, Event, Level, Mood, Onset, Section, Structure, Tempo
from streammood.models import Models

SECONDS, RATE, ROUNDS = 40, 44_100, 5
_WAYS: dict[str, frozenset[type[Event]]] = {
    "everything": KINDS,
    "without structure": KINDS - {Structure, Section},
    "without moods": KINDS - {Mood},
    "without onsets": KINDS - {Onset},
    "without structure, beats and tempo": KINDS - {Structure, Section, Beat, Tempo},
    "levels alone": frozenset({Level}),
}


def report() -> str:
    """The table."""
    sound = _song()
    settings = config.load()
    models = Models.load(settings)

    def cost(kinds: Collection[type[Event]], block: int) -> float:
        chain = AnalysisChain(settings, RATE, models, kinds)
        began = time.thread_time()
        for start in range(0, sound.size, block):
            chain.push(sound[start : start + block])
        return time.thread_time() - began

    cost(KINDS, 512)
    rows = []
    for block, name in ((8192, "a file"), (512, "live")):
        times = np.array([[cost(kinds, block) for kinds in _WAYS.values()] for _ in range(ROUNDS)])
        ratios = times / times[:, :1]
        for i, way in enumerate(_WAYS):
            share, column = 100.0 * float(np.median(times[:, i])) / SECONDS, ratios[:, i]
            spread = f"{column.min():.2f}–{column.max():.2f}"
            rows.append([f"{name}, {way}", f"{share:.2f} %", f"{np.median(column):.2f}", spread])
    return (
        f"{SECONDS} s of the built-in music, {ROUNDS} rounds; blocks of 8192 frames as from a file and of 512 as live, "
        "analysis alone.\n\n" + markdown(["", "share of a core", "of everything", "range"], rows)
    )


def _song() -> F32:
    blocks, samples = [], 0
    for block in Synth(sample_rate=RATE, repeat=True).blocks(RATE):
        blocks.append(block.copy())
        samples += block.size
        if samples >= SECONDS * RATE:
            break
    return np.concatenate(blocks)[: SECONDS * RATE]
