"""How a value is bent for its receiver."""

from __future__ import annotations

from collections.abc import Callable

from streammood.config import MapEntry, TargetSettings
from streammood.protocol.signals import BIPOLAR, Value, natural_range

Scaling = Callable[[Value], Value]


def scaling(entry: MapEntry, target: TargetSettings) -> Scaling:
    """How ``target`` changes the values of ``entry``: its range ``in`` is moved to ``out`` and kept inside.

    Without either, a number that lies in 0..1 is moved to the target's range if that is another one. Valence and
    arousal keep their sign, -1..1 becoming -100..100 where 0..1 becomes 0..100, unless the target wants no
    negative numbers.
    """
    source = entry.value or entry.source
    natural = natural_range(source)
    bounds = entry.in_range or natural
    own = target.value_range
    asked = entry.in_range is not None or entry.out_range is not None or entry.curve != 1.0
    if bounds is None or not (asked or own != (0.0, 1.0) or (target.unipolar and natural == BIPOLAR)):
        return _as_float if target.floats else _as_it_is
    if natural == BIPOLAR and not asked and not target.unipolar:
        own = (2 * own[0] - own[1], own[1])
    return _line(bounds, entry.out_range or own, entry.curve)


def _as_it_is(value: Value) -> Value:
    return value


def _as_float(value: Value) -> Value:
    return value if isinstance(value, str) else float(value)


def _line(bounds: tuple[float, float], out: tuple[float, float], curve: float) -> Scaling:
    (a, b), (c, d) = bounds, out

    def scaled(value: Value) -> Value:
        if isinstance(value, str):
            return value
        share = (float(value) - a) / (b - a)
        bent: float = min(1.0, max(0.0, share)) ** curve
        return c + bent * (d - c)

    return scaled
