"""Frames in, features out: one compiled pass over each frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streammood.dsp import chroma, contrast, level, mel, onset, shape, spectrum
from streammood.dsp.jit import kernel
from streammood.dsp.layout import CONTRAST_FMIN, CONTRAST_OCTAVES, FMAX, FMIN, LAYOUT, N_FFT, N_MELS, N_MFCC
from streammood.events import ANALYSIS_RATE, F32, Features

_TIMBRE_HZ = 11_025.0  # contrast, chroma and shape look below this, so that inputs of 22.05 kHz mean the same


@kernel
def _extract(
    frame: F32,
    window: F32,
    filters: F32,
    spans: npt.NDArray[np.int64],
    dct: F32,
    contrast_bands: npt.NDArray[np.int64],
    chroma_filters: F32,
    weighting: F32,
    band_edges: npt.NDArray[np.int64],
    timbre_bins: int,
    bin_hz: float,
    scale: float,
    previous: F32,
    power: F32,
    out: F32,
) -> None:
    """All features of one frame into ``out``; ``previous`` holds the last log mel spectrum and is replaced."""
    spectrum.power_spectrum(frame, window, power)
    a = filters.shape[0]
    b = a + dct.shape[0]
    c = b + contrast_bands.shape[0]
    d = c + chroma_filters.shape[0]
    mel.log_mel(power, filters, spans, out[:a])
    mel.mfcc(out[:a], dct, out[a:b])
    contrast.spectral_contrast(power, contrast_bands, out[b:c])
    chroma.chroma(power, chroma_filters, timbre_bins, out[c:d])
    shape.centroid_rolloff_flatness(power, timbre_bins, bin_hz, out[d : d + 3])
    out[d + 3] = shape.zero_crossing_rate(frame)
    out[d + 4] = level.rms(frame)
    out[d + 5] = level.loudness(power, weighting, scale)
    out[d + 6] = onset.onset_strength(out[:a], previous)
    level.band_levels(power, band_edges, scale, out[d + 7 : d + 10])
    previous[:] = out[:a]


class FeatureStream:
    """Turns frames of the analysis rate into features."""

    def __init__(self) -> None:
        freqs = np.fft.rfftfreq(N_FFT, 1.0 / ANALYSIS_RATE)
        timbre_bins = int(np.sum(freqs <= _TIMBRE_HZ))
        filters = mel.mel_filters(ANALYSIS_RATE, N_FFT, N_MELS, FMIN, FMAX)
        window = spectrum.hann(N_FFT)
        self._power = np.zeros(freqs.size, dtype=np.float32)
        self._previous = np.empty(N_MELS, dtype=np.float32)
        self._tables = (
            window,
            filters,
            mel.support(filters),
            mel.dct_matrix(N_MFCC, N_MELS),
            contrast.contrast_bands(freqs[:timbre_bins], CONTRAST_FMIN, CONTRAST_OCTAVES),
            chroma.chroma_filters(ANALYSIS_RATE, N_FFT),
            level.k_weighting(freqs),
            level.band_edges(ANALYSIS_RATE, N_FFT),
            timbre_bins,
            ANALYSIS_RATE / N_FFT,
            2.0 / (N_FFT * float(np.sum(window.astype(np.float64) ** 2))),
        )
        self.reset()

    def reset(self) -> None:
        """Forget the last frame: the next one rises from silence."""
        self._previous[:] = 10.0 * np.log10(mel.AMIN)

    def push(self, frame: F32, sample: int) -> Features:
        """Features of ``frame`` (n_fft,), which ends at ``sample``."""
        values = np.empty(LAYOUT.size, dtype=np.float32)
        _extract(frame, *self._tables, self._previous, self._power, values)
        return Features(sample, values)
