"""Sound that FFmpeg's libraries decode, through PyAV: mp3, flac, m4a, aac, wma, webm, and the sound of videos.

They read to the end of the file; the length in its header is then compared with the sound that came.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from streammood.capture.decoders import LATE, DecodeError, Frames
from streammood.events import F32

_KINDS = (  # what a file may be taken for: no playlists or scripts, which can name other files and hosts
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpc,mpc8,mpeg,"
    "mpegts,ogg,oma,rm,tak,truehd,tta,voc,w64,wav,webm,wv,xwma"
)
_STREAMS = frozenset({"aac", "ac3", "asf", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts", "truehd"})
"""Kinds for which FFmpeg guesses how long they are; most may begin and end anywhere."""
_TIMED = frozenset({"avi", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2"})
"""Kinds that write a time beside the sound: it may pause."""
_LATE_PICTURE = 5.0  # s; the length of a video may be that of its last picture or subtitle
_TAG = 0.1  # s that fail to decode at a time where two streams were joined with a tag between them
_ERRORS = (av.error.FFmpegError, ArithmeticError, LookupError, OSError, ValueError)  # seen on files that were damaged


class AvDecoder:
    """A file whose sound FFmpeg's libraries decode.

    Raises:
        DecodeError: they cannot decode it, or there is no sound in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        promised = _xing_frames(file)
        self._container = _container(file)
        try:
            self._stream = self._choose()
            self._books = _Books(self._container, promised)
            self._frames = self._decode()
            first = next(self._frames, None)
            if first is None:
                raise DecodeError("none of it decodes" if self._books.failed else "holds no sound")
        except BaseException:
            self._container.close()
            raise
        self._first = first
        self.sample_rate = first.sample_rate
        self.channels = first.layout.nb_channels
        self.duration = self._container.duration / av.time_base if self._container.duration else None

    def _choose(self) -> AudioStream:
        stream = self._container.streams.best("audio")
        if not isinstance(stream, AudioStream):
            raise DecodeError("there is no sound in it")
        if stream.codec_context is None:
            raise DecodeError("its sound is encoded in a way that is not known")
        stream.codec_context.thread_count = 1
        if stream.codec_context.name == "flac":
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        return stream

    def frames(self, size: int) -> Iterator[Frames]:
        """Yield everything that decodes."""
        waiting: list[F32] = []
        count, kind = 0, (self.sample_rate, self.channels)
        frame: AudioFrame | None = self._first
        while frame is not None:
            this = (frame.sample_rate, frame.layout.nb_channels)
            if count >= size or (waiting and this != kind):
                yield kind[0], np.ascontiguousarray(np.concatenate(waiting))
                waiting, count = [], 0
            kind = this
            waiting.append(_samples(frame))
            count += frame.samples
            frame = next(self._frames, None)
        if waiting:
            yield kind[0], np.ascontiguousarray(np.concatenate(waiting))
        self._books.close(self._stream.codec_context.frame_size / self.sample_rate)

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _decode(self) -> Iterator[AudioFrame]:
        """Every frame that decodes; what does not is noted and passed over."""
        books = self._books
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets, None)
            except _ERRORS:
                books.broken = True
                return
            if packet is None:
                return
            try:
                if packet.stream.index == self._stream.index:
                    for frame in self._stream.decode(packet):
                        if frame.samples:
                            books.read += frame.samples / frame.sample_rate
                            yield frame
                books.reach(packet)
            except _ERRORS:
                books.failed.append((books.read, _length(packet)))


