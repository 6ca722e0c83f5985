"""Features pooled for the mood model: slots of a fifth of a second, and statistics of a window of slots.

A desk's level is arbitrary, so nothing here depends on it: spectra are floored relative to the level of the
last seconds, which also hides codecs and line noise, and the mean level of a window is taken out of it.
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.mood.embedding import BANDS, FRAMES, Embedding
from streammood.dsp.jit import kernel
from streammood.dsp.layout import LAYOUT, N_MELS
from streammood.dsp.mel import dct_matrix
from streammood.events import F32
from streammood.models.embedding_model import Weights

HOPS = 16  # hops in a slot
LEVEL_HOPS = 430.0  # time constant of the level that the floor follows, 5 s
_FLOOR = np.float32(1e-5)  # floor of a mel band, relative to the mean power of all bands: -50 dB
_N_CEPSTRA = 12  # whose movement within a slot is a value of its own
PARTS = 4  # of a slot, for the rhythm
FLUX_BANDS = 3  # low, mid, high
_AGE, _LEVEL = 0, 1  # places in the pool's state


class SlotLayout:
    """Where each value lies in a slot (size,)."""

    def __init__(self, n_mels: int, n_embedding: int, n_contrast: int = 7, n_chroma: int = 12) -> None:
        ends = np.cumsum([n_mels, n_contrast, n_chroma, 4, PARTS * FLUX_BANDS, _N_CEPSTRA, 1]).tolist()
        self.mel = slice(0, ends[0])  # dB, mean of the slot
        self.contrast = slice(ends[0], ends[1])  # dB
        self.chroma = slice(ends[1], ends[2])
        self.shape = slice(ends[2], ends[3])  # octaves re 1 kHz of centroid and roll-off, log10 flatness, crossings
        self.flux = slice(ends[3], ends[4])  # dB, (parts, bands)
        self.movement = slice(ends[4], ends[5])  # dB, deviation of the cepstra within the slot
        self.swing = slice(ends[5], ends[6])  # dB, deviation of the level within the slot
        self.plain = slice(0, ends[6])  # all of these
        self.embedding_mean = slice(ends[6], ends[6] + n_embedding)
        self.embedding_max = slice(self.embedding_mean.stop, self.embedding_mean.stop + n_embedding)
        self.size = self.embedding_max.stop


@kernel
def _pool(
    values: F32, n_mels: int, contrast: int, chroma: int, shape: int, dct: F32, hop: int, state: F32, mel: F32,
    previous: F32, sums: F32, squares: F32, spectra: F32, slot: F32,
) -> None:  # fmt: skip
    """Add one hop to ``slot``; the sums and squares (n_cepstra,) are those of the hops of this slot.

    Spectra (n_frames, n_bands) in dB re the level of the last seconds are the means of as many hops each as fit.
    """
    total = np.float32(0.0)
    for m in range(n_mels):
        mel[m] = np.float32(10.0) ** (values[m] * np.float32(0.1))
        total += mel[m]
    total /= n_mels
    state[_AGE] = min(state[_AGE] + np.float32(1.0), np.float32(LEVEL_HOPS))
    state[_LEVEL] += (total - state[_LEVEL]) / state[_AGE]
    floor = _FLOOR * state[_LEVEL] + np.float32(1e-12)
    if hop == 0:
        slot[:] = 0.0
        sums[:] = 0.0
        squares[:] = 0.0
        spectra[:] = 0.0
    share = np.float32(1.0 / HOPS)
    flux = n_mels + 7 + 12 + 4 + (hop * PARTS // HOPS) * FLUX_BANDS
    first = state[_AGE] == 1.0
    for m in range(n_mels):
        level = np.float32(10.0) * np.float32(math.log10(mel[m] + floor))
        if not first:
            slot[flux + m * FLUX_BANDS // n_mels] += max(level - previous[m], np.float32(0.0))
        previous[m] = level
        slot[m] += level * share
    frame = spectra[hop * spectra.shape[0] // HOPS]
    reference = np.float32(10.0) * np.float32(math.log10(state[_LEVEL] + np.float32(1e-12)))
    for m in range(frame.size):
        frame[m] += (previous[m] - reference) * np.float32(spectra.shape[0] / HOPS)
    for c in range(sums.size):
        cepstrum = np.float32(0.0)
        for m in range(n_mels):
            cepstrum += dct[c, m] * previous[m]
        sums[c] += cepstrum
        squares[c] += cepstrum * cepstrum
    for k in range(7):
        slot[n_mels + k] += values[contrast + k] * share
    for k in range(12):
        slot[n_mels + 7 + k] += values[chroma + k] * share
    at = n_mels + 19
    slot[at] += np.float32(math.log2(max(values[shape], np.float32(20.0)) * 1e-3)) * share
    slot[at + 1] += np.float32(math.log2(max(values[shape + 1], np.float32(20.0)) * 1e-3)) * share
    slot[at + 2] += np.float32(math.log10(max(values[shape + 2], np.float32(1e-4)))) * share
    slot[at + 3] += np.float32(10.0) * values[shape + 3] * share
    if hop == HOPS - 1:
        at += 4
        for k in range(PARTS * FLUX_BANDS):
            slot[at + k] *= np.float32(PARTS * FLUX_BANDS) / (n_mels * HOPS)
        at += PARTS * FLUX_BANDS
        for c in range(sums.size):  # the zeroth cepstrum, the level, comes last
            spread = math.sqrt(max(squares[c] * share - (sums[c] * share) ** 2, np.float32(0.0)))
            slot[at + (c - 1 if c > 0 else sums.size - 1)] = np.float32(spread)


@kernel
def _pool_all(
    values: F32, n_mels: int, contrast: int, chroma: int, shape: int, dct: F32, hop: int, state: F32, mel: F32,
    previous: F32, sums: F32, squares: F32, spectra: F32, slot: F32,
) -> None:  # fmt: skip
    """Add hops (n, n_features) to ``slot``, the first as number ``hop``."""
    for row in values:
        _pool(
            row, n_mels, contrast, chroma, shape, dct, hop, state, mel, previous, sums, squares, spectra, slot
        )  # fmt: skip
        hop += 1


class SlotPool:
    """Pools ``HOPS`` hops of features into one slot; without ``weights``, it holds no embedding."""

    def __init__(self, weights: Weights | None) -> None:
        self.layout = SlotLayout(N_MELS, weights.size if weights else 0)
        self._embedding = Embedding(weights) if weights else None
        self.spectra: F32 = np.zeros((FRAMES, BANDS), dtype=np.float32)
        self.slot: F32 = np.zeros(self.layout.size, dtype=np.float32)
        self._places = (N_MELS, LAYOUT.contrast.start, LAYOUT.chroma.start, LAYOUT.centroid)
        self._dct = dct_matrix(_N_CEPSTRA + 1, N_MELS)
        self._state = np.zeros(2, dtype=np.float32)
        self._mel, self._previous = np.zeros((2, N_MELS), dtype=np.float32)
        self._sums, self._squares = np.zeros((2, _N_CEPSTRA + 1), dtype=np.float32)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._hop = 0
        self._state[:] = 0.0
        if self._embedding is not None:
            self._embedding.reset()

    @property
    def begun(self) -> bool:
        """Whether anything was pushed since the last reset."""
        return bool(self._state[_AGE])

    @property
    def complete(self) -> bool:
        """Whether ``slot`` is complete: the next hop begins another."""
        return self.begun and self._hop == 0

    def push(self, values: F32) -> int:
        """Add hops (n, LAYOUT.size) until ``slot`` is complete; returns how many were added. Copy the slot to keep."""
        used = min(len(values), HOPS - self._hop)
        _pool_all(
            values[:used], *self._places, self._dct, self._hop, self._state, self._mel, self._previous,
            self._sums, self._squares, self.spectra, self.slot[self.layout.plain],
        )  # fmt: skip
        self._hop = (self._hop + used) % HOPS
        if self.complete and self._embedding is not None:
            embedded = self._embedding.push(self.spectra)
            self.slot[self.layout.embedding_mean] = np.add.reduce(embedded, axis=0) / FRAMES
            self.slot[self.layout.embedding_max] = np.maximum.reduce(embedded, axis=0)
        return used

    def slots(self, values: F32) -> F32:
        """All slots (n_slots, size) that hops (n, LAYOUT.size) complete."""
        rows, used = [], 0
        while used < len(values):
            used += self.push(values[used:])
            if self.complete:
                rows.append(self.slot.copy())
        return np.stack(rows) if rows else np.zeros((0, self.layout.size), dtype=np.float32)
