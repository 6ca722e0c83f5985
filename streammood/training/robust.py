"""How much a venue, a cable or another sample rate changes what is heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from streammood.events import F32, Mood
from streammood.training.datasets import Clip
from streammood.training.degrade import clip, low_pass, noise, room
from streammood.training.frames import extract_signal, read_sound
from streammood.training.listening import Listener

Treatment = Callable[[F32, int, np.random.Generator], tuple[F32, int]]
UNTREATED = "as it is"
_LONGEST = 20.0  # seconds of each clip
_ECHO = 0.011  # seconds, between the channels of a spaced pair of microphones


def _resampled(to: int) -> Treatment:
    return lambda x, rate, _rng: (resample_poly(x, to, rate).astype(np.float32), to)


def _one_channel(x: F32, rate: int) -> F32:
    """The left of a pair: what is near, and what reaches it from the other side; the clips themselves are mono."""
    late = np.concatenate([np.zeros(int(_ECHO * rate)), x])[: x.size]
    both: F32 = (x + 0.5 * late).astype(np.float32)
    return both


TREATMENTS: dict[str, Treatment] = {
    UNTREATED: lambda x, rate, _rng: (x, rate),
    "gain -20 dB": lambda x, rate, _rng: (x * np.float32(0.1), rate),
    "gain +20 dB": lambda x, rate, _rng: (x * np.float32(10.0), rate),
    "48 kHz": _resampled(48_000),
    "44.1 kHz": _resampled(44_100),
    "32 kHz": _resampled(32_000),
    "22.05 kHz": _resampled(22_050),
    "low-pass 8 kHz": lambda x, rate, _rng: (low_pass(x, rate, 8_000.0), rate),
    "pink noise 20 dB": lambda x, rate, rng: (noise(x, 20.0, rng), rate),
    "room 0.6 s": lambda x, rate, rng: (room(x, rate, 0.6, rng), rate),
    "5 % clipped": lambda x, rate, _rng: (clip(x, 0.05), rate),
    "one channel of a pair": lambda x, rate, _rng: (_one_channel(x, rate), rate),
}


@dataclass(frozen=True, slots=True)
class Treated:
    """What was heard of a clip after each treatment."""

    clip: Clip
    moods: dict[str, Mood | None]


def robustness(clips: list[Clip], listener: Listener, count: int, seed: int) -> list[Treated]:
    """``count`` of ``clips``, chosen by ``seed``, heard after every treatment."""
    rng = np.random.default_rng(seed)
    treated = []
    for number in rng.permutation(len(clips))[:count].tolist():
        signal, rate = read_sound(clips[number].path)
        signal = signal[: int(_LONGEST * rate)]
        moods = {}
        for name, treat in TREATMENTS.items():
            prediction = listener.listen(extract_signal(*treat(signal, rate, rng)))
            moods[name] = prediction.summary
        treated.append(Treated(clips[number], moods))
    return treated
