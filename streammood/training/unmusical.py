"""Sound that is no music, synthesised: a model should not be sure of its mood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from streammood.events import F32
from streammood.training.frames import extract_signal
from streammood.training.listening import Listener

RATE = 44_100
_SECONDS = 12.0


def applause(rng: np.random.Generator) -> F32:
    """Some two hundred people, each clapping about four times a second: short bursts of band noise."""
    n = int(_SECONDS * RATE)
    out = np.zeros(n + RATE)
    decay = np.exp(-np.arange(int(0.03 * RATE)) / (0.006 * RATE))
    for _ in range(200):
        pitch, bandwidth = rng.uniform(700.0, 2500.0), rng.uniform(0.9, 0.97)
        hand = lfilter([1.0], _resonance(pitch, bandwidth), rng.standard_normal(decay.size) * decay)
        hand *= 10.0 ** rng.uniform(-1.0, 0.0) / np.abs(hand).max()
        period = rng.uniform(0.2, 0.33)
        for when in np.arange(rng.uniform(0.0, period), _SECONDS, period):
            start = int((when + rng.normal(0.0, 0.02)) * RATE) % n
            out[start : start + hand.size] += hand
    return _at(out[:n])


def speech(rng: np.random.Generator) -> F32:
    """A voice without words: buzz and hiss through three moving formants, syllables, and pauses to breathe."""
    parts: list[F32] = []
    while sum(part.size for part in parts) < _SECONDS * RATE:
        for _ in range(int(rng.integers(4, 12))):
            parts += [_syllable(rng), np.zeros(int(rng.uniform(0.0, 0.06) * RATE), np.float32)]
        parts.append(np.zeros(int(rng.uniform(0.2, 0.7) * RATE), np.float32))
    return _at(np.concatenate(parts)[: int(_SECONDS * RATE)])


def _syllable(rng: np.random.Generator) -> F32:
    n = int(rng.uniform(0.08, 0.25) * RATE)
    hertz = rng.uniform(95.0, 150.0) * np.linspace(rng.uniform(0.95, 1.15), rng.uniform(0.85, 1.05), n)
    buzz = np.diff(np.floor(np.cumsum(hertz) / RATE), prepend=0.0) + 0.003 * rng.standard_normal(n)
    for low, high, radius in ((280.0, 800.0, 0.990), (900.0, 2300.0, 0.985), (2400.0, 3100.0, 0.980)):
        buzz = lfilter([1.0 - radius], _resonance(rng.uniform(low, high), radius), buzz)
    hiss = rng.standard_normal(n // 3) * rng.uniform(0.0, 0.3) * np.abs(buzz).max() if rng.random() < 0.5 else []
    voiced: F32 = np.concatenate([np.diff(hiss), buzz * np.hanning(n)]).astype(np.float32)
    return voiced


def _resonance(hertz: float, radius: float) -> list[float]:
    return [1.0, -2.0 * radius * np.cos(2.0 * np.pi * hertz / RATE), radius**2]


def _noise(rng: np.random.Generator) -> F32:
    return _at(rng.standard_normal(int(_SECONDS * RATE)))


def _pink(rng: np.random.Generator) -> F32:
    spectrum = np.fft.rfft(rng.standard_normal(int(_SECONDS * RATE)))
    return _at(np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.size) + 1.0)))


def _hum(_rng: np.random.Generator) -> F32:
    return _at(np.sign(np.sin(2.0 * np.pi * 50.0 * np.arange(int(_SECONDS * RATE)) / RATE)))


def _silence(_rng: np.random.Generator) -> F32:
    return np.zeros(int(_SECONDS * RATE), dtype=np.float32)


def _at(signal: np.typing.NDArray[np.floating]) -> F32:
    """``signal`` at -20 dB RMS."""
    scaled: F32 = (0.1 * signal / np.sqrt(np.mean(signal**2))).astype(np.float32)
    return scaled


SOUNDS: dict[str, Callable[[np.random.Generator], F32]] = {
    "applause": applause, "speech": speech, "white noise": _noise, "pink noise": _pink, "hum": _hum,
    "silence": _silence,
}  # fmt: skip


def confidences(listener: Listener, seed: int) -> dict[str, float | None]:
    """Mean confidence of the moods of each sound; None where there was no mood at all."""
    found: dict[str, float | None] = {}
    for name, make in SOUNDS.items():
        prediction = listener.listen(extract_signal(make(np.random.default_rng(seed)), RATE))
        found[name] = float(np.mean([mood.confidence for mood in prediction.moods])) if prediction.moods else None
    return found
