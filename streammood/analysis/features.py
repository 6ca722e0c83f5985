"""Frames in, features out: one compiled pass over each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.config import FeatureSettings
from streammood.dsp import chroma, contrast, level, mel, onset, shape, spectrum
from streammood.dsp.jit import kernel
from streammood.events import ANALYSIS_RATE, F32, Features

_CONTRAST_OCTAVES = 6
_TIMBRE_HZ = 11_025.0  # contrast, chroma and shape look below this, so that inputs of 22.05 kHz mean the same


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each feature lies in ``Features.values``."""

    log_mel: slice  # dB
    mfcc: slice
    contrast: slice  # dB
    chroma: slice  # 0..1
    centroid: int  # Hz
    rolloff: int  # Hz
    flatness: int  # 0..1
    zero_crossing_rate: int  # crossings per sample
    rms: int  # of samples in -1..1
    loudness: int  # LUFS
    onset_strength: int  # dB
    bands: slice  # low, mid, high, dB re full scale
    size: int

    @classmethod
    def of(cls, settings: FeatureSettings) -> Layout:
        """The layout that follows from the settings."""
        a = settings.n_mels
        b = a + settings.n_mfcc
        c = b + _CONTRAST_OCTAVES + 1
        d = c + chroma.N_CHROMA
        return cls(
            log_mel=slice(0, a),
            mfcc=slice(a, b),
            contrast=slice(b, c),
            chroma=slice(c, d),
            centroid=d,
            rolloff=d + 1,
            flatness=d + 2,
            zero_crossing_rate=d + 3,
            rms=d + 4,
            loudness=d + 5,
            onset_strength=d + 6,
            bands=slice(d + 7, d + 10),
            size=d + 10,
        )

    def names(self) -> list[str]:
        """One name a value, such as ``mfcc_3``."""
        named = [""] * self.size
        for field in self.__slots__:
            where = getattr(self, field)
            if isinstance(where, slice):
                for i in range(where.start, where.stop):
                    named[i] = f"{field}_{i - where.start}"
            elif field != "size":
                named[where] = field
        return named


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

    def __init__(self, settings: FeatureSettings) -> None:
        n_fft = settings.n_fft
        self.layout = Layout.of(settings)
        freqs = np.fft.rfftfreq(n_fft, 1.0 / ANALYSIS_RATE)
        timbre_bins = int(np.sum(freqs <= _TIMBRE_HZ))
        filters = mel.mel_filters(ANALYSIS_RATE, n_fft, settings.n_mels, settings.fmin, settings.fmax)
        window = spectrum.hann(n_fft)
        self._power = np.zeros(freqs.size, dtype=np.float32)
        self._previous = np.empty(settings.n_mels, dtype=np.float32)
        self._tables = (
            window,
            filters,
            mel.support(filters),
            mel.dct_matrix(settings.n_mfcc, settings.n_mels),
            contrast.contrast_bands(freqs[:timbre_bins], settings.contrast_fmin, _CONTRAST_OCTAVES),
            chroma.chroma_filters(ANALYSIS_RATE, n_fft),
            level.k_weighting(freqs),
            level.band_edges(ANALYSIS_RATE, n_fft),
            timbre_bins,
            ANALYSIS_RATE / n_fft,
            2.0 / (n_fft * float(np.sum(window.astype(np.float64) ** 2))),
        )
        self.reset()

    def reset(self) -> None:
        """Forget the last frame: the next one rises from silence."""
        self._previous[:] = 10.0 * np.log10(mel.AMIN)

    def push(self, frame: F32, sample: int) -> Features:
        """Features of ``frame`` (n_fft,), which ends at ``sample``."""
        values = np.empty(self.layout.size, dtype=np.float32)
        _extract(frame, *self._tables, self._previous, self._power, values)
        return Features(sample, values)
