"""Where the sound lies in a file, found from its bytes; the lengths in its header are not trusted.

A recorder that lost power leaves a length of zero, a program that writes into a pipe leaves "unknown", a download
that broke off has less than its header promises, and Icecast (or `cat`) puts one file behind the other. Decoders
believe the header; so the file is cut into parts that each are a file of their own, with true lengths.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_OGG_FIRST_PAGE = b"OggS\x00\x02"  # capture pattern, version 0, "begins a stream" (RFC 3533)
_OGG_HEADER = 27  # bytes before the table of segments
_OGG_LARGEST = _OGG_HEADER + 255 + 255 * 255  # bytes of a page
_ASF = bytes.fromhex("3026b275")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEAD = 4096  # bytes, among which its properties are
_PIECE = 1 << 20  # bytes
_UNKNOWN = 0x7FFFF000  # programs that stream write a 32-bit length from here on
_UNKNOWN_LONG = 1 << 62  # likewise for 64 bits
_FARTHEST = 1 << 40  # bytes; no file is as long, and systems refuse to seek much beyond
_MOST = 4096  # parts of a file, and chunks of a part, that are looked for
_ALL = b"\xff\xff\xff\xff"  # the length that means "to the end of the file"


@dataclass(frozen=True, slots=True)
class FilePart:
    """A piece of a file that a decoder can read as a file of its own."""

    start: int  # bytes
    stop: int  # bytes
    cut: bool = False  # its header promises more sound than there is
    patches: dict[int, bytes] = field(default_factory=dict)  # offset in the file: what a decoder must find there


@dataclass(frozen=True, slots=True)
class _Form:
    """How the chunks of one family of files are written."""

    first: int  # offset of the first chunk
    name: int  # bytes of a chunk's name
    length: struct.Struct
    pad: int  # bytes; a chunk begins at a multiple of this
    sound: bytes  # name of the chunk that holds the sound
    counts_header: bool = False  # the length includes name and length

    @property
    def header(self) -> int:
        return self.name + self.length.size


_SHORT, _SHORT_BIG = struct.Struct("<I"), struct.Struct(">I")
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_FORMS = {
    b"RIFF": _Form(12, 4, _SHORT, 2, b"data"),
    b"RF64": _Form(12, 4, _SHORT, 2, b"data"),  # the true length is in a chunk `ds64` (EBU Tech 3306)
    b"BW64": _Form(12, 4, _SHORT, 2, b"data"),
    b"RIFX": _Form(12, 4, _SHORT_BIG, 2, b"data"),
    b"FORM": _Form(12, 4, _SHORT_BIG, 2, b"SSND"),
    b"caff": _Form(8, 4, struct.Struct(">Q"), 1, b"data"),
    b"riff": _Form(40, 16, struct.Struct("<Q"), 8, _W64_DATA, counts_header=True),
}

_SHORT_NAMES = {b"RF64": b"RIFF", b"BW64": b"RIFF"}
FAMILIES = frozenset({b"OggS", b".snd", *_FORMS})
"""First bytes of the files whose chunks are read here, and whose sound libsndfile decodes right."""


def parts(file: BinaryIO) -> list[FilePart]:
    """The parts of ``file``, in their order; one that is not of a known family is one part."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    kind = file.read(4)
    if kind == b"OggS":
        return _links(file, size)
    if kind == b".snd":
        return [_au(file, size)]
    if kind in _FORMS:
        return _chunked(file, size)
    if kind == _ASF:
        return [_asf(file, size)]
    return [FilePart(0, size)]


def _links(file: BinaryIO, size: int) -> list[FilePart]:
    """The links of a chained Ogg file: each begins with pages that begin a stream."""
    starts: list[int] = []
    end = -1  # of the latest page that begins a stream
    for at in _find(file, _OGG_FIRST_PAGE):
        if at != end:
            starts.append(at)
        file.seek(at + _OGG_HEADER - 1)
        segments = file.read(1)
        table = file.read(segments[0]) if segments else b""
        end = at + _OGG_HEADER + len(table) + sum(table)
        if len(starts) == _MOST:
            break
    cut = _last_page_end(file, size) > size
    ends = [*starts[1:], size]
    return [FilePart(a, b, cut=cut and b == size) for a, b in zip([0, *starts[1:]], ends, strict=True)]


def _last_page_end(file: BinaryIO, size: int) -> int:
    """Where the last page should end, by its own table of segments."""
    begin = max(0, size - _OGG_LARGEST)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    if at < 0 or len(tail) < at + _OGG_HEADER:
        return size
    table = tail[at + _OGG_HEADER : at + _OGG_HEADER + tail[at + _OGG_HEADER - 1]]
    return begin + at + _OGG_HEADER + tail[at + _OGG_HEADER - 1] + sum(table)


def _find(file: BinaryIO, pattern: bytes) -> Iterator[int]:
    """Offsets of ``pattern``; the file's position may be changed meanwhile."""
    at, buffer = 0, b""
    while True:
        file.seek(at + len(buffer))
        piece = file.read(_PIECE)
        if not piece:
            return
        buffer += piece
        found = buffer.find(pattern)
        while found >= 0:
            yield at + found
            found = buffer.find(pattern, found + 1)
        rest = min(len(buffer), len(pattern) - 1)
        at += len(buffer) - rest
        buffer = buffer[-rest:]


