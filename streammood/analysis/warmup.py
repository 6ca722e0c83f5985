"""Compiles every kernel of the analysis, or loads it from disk, before sound arrives."""

from __future__ import annotations

import numpy as np

from streammood.analysis.analyzer import AnalysisChain
from streammood.events import ANALYSIS_RATE

_NOISE = 4.0  # s, enough for a first mood
_TAPS = 4  # set a tempo


def warm_up(analyzer: AnalysisChain, sample_rate: float) -> None:
    """Analyse some noise at ``sample_rate`` Hz, correct its beats as an operator would, and forget it all."""
    noise = np.random.default_rng(0).standard_normal(round(_NOISE * sample_rate)).astype(np.float32)
    for _ in analyzer.push(0.1 * noise):
        pass
    for number in range(_TAPS):
        analyzer.beats.tap((_NOISE + 0.5 * number) * ANALYSIS_RATE)
    analyzer.beats.downbeat(_NOISE * ANALYSIS_RATE)
    analyzer.beats.double()
    analyzer.beats.release()
    analyzer.reset()
