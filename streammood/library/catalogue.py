"""All songs of a library as columns in memory, so that any question is one pass over arrays.

For 100,000 songs they take about 150 MB, a seventh of it the vectors for likeness, which stay int8 as they are stored.
"""

from __future__ import annotations

import json
import os
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from streammood.analysis.key import Key
from streammood.config.base import printable
from streammood.dsp.jit import kernel
from streammood.events import F32, QUADRANTS
from streammood.library.store import Store
from streammood.library.track import Words

I8: TypeAlias = npt.NDArray[np.int8]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]
_COLUMNS = (
    "id", "path", "title", "artist", "album", "genre", "duration", "bpm", "key", "energy", "valence", "arousal",
    "mood", "moods", "vector", "bpm_confidence", "key_confidence", "mood_confidence",
)  # fmt: skip
_SPREAD = 0.5  # distance in the circumplex over which the share of a quadrant without a label falls to 1/e


@kernel
def _products(vectors: I8, one: I8, out: I32) -> None:
    """The scalar product of each of ``vectors`` (n, size) and ``one`` (size,) into ``out`` (n,)."""
    for i in range(vectors.shape[0]):
        total = np.int32(0)
        for j in range(one.size):
            total += np.int32(vectors[i, j]) * np.int32(one[j])
        out[i] = total


