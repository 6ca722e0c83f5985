"""One hop of features: ours against librosa's own calls and Essentia's C++, frame by frame in one run."""

from __future__ import annotations

import librosa
import numpy as np

from benchmarks.table import in_turn, markdown, percentiles
from streammood.analysis.features import extract, tables
from streammood.dsp import contrast, mel, spectrum
from streammood.dsp.jit import kernel
from streammood.dsp.layout import LAYOUT, N_FFT
from streammood.events import ANALYSIS_RATE, F32

ROUNDS = 1000


@kernel
def _mfcc_and_contrast(frame, window, filters, spans, dct, bands, power, log_mel, mfcc, out):  # type: ignore[no-untyped-def]
    spectrum.power_spectrum(frame, window, power)
    mel.log_mel(power, filters, spans, log_mel)
    mel.mfcc(log_mel, dct, mfcc)
    contrast.spectral_contrast(power, bands, out)


def report() -> str:
    """The table."""
    frame: F32 = (0.1 * np.random.default_rng(0).standard_normal(N_FFT)).astype(np.float32)
    ready, out = tables(), np.empty(LAYOUT.size, dtype=np.float32)
    filters = mel.mel_filters(ANALYSIS_RATE, N_FFT, 40, 0.0, 11_000.0)
    zeros = [np.zeros(n, dtype=np.float32) for n in (N_FFT // 2 + 1, 40, 20, 7)]
    bands = contrast.contrast_bands(np.fft.rfftfreq(N_FFT, 1 / ANALYSIS_RATE), 160.0, 6)
    mine = (spectrum.hann(N_FFT), filters, mel.support(filters), mel.dct_matrix(20, 40), bands)

    def librosa_three() -> None:
        librosa.feature.mfcc(y=frame, sr=ANALYSIS_RATE, n_mfcc=20, n_fft=N_FFT, hop_length=N_FFT, center=False)
        librosa.feature.spectral_contrast(y=frame, sr=ANALYSIS_RATE, n_fft=N_FFT, hop_length=N_FFT, center=False)
        librosa.feature.chroma_stft(y=frame, sr=ANALYSIS_RATE, n_fft=N_FFT, hop_length=N_FFT, center=False, tuning=0.0)

    calls = {
        "streammood, what the analysis uses": lambda: extract(frame, ready, True, out),
        "streammood, MFCC and contrast": lambda: _mfcc_and_contrast(frame, *mine, *zeros),
        "librosa, MFCC, contrast and chroma": librosa_three,
    }
    try:
        import essentia.standard as es  # noqa: PLC0415  optional: no wheels but for Linux

        window, fft = es.Windowing(type="hann", size=N_FFT), es.Spectrum(size=N_FFT)
        mfcc = es.MFCC(inputSize=N_FFT // 2 + 1, numberCoefficients=20, numberBands=40, sampleRate=ANALYSIS_RATE)
        valleys = es.SpectralContrast(frameSize=N_FFT, sampleRate=ANALYSIS_RATE, numberBands=7)

        def essentia_two() -> None:
            bins = fft(window(frame))
            mfcc(bins)
            valleys(bins)

        calls["Essentia (C++), MFCC and contrast"] = essentia_two
    except ImportError:
        pass
    times = in_turn(list(calls.values()), ROUNDS)
    ours = np.median(times[0])
    rows = [[name, *percentiles(t), f"{np.median(t) / ours:.1f}"] for name, t in zip(calls, times, strict=True)]
    return (
        f"Frames of {N_FFT} samples at 44.1 kHz, {ROUNDS} rounds in turn; window and transform included. "
        "Budget: p50 ≤ 60 µs, p99 ≤ 250 µs; librosa ≥ 20 × ours; Essentia not faster than the same set.\n\n"
        + markdown(["", "p50 µs", "p99 µs", "max µs", "p50 against ours"], rows)
    )
