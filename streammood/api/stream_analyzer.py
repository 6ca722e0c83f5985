"""A file, or blocks of sound, in; events out: the analysis for programs of one's own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.capture.mixer import Mixer
from streammood.capture.sound_file import RATES, SoundFile
from streammood.config import Settings
from streammood.events import F32, Event, Mood
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.songs import batch
from streammood.songs.song import Song

_MOST_CHANNELS = 64
_FULL_SCALE = np.float32(1.0 / 32_768.0)  # of int16


@cache
def _shipped_models() -> Models:
    return Models.load(Settings())


def settings_of(settings: Settings | str | None) -> Settings:
    """Settings as users of the package give them: themselves, the name of a preset or file, or nothing.

    Raises:
        ConfigError: the preset or file is missing, or holds a setting that is not allowed.
    """
    return settings if isinstance(settings, Settings) else config.load(settings)


def models_of(settings: Settings) -> Models:
    """The models that ``settings`` name; the shipped ones are loaded once.

    Raises:
        ModelError: one is missing, corrupt, or made for other features.
    """
    default = Settings()
    if (settings.mood.model, settings.beat) == (default.mood.model, default.beat):
        return _shipped_models()
    return Models.load(settings)


def check_rate(sample_rate: float) -> float:
    """``sample_rate`` in Hz, if sound of that rate can be analysed.

    Raises:
        ValueError: it cannot.
    """
    number = isinstance(sample_rate, int | float | np.integer | np.floating) and not isinstance(sample_rate, bool)
    if not number or not math.isfinite(sample_rate) or not RATES[0] <= sample_rate <= RATES[1]:
        raise ValueError(f"sample_rate must be a number in {RATES[0]}..{RATES[1]} Hz, got {sample_rate!r}")
    return float(sample_rate)


def check_sound(sound: npt.NDArray[Any], name: str) -> F32:
    """``sound`` as float32 frames (n, channels); int16 is brought to -1..1.

    Raises:
        ValueError: it is not an array of float32 or int16 of shape (n,) or (n, channels).
    """
    if not isinstance(sound, np.ndarray):
        raise ValueError(f"{name} must be a numpy array of float32 or int16, got {type(sound).__name__}")
    if sound.dtype not in (np.float32, np.int16):
        raise ValueError(
            f"{name} must be float32 (samples in -1..1) or int16, got {sound.dtype}; convert it with .astype('float32')"
        )
    if sound.ndim not in (1, 2):
        raise ValueError(f"{name} must be of shape (n,) or (n, channels), got {sound.shape}")
    frames = sound.reshape(-1, 1) if sound.ndim == 1 else sound
    channels = frames.shape[1]
    if not 1 <= channels <= _MOST_CHANNELS:
        turned = "; a row is a frame, so transpose it with .T" if channels > frames.shape[0] else ""
        raise ValueError(f"{name} must have 1 to {_MOST_CHANNELS} channels as (n, channels), got {sound.shape}{turned}")
    if frames.dtype == np.int16:
        return frames.astype(np.float32) * _FULL_SCALE
    return np.ascontiguousarray(frames)


def analyze(
    path: str | os.PathLike[str],
    settings: Settings | str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Song:
    """Analyse a sound file from its beginning to its end, as fast as the machine allows.

    Args:
        path: The file; anything that libsndfile or FFmpeg's libraries decode.
        settings: Settings, or the name of a preset or of a YAML file; the shipped ones by default.
        progress: Is called now and then with the seconds of sound that were analysed since the last call.

    Returns:
        Tempo, beats, moods and onsets of the song. Its ``damage`` is set where a file could not be read to its end.

    Raises:
        SourceError: The file is missing or holds no sound.
        ConfigError: The settings are not right.
        ModelError: A model that they name cannot be used.

    Examples:
        >>> import streammood as sm
        >>> song = sm.analyze("demo.wav")
        >>> round(song.bpm)
        120
        >>> sorted(song.to_dict())[:5]
        ['beats', 'bpm', 'duration', 'energy', 'input']
    """
    chosen = settings_of(settings)
    file = SoundFile(Path(path), chosen.input.channels)
    return batch.analyze(file, chosen, models_of(chosen), EventLog(), progress or (lambda seconds: None))


class Analyzer:
    """Analyses a stream of sound, block by block.

    The same sound gives the same events, however it is cut into blocks, and later sound never changes earlier events.

    Args:
        sample_rate: Of the blocks, in Hz, 8,000 to 384,000.
        settings: Settings, or the name of a preset or of a YAML file; the shipped ones by default.

    Raises:
        ValueError: The sample rate is not right.
        ConfigError: The settings are not right.
        ModelError: A model that they name cannot be used.

    Examples:
        >>> import numpy as np
        >>> import streammood as sm
        >>> tracker = sm.Analyzer(sample_rate=48_000)
        >>> events = tracker.push(np.zeros((480, 2), dtype=np.int16))
        >>> [type(event).__name__ for event in tracker.push(np.zeros(512, dtype=np.float32).reshape(-1, 2))]
        ['Level', 'Tempo']
    """

    def __init__(self, sample_rate: float = 44_100, settings: Settings | str | None = None) -> None:
        self.sample_rate = check_rate(sample_rate)
        self.settings = settings_of(settings)
        models = models_of(self.settings)
        self.labels = models.labels
        self._chain = AnalysisChain(self.settings, self.sample_rate, models)
        self._mixer: Mixer | None = None
        self._channels = 0  # of the stream; 0 before the first block

    def push(self, block: npt.NDArray[Any]) -> list[Event]:
        """Analyse the next block of the stream.

        Args:
            block: Samples (n,) or (n, channels), of any length: float32 in -1..1, or int16. The number of channels
                stays that of the first block. Samples that are NaN or infinite count as silence.

        Returns:
            The events that this block makes known, in the order in which they became known: ``Beat`` (it may lie a
            little in the future), ``Onset``, ``Mood``, and for each hop of 512 samples of 44.1 kHz ``Level`` and
            ``Tempo``. Their times are samples of 44.1 kHz since the stream began; ``streammood.seconds`` converts them.

        Raises:
            ValueError: The block is of another type, shape, or number of channels.
        """
        frames = check_sound(block, "block")
        if self._channels not in (0, frames.shape[1]):
            raise ValueError(
                f"block must have {self._channels} channels as the first one had, got {frames.shape[1]}; "
                "call reset() before another stream"
            )
        self._channels = frames.shape[1]
        return self._chain.push(self._mixed(frames))

    def _mixed(self, frames: F32) -> F32:
        chosen = self.settings.input.channels
        if chosen == "all" and self._channels == 1:
            return frames[:, 0]
        if self._mixer is None:
            picked = tuple(range(1, self._channels + 1)) if chosen == "all" else chosen
            if max(picked) > self._channels:
                raise ValueError(
                    f"block must have {max(picked)} channels or more (input.channels), got {self._channels}"
                )
            self._mixer = Mixer(picked, round(self.sample_rate))
        return self._mixer.push(frames)

    def reset(self) -> None:
        """Begin a new stream, as a new object would."""
        self._chain.reset()
        self._mixer, self._channels = None, 0

    def summary(self) -> Mood | None:
        """The mood of everything since the stream began, as one.

        Returns:
            The mood; None if there was no music.
        """
        return self._chain.summary()