def _au(file: BinaryIO, size: int) -> FilePart:
    """A file of Sun and NeXT: where the sound begins, and its length, stand in the header."""
    header = file.read(8)
    if len(header) < 8:
        return FilePart(0, size)
    begin, length = struct.unpack(">II", header)
    return FilePart(0, size, cut=length < _UNKNOWN and begin + length > size)


def _asf(file: BinaryIO, size: int) -> FilePart:
    """A file of wma or wmv, whose header says how long the file is, unless it was written into a pipe."""
    head = file.read(_ASF_HEAD)
    at = head.find(_ASF_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return FilePart(0, size)
    (length,) = struct.unpack_from("<Q", head, at + 40)
    (flags,) = struct.unpack_from("<I", head, at + 88)
    return FilePart(0, size, cut=not flags & 1 and size < length < _UNKNOWN_LONG)


def _chunked(file: BinaryIO, size: int) -> list[FilePart]:
    """The files of chunks that lie one behind the other."""
    found = [_first_of_chunks(file, 0, size)]
    while found[-1].stop < size and len(found) < _MOST:
        found.append(_first_of_chunks(file, found[-1].stop, size))
    return found


def _first_of_chunks(file: BinaryIO, start: int, size: int) -> FilePart:
    """The file of chunks that begins at ``start``; what follows its sound decides whether its header is right."""
    file.seek(start)
    kind = file.read(4)
    form = _FORMS[kind]
    sound = _sound(file, start, form)
    if sound is None:  # a video, or a header that is cut off
        whole = _chunk(file, start, form) if form.length.size == 4 else None
        return FilePart(start, size, cut=whole is not None and size - start - 8 < whole[1] < _UNKNOWN)
    begin = sound.at + form.header
    if sound.length > size - begin:
        return FilePart(start, size, cut=sound.length < (_UNKNOWN_LONG if sound.is_long else _UNKNOWN))
    after = begin + _padded(sound.length, form)
    if size - after < form.header or form.length.size == 8:
        return FilePart(start, size)
    following = _chunk(file, after, form)
    if following is not None and following[0] == kind:
        return FilePart(start, after)
    if _is_chunk(file, after, size, form) or _is_chunk(file, begin + sound.length, size, form):  # some do not pad
        return FilePart(start, size)
    # No chunk follows, so the sound goes on: the header was written before the sound.
    patches = {start: _SHORT_NAMES.get(kind, kind), start + 4: _ALL, sound.at + form.name: _ALL}
    if sound.long_at is not None:
        patches[sound.long_at] = b"JUNK"
    return FilePart(start, size, patches=patches)


@dataclass(frozen=True, slots=True)
class _Sound:
    """The chunk that holds the sound."""

    at: int  # offset of its header
    length: int  # bytes, by the header
    is_long: bool  # that is a number of 64 bits
    long_at: int | None  # offset of the chunk `ds64`, if there is one


def _sound(file: BinaryIO, start: int, form: _Form) -> _Sound | None:
    """Find the chunk that holds the sound."""
    at = start + form.first
    long: int | None = None
    long_at: int | None = None
    for _ in range(_MOST):
        found = _chunk(file, at, form)
        if found is None:
            return None
        name, length = found
        if name == form.sound:
            if long is not None and length >= _UNKNOWN:
                return _Sound(at, long, True, long_at)
            return _Sound(at, length, form.length.size == 8, long_at)
        if name == b"ds64":
            long_at, long = at, struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        at += form.header + _padded(length, form)
    return None


def _chunk(file: BinaryIO, at: int, form: _Form) -> tuple[bytes, int] | None:
    """Name and length of the content of the chunk at ``at``; the file is left at its content."""
    if at >= _FARTHEST:
        return None
    file.seek(at)
    header = file.read(form.header)
    if len(header) < form.header:
        return None
    (length,) = form.length.unpack(header[form.name :])
    return header[: form.name], max(0, length - form.header) if form.counts_header else length


def _padded(length: int, form: _Form) -> int:
    return -(-length // form.pad) * form.pad


def _is_chunk(file: BinaryIO, at: int, size: int, form: _Form) -> bool:
    """Whether a chunk begins at ``at``: its name is text, and it fits into the file."""
    found = _chunk(file, at, form)
    return (
        found is not None and all(32 <= letter < 127 for letter in found[0]) and at + form.header + found[1] <= size + 1
    )


class PartFile(io.RawIOBase):
    """A ``FilePart`` of a file as a file."""

    def __init__(self, file: BinaryIO, part: FilePart) -> None:
        self._file = file
        self._part = part
        self._at = part.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at - self._part.start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: self._part.start, io.SEEK_CUR: self._at, io.SEEK_END: self._part.stop}[whence]
        self._at = max(self._part.start, base + offset)
        return self.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._file.seek(self._at)
        data = bytearray(self._file.read(max(0, min(len(buffer), self._part.stop - self._at))))
        for offset, patch in self._part.patches.items():
            for place, value in enumerate(patch, offset - self._at):
                if 0 <= place < len(data):
                    data[place] = value
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
