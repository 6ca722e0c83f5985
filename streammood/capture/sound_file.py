"""Sound files of any kind. Headers are not trusted: a file is as long as the sound that can be read."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import samplerate

from streammood.capture.containers import FAMILIES, FilePart, PartFile, parts
from streammood.capture.decoders import DecodeError, Decoder, Frames, SndfileDecoder
from streammood.capture.mixer import Mixer
from streammood.config.base import printable
from streammood.errors import SourceError
from streammood.events import F32

_AUDIO = (
    "aac ac3 aif aifc aiff amr ape au bwf caf dsf dts eac3 flac m4a m4b mka mp2 mp3 mpc mpga oga ogg opus rf64 snd spx "
    "tak tta voc w64 wav wave wma wv"
)
_VIDEO = "3g2 3gp asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv vob webm wmv"
SUFFIXES = frozenset(f".{name}" for name in f"{_AUDIO} {_VIDEO}".split())
"""How the names of files end that are taken from a folder; a file that is named itself may end as it likes."""
RATES = (8_000, 384_000)  # Hz
_LONGEST = 1e7  # s; a longer duration in a header is ignored

Channels = Literal["all"] | tuple[int, ...]


def fold(frames: F32, channels: int) -> F32:
    """One or two ``channels`` (n, channels) out of ``frames`` of any number: as they are, or all mixed into each."""
    if frames.shape[1] == channels:
        return frames
    mixed = frames.mean(axis=1, keepdims=True)
    return np.repeat(mixed, channels, axis=1)


class SoundFile:
    """One file, read block by block.

    Raises:
        SourceError: at once if it is missing, empty or no sound; after its last block if it is damaged.
    """

    def __init__(self, path: Path, channels: Channels = "all") -> None:
        self.path = path
        self.name = printable(str(path))
        self._channels = channels
        self._mixer: Mixer | None = None  # of the part that is read
        self._width = 0  # channels of that part
        with _open(path) as file:
            self._parts = parts(file)
            try:
                decoder = self._decoder(file, self._parts[0])
            except DecodeError as error:
                raise SourceError(f"{self.name}: cannot be read as sound ({error})") from None
            with contextlib.closing(decoder):
                self.sample_rate = decoder.sample_rate
                self.channels = decoder.channels
                self.duration = _guess(decoder.duration, self._parts)
        if not RATES[0] <= self.sample_rate <= RATES[1]:
            raise SourceError(
                f"{self.name}: its sample rate must be in {RATES[0]}..{RATES[1]} Hz, got {self.sample_rate}"
            )
        if channels != "all" and max(channels) > self.channels:
            raise SourceError(f"{self.name}: has {self.channels} channels, channel {max(channels)} was asked for")

    @property
    def is_chained(self) -> bool:
        """Whether it is several files in one, as Icecast and `cat` write them; few programs play them to the end."""
        return len(self._parts) > 1

    @property
    def advice(self) -> str:
        """Warnings about its channels, for people; empty where there are none."""
        return self._mixer.advice if self._mixer is not None else ""

    def blocks(self, size: int) -> Iterator[F32]:
        """Yield blocks (size,) of one channel; the last may be shorter."""
        rest = np.zeros(0, dtype=np.float32)
        self._mixer = None
        damage: SourceError | None = None
        try:
            for frames in self.frames(size):
                rest = np.concatenate([rest, self._mix(frames)])
                whole = rest.size - rest.size % size
                yield from rest[:whole].reshape(-1, size)
                rest = rest[whole:]
        except SourceError as error:
            damage = error
        if rest.size:
            yield rest
        if damage is not None:
            raise damage

    def frames(self, size: int) -> Iterator[F32]:
        """Yield all channels, in pieces (about size, channels); how many there are may change in a chained file."""
        damage: list[str] = []
        read = 0
        for frames in _at_rate(self._decode(size, damage), self.sample_rate):
            read += len(frames)
            yield frames
        if damage:
            length = f"{read / self.sample_rate:.2f} s"
            raise SourceError(f"{self.name}: damaged or cut short: {damage[0]}; {length} of it could be read")

    def _decode(self, size: int, damage: list[str]) -> Iterator[Frames]:
        """Every block that decodes, part after part; faults are added to ``damage``."""
        with _open(self.path) as file:
            for part in self._parts:
                try:
                    with contextlib.closing(self._decoder(file, part)) as decoder:
                        yield from decoder.frames(size)
                except DecodeError as error:
                    damage.append(str(error))
                if part.cut:
                    damage.append("it ends early")

    def _decoder(self, file: BinaryIO, part: FilePart) -> Decoder:
        """What reads ``part``.

        Raises:
            DecodeError: nothing does.
        """
        from streammood.capture.av_decoder import AvDecoder  # noqa: PLC0415  loads slowly, and few need it

        file.seek(part.start)
        familiar = file.read(4) in FAMILIES
        whole = len(self._parts) == 1 and not part.patches

        def by_sndfile() -> Decoder:
            return SndfileDecoder(_system_name(self.path) if whole else io.BufferedReader(PartFile(file, part)))

        def by_av() -> Decoder:
            return AvDecoder(file if whole else io.BufferedReader(PartFile(file, part)))

        first, second = (by_sndfile, by_av) if familiar else (by_av, by_sndfile)
        try:
            return first()
        except DecodeError as reason:
            try:
                return second()
            except DecodeError:
                raise reason from None

    def _mix(self, frames: F32) -> F32:
        if self._channels != "all" and max(self._channels) > frames.shape[1]:
            asked = max(self._channels)
            raise SourceError(
                f"{self.name}: channel {asked} was asked for, a part of it has {frames.shape[1]} channels"
            )
        if self._mixer is None or self._width != frames.shape[1]:
            self._width = frames.shape[1]
            picked = range(1, self._width + 1) if self._channels == "all" else self._channels
            self._mixer = Mixer(tuple(picked), self.sample_rate)
        return self._mixer.push(frames)


def _at_rate(pieces: Iterator[Frames], wanted: int) -> Iterator[F32]:
    """``pieces`` at the rate ``wanted``; those that have it already are passed through."""
    for (rate, channels), group in itertools.groupby(pieces, lambda piece: (piece[0], piece[1].shape[1])):
        if rate == wanted:
            yield from (frames for _, frames in group)
            continue
        converter = samplerate.Resampler("sinc_fastest", channels=channels)
        for _, frames in group:
            yield converter.process(np.nan_to_num(frames), wanted / rate).reshape(-1, channels)
        rest = np.zeros((0, channels), np.float32)
        yield converter.process(rest, wanted / rate, end_of_input=True).reshape(-1, channels)


def _guess(first: float | None, found: list[FilePart]) -> float | None:
    """How long a file lasts in s, when its first part lasts ``first`` s; None for nonsense."""
    if first is None or not 0.0 < first < _LONGEST:
        return None
    return first * (found[-1].stop - found[0].start) / max(1, found[0].stop - found[0].start)


def _system_name(path: Path) -> str | bytes:
    """The name as the system has it: libsndfile takes a bare `-` for the standard input, and UTF-8 alone as text."""
    return str(path.absolute()) if os.name == "nt" else os.fsencode(path.absolute())


def _open(path: Path) -> BinaryIO:
    """Open ``path`` to be read.

    Raises:
        SourceError: it is not a regular file, so it cannot be read twice.
    """
    name = printable(str(path))
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise SourceError(f"{name}: is a folder, not a sound file")
        if not stat.S_ISREG(found.st_mode):
            raise SourceError(f"{name}: is a pipe or a device; save the sound as a file first, then name the file")
        if found.st_size == 0:
            raise SourceError(f"{name}: the file is empty")
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise SourceError(_why(path, name, error)) from None


def _why(path: Path, name: str, error: Exception) -> str:
    """Why ``path`` cannot be opened, and what to do instead."""
    number = getattr(error, "errno", None)
    if name == "-":
        return "-: sound is not read from the standard input; save it as a file first, then name the file"
    if number == errno.ENOENT and (address := re.match(r"([A-Za-z][\w+.-]+):/+", name)):
        if address[1].lower() == "file":
            return f"{name}: is an address; name the file by its path"
        return (
            f"{address[1]}://{name[address.end() :]}: is an address, not a file; download it first, "
            "or play it and listen to the sound card with `streammood run`"
        )
    if number == errno.ENOENT:
        return f"{name}: no such file" + (" (a link that leads nowhere)" if path.is_symlink() else "")
    if number == errno.ELOOP:
        return f"{name}: is a link that leads back to itself"
    return f"{name}: cannot be opened ({getattr(error, 'strerror', None) or error})"
