"""The key of a whole piece, from how much of each pitch class it holds.

The profile of pitch classes is correlated with a template of each of the 24 keys. The templates are those that
Á. Faraldo, S. Jordà and P. Herrera found for electronic music ("A multi-profile method for key estimation in EDM",
2017), after removing weak pitch classes: they separate major and minor better than the ratings of C. Krumhansl.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MAJOR = (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30)
_MINOR = (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23)
_MARGIN = 0.2  # by which the best correlation leads the next in a piece whose key is beyond doubt
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


def _templates() -> npt.NDArray[np.float64]:
    rows = np.stack([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)])
    rows = rows - rows.mean(axis=1, keepdims=True)
    templates: npt.NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return templates


_TEMPLATES = _templates()


def estimate_key(chroma: npt.ArrayLike) -> tuple[Key, float] | None:
    """The key of a piece.

    Args:
        chroma: How much of each pitch class (12,) it holds on average, C first.

    Returns:
        The key, and how far it stands out from the others, 0..1 (not calibrated); None if all classes are alike.
    """
    profile = np.asarray(chroma, dtype=np.float64)
    centred = profile - profile.mean()
    norm = float(np.linalg.norm(centred))
    if not np.isfinite(norm) or norm < 1e-6:
        return None
    match = _TEMPLATES @ (centred / norm)
    best = int(match.argmax())
    second = float(np.delete(match, best).max())
    confidence = max(0.0, float(match[best])) * min(1.0, (float(match[best]) - second) / _MARGIN)
    return Key(best % 12, best >= 12), confidence
