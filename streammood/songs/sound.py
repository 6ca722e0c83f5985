"""The sound of a song in as few bytes as a browser needs to play it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import samplerate
import soundfile

from streammood.events import F32

_PLAYABLE = {".mp3": "audio/mpeg", ".opus": "audio/ogg", ".ogg": "audio/ogg", ".oga": "audio/ogg"}
_ENOUGH = 24_000  # bytes a second; a file that is not larger is taken as it is
_OPUS_RATE = 48_000  # Hz, the only one that keeps the whole band
_OPUS_QUALITY = 0.77  # libsndfile's scale, 0 is best: about 60 kbit/s a channel
_BLOCK = 65_536  # frames; libsndfile's encoders choke on a whole song at once


def playable(path: Path) -> tuple[str, bytes]:
    """MIME type and bytes of what a browser plays for the sound file ``path``; a damaged one as far as it goes.

    Raises:
        soundfile.LibsndfileError: it cannot be read at all.
        OSError: likewise.
    """
    kind = _PLAYABLE.get(path.suffix.lower())
    duration = soundfile.info(path).duration
    if kind is not None and path.stat().st_size <= _ENOUGH * duration:
        return kind, path.read_bytes()
    return "audio/ogg", _opus(path)


def _opus(path: Path) -> bytes:
    out = io.BytesIO()
    with soundfile.SoundFile(path) as source:
        channels = min(2, source.channels)
        with soundfile.SoundFile(
            out, "w", _OPUS_RATE, channels, "OPUS", format="OGG", compression_level=_OPUS_QUALITY
        ) as target:
            for block in _resampled(_frames(source), _OPUS_RATE / source.samplerate, channels):
                target.write(np.clip(block, -1.0, 1.0))
    return out.getvalue()


def _frames(source: soundfile.SoundFile) -> Iterator[F32]:
    """Blocks (n, 1 or 2); more than two channels are mixed to both."""
    while True:
        try:
            frames = source.read(_BLOCK, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:  # damaged on the way; the analysis has told of it
            return
        if len(frames) == 0:
            return
        yield frames if frames.shape[1] <= 2 else np.repeat(frames.mean(axis=1, keepdims=True), 2, axis=1)


def _resampled(blocks: Iterator[F32], ratio: float, channels: int) -> Iterator[npt.NDArray[np.float32]]:
    if ratio == 1.0:
        yield from blocks
        return
    converter = samplerate.Resampler("sinc_fastest", channels=channels)
    for block in blocks:
        yield converter.process(np.nan_to_num(block), ratio).reshape(-1, channels)
    yield converter.process(np.zeros((0, channels), np.float32), ratio, end_of_input=True).reshape(-1, channels)
