"""The key of a piece, from how much of each pitch class it holds.

A linear model scores the 24 keys: the profile of pitch classes, turned so that the tonic comes first, weighed by a
profile of major or of minor, the same for all tonics. Both were fitted to songs: 60 of POP909 played with a sound font,
with bass and drums, and arrangements of our own (``python -m streammood.training.key`` of both folders).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

_MAJOR = (1.97, -0.76, 0.23, -1.36, 1.34, -0.03, -1.47, 1.74, -0.43, 0.88, -2.39, 0.27)
_MINOR = (2.12, -2.61, 0.54, 1.55, -1.65, 0.81, -1.44, 1.72, 0.12, -1.51, 0.66, -0.31)
_OFFSET = -0.09  # log odds of minor
_LEAST = 1e-6  # by which pitch classes must differ
_MAJORS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINORS = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")
_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME = re.compile(r"([A-G])([#b♯♭]?)\s*(m|min|minor|maj|major|)", re.IGNORECASE)
_WHEEL = re.compile(r"(\d{1,2})([ABdm])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic and a mode."""

    tonic: int  # pitch class, 0 = C
    minor: bool

    @property
    def name(self) -> str:
        """As tags name it: ``Am``, ``F#m``, ``Bb``."""
        return (_MINORS if self.minor else _MAJORS)[self.tonic]

    @property
    def hour(self) -> int:
        """Place 1..12 on the circle of fifths as DJs count it (Camelot); relative keys share one."""
        major = (self.tonic + 3) % 12 if self.minor else self.tonic
        return (7 * major + 7) % 12 + 1

    @property
    def camelot(self) -> str:
        """As DJs name it: ``8A`` is A minor, ``8B`` is C major."""
        return f"{self.hour}{'A' if self.minor else 'B'}"

    def distance(self, other: Key) -> int:
        """Steps apart: 0 the same key, 1 one that mixes well (a fifth, or the relative key), up to 7."""
        around = abs(self.hour - other.hour)
        return min(around, 12 - around) + (self.minor != other.minor)

    @classmethod
    def parse(cls, text: str) -> Key:
        """The key that a person names: ``Am``, ``A minor``, ``f#``, ``8A`` (Camelot), ``1m`` (Open Key).

        Raises:
            ValueError: it is none.
        """
        if named := _NAME.fullmatch(text.strip()):
            shift = {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(named[2].lower(), 0)
            minor = named[3] == "m" or named[3].lower().startswith("min")
            return cls((_PITCHES[named[1].upper()] + shift) % 12, minor)
        if (wheel := _WHEEL.fullmatch(text.strip())) and 1 <= int(wheel[1]) <= 12:
            letter = wheel[2].upper()
            hour = int(wheel[1]) if letter in "AB" else (int(wheel[1]) + 6) % 12 + 1  # Open Key counts from C
            major = 7 * (hour - 8) % 12
            return cls((major + 9) % 12, True) if letter in "AM" else cls(major, False)
        raise ValueError(f"a key is written as Am, F# minor, 8A or 1m, got {text[:40]!a}")


@dataclass(frozen=True, slots=True)
class KeyProfiles:
    """What speaks for a key, the tonic first: log odds for each pitch class of a ``centred`` profile."""

    major: tuple[float, ...]
    minor: tuple[float, ...]
    offset: float  # log odds of minor

    def likelihoods(self, profile: F64) -> F64:
        """How likely each key is (24,), major ones first, by a ``centred`` profile (12,)."""
        turned = np.stack([np.roll(profile, -tonic) for tonic in range(12)])
        odds = np.concatenate([turned @ np.array(self.major), turned @ np.array(self.minor) + self.offset])
        likely = np.exp(odds - odds.max())
        shares: F64 = likely / likely.sum()
        return shares


SHIPPED = KeyProfiles(_MAJOR, _MINOR, _OFFSET)


def centred(chroma: npt.ArrayLike) -> F64 | None:
    """A profile of pitch classes (12,) about its mean, its mean square 1; None if all classes are alike."""
    profile = np.asarray(chroma, dtype=np.float64)
    around: F64 = profile - profile.mean()
    size = float(np.sqrt(np.mean(around**2)))
    return around / size if np.isfinite(size) and size > _LEAST else None


def estimate_key(chroma: npt.ArrayLike, profiles: KeyProfiles = SHIPPED) -> tuple[Key, float] | None:
    """The key of a piece.

    Args:
        chroma: How much of each pitch class (12,) it holds on average, C first.
        profiles: By which the keys are told apart.

    Returns:
        The key, and how likely it is right, 0..1; None if all classes are alike.
    """
    profile = centred(chroma)
    if profile is None:
        return None
    likely = profiles.likelihoods(profile)
    best = int(likely.argmax())
    return Key(best % 12, best >= 12), float(likely[best])
