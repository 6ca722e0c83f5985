"""Features against librosa and scipy, with causal settings: no centring, no clipping relative to a whole file."""

from __future__ import annotations

from itertools import pairwise

import librosa
import numpy as np
import pytest
import scipy.signal

from streammood.analysis.front_end import FrontEnd
from streammood.dsp import chroma, contrast, level, mel, onset, shape, spectrum
from streammood.dsp.layout import LAYOUT
from streammood.events import ANALYSIS_RATE, F32

N_FFT, HOP = 2048, 512
RATES = (44_100, 48_000)


def tones_and_noise(rate: int, seconds: float = 2.0) -> F32:
    """Chords, strokes and a noise floor over a range of 60 dB, as music has them."""
    rng = np.random.default_rng(7)
    t = np.arange(int(rate * seconds)) / rate
    chord = sum(np.sin(2 * np.pi * f * t) / (i + 1) for i, f in enumerate((110.0, 277.2, 440.0, 1318.5, 5000.0)))
    strokes = rng.standard_normal(t.size) * np.exp(-((t % 0.5) * 30))
    return (0.1 * chord + 0.3 * strokes + 1e-3 * rng.standard_normal(t.size)).astype(np.float32)


def power_frames(sound: F32) -> F32:
    window = spectrum.hann(N_FFT)
    frames = np.lib.stride_tricks.sliding_window_view(sound, N_FFT)[::HOP]
    out = np.zeros((len(frames), N_FFT // 2 + 1), dtype=np.float32)
    for frame, row in zip(frames, out, strict=True):
        spectrum.power_spectrum(
            frame.copy(), window, row
        )  # a view is read-only, for which the kernel would be compiled anew
    return out


def features_of(sound: F32) -> F32:
    """Features (n_hops, n_values) by the live front end."""
    return np.concatenate([hops.values.copy() for _, hops in FrontEnd(ANALYSIS_RATE).push(sound)])


def librosa_power(sound: F32) -> F32:
    power: F32 = np.abs(librosa.stft(sound, n_fft=N_FFT, hop_length=HOP, center=False)) ** 2
    return power


@pytest.fixture(params=RATES)
def rate(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_power_spectrum(rate: int) -> None:
    sound = tones_and_noise(rate)
    expected = librosa_power(sound).T
    # float32 transforms of 2048 points: 1e-6 of the largest bin
    np.testing.assert_allclose(power_frames(sound), expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_mel_and_mfcc(rate: int) -> None:
    sound = tones_and_noise(rate)
    filters = mel.mel_filters(rate, N_FFT, 64, 30.0, 11_000.0)
    reference_filters = librosa.filters.mel(sr=rate, n_fft=N_FFT, n_mels=64, fmin=30.0, fmax=11_000.0)
    np.testing.assert_allclose(filters, reference_filters, atol=1e-7)  # float32 of the same formula
    power = power_frames(sound)
    log_mel = np.zeros((len(power), 64), dtype=np.float32)
    mfcc = np.zeros((len(power), 20), dtype=np.float32)
    dct, spans = mel.dct_matrix(20, 64), mel.support(filters)
    for p, m, c in zip(power, log_mel, mfcc, strict=True):
        mel.log_mel(p, filters, spans, m)
        mel.mfcc(m, dct, c)
    reference = librosa.power_to_db(reference_filters @ librosa_power(sound), top_db=None)
    np.testing.assert_allclose(log_mel.T, reference, atol=2e-3)  # float32 logarithms; 3e-4 seen
    np.testing.assert_allclose(mfcc.T, librosa.feature.mfcc(S=reference, n_mfcc=20), atol=5e-3)  # sums of 64 of those


def test_spectral_contrast(rate: int) -> None:
    sound = tones_and_noise(rate)
    freqs = np.fft.rfftfreq(N_FFT, 1.0 / rate)
    bands = contrast.contrast_bands(freqs, 160.0, 6)
    power = power_frames(sound)
    ours = np.zeros((len(power), 7), dtype=np.float32)
    for p, row in zip(power, ours, strict=True):
        contrast.spectral_contrast(p, bands, row)
    # linear=False clips at 80 dB below the loudest peak; this signal spans less
    reference = librosa.feature.spectral_contrast(S=np.sqrt(power.T), sr=rate, n_fft=N_FFT, fmin=160.0, n_bands=6)
    np.testing.assert_allclose(ours.T, reference, atol=1e-3)  # the same bins, float32 logarithms


def test_chroma(rate: int) -> None:
    power = power_frames(tones_and_noise(rate))
    filters = chroma.chroma_filters(rate, N_FFT)
    np.testing.assert_allclose(filters, librosa.filters.chroma(sr=rate, n_fft=N_FFT, tuning=0.0), atol=1e-6)
    ours = np.zeros((len(power), 12), dtype=np.float32)
    for p, row in zip(power, ours, strict=True):
        chroma.chroma(p, filters, p.size, row)
    reference = librosa.feature.chroma_stft(S=power.T, sr=rate, n_fft=N_FFT, tuning=0.0)
    np.testing.assert_allclose(ours.T, reference, atol=1e-4)  # 1025 products summed in float32


def test_shape(rate: int) -> None:
    sound = tones_and_noise(rate)
    power = power_frames(sound)
    ours = np.zeros((len(power), 3), dtype=np.float32)
    for p, row in zip(power, ours, strict=True):
        shape.centroid_rolloff_flatness(p, p.size, rate / N_FFT, row)
    magnitude = np.sqrt(power.T)
    np.testing.assert_allclose(ours[:, 0], librosa.feature.spectral_centroid(S=magnitude, sr=rate)[0], rtol=1e-4)
    rolloff = librosa.feature.spectral_rolloff(S=magnitude, sr=rate)[0]
    np.testing.assert_allclose(ours[:, 1], rolloff, atol=1.01 * rate / N_FFT)  # float sums may fall one bin apart
    np.testing.assert_allclose(ours[:, 2], librosa.feature.spectral_flatness(S=magnitude)[0], rtol=1e-3)


def test_waveform_features(rate: int) -> None:
    sound = tones_and_noise(rate)
    frames = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(sound, N_FFT)[::HOP])
    rms = librosa.feature.rms(y=sound, frame_length=N_FFT, hop_length=HOP, center=False)[0]
    np.testing.assert_allclose([level.rms(f) for f in frames], rms, rtol=1e-5)
    crossings = [np.count_nonzero(librosa.zero_crossings(f, pad=False)) / N_FFT for f in frames]
    np.testing.assert_allclose([shape.zero_crossing_rate(f) for f in frames], crossings, atol=1e-12)


def test_onset_strength() -> None:
    log_mel = librosa.power_to_db(
        librosa.filters.mel(sr=44_100, n_fft=N_FFT, n_mels=64) @ librosa_power(tones_and_noise(44_100)), top_db=None
    ).astype(np.float32)
    reference = librosa.onset.onset_strength(S=log_mel, sr=44_100, center=False)
    columns = np.ascontiguousarray(log_mel.T)
    ours = [onset.onset_strength(b, a) for a, b in pairwise(columns)]
    np.testing.assert_allclose(ours, reference[1:], rtol=1e-4, atol=1e-4)


def test_loudness_is_that_of_the_standard() -> None:
    """BS.1770: a full-scale sine of 997 Hz on one channel reads -3.01 LUFS; and pink-ish noise as by its filters."""
    rng = np.random.default_rng(3)
    noise = scipy.signal.lfilter([1.0], [1.0, -0.9], rng.standard_normal(48_000 * 4)).astype(np.float32) * 0.05
    shelf = scipy.signal.lfilter(
        [1.53512485958697, -2.69169619938640, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585], noise
    )
    weighted = scipy.signal.lfilter([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621], shelf)
    expected = -0.691 + 10 * np.log10(np.mean(weighted**2))
    freqs = np.fft.rfftfreq(N_FFT, 1 / 48_000)
    weighting = level.k_weighting(freqs)
    scale = 2.0 / (N_FFT * float(np.sum(spectrum.hann(N_FFT).astype(np.float64) ** 2)))
    ours = level.loudness(power_frames(noise).mean(axis=0), weighting, scale)
    assert ours == pytest.approx(expected, abs=0.1)  # mean of frames of noise against the whole
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000) / 48_000).astype(np.float32)
    assert level.loudness(power_frames(sine).mean(axis=0), weighting, scale) == pytest.approx(-3.01, abs=0.05)


def test_band_levels_of_sines() -> None:
    edges = level.band_edges(ANALYSIS_RATE, N_FFT)
    scale = 2.0 / (N_FFT * float(np.sum(spectrum.hann(N_FFT).astype(np.float64) ** 2)))
    for band, hz in enumerate((100.0, 700.0, 6000.0)):
        sine = (0.5 * np.sin(2 * np.pi * hz * np.arange(8192) / ANALYSIS_RATE)).astype(np.float32)
        out = np.zeros(3, dtype=np.float32)
        level.band_levels(power_frames(sine)[0], edges, scale, out)
        assert out[band] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.1)
        assert max(np.delete(out, band)) < out[band] - 30


