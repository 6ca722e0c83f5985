"""Compiles every kernel of the analysis, or loads it from disk, before sound arrives."""

from __future__ import annotations

import numpy as np

from streammood.analysis.analyzer import Analyzer

_NOISE = 4.0  # s, enough for a first mood


def warm_up(analyzer: Analyzer, sample_rate: float) -> None:
    """Analyse some noise at ``sample_rate`` Hz and forget it."""
    noise = np.random.default_rng(0).standard_normal(round(_NOISE * sample_rate)).astype(np.float32)
    for _ in analyzer.push(0.1 * noise):
        pass
    analyzer.reset()
