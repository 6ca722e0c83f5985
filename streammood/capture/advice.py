"""What to do about the level of an input, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """One answer, for peaks below ``below`` dB re full scale."""

    below: float
    word: str
    text: str


ADVICE = (
    Advice(-55.0, "nothing", "nothing is heard: is the cable in, and is anything playing?"),
    Advice(-30.0, "too low", "too low: turn the input up until the peaks lie around −12 dB"),
    Advice(-2.0, "good", "good"),
    Advice(float("inf"), "too loud", "too loud: turn the input down until the peaks lie around −12 dB"),
)
CLIPPED = Advice(0.0, "clipped", "clipped: turn the input down, before this machine if you can")


def advise(peak: float, clipped: bool = False) -> Advice:
    """The answer for the highest ``peak`` of the last seconds, in dB re full scale."""
    return CLIPPED if clipped else next(advice for advice in ADVICE if peak < advice.below)