@pytest.mark.parametrize("kind", ["silence", "dc", "clipped", "nan", "denormal", "huge", "square"])
def test_features_stay_finite(kind: str) -> None:
    t = np.arange(8 * N_FFT)
    sound = {
        "silence": np.zeros(t.size),
        "dc": np.full(t.size, 0.7),
        "clipped": np.clip(20 * np.sin(t / 9), -1, 1),
        "nan": np.where(t % 100 == 0, np.nan, np.sin(t)),
        "denormal": np.full(t.size, 1e-41),
        "huge": 1e30 * np.sin(t),
        "square": np.sign(np.sin(t / 3)),
    }[kind].astype(np.float32)
    clean = np.empty_like(sound)
    spectrum.sanitize(sound, clean)
    assert np.all(np.isfinite(features_of(clean)))


def test_a_gain_moves_only_what_it_must() -> None:
    sound = 0.02 * tones_and_noise(ANALYSIS_RATE)
    gain_db = 20.0
    soft, loud = features_of(sound), features_of((10 ** (gain_db / 20)) * sound)
    difference = (loud - soft)[4:]  # the first frames still hold the silence before the beginning
    for moved in (LAYOUT.log_mel, LAYOUT.bands):
        np.testing.assert_allclose(difference[:, moved], gain_db, atol=0.01)
    for same in (LAYOUT.contrast, LAYOUT.chroma):
        np.testing.assert_allclose(difference[:, same], 0.0, atol=0.01)