class _Books:
    """The length in a file's header, and the length that was decoded."""

    def __init__(self, container: InputContainer, promised: int | None) -> None:
        self.read = 0.0  # s of sound
        self.failed: list[tuple[float, float]] = []  # s that had been read, s that did not decode
        self.broken = False  # the container could not be read to its end
        self._is_stream = container.format.name in _STREAMS
        self._is_timed = container.format.name in _TIMED
        self._reached = 0.0  # s on the clock of the file
        self._promised = promised  # frames of an mp3
        self._late = LATE if len(container.streams) == 1 else _LATE_PICTURE
        self._end: float | None = None
        if container.duration and not self._is_stream:
            self._end = ((container.start_time or 0) + container.duration) / av.time_base

    def reach(self, packet: Packet[Any]) -> None:
        """``packet`` was read."""
        if packet.pts is not None:
            self._reached = max(self._reached, _seconds(packet, packet.pts) + _length(packet))

    def close(self, frame: float) -> None:
        """Compare; a frame of this stream lasts ``frame`` s.

        Raises:
            DecodeError: bytes were missing or did not decode.
        """
        if self._promised is not None and self.read < self._promised * frame - self._late:
            raise DecodeError("it ends early")
        if self._end is not None and self._reached < self._end - self._late:
            raise DecodeError("it ends early")
        if self._end is None and (self.broken or (self._failed_last() and not self._is_stream)):
            raise DecodeError("it ends early")
        if self._end is not None and not self._is_timed and self.read < self._end - self._late:
            raise DecodeError(f"{self._end - self.read:.2f} s of it do not decode")
        inside = [(at, length) for at, length in self.failed if 0.0 < at < self.read]
        lost = sum(length for _, length in inside)
        if inside and not (self._is_stream and lost <= _TAG * len(inside)):
            raise DecodeError(f"{lost:.2f} s of it do not decode, from {inside[0][0]:.2f} s on")

    def _failed_last(self) -> bool:
        return bool(self.failed) and self.failed[-1][0] == self.read


def _length(packet: Packet[Any]) -> float:
    return _seconds(packet, packet.duration or 0)


def _seconds(packet: Packet[Any], ticks: int) -> float:
    base = packet.time_base
    return ticks * base.numerator / base.denominator if base is not None else 0.0  # a product of fractions is slow


def _samples(frame: AudioFrame) -> F32:
    """Samples (n, channels) in -1..1, whatever they are in ``frame``."""
    values = frame.to_ndarray()
    values = values.reshape(-1, frame.layout.nb_channels) if frame.format.is_packed else values.T
    kind, bits = values.dtype.kind, 8 * values.dtype.itemsize
    if kind == "f":
        return values.astype(np.float32, copy=False)
    scaled: F32 = values.astype(np.float32) * np.float32(2.0 ** (1 - bits))
    return scaled - np.float32(1.0) if kind == "u" else scaled


# What to do about titles that are not UTF-8: from version 19 on, PyAV takes them as they are.
_TITLES: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}


def _container(file: BinaryIO) -> InputContainer:
    file.seek(0)
    is_mp4 = file.read(8)[4:] == b"ftyp"
    file.seek(0)
    try:
        container = av.open(_Nameless(file), options={"format_whitelist": _KINDS}, **_TITLES)
    except _ERRORS:
        if is_mp4:
            raise DecodeError("its index is missing: the recording or the download did not come to its end") from None
        raise DecodeError("its kind is not known, or its beginning is damaged") from None
    assert isinstance(container, InputContainer)
    return container


def _xing_frames(file: BinaryIO) -> int | None:
    """Number of frames by the tag of Xing or Fraunhofer in the first frame of an mp3 file."""
    file.seek(0)
    head = file.read(10)
    tagged = head.startswith(b"ID3") and len(head) == 10  # the length of the tag is written in groups of seven bits
    file.seek(10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)) if tagged else 0)
    frame = file.read(256)
    if len(frame) == 256:
        for name in (b"Xing", b"Info"):
            at = frame.find(name, 4, 44)
            if at >= 0:
                flags, frames = struct.unpack_from(">II", frame, at + 4)
                return frames if flags & 1 else None
        if frame[36:40] == b"VBRI":
            return int.from_bytes(frame[50:54])
    return None


class _Nameless:
    """A file without its name, so that its format is found from its content alone."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
