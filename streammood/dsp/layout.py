"""What a hop of sound becomes: frames, bands, and where each feature lies.

The analysis, the models and training share it. These numbers are constants and no settings: a model means something
only with the features that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

from streammood.dsp.chroma import N_CHROMA

N_FFT = 2048  # samples of 44.1 kHz in a frame
HOP = 512  # samples from frame to frame
N_MELS = 64  # mel bands
FMIN = 30.0  # Hz, lower edge of the lowest mel band
FMAX = 11_000.0  # Hz, upper edge of the highest mel band
N_MFCC = 20  # cepstral coefficients
CONTRAST_FMIN = 160.0  # Hz, upper edge of the lowest spectral contrast band; the others are octaves
CONTRAST_OCTAVES = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each feature of the analysis lies in a row (size,)."""

    log_mel: slice  # dB
    contrast: slice  # dB
    chroma: slice  # 0..1
    centroid: int  # Hz
    rolloff: int  # Hz
    flatness: int  # 0..1
    zero_crossing_rate: int  # crossings per sample
    rms: int  # of samples in -1..1; in the front end, of the audible band
    bands: slice  # low, mid, high, dB re full scale
    size: int

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


def _layout() -> Layout:
    a = N_MELS
    b = a + CONTRAST_OCTAVES + 1
    c = b + N_CHROMA
    return Layout(
        log_mel=slice(0, a),
        contrast=slice(a, b),
        chroma=slice(b, c),
        centroid=c,
        rolloff=c + 1,
        flatness=c + 2,
        zero_crossing_rate=c + 3,
        rms=c + 4,
        bands=slice(c + 5, c + 8),
        size=c + 8,
    )


LAYOUT = _layout()
