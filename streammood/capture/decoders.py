"""The protocol of decoders, and the decoder by libsndfile: wav, aiff, caf, au, w64, Ogg."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol, TypeAlias

import soundfile

from streammood.events import F32

Frames: TypeAlias = tuple[int, F32]
"""Sample rate in Hz, and samples (n, channels)."""

LATE = 0.3  # s by which a file may be shorter than its header claims: padding of encoders, rounding


class DecodeError(Exception):
    """A file is not sound, or not all of it decodes; the text is the reason, without the file's name."""


class Decoder(Protocol):
    """An open file.

    Raises:
        DecodeError: this decoder cannot read the file.
    """

    sample_rate: int  # Hz, where it begins
    channels: int  # where it begins
    duration: float | None  # s, by the header or a guess; None where there is neither

    def frames(self, size: int) -> Iterator[Frames]:
        """Yield everything that decodes, in pieces of at least ``size`` samples but for the last.

        Raises:
            DecodeError: at the end, if bytes were missing or did not decode.
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class SndfileDecoder:
    """A file that libsndfile reads. MPEG is refused: libsndfile stops at the length in its header."""

    def __init__(self, file: BinaryIO | str | bytes) -> None:
        try:
            self._file = soundfile.SoundFile(file)
        except (soundfile.LibsndfileError, OSError) as error:
            raise DecodeError(_reason(error)) from None
        except TypeError:  # a name that ends in .raw needs a rate
            raise DecodeError("its kind is not known") from None
        guessed = self._file.format == "RAW"  # by the ending of the name alone, from nothing in the file
        if guessed or self._file.subtype.startswith("MPEG") or self._file.frames <= 0:
            self._file.close()
            raise DecodeError("it holds no sound")
        self.sample_rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.duration: float | None = self._file.frames / max(1, self.sample_rate)

    def frames(self, size: int) -> Iterator[Frames]:
        """Yield everything that decodes."""
        read = 0
        try:
            while len(frames := self._file.read(size, dtype="float32", always_2d=True)):
                read += len(frames)
                yield self.sample_rate, frames
        except soundfile.LibsndfileError as error:
            raise DecodeError(f"the rest of it does not decode ({_reason(error)})") from None
        if read < self._file.frames - LATE * self.sample_rate:
            raise DecodeError("it ends early")

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")
