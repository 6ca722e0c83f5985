"""Sound files of every kind, made by PyAV and soundfile: whole, through a pipe, joined, with false lengths."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import soundfile

from streammood.events import F32

RATE = 44_100
SECONDS = 3.0


@functools.cache
def bursts(seconds: float = SECONDS, rate: int = RATE) -> F32:
    """Noise (n,) that swells and fades four times a second, so that its place in time can be told."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, t.size)
    swell: F32 = (0.3 * noise * (0.1 + (np.sin(2 * np.pi * 2 * t) ** 2))).astype(np.float32)
    return swell


class _Pipe:
    """Takes bytes, and can neither go back nor tell where it is."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, data: bytes) -> int:
        self.taken += data
        return len(data)


def encode(
    form: str,
    codec: str,
    *,
    rate: int = RATE,
    channels: int = 1,
    seconds: float = SECONDS,
    pipe: bool = False,
    video: bool = False,
    muxer: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
) -> bytes:
    """``bursts`` as a file of FFmpeg's format ``form``; ``pipe``: as written where nothing can be changed later."""
    out: Any = _Pipe() if pipe else io.BytesIO()
    with av.open(out, "w", format=form, options=muxer or {}) as container:
        pictures: Any = container.add_stream("mpeg4", rate=10, width=32, height=32) if video else None
        layout = "stereo" if channels == 2 else "mono"
        stream: Any = container.add_stream(codec, rate=rate, layout=layout, options=encoder or {})
        if codec.startswith("wma"):
            stream.bit_rate = 128_000
        sound = np.repeat(bursts(seconds, rate)[None], channels, axis=0)
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for number in range(round(10 * seconds) if video else 0):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 5 * number % 256, np.uint8), "rgb24")
            picture.pts = number
            container.mux(pictures.encode(picture))
        container.mux(stream.encode(frame))
        for each in (stream, pictures) if video else (stream,):
            container.mux(each.encode(None))
    return bytes(out.taken) if pipe else out.getvalue()


def write(form: str, subtype: str | None = None, *, rate: int = RATE, channels: int = 1) -> bytes:
    """``bursts`` as a file of libsndfile's ``form``."""
    file = io.BytesIO()
    sound = np.repeat(bursts(SECONDS, rate)[:, None], channels, axis=1)
    soundfile.write(file, sound, rate, format=form, subtype=subtype)
    return file.getvalue()


def patched(data: bytes, after: bytes, value: int, order: str = "<I") -> bytes:
    """``data`` with another number behind the first ``after``."""
    changed = bytearray(data)
    struct.pack_into(order, changed, data.index(after) + len(after), value)
    return bytes(changed)


def _vbr(**more: Any) -> bytes:
    quality = {"flags": "+qscale", "global_quality": "590"}
    return encode("mp3", "libmp3lame", muxer={"write_xing": "0", "id3v2_version": "0"}, encoder=quality, **more)


WHOLE: dict[str, Callable[[], bytes]] = {
    "wav": lambda: write("WAV"),
    "u8.wav": lambda: write("WAV", "PCM_U8"),
    "24.wav": lambda: write("WAV", "PCM_24"),
    "32.wav": lambda: write("WAV", "PCM_32"),
    "float.wav": lambda: write("WAV", "FLOAT"),
    "double.wav": lambda: write("WAV", "DOUBLE"),
    "adpcm.wav": lambda: write("WAV", "IMA_ADPCM"),
    "mp3.wav": lambda: encode("wav", "libmp3lame"),
    "rf64": lambda: write("RF64"),
    "w64": lambda: write("W64"),
    "aiff": lambda: write("AIFF"),
    "aifc": lambda: encode("aiff", "pcm_s16le"),
    "caf": lambda: write("CAF"),
    "alac.caf": lambda: write("CAF", "ALAC_16"),
    "snd": lambda: write("AU", "ULAW"),
    "voc": lambda: write("VOC"),
    "flac": lambda: write("FLAC"),
    "24.flac": lambda: write("FLAC", "PCM_24"),
    "ogg": lambda: write("OGG", "VORBIS"),
    "opus": lambda: write("OGG", "OPUS", rate=48_000),
    "oga": lambda: encode("ogg", "flac"),
    "mp3": lambda: encode("mp3", "libmp3lame"),
    "lame.mp3": lambda: write("MP3"),
    "mp2": lambda: encode("mp2", "mp2"),
    "m4a": lambda: encode("ipod", "aac"),
    "alac.m4a": lambda: encode("ipod", "alac"),
    "aac": lambda: encode("adts", "aac"),
    "mp4": lambda: encode("mp4", "aac", video=True),
    "mov": lambda: encode("mov", "pcm_s16le", video=True),
    "3gp": lambda: encode("3gp", "aac"),
    "webm": lambda: encode("webm", "libopus", rate=48_000),
    "mkv": lambda: encode("matroska", "flac", video=True),
    "avi": lambda: encode("avi", "libmp3lame", video=True),
    "flv": lambda: encode("flv", "aac"),
    "mts": lambda: encode("mpegts", "aac", video=True),
    "mpg": lambda: encode("mpeg", "mp2", video=True),
    "wma": lambda: encode("asf", "wmav2"),
    "wmv": lambda: encode("asf", "wmav2", video=True),
    "ac3": lambda: encode("ac3", "ac3"),
    "eac3": lambda: encode("eac3", "eac3"),
    "wv": lambda: encode("wv", "wavpack"),
    "tta": lambda: encode("tta", "tta", encoder={"sample_fmt": "s16"}),
    "amr": lambda: encode("amr", "libopencore_amrnb", rate=8_000),
}
"""Healthy files by the ending of their names."""
if "libopencore_amrnb" not in av.codecs_available:  # PyAV's from version 19 on reads amr and does not write it
    del WHOLE["amr"]

