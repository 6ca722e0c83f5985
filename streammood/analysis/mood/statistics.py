"""What a window of slots is like as a whole: timbre and its movement, rhythm, key, and what the embedding heard."""

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
        self._major, self._minor = _rotations(_PROFILES["major"]), _rotations(_PROFILES["minor"])
        probe = np.random.default_rng(0).random((SHORTEST, layout.size)).astype(np.float32)
        self.size = self(probe).size

    def __call__(self, window: F32) -> F32:
        """Statistics (size,) of ``window`` (n_slots, n_values), at least ``SHORTEST`` slots."""
        cepstra = window[:, self._layout.mel] @ self._dct
        cepstra[:, 0] -= cepstra[:, 0].mean()
        others = window[:, self._layout.mel.stop : self._layout.plain.stop]
        vector: F32 = np.concatenate(
            [
                cepstra.mean(axis=0)[1:],
                cepstra.std(axis=0),
                np.abs(np.diff(cepstra, axis=0)).mean(axis=0),
                others.mean(axis=0),
                others.std(axis=0),
                _modulation(cepstra[:, :_TRACKS]),
                self._rhythm(window),
                self._key(window),
                window[:, self._layout.embedding_mean].mean(axis=0),
                window[:, self._layout.embedding_max].max(axis=0),
            ]
        ).astype(np.float32)
        return vector

    def _rhythm(self, window: F32) -> F32:
        """Autocorrelation of the onsets in each band."""
        flux = window[:, self._layout.flux].reshape(-1, FLUX_BANDS)
        flux = flux - flux.mean(axis=0)
        n = 1 << int(2 * flux.shape[0] - 1).bit_length()
        spectrum = np.fft.rfft(flux, n, axis=0)
        correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=0)[: _LAGS + 1]
        shares: F32 = correlation / (correlation[0] + 1e-6)
        rhythm: F32 = shares[1:].T.ravel()
        return rhythm

    def _key(self, window: F32) -> F32:
        """How major, minor and tonal the window is, whatever its key."""
        chroma = window[:, self._layout.chroma].mean(axis=0)
        chroma = chroma - chroma.mean()
        chroma /= np.linalg.norm(chroma) + 1e-6
        major, minor = float((self._major @ chroma).max()), float((self._minor @ chroma).max())
        intervals = np.abs(np.fft.rfft(chroma))[1:]
        return np.concatenate([[major, minor, major - minor], intervals])


def _modulation(tracks: F32) -> F32:
    """Logarithm of the energy of each track (n_slots, n_tracks) in each modulation band."""
    spectrum = np.abs(np.fft.rfft(tracks - tracks.mean(axis=0), _TRANSFORM, axis=0)) ** 2 / tracks.shape[0]
    hz = np.arange(spectrum.shape[0]) / _TRANSFORM
    bands = [spectrum[(hz > low) & (hz <= high)].mean(axis=0) for low, high in pairwise(_BANDS)]
    return np.log10(np.concatenate(bands) + 1e-2)
