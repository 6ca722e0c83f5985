"""OSC 1.0 on the wire: the one encoder, and the one decoder for whatever listens.

Bytes come from anybody, so the decoder believes none of them: sizes, types, nesting and length are checked before
they are used, and a packet that is wrong anywhere counts for nothing. Its cost grows with the length of the packet
alone, and that is bounded.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from streammood.errors import OscError

Argument: TypeAlias = float | int | str | bool

LONGEST = 4096  # bytes of a packet; ours have 1400 at most
_DEEPEST = 8  # bundles in bundles
_MOST = 128  # messages in a packet, and arguments in a message
_TEXT = 1000  # bytes of a text that is sent
_BUNDLE = b"#bundle\0"
_HEAD = len(_BUNDLE) + 8  # bytes before the first element: name and time tag
_IMMEDIATELY = struct.pack(">Q", 1)  # the time tag that means now
_INT, _LARGEST = (-(1 << 31), (1 << 31) - 1), 3.4028234e38
_NUMBERS = {"i": ">i", "h": ">q", "f": ">f", "d": ">d"}
_CONSTANTS = {"T": True, "F": False, "I": True}  # an impulse is a button that is pressed


class Message(NamedTuple):
    """An address and its arguments."""

    address: str
    arguments: tuple[Argument, ...]


def encode(address: str, *arguments: Argument) -> bytes:
    """The packet of one message; numbers are brought into 32 bits, texts end at a NUL."""
    tags = "".join("s" if isinstance(a, str) else "i" if isinstance(a, int) else "f" for a in arguments)
    return _string(address) + _string(f",{tags}") + b"".join(map(_argument, arguments))


def encode_bundle(messages: Sequence[bytes]) -> bytes:
    """The packet of several messages that were encoded, to be taken at once."""
    return _BUNDLE + _IMMEDIATELY + b"".join(struct.pack(">i", len(message)) + message for message in messages)


class Encoder:
    """Encodes messages of one number to one address, in a fraction of the time, for the head never changes."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._float, self._int = encode(address, 0.0)[:-4], encode(address, 0)[:-4]

    def encode(self, value: Argument) -> bytes:
        """The message with ``value`` as its one argument."""
        if isinstance(value, str):
            return encode(self.address, value)
        return (self._int if isinstance(value, int) else self._float) + _argument(value)


def decode(packet: bytes) -> list[Message]:
    """Every message in ``packet``; time tags are ignored: a message counts on arrival.

    Raises:
        OscError: it is not OSC, it is too long, or it holds other types than numbers, strings, true and false.
    """
    if len(packet) > LONGEST:
        raise OscError(f"not more than {LONGEST} bytes at a time, got {len(packet)}")
    found: list[Message] = []
    for element in _elements(packet, 0):
        if len(found) == _MOST:
            raise OscError(f"not more than {_MOST} messages at a time")
        found.append(_message(element))
    return found


def _elements(packet: bytes, depth: int) -> Iterator[bytes]:
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    if depth == _DEEPEST or len(packet) < _HEAD:
        raise OscError("a bundle that is cut off or too deep")
    at = _HEAD
    while at < len(packet):
        size = struct.unpack_from(">i", packet, at)[0] if at + 4 <= len(packet) else 0
        at += 4
        if size <= 0 or at + size > len(packet):
            raise OscError("a bundle with an element of a wrong size")
        yield from _elements(packet[at : at + size], depth + 1)
        at += size


def _message(packet: bytes) -> Message:
    if not packet.startswith(b"/"):
        raise OscError("not OSC: a message begins with / and a bundle with #bundle")
    address, at = _read_string(packet, 0)
    if at == len(packet):
        return Message(address, ())  # old programs leave out the types where there are no arguments
    tags, at = _read_string(packet, at)
    if not tags.startswith(",") or len(tags) > 1 + _MOST:
        raise OscError("not OSC: a message without types, or with too many arguments")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        if tag in _NUMBERS:
            form = _NUMBERS[tag]
            end = at + struct.calcsize(form)
            if end > len(packet):
                raise OscError("not OSC: a number that is cut off")
            arguments.append(struct.unpack_from(form, packet, at)[0])
            at = end
        elif tag == "s":
            text, at = _read_string(packet, at)
            arguments.append(text)
        elif tag in _CONSTANTS:
            arguments.append(_CONSTANTS[tag])
        else:
            raise OscError(f"arguments are numbers, strings, true or false, got type `{ascii(tag)[1:-1]}`")
    return Message(address, tuple(arguments))


def _read_string(packet: bytes, at: int) -> tuple[str, int]:
    """The string at ``at``, and where what follows it begins."""
    end = packet.find(b"\0", at)
    after = end + 4 - (end - at) % 4
    if end < 0 or after > len(packet):
        raise OscError("not OSC: a string that is cut off")
    try:
        return packet[at:end].decode("utf-8"), after
    except UnicodeDecodeError:
        raise OscError("not OSC: a string that is not UTF-8") from None


def _string(text: str) -> bytes:
    data = text.partition("\0")[0].encode("utf-8", "replace")
    if len(data) > _TEXT:
        data = data[:_TEXT].decode("utf-8", "ignore").encode("utf-8")
    return data + b"\0" * (4 - len(data) % 4)


def _argument(value: Argument) -> bytes:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int):
        return struct.pack(">i", max(_INT[0], min(value, _INT[1])))
    return struct.pack(">f", value if math.isnan(value) else max(-_LARGEST, min(value, _LARGEST)))
