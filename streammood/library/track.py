"""One song of a collection: its path, its tags, and its analysis."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from streammood.events import F32

_CURVE = 100.0  # steps to 1.0 of valence and arousal in a curve
_VECTOR = 127.0  # steps to the largest value of a vector


@dataclass(frozen=True, slots=True)
class SongSection:
    """A part of a song."""

    start: float  # s
    end: float  # s
    label: str


@dataclass(frozen=True, slots=True)
class Words:
    """The tags of a file; empty where there are none."""

    title: str = ""
    artist: str = ""
    album: str = ""
    genre: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """The analysis of one file."""

    duration: float  # s of sound that could be read
    bpm: float  # median over the beats, 0 without beats
    bpm_confidence: float  # 0..1, mean over the beats; those that were not locked count 0
    key: str  # such as ``Am``; empty where none stands out
    key_confidence: float  # 0..1
    energy: float  # 0..1
    valence: float | None  # -1..1; None without music
    arousal: float | None  # likewise
    mood: str  # the likeliest label; empty without music, or for a model without labels
    mood_confidence: float  # 0..1
    moods: dict[str, float]  # label -> 0..1
    curve: F32  # (n, 2), valence and arousal at even steps over the song
    sections: tuple[SongSection, ...]  # empty where the structure was not analysed
    vector: F32  # (n,) for likeness, of length 1; empty without music
    models: str  # version of the models and the analysis
    damage: str = ""  # why the file could not be read to its end


@dataclass(frozen=True, slots=True)
class Stamp:
    """By which a file is recognised."""

    size: int  # bytes
    mtime: int  # ns
    hash: str = ""  # of the content


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One song of the collection."""

    id: int
    path: Path
    stamp: Stamp
    words: Words = field(default_factory=Words)
    description: Description | None = None
    error: str = ""  # why nothing could be analysed
    missing: bool = False  # the file was not there when its folder was scanned last

    @property
    def name(self) -> str:
        """What people call it."""
        title = self.words.title or self.path.stem
        return f"{self.words.artist} – {title}" if self.words.artist else title


def path_bytes(path: Path) -> bytes:
    """``path`` as it is stored: names on Linux need not be text."""
    return os.fsencode(path)


def to_row(description: Description) -> dict[str, Any]:
    """The columns of ``description``."""
    largest = float(np.abs(description.vector).max()) if description.vector.size else 1.0
    return {
        "duration": description.duration,
        "bpm": description.bpm,
        "bpm_confidence": description.bpm_confidence,
        "key": description.key,
        "key_confidence": description.key_confidence,
        "energy": description.energy,
        "valence": description.valence,
        "arousal": description.arousal,
        "mood": description.mood,
        "mood_confidence": description.mood_confidence,
        "moods": json.dumps(description.moods),
        "curve": np.rint(np.clip(description.curve, -1.0, 1.0) * _CURVE).astype(np.int8).tobytes(),
        "sections": json.dumps([[part.start, part.end, part.label] for part in description.sections]),
        "vector": np.rint(description.vector / largest * _VECTOR).astype(np.int8).tobytes(),
        "models": description.models,
        "damage": description.damage,
    }


def unpacked(vector: bytes) -> F32:
    """A stored vector (n,), of length 1."""
    values = np.frombuffer(vector, dtype=np.int8).astype(np.float32)
    scaled: F32 = values / max(float(np.linalg.norm(values)), 1e-9)
    return scaled


def from_row(row: Any) -> Track:
    """The track of a row of the database."""
    description = None
    if row["duration"] is not None:
        description = Description(
            **{name: row[name] for name in ("duration", "bpm", "bpm_confidence", "key", "key_confidence", "energy")},
            **{name: row[name] for name in ("valence", "arousal", "mood", "mood_confidence", "models", "damage")},
            moods=json.loads(row["moods"]),
            curve=np.frombuffer(row["curve"], dtype=np.int8).reshape(-1, 2).astype(np.float32) / np.float32(_CURVE),
            sections=tuple(SongSection(*part) for part in json.loads(row["sections"])),
            vector=unpacked(row["vector"]),
        )
    return Track(
        row["id"],
        Path(os.fsdecode(row["path"])),
        Stamp(row["size"], row["mtime"], row["hash"]),
        Words(row["title"], row["artist"], row["album"], row["genre"]),
        description,
        row["error"],
        bool(row["missing"]),
    )
