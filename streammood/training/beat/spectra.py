"""What the beat network is fitted to, of a whole signal in one compiled pass: as the live front end gives it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streammood.analysis.resampler import Resampler
from streammood.dsp import chroma, mel, spectrum
from streammood.dsp.jit import kernel
from streammood.dsp.layout import FMAX, FMIN, HOP, N_FFT, N_MELS
from streammood.events import ANALYSIS_RATE, F32

_TIMBRE_HZ = 11_025.0  # chroma looks below this, as in the live front end


def spectra(signal: F32, rate: int) -> F32:
    """Log mel spectra in dB and chroma (n_hops, n_mels + 12) of ``signal`` (n,) at ``rate`` Hz."""
    clean = np.empty(signal.size, dtype=np.float32)
    spectrum.sanitize(np.ascontiguousarray(signal, dtype=np.float32), clean)
    sound = np.concatenate([np.zeros(N_FFT - HOP, dtype=np.float32), Resampler(rate).push(clean)])
    filters = mel.mel_filters(ANALYSIS_RATE, N_FFT, N_MELS, FMIN, FMAX)
    freqs = np.fft.rfftfreq(N_FFT, 1.0 / ANALYSIS_RATE)
    hops = max(0, (sound.size - N_FFT) // HOP + 1)
    out = np.empty((hops, N_MELS + chroma.N_CHROMA), dtype=np.float32)
    _all_spectra(
        sound,
        HOP,
        spectrum.hann(N_FFT),
        filters,
        mel.support(filters),
        chroma.chroma_filters(ANALYSIS_RATE, N_FFT),
        int(np.sum(freqs <= _TIMBRE_HZ)),
        np.empty(freqs.size, dtype=np.float32),
        out,
    )
    return out


@kernel
def _all_spectra(
    sound: F32,
    hop: int,
    window: F32,
    filters: F32,
    spans: npt.NDArray[np.int64],
    chroma_filters: F32,
    timbre_bins: int,
    power: F32,
    out: F32,
) -> None:
    n_mels = filters.shape[0]
    for i in range(out.shape[0]):
        spectrum.power_spectrum(sound[i * hop : i * hop + window.size], window, power)
        mel.log_mel(power, filters, spans, out[i, :n_mels])
        chroma.chroma(power, chroma_filters, timbre_bins, out[i, n_mels:])
