"""Music for a feeling: music that is like it, or music that leads out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streammood.config.library import FEELINGS, Feeling
from streammood.config.library import Mapping as Way
from streammood.library.catalogue import Catalogue
from streammood.library.find import Hit, Query, find
from streammood.library.journey import POINTS

_FOLLOW: Mapping[Feeling, tuple[float, float]] = {
    "angry": (-0.5, 0.7),
    "disgusted": (-0.6, 0.3),
    "afraid": (-0.6, 0.5),
    "happy": POINTS["happy"],
    "neutral": POINTS["neutral"],
    "sad": POINTS["sad"],
    "surprised": POINTS["energetic"],
}
"""Where feelings lie in the circumplex (J. Russell, 1980)."""
_LIFT: Mapping[Feeling, str] = {
    "angry": "calm",
    "disgusted": "calm",
    "afraid": "calm",
    "happy": "energetic",
    "neutral": "happy",
    "sad": "happy",
    "surprised": "happy",
}
"""What lifts each."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The recommended songs, and the reason."""

    feeling: Feeling
    way: Way
    at: tuple[float, float]  # of the circumplex, where the songs lie
    hits: list[Hit]


def target(feeling: Feeling, way: Way) -> tuple[float, float]:
    """Where the music for ``feeling`` lies in the circumplex."""
    return _FOLLOW[feeling] if way == "follow" else POINTS[_LIFT[feeling]]


def recommend(
    catalogue: Catalogue,
    feeling: Feeling,
    ways: Mapping[Feeling, Way],
    limit: int = 20,
    energy: tuple[float, float] | None = None,
) -> Recommendation:
    """Songs for ``feeling``.

    Args:
        catalogue: The songs.
        feeling: How somebody feels.
        ways: Of feelings, whether music follows or lifts them; others go the usual way.
        limit: Songs, at most.
        energy: Only songs in that range.

    Returns:
        The songs nearest to where the music for that feeling lies.
    """
    way = ways.get(feeling, FEELINGS[feeling])
    at = target(feeling, way)
    return Recommendation(feeling, way, at, find(catalogue, Query(at=at, energy=energy, limit=limit)))
