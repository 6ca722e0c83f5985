"""The sound of a song in as few bytes as a browser needs to play it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import samplerate
import soundfile

from streammood.capture.sound_file import SoundFile, fold
from streammood.errors import SourceError
from streammood.events import F32

_PLAYABLE = {
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
}
_ENOUGH = 24_000  # bytes a second; a file that is not larger is taken as it is
_OPUS_RATE = 48_000  # Hz, the only one that keeps the whole band
_OPUS_QUALITY = 0.77  # libsndfile's scale, 0 is best: about 60 kbit/s a channel
_BLOCK = 65_536  # frames; libsndfile's encoders choke on a whole song at once


def playable(path: Path) -> tuple[str, bytes]:
    """MIME type and bytes of what a browser plays for the sound file ``path``; a damaged one as far as it goes.

    Raises:
        SourceError: it cannot be read at all.
        OSError: likewise.
    """
    file = SoundFile(path)
    kind = _PLAYABLE.get(path.suffix.lower())
    if kind is not None and not file.is_chained and path.stat().st_size <= _ENOUGH * (file.duration or 0.0):
        return kind, path.read_bytes()
    return "audio/ogg", _opus(file)


def _opus(file: SoundFile) -> bytes:
    out = io.BytesIO()
    channels = min(2, file.channels)
    with soundfile.SoundFile(
        out, "w", _OPUS_RATE, channels, "OPUS", format="OGG", compression_level=_OPUS_QUALITY
    ) as target:
        for block in at_rate(pieces(file, channels), _OPUS_RATE / file.sample_rate, channels):
            target.write(np.clip(block, -1.0, 1.0))
    return out.getvalue()


def pieces(file: SoundFile, channels: int) -> Iterator[F32]:
    """Pieces (n, channels) of all that can be read; the analysis has reported what cannot."""
    try:
        for frames in file.frames(_BLOCK):
            yield fold(frames, channels)
    except SourceError:
        return


def at_rate(blocks: Iterator[F32], ratio: float, channels: int) -> Iterator[npt.NDArray[np.float32]]:
    """``blocks`` (n, channels) at a rate ``ratio`` times theirs."""
    if ratio == 1.0:
        yield from blocks
        return
    converter = samplerate.Resampler("sinc_fastest", channels=channels)
    for block in blocks:
        yield converter.process(np.nan_to_num(block), ratio).reshape(-1, channels)
    yield converter.process(np.zeros((0, channels), np.float32), ratio, end_of_input=True).reshape(-1, channels)
