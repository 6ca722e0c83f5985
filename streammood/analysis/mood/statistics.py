"""Statistics of a window of slots: timbre and its movement, rhythm, key, and the embedding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from streammood.analysis.mood.slots import FLUX_BANDS, SlotLayout
from streammood.dsp.mel import dct_matrix
from streammood.events import F32

N_CEPSTRA = 20
_TRACKS = 6  # cepstra whose modulation is measured
_BANDS = (0.0, 0.06, 0.14, 0.27, 0.51)  # edges of the modulation bands, cycles per slot
_LAGS = 26  # parts of a slot, 1.2 s
_PROFILES = {  # C. Krumhansl and E. Kessler, 1982
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
SHORTEST = 5  # slots in a window, at least
_TRANSFORM = 256  # slots, at least those of the longest window


def _rotations(profile: tuple[float, ...]) -> F32:
    centred = np.array(profile) - np.mean(profile)
    centred /= np.linalg.norm(centred)
    return np.stack([np.roll(centred, k) for k in range(12)]).astype(np.float32)


class Statistics:
    """Turns a window of slots into one vector; the level of the window has no influence."""

    def __init__(self, layout: SlotLayout) -> None:
        self._layout = layout
        self._dct = dct_matrix(N_CEPSTRA, layout.mel.stop).T
        hz = np.arange(_TRANSFORM // 2 + 1) / _TRANSFORM
        ends = np.searchsorted(hz, _BANDS, side="right").tolist()
        self._bands = [slice(*band) for band in pairwise(ends)]
        self._major, self._minor = _rotations(_PROFILES["major"]), _rotations(_PROFILES["minor"])
        probe = np.random.default_rng(0).random((SHORTEST, layout.size)).astype(np.float32)
        self.size = self(probe).size

    def __call__(self, window: F32) -> F32:
        """Statistics (size,) of ``window`` (n_slots, n_values), at least ``SHORTEST`` slots."""
        layout = self._layout
        others = slice(layout.mel.stop, layout.plain.stop)
        means = _mean(window[:, : layout.embedding_mean.stop])
        cepstra = window[:, layout.mel] @ self._dct
        cepstra[:, 0] -= _mean(cepstra[:, 0])
        cepstrum = _mean(cepstra)
        movement = cepstra - cepstrum
        vector: F32 = np.concatenate(
            [
                cepstrum[1:],
                _deviation(movement),
                _mean(np.abs(cepstra[1:] - cepstra[:-1])),
                means[others],
                _deviation(window[:, others] - means[others]),
                self._modulation(movement[:, :_TRACKS]),
                self._rhythm(window),
                self._key(means[layout.chroma]),
                means[layout.embedding_mean],
                np.maximum.reduce(window[:, layout.embedding_max], axis=0),
            ],
            dtype=np.float32,
        )
        return vector

    def _rhythm(self, window: F32) -> F32:
        """Autocorrelation of the onsets in each band."""
        flux = window[:, self._layout.flux].reshape(-1, FLUX_BANDS)
        flux = flux - _mean(flux)
        n = 1 << int(2 * flux.shape[0] - 1).bit_length()
        spectrum = np.fft.rfft(flux, n, axis=0)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=0)[: _LAGS + 1]
        shares: F32 = correlation / (correlation[0] + 1e-6)
        rhythm: F32 = shares[1:].T.ravel()
        return rhythm

    def _modulation(self, tracks: F32) -> F32:
        """Logarithm of the energy of each track (n_slots, n_tracks), whose means are 0, in each modulation band."""
        spectrum = np.abs(np.fft.rfft(tracks, _TRANSFORM, axis=0)) ** 2 / tracks.shape[0]
        modulation: F32 = np.log10(np.concatenate([_mean(spectrum[band]) for band in self._bands]) + 1e-2)
        return modulation

    def _key(self, chroma: F32) -> F32:
        """How major, minor and tonal a window with the mean ``chroma`` (12,) is, whatever its key."""
        chroma = chroma - _mean(chroma)
        chroma /= np.linalg.norm(chroma) + 1e-6
        major, minor = float((self._major @ chroma).max()), float((self._minor @ chroma).max())
        intervals = np.abs(np.fft.rfft(chroma))[1:]
        return np.concatenate([[major, minor, major - minor], intervals])


def _mean(rows: F32) -> F32:
    """Mean over the rows (n, ...), as ``rows.mean(axis=0)``, which takes twice as long on so few."""
    mean: F32 = np.add.reduce(rows, axis=0) / rows.shape[0]
    return mean


def _deviation(centred: F32) -> F32:
    """Standard deviation over the rows (n, n_values), whose means are 0."""
    deviation: F32 = np.sqrt(_mean(centred * centred))
    return deviation