@dataclass(frozen=True, slots=True)
class Entry:
    """One song of the catalogue."""

    id: int
    path: Path
    words: Words
    duration: float  # s
    bpm: float  # 0: unknown
    key: str  # empty: unknown
    energy: float
    valence: float | None
    arousal: float | None
    mood: str

    @property
    def name(self) -> str:
        """What people call it."""
        title = self.words.title or self.path.stem
        return f"{self.words.artist} – {title}" if self.words.artist else title

    def document(self) -> dict[str, Any]:
        """The song as JSON; a path that is not valid text is shown escaped, and cannot be opened."""
        return {
            "id": self.id,
            "path": printable(str(self.path)),
            "title": self.words.title or printable(self.path.stem),
            "artist": self.words.artist,
            "album": self.words.album,
            "genre": self.words.genre,
            "duration": round(self.duration, 3),
            "bpm": round(self.bpm, 2),
            "key": self.key,
            "energy": round(self.energy, 3),
            "valence": _rounded(self.valence),
            "arousal": _rounded(self.arousal),
            "mood": self.mood,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


class Catalogue:
    """The songs that a library held when it was loaded."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        """Take ``rows`` of ``_COLUMNS``."""
        columns: dict[str, tuple[Any, ...]] = dict(
            zip(_COLUMNS, zip(*rows, strict=True) if rows else [()] * len(_COLUMNS), strict=True)
        )
        self._columns = columns
        self.ids: I64 = np.array(columns["id"], dtype=np.int64)
        self.bpm, self.energy, self.duration = (_floats(columns[name]) for name in ("bpm", "energy", "duration"))
        self.circumplex: F32 = np.stack([_floats(columns["valence"]), _floats(columns["arousal"])], axis=1)  # NaN: none
        self.key_confidence = _floats(columns["key_confidence"])
        self._places = {int(number): i for i, number in enumerate(self.ids)}

    @classmethod
    def load(cls, store: Store) -> Catalogue:
        """Everything that was analysed and whose file is there."""
        return cls(store.rows(_COLUMNS))

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, number: int) -> int | None:
        """Where the song with that id stands."""
        return self._places.get(number)

    def entry(self, place: int) -> Entry:
        """The song at ``place``."""
        c = self._columns
        words = Words(c["title"][place], c["artist"][place], c["album"][place], c["genre"][place])
        return Entry(
            int(self.ids[place]),
            Path(os.fsdecode(c["path"][place])),
            words,
            *(c[name][place] for name in ("duration", "bpm", "key", "energy", "valence", "arousal", "mood")),
        )

    @cached_property
    def _moods(self) -> list[dict[str, float]]:
        found: list[dict[str, Any]] = json.loads(f"[{','.join(self._columns['moods'])}]")
        return [{label: share for label, share in shares.items() if isinstance(share, int | float)} for shares in found]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels that any model has given, in the order in which they come."""
        return tuple(dict.fromkeys(label for shares in self._moods for label in shares))

    @cached_property
    def shares(self) -> F32:
        """How likely each of ``labels`` is (n, n_labels)."""
        found = np.zeros((len(self), len(self.labels)), dtype=np.float32)
        for i, shares in enumerate(self._moods):
            found[i] = [shares.get(label, 0.0) for label in self.labels]
        return found

    def mood(self, label: str) -> F32 | None:
        """How much each song is of mood ``label`` (n,), 0..1; None if no model has it."""
        if label in self.labels:
            shares: F32 = self.shares[:, self.labels.index(label)]
            return shares
        if label not in QUADRANTS:
            return None
        apart = np.linalg.norm(self.circumplex - 0.5 * np.array(QUADRANTS[label]), axis=1)
        near: F32 = np.nan_to_num(np.exp(-apart / _SPREAD)).astype(np.float32)
        return near

    @property
    def has_vector(self) -> npt.NDArray[np.bool_]:
        """Which songs can be compared (n,)."""
        found: npt.NDArray[np.bool_] = self._lengths > 0.0
        return found

    @cached_property
    def keys(self) -> list[Key | None]:
        """The key of each song."""
        keys: dict[str, Key | None] = {"": None}
        for text in self._columns["key"]:
            if text not in keys:
                try:
                    keys[text] = Key.parse(text)
                except ValueError:
                    keys[text] = None
        return [keys[text] for text in self._columns["key"]]

    def key_distance(self, key: Key) -> I64:
        """Steps from ``key`` to the key of each song (n,); 99 where it is unknown."""
        distinct, numbers = self._distinct_keys
        steps = [99 if other is None else key.distance(other) for other in distinct]
        return np.array(steps, dtype=np.int64)[numbers]

    @cached_property
    def _distinct_keys(self) -> tuple[list[Key | None], I64]:
        """All keys that there are, and which of them each song has (n,)."""
        distinct = list(dict.fromkeys(self.keys)) or [None]
        numbers = {key: number for number, key in enumerate(distinct)}
        return distinct, np.array([numbers[key] for key in self.keys], dtype=np.int64)

    @cached_property
    def vectors(self) -> I8:
        """For likeness (n, size), as stored: only their directions count; zeros where there is none."""
        blobs = self._columns["vector"]
        size = max((len(blob) for blob in blobs), default=0)
        padded = b"".join(blob if len(blob) == size else bytes(size) for blob in blobs)
        return np.frombuffer(padded, dtype=np.int8).reshape(len(self), size)

    @cached_property
    def _lengths(self) -> F32:
        """Of ``vectors`` (n,)."""
        lengths: F32 = np.sqrt(np.einsum("ij,ij->i", self.vectors, self.vectors, dtype=np.float32))
        return lengths

    def likeness(self, place: int) -> F32:
        """Cosine (n,) between the song at ``place`` and all songs."""
        products = np.empty(len(self), dtype=np.int32)
        _products(self.vectors, self.vectors[place], products)
        alike: F32 = products / np.maximum(self._lengths * self._lengths[place], np.float32(1e-9))
        return alike

    @cached_property
    def texts(self) -> list[str]:
        """All words of the tags and the file name of each song, as ``plain``."""
        c = self._columns
        return [
            plain(" ".join((*words, os.fsdecode(path).rpartition(os.sep)[2])))
            for *words, path in zip(c["title"], c["artist"], c["album"], c["genre"], c["path"], strict=True)
        ]


def plain(text: str) -> str:
    """``text`` without accents and capitals, so that `beyonce` finds `Beyoncé`."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(char for char in split if not unicodedata.combining(char)).casefold()


def _floats(values: tuple[Any, ...]) -> F32:
    return np.array(values, dtype=np.float32)  # None becomes NaN
