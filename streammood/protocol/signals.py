"""Names of what receivers can be told, and the ranges in which these numbers lie."""

from __future__ import annotations

TRIGGERS = frozenset({"beat", "downbeat", "onset", "mood/changed"})
VALUES = frozenset(
    {
        "beat/number",
        "beat/count",
        "beat/meter",
        "beat/phase",
        "beat/next",
        "beat/bar",
        "beat/confidence",
        "beat/locked",
        "bpm",
        "level/rms",
        "level/low",
        "level/mid",
        "level/high",
        "level/peak",
        "level/clipping",
        "input/gain",
        "brightness",
        "mood/valence",
        "mood/arousal",
        "mood/index",
        "mood/confidence",
        "mood/label",
        "status/alive",
        "status/signal",
        "status/lost",
        "status/latency",
        "status/input",
        "status/stalls",
        "status/load",
    }
)
"""Names of signals; beside these there is ``mood/LABEL`` for each label of the model."""

BIPOLAR = frozenset({"mood/valence", "mood/arousal"})
_UNBOUNDED = frozenset(
    {"beat/number", "beat/count", "beat/meter", "beat/next", "bpm", "mood/index", "mood/label", "status/lost"}
    | {"status/latency", "status/input", "status/stalls", "input/gain"}
)


def natural_range(signal: str) -> tuple[float, float] | None:
    """Least and largest number that ``signal`` can be; None where there is no bound."""
    if signal in BIPOLAR:
        return -1.0, 1.0
    return None if signal in _UNBOUNDED else (0.0, 1.0)
