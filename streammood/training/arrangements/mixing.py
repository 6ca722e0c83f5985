"""Compiled passes over whole stems: a filter whose cutoff moves, and music that yields to the kick."""

from __future__ import annotations

import math

import numpy as np

from streammood.dsp.jit import kernel
from streammood.events import F32


@kernel
def filtered(sound: F32, cutoff: F32, step: int, rate: float, high: bool) -> None:
    """Low-pass, or high-pass, of 12 dB an octave, in place; ``cutoff`` in Hz is given every ``step`` samples.

    The state variable filter of A. Simper (2013), stable however fast the cutoff moves.
    """
    one, two = 0.0, 0.0
    for i in range(sound.size):
        if i % step == 0:
            hz = min(max(cutoff[min(i // step, cutoff.size - 1)], 10.0), 0.45 * rate)
            g = math.tan(math.pi * hz / rate)
            k = 1.2
            a = 1.0 / (1.0 + g * (g + k))
        x = sound[i]
        v3 = x - two
        v1 = a * one + a * g * v3
        v2 = two + a * g * one + a * g * g * v3
        one, two = 2.0 * v1 - one, 2.0 * v2 - two
        sound[i] = np.float32(x - k * v1 - v2 if high else v2)


@kernel
def ducked(sound: F32, strokes: F32, depth: float, release: int) -> None:
    """Turn ``sound`` down by ``depth`` (0..1) at each of ``strokes`` (samples, rising), back within ``release``."""
    for k in range(strokes.size):
        start = int(strokes[k])
        end = min(sound.size, start + release)
        if k + 1 < strokes.size:
            end = min(end, int(strokes[k + 1]))
        for i in range(max(0, start), end):
            share = (i - start) / release
            sound[i] *= np.float32(1.0 - depth * (1.0 - share * share * (3.0 - 2.0 * share)))


def laid(mix: F32, sound: F32, at: int, gain: float) -> None:
    """Add ``sound`` to ``mix`` from sample ``at`` on; what lies outside is left out."""
    skip = max(0, -at)
    first = at + skip
    end = min(mix.size, at + sound.size)
    if end > first:
        mix[first:end] += np.float32(gain) * sound[skip : skip + end - first]
