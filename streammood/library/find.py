"""Questions to a library: what fits best comes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.analysis.key import Key
from streammood.errors import LibraryError
from streammood.events import QUADRANTS
from streammood.library.catalogue import Catalogue, plain

Range = tuple[float, float]
COMPATIBLE = 1  # steps between keys that mix well


@dataclass(frozen=True, slots=True)
class Query:
    """A search; all given conditions must hold, and the nearest songs come first."""

    mood: str | None = None  # a label of the model, or of a quadrant
    at: tuple[float, float] | None = None  # valence and arousal
    within: float | None = None  # of ``at``, at most
    valence: Range | None = None
    arousal: Range | None = None
    bpm: Range | None = None
    energy: Range | None = None
    key: Key | None = None
    compatible: bool = False  # also keys that mix well with ``key``
    like: int | None = None  # id of a song
    text: str = ""  # words that all stand in the tags or the name of the file
    limit: int = 20

    @property
    def is_empty(self) -> bool:
        """Whether everything would be found."""
        return self == Query(limit=self.limit)


@dataclass(frozen=True, slots=True)
class Hit:
    """A song that was found."""

    place: int  # in the catalogue
    distance: float  # 0: exactly as asked


def find(catalogue: Catalogue, query: Query) -> list[Hit]:
    """The songs that fit ``query``, the nearest first, at most ``query.limit``.

    Distances add up: 1 minus the probability of the mood; half the distance in the circumplex; half of 1 minus the
    cosine between vectors.

    Raises:
        LibraryError: no model has the mood, or the song is not in the library or contains no music.
    """
    fits = _fitting(catalogue, query)
    distance = np.zeros(len(catalogue))
    if query.mood is not None:
        shares = catalogue.mood(query.mood)
        if shares is None:
            labels = ", ".join(dict.fromkeys((*catalogue.labels, *QUADRANTS)))
            raise LibraryError(f"no model has the mood {query.mood[:40]!a}; choose one of {labels}")
        fits &= np.isfinite(catalogue.circumplex[:, 0])
        distance += 1.0 - shares
    if query.at is not None:
        apart = np.linalg.norm(catalogue.circumplex - np.array(query.at), axis=1)
        fits &= np.isfinite(apart)
        if query.within is not None:
            fits &= apart <= query.within
        distance += 0.5 * np.nan_to_num(apart)
    if query.like is not None:
        place = catalogue.place(query.like)
        if place is None or not catalogue.has_vector[place]:
            raise LibraryError("that song is not in the library, or holds no music: nothing is like it")
        fits[place] = False
        fits &= catalogue.has_vector
        distance += 0.5 * (1.0 - catalogue.likeness(place))
    places = np.flatnonzero(fits)
    chosen = distance[places]
    if places.size > query.limit > 0:
        nearest = np.argpartition(chosen, query.limit - 1)[: query.limit]
        places, chosen = places[nearest], chosen[nearest]
    order = np.lexsort((places, chosen))
    return [Hit(int(places[i]), float(chosen[i])) for i in order]


def _fitting(catalogue: Catalogue, query: Query) -> npt.NDArray[np.bool_]:
    fits = np.ones(len(catalogue), dtype=bool)
    columns = {
        "valence": catalogue.circumplex[:, 0],
        "arousal": catalogue.circumplex[:, 1],
        "bpm": catalogue.bpm,
        "energy": catalogue.energy,
    }
    for name, column in columns.items():
        wanted: Range | None = getattr(query, name)
        if wanted is not None:
            fits &= (column >= wanted[0]) & (column <= wanted[1])
    if query.key is not None:
        fits &= catalogue.key_distance(query.key) <= (COMPATIBLE if query.compatible else 0)
    if words := plain(query.text).split():
        fits &= np.fromiter((all(word in text for word in words) for text in catalogue.texts), bool, len(catalogue))
    return fits