UNKNOWN: dict[str, Callable[[], bytes]] = {
    "pipe.wav": lambda: encode("wav", "pcm_s16le", pipe=True),
    "sox.wav": lambda: patched(write("WAV"), b"data", 0x7FFF_FFFF - 36),
    "zero.wav": lambda: patched(patched(write("WAV"), b"data", 0), b"RIFF", 0),
    "stale.wav": lambda: patched(write("WAV"), b"data", 20_000),
    "float_zero.wav": lambda: patched(write("WAV", "FLOAT"), b"data", 0),
    "pipe.rf64": lambda: encode("wav", "pcm_s16le", pipe=True, muxer={"rf64": "always"}),
    "pipe.aiff": lambda: encode("aiff", "pcm_s16be", pipe=True),
    "zero.aiff": lambda: patched(write("AIFF"), b"SSND", 0, ">I"),
    "pipe.au": lambda: encode("au", "pcm_s16be", pipe=True),
    "pipe.caf": lambda: encode("caf", "pcm_s16le", pipe=True),
    "pipe.w64": lambda: encode("w64", "pcm_s16le", pipe=True),
    "pipe.flac": lambda: encode("flac", "flac", pipe=True),
    "pipe.mp3": lambda: encode("mp3", "libmp3lame", pipe=True),
    "vbr.mp3": _vbr,
    "cbr.mp3": lambda: encode("mp3", "libmp3lame", muxer={"write_xing": "0"}),
    "zeros_first.mp3": lambda: bytes(2000) + encode("mp3", "libmp3lame", muxer={"write_xing": "0"}),
    "tag_last.flac": lambda: write("FLAC") + b"TAG" + bytes(125),
    "tag_last.mp3": lambda: encode("mp3", "libmp3lame") + b"TAG" + bytes(125),
    "pipe.webm": lambda: encode("webm", "libopus", rate=48_000, pipe=True),
    "pipe.mkv": lambda: encode("matroska", "aac", pipe=True),
    "pipe.wma": lambda: encode("asf", "wmav2", pipe=True),
    "fragments.mp4": lambda: encode("mp4", "aac", pipe=True, muxer={"movflags": "frag_keyframe+empty_moov"}),
}
"""Healthy files whose header does not know, or has wrong, how long they are."""

JOINED: dict[str, Callable[[], bytes]] = {
    "wav": lambda: 2 * write("WAV"),
    "aiff": lambda: 2 * write("AIFF"),
    "flac": lambda: 2 * write("FLAC"),
    "mp3": lambda: 2 * encode("mp3", "libmp3lame"),
    "aac": lambda: 2 * encode("adts", "aac"),
    "ogg": lambda: 2 * write("OGG", "VORBIS"),
    "opus": lambda: 2 * write("OGG", "OPUS", rate=48_000),
    "oga": lambda: 2 * encode("ogg", "flac"),
    "rates.ogg": lambda: write("OGG", "VORBIS") + write("OGG", "VORBIS", rate=32_000),
    "channels.ogg": lambda: write("OGG", "VORBIS") + write("OGG", "VORBIS", channels=2),
    "codecs.ogg": lambda: write("OGG", "VORBIS") + write("OGG", "OPUS", rate=48_000),
    "mts": lambda: 2 * encode("mpegts", "aac", video=True),
}
"""Two files in one, as Icecast and `cat` write them."""


@functools.cache
def made(kind: str) -> bytes:
    """A healthy file, encoded once however many tests need it."""
    return (WHOLE | UNKNOWN)[kind]()
