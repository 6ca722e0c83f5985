"""The music model: statistics of the newest two seconds in, the probability that the sound is music out.

A logistic regression. It ships beside the embedding and serves every mood model, also those that users train.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from functools import cache

import numpy as np

from streammood import resources
from streammood.errors import ModelError
from streammood.events import F32

NAME, SUFFIX = "music", ".npz"
LIMIT = 5.0  # deviations beyond which a scaled value is clipped
_ARRAYS = ("offset", "gain", "weights", "bias")


@dataclass(frozen=True, slots=True, eq=False)
class MusicModel:
    """Weights of the regression; calling it answers."""

    offset: F32  # (n_statistics,)
    gain: F32  # (n_statistics,) by which a statistic is multiplied once the offset has been taken from it
    weights: F32  # (n_statistics,)
    bias: F32  # (1,)

    def __call__(self, statistics: F32) -> float:
        """Probability (0..1) that the window with these ``statistics`` (n_statistics,) is music."""
        scaled = np.clip((statistics - self.offset) * self.gain, -LIMIT, LIMIT)
        logit = float(scaled @ self.weights) + float(self.bias[0])
        return 1.0 / (1.0 + math.exp(-min(max(logit, -50.0), 50.0)))


def write(model: MusicModel) -> bytes:
    """The content of a file with these weights, as ``parse`` reads it."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **{name: getattr(model, name) for name in _ARRAYS})
    return content.getvalue()


def parse(content: bytes) -> MusicModel:
    """A model from the content of a file.

    Raises:
        ModelError: it holds something else.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return MusicModel(*(file[name].astype(np.float32) for name in _ARRAYS))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        text = " ".join(str(error).split())
        raise ModelError(f"the music model cannot be read: {text}; install streammood again") from None


@cache
def shipped() -> MusicModel:
    """The model that comes with the program.

    Raises:
        ModelError: it is missing or cannot be read.
    """
    path = resources.find("models", NAME, SUFFIX)
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; install streammood again") from None
