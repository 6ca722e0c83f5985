"""What a network that learned to tag music finds, slot by slot: voices, instruments, textures, as numbers.

Filters of timbre lie across mel bands and answer wherever in frequency they fit best, filters of rhythm lie along time
in every band, and three layers put their answers together. All of it is one compiled step a slot.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.dsp.products import ROWS, TERMS, padded, products
from streammood.events import F32
from streammood.models.embedding_model import MIDDLE, RHYTHM, TIMBRE, Layer, Weights

FRAMES = 8  # in a slot, each of two hops
BANDS = 58  # lowest mel bands that are used, up to 8 kHz
POWER = 0.38  # mean power of a band, as musicnn computes it, in most music
REACH = 5  # frames under a filter of timbre, and under each layer of the middle


class _Filters(NamedTuple):
    """A layer, as the compiled step takes it."""

    weights: F32  # (n or more, n_terms), in the order in which the values under a filter lie in memory
    bias: F32  # (n,)
    gain: F32  # (n,)
    offset: F32  # (n,)
    sums: F32  # (n_places or more, n or more), room for products
    step: int  # values from one place to the next
    places: int  # at which a filter is tried, or frames
    added: npt.NDArray[np.int64]  # numbers of the filters to whose answers what went in is added


_NONE = np.zeros(0, dtype=np.int64)


def _filters(
    layer: Layer, step: int, places: int, band_first: bool = False, added: npt.NDArray[np.int64] = _NONE
) -> _Filters:
    """The filters of ``layer``; with the frames of each band together where ``band_first``."""
    taps = layer.kernel.swapaxes(0, 1) if band_first else layer.kernel
    weights = padded(taps.reshape(layer.taps, layer.size).T)
    sums = np.zeros((places + -places % ROWS, weights.shape[0]), dtype=np.float32)
    return _Filters(weights, layer.bias, layer.gain, layer.offset, sums, step, places, added)


@kernel
def _compress(spectra: F32, out: F32) -> None:
    """Spectra (n, n_bands) in dB re the mean power of a band, as musicnn takes them in."""
    for i in range(spectra.shape[0]):
        for b in range(spectra.shape[1]):
            power = np.float32(10.0) ** (np.float32(0.1) * spectra[i, b])
            out[i, b] = math.log10(np.float32(1.0) + np.float32(1e4 * POWER) * power)


def compress(spectra: F32) -> F32:
    """Spectra (..., n_bands) in dB re the mean power of a band, as musicnn takes them in."""
    rows = np.ascontiguousarray(spectra, dtype=np.float32).reshape(-1, spectra.shape[-1])
    compressed = np.empty_like(rows)
    _compress(rows, compressed)
    return compressed.reshape(spectra.shape)


@kernel
def _answer(filters: _Filters, number: int, product: np.float32) -> np.float32:
    """Output of the filter ``number``, from its ``product`` with the values under it."""
    rectified = max(product + filters.bias[number], np.float32(0.0))
    answer: np.float32 = rectified * filters.gain[number] + filters.offset[number]
    return answer


@kernel
def _timbre(filters: _Filters, patch: F32, out: F32) -> None:
    """The best answers in frequency (n,) to ``patch``, which holds ``REACH`` frames of each band, band after band."""
    products(patch, filters.step, filters.weights, filters.sums)
    for place in range(filters.places):
        for j in range(out.size):
            answer = _answer(filters, j, filters.sums[place, j])
            out[j] = max(out[j], answer) if place > 0 else answer


@kernel
def _rhythm(filters: _Filters, bands: F32, length: int, out: F32) -> None:
    """The best answers of any band (FRAMES, n); ``bands`` holds ``length`` frames of each band, band after band."""
    for band in range(BANDS):
        products(bands[band * length :], filters.step, filters.weights, filters.sums)
        for frame in range(FRAMES):
            for j in range(out.shape[1]):
                answer = _answer(filters, j, filters.sums[frame, j])
                out[frame, j] = max(out[frame, j], answer) if band > 0 else answer


@kernel
def _middle(filters: _Filters, rows: F32, new: F32, out: F32) -> None:
    """A layer over the frames of what the one before it gave: the last ``rows``, flat, and the ``new`` (FRAMES, n)."""
    width = new.shape[1]
    stored = (REACH - 1) * width
    for i in range(stored):
        rows[i] = rows[i + FRAMES * width]
    for frame in range(FRAMES):
        for i in range(width):
            rows[stored + frame * width + i] = new[frame, i]
    products(rows, filters.step, filters.weights, filters.sums)
    for frame in range(FRAMES):
        for j in range(out.shape[1]):
            out[frame, j] = _answer(filters, j, filters.sums[frame, j])
        centre = (frame + REACH // 2) * width
        for i in range(filters.added.size):
            out[frame, filters.added[i]] += rows[centre + i]


@kernel
def _step(
    spectra: F32, gain: float, offset: float, bands: F32, length: int, patch: F32, timbre: tuple[_Filters, ...],
    rhythm: _Filters, middle: tuple[_Filters, ...], rows: tuple[F32, ...], out: F32,
) -> None:  # fmt: skip
    """One slot on: the answers of every layer, side by side, into ``out`` (FRAMES, size)."""
    new = np.empty_like(spectra)
    _compress(spectra, new)
    for b in range(BANDS):
        start, end = b * length, (b + 1) * length
        for i in range(start, end - FRAMES):
            bands[i] = bands[i + FRAMES]
        for frame in range(FRAMES):
            bands[end - FRAMES + frame] = np.float32(gain) * new[frame, b] + np.float32(offset)
    a = timbre[0].bias.size
    b = a + timbre[1].bias.size
    for frame in range(FRAMES):
        first = length - FRAMES - (REACH - 1) + frame
        for band in range(BANDS):
            for i in range(REACH):
                patch[band * REACH + i] = bands[band * length + first + i]
        _timbre(timbre[0], patch, out[frame, :a])
        _timbre(timbre[1], patch, out[frame, a:b])
    c = b + rhythm.bias.size
    _rhythm(rhythm, bands, length, out[:, b:c])
    d = c + middle[0].bias.size
    e = d + middle[1].bias.size
    _middle(middle[0], rows[0], out[:, :c], out[:, c:d])
    _middle(middle[1], rows[1], out[:, c:d], out[:, d:e])
    _middle(middle[2], rows[2], out[:, d:e], out[:, e:])


class Embedding:
    """Runs the network on slot after slot of a stream."""

    def __init__(self, weights: Weights) -> None:
        layers = weights.layers
        reach = layers[RHYTHM].kernel.shape[0]  # frames
        self._length = reach - 1 + FRAMES  # frames of each band that are stored
        self._bands = np.zeros(BANDS * self._length + TERMS, dtype=np.float32)
        self._patch = np.zeros(BANDS * REACH + ROWS * REACH + TERMS, dtype=np.float32)
        self._timbre = tuple(_filters(layers[n], REACH, BANDS + 1 - layers[n].kernel.shape[1], True) for n in TIMBRE)
        self._rhythm = _filters(layers[RHYTHM], 1, FRAMES)
        added = (_NONE, weights.joined, np.arange(layers[MIDDLE[-1]].size))
        widths = [layers[name].kernel.shape[1] for name in MIDDLE]
        self._middle = tuple(
            _filters(layers[name], width, FRAMES, added=to)
            for name, width, to in zip(MIDDLE, widths, added, strict=True)
        )
        self._rows = tuple(np.zeros((REACH - 1 + FRAMES) * n + TERMS, dtype=np.float32) for n in widths)
        self._scale = float(weights.gain), float(weights.offset)
        self._size = weights.size

    def reset(self) -> None:
        """Begin a new stream."""
        for stored in (self._bands, *self._rows):
            stored[:] = 0.0

    def push(self, spectra: F32) -> F32:
        """What the frames of a slot give (FRAMES, size); ``spectra`` (FRAMES, BANDS) are in dB re their mean power.

        The outputs for a frame are 2 frames late in the front, and 4, 6 and 8 in the layers of the middle.
        """
        out = np.empty((FRAMES, self._size), dtype=np.float32)
        _step(
            spectra, *self._scale, self._bands, self._length, self._patch, self._timbre, self._rhythm, self._middle,
            self._rows, out,
        )  # fmt: skip
        return out
