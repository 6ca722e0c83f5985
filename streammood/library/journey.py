"""A way through a library: from one place of the circumplex to another in so many minutes, without breaks."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.errors import LibraryError
from streammood.events import QUADRANTS
from streammood.library.catalogue import Catalogue

_STEPS = 60  # places of the way at which songs are looked for
_NEAREST = 64  # songs that are considered for each step
_WAYS = 12  # that are followed at a time
_TEMPO, _KEY, _ARTIST = 1.5, 0.06, 0.15  # what an octave of tempo, a step between keys and the same artist again cost
POINTS = {
    **{mood: (0.5 * v, 0.5 * a) for mood, (v, a) in QUADRANTS.items()},
    "energetic": (0.3, 0.8),
    "neutral": (0.0, 0.0),
}
"""Places of the circumplex that have a name."""


@dataclass(frozen=True, slots=True)
class _Way:
    places: tuple[int, ...]
    seconds: float
    cost: float


def point(text: str) -> tuple[float, float]:
    """The place of the circumplex that a person names: ``calm``, or valence and arousal as ``-0.3,0.5``.

    Raises:
        ValueError: it is none.
    """
    if text in POINTS:
        return POINTS[text]
    try:
        valence, arousal = (float(part) for part in text.split(","))
    except ValueError:
        valence = math.nan
    if not (math.isfinite(valence) and -1.0 <= valence <= 1.0 and -1.0 <= arousal <= 1.0):
        raise ValueError(f"must be {', '.join(POINTS)}, or VALENCE,AROUSAL in -1..1, got {text[:40]!a}")
    return valence, arousal


def journey(catalogue: Catalogue, start: tuple[float, float], end: tuple[float, float], minutes: float) -> list[int]:
    """Songs that lead from ``start`` to ``end``.

    Each lies near the line between both, at the place that belongs to its time, close in tempo (or its half or double)
    and in key to the one before it. The best of the ways that a beam search follows.

    Args:
        catalogue: The songs.
        start: Valence and arousal where it begins.
        end: Where it ends.
        minutes: How long it lasts; the last song may be a little late or early.

    Returns:
        Places in the catalogue.

    Raises:
        LibraryError: there are no songs.
    """
    usable = np.flatnonzero(np.isfinite(catalogue.circumplex[:, 0]) & (catalogue.duration > 0))
    if not usable.size:
        raise LibraryError("there are no songs with a mood in the library; scan some first")
    points = catalogue.circumplex[usable].astype(np.float64)
    middle = float(np.median(catalogue.duration[usable]))
    whole = 60.0 * minutes
    near = functools.cache(lambda step: _near(points, start, end, step / _STEPS))
    ways = [_Way((), 0.0, 0.0)]
    done: list[_Way] = []
    while ways:
        longer: list[_Way] = []
        for way in ways:
            share = min(1.0, way.seconds / max(whole - middle, 1.0))
            for i, apart in near(round(_STEPS * share)):
                place = int(usable[i])
                if place in way.places:
                    continue
                cost = way.cost + apart + (_step(catalogue, way.places[-1], place) if way.places else 0.0)
                longer.append(_Way((*way.places, place), way.seconds + float(catalogue.duration[place]), cost))
        longer.sort(key=lambda way: way.cost / len(way.places))
        ways = []
        for way in longer:
            next_one = 0.5 * float(catalogue.duration[way.places[-1]])
            (done if way.seconds >= whole - next_one else ways).append(way)
            if len(ways) == _WAYS:
                break
        if not longer or len(done) >= _WAYS:
            break
    best = min(done or [way], key=lambda way: way.cost / max(1, len(way.places)))
    return list(best.places)


def _near(
    points: npt.NDArray[np.float64], start: tuple[float, float], end: tuple[float, float], share: float
) -> list[tuple[int, float]]:
    """The songs nearest to the place that belongs to ``share`` of the way, and how far they lie from it."""
    target = (1.0 - share) * np.array(start) + share * np.array(end)
    apart = np.linalg.norm(points - target, axis=1)
    count = min(_NEAREST, apart.size)
    nearest = np.argpartition(apart, count - 1)[:count]
    return [(int(i), float(apart[i])) for i in nearest]


def _step(catalogue: Catalogue, one: int, other: int) -> float:
    """The cost of playing one song after another."""
    cost = 0.0
    first, second = float(catalogue.bpm[one]), float(catalogue.bpm[other])
    if first and second:
        octaves = math.log2(second / first)
        cost += _TEMPO * abs(octaves - round(octaves))
    key, next_key = catalogue.keys[one], catalogue.keys[other]
    if key and next_key:
        sure = float(min(catalogue.key_confidence[one], catalogue.key_confidence[other]))
        cost += _KEY * sure * max(0, key.distance(next_key) - 1)
    artist = catalogue.entry(one).words.artist
    if artist and artist == catalogue.entry(other).words.artist:
        cost += _ARTIST
    return cost
