"""What a network that learned to tag music hears, slot by slot: voices, instruments, textures, as numbers.

Filters of timbre lie across mel bands and answer wherever in frequency they fit best, filters of rhythm lie along time
in every band, and three layers put together what they heard.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from streammood.events import F32
from streammood.models.embedding_model import MIDDLE, RHYTHM, TIMBRE, Layer, Weights

FRAMES = 8  # in a slot, each of two hops
BANDS = 58  # lowest mel bands that are heard, up to 8 kHz
POWER = 0.38  # mean power of a band, as musicnn computes it, in most music
REACH = 5  # frames under a filter of timbre, and under each layer of the middle


def compress(spectra: F32) -> F32:
    """Spectra (..., BANDS) in dB re the mean power of a band, as musicnn takes them in."""
    compressed: F32 = np.log10(1.0 + np.float32(1e4 * POWER) * np.float32(10.0) ** (np.float32(0.1) * spectra))
    return compressed


class _Timbre:
    """Filters that take the best place in frequency, on the newest rows of ``spectra`` (n_rows, BANDS)."""

    def __init__(self, layer: Layer, spectra: F32) -> None:
        reach, taps, _ = layer.kernel.shape
        self._places = sliding_window_view(spectra[1 - reach - FRAMES :], (reach, taps))
        self._windows = np.empty(self._places.shape, dtype=np.float32)
        self._layer = layer

    def __call__(self) -> F32:
        np.copyto(self._windows, self._places)
        answers = self._layer(self._windows.reshape(-1, self._layer.taps))
        best: F32 = answers.reshape(FRAMES, -1, self._layer.size).max(axis=1)
        return best


class _Rhythm:
    """Filters that take the best band, on all rows of ``spectra`` (n_rows, BANDS)."""

    def __init__(self, layer: Layer, spectra: F32) -> None:
        length = layer.kernel.shape[0]
        kernel = np.zeros((length + FRAMES - 1, FRAMES, layer.size), dtype=np.float32)
        for frame in range(FRAMES):  # one product for all frames
            kernel[frame : frame + length, frame] = layer.kernel[:, 0]
        parts = (np.tile(getattr(layer, part), FRAMES) for part in ("bias", "gain", "offset"))
        self._layer = Layer(kernel.reshape(length + FRAMES - 1, 1, -1), *parts)
        self._bands = spectra.T

    def __call__(self) -> F32:
        best: F32 = self._layer(self._bands).max(axis=0).reshape(FRAMES, -1)
        return best


class _Middle:
    """A layer over the frames of what the one before it gave."""

    def __init__(self, layer: Layer, added: slice | npt.NDArray[np.int64] | None) -> None:
        reach, channels, _ = layer.kernel.shape
        self._added = added  # channels to which what went in is added
        self._layer = layer
        self.rows = np.zeros((reach - 1 + FRAMES, channels), dtype=np.float32)
        self._places = sliding_window_view(self.rows, reach, axis=0).swapaxes(1, 2)
        self._centre = self.rows[reach // 2 : reach // 2 + FRAMES]

    def __call__(self, new: F32) -> F32:
        _shift(self.rows, new)
        answers = self._layer(self._places.reshape(FRAMES, -1))
        if self._added is not None:
            answers[:, self._added] += self._centre
        return answers


def _shift(rows: F32, new: F32) -> None:
    """Let the oldest ``rows`` go and put the ``new`` ones at the end."""
    rows[:-FRAMES] = rows[FRAMES:]
    rows[-FRAMES:] = new


class Embedding:
    """Runs the network on slot after slot of a stream."""

    def __init__(self, weights: Weights) -> None:
        layers = weights.layers
        self._gain, self._offset = np.float32(weights.gain), np.float32(weights.offset)
        self._rows = np.zeros((layers[RHYTHM].kernel.shape[0] - 1 + FRAMES, BANDS), dtype=np.float32)
        timbre = [_Timbre(layers[name], self._rows) for name in TIMBRE]
        self._front: list[Callable[[], F32]] = [*timbre, _Rhythm(layers[RHYTHM], self._rows)]
        joined = (None, weights.joined, slice(None))
        self._middle = [_Middle(layers[name], added) for name, added in zip(MIDDLE, joined, strict=True)]

    def reset(self) -> None:
        """Forget everything that was pushed."""
        for rows in (self._rows, *(middle.rows for middle in self._middle)):
            rows[:] = 0.0

    def push(self, spectra: F32) -> F32:
        """What the frames of a slot give (FRAMES, size); ``spectra`` (FRAMES, BANDS) are in dB re their mean power.

        What comes of a frame is 2 frames late in the front, and 4, 6 and 8 in the layers of the middle.
        """
        _shift(self._rows, self._gain * compress(spectra) + self._offset)
        values = [np.concatenate([layer() for layer in self._front], axis=1)]
        for layer in self._middle:
            values.append(layer(values[-1]))
        return np.concatenate(values, axis=1)
