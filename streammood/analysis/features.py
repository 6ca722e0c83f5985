"""A frame in, its features out: one compiled pass."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streammood.dsp import chroma, contrast, level, mel, shape, spectrum
from streammood.dsp.jit import kernel
from streammood.dsp.layout import CONTRAST_FMIN, CONTRAST_OCTAVES, FMAX, FMIN, LAYOUT, N_FFT, N_MELS
from streammood.events import ANALYSIS_RATE, F32

_TIMBRE_HZ = 11_025.0  # contrast, chroma and shape look below this, so that inputs of 22.05 kHz mean the same
_CONTRAST, _CHROMA, _SHAPE = LAYOUT.contrast.start, LAYOUT.chroma.start, LAYOUT.centroid
_CROSSINGS, _BANDS = LAYOUT.zero_crossing_rate, LAYOUT.bands.start


class Tables(NamedTuple):
    """What features are computed with."""

    window: F32  # (N_FFT,)
    filters: F32  # (N_MELS, n_bins)
    spans: npt.NDArray[np.int64]
    contrast_bands: npt.NDArray[np.int64]
    chroma_filters: F32
    band_edges: npt.NDArray[np.int64]
    timbre_bins: int
    bin_hz: float
    scale: float  # makes power a mean square
    power: F32  # (n_bins,), room for the spectrum of a frame


def tables() -> Tables:
    """The tables for frames of ``N_FFT`` samples of the analysis rate."""
    freqs = np.fft.rfftfreq(N_FFT, 1.0 / ANALYSIS_RATE)
    timbre_bins = int(np.sum(freqs <= _TIMBRE_HZ))
    filters = mel.mel_filters(ANALYSIS_RATE, N_FFT, N_MELS, FMIN, FMAX)
    window = spectrum.hann(N_FFT)
    return Tables(
        window,
        filters,
        mel.support(filters),
        contrast.contrast_bands(freqs[:timbre_bins], CONTRAST_FMIN, CONTRAST_OCTAVES),
        chroma.chroma_filters(ANALYSIS_RATE, N_FFT),
        level.band_edges(ANALYSIS_RATE, N_FFT),
        timbre_bins,
        ANALYSIS_RATE / N_FFT,
        2.0 / (N_FFT * float(np.sum(window.astype(np.float64) ** 2))),
        np.zeros(freqs.size, dtype=np.float32),
    )


@kernel
def extract(frame: F32, tables: Tables, everything: bool, out: F32) -> None:
    """Features (LAYOUT.size,) of ``frame`` (N_FFT,) into ``out``, but its RMS value, which takes the whole stream.

    Without ``everything``, only what levels are made of: the shape of the spectrum and the three bands.
    """
    t, power = tables, tables.power
    spectrum.power_spectrum(frame, t.window, power)
    if everything:
        mel.log_mel(power, t.filters, t.spans, out[:N_MELS])
        contrast.spectral_contrast(power, t.contrast_bands, out[_CONTRAST:_CHROMA])
        chroma.chroma(power, t.chroma_filters, t.timbre_bins, out[_CHROMA:_SHAPE])
        out[_CROSSINGS] = shape.zero_crossing_rate(frame)
    shape.centroid_rolloff_flatness(power, t.timbre_bins, t.bin_hz, out[_SHAPE : _SHAPE + 3])
    level.band_levels(power, t.band_edges, t.scale, out[_BANDS : _BANDS + 3])
