"""Datagrams of anybody in, OSC messages out.

python-osc decodes the messages. What it would stumble over is refused before: bundle elements of a negative size
(it would never end), deep nesting, types that it skips with a line on the terminal while their bytes shift all that
follows, and datagrams so long that reading them would cost the engine time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pythonosc.osc_message import OscMessage

from streammood.errors import ControlError

_LONGEST = 4096  # bytes; every command fits into a hundred
_DEEPEST = 8  # bundles in bundles
_BUNDLE = b"#bundle\0"
_HEAD = len(_BUNDLE) + 8  # bytes before the first element: name and time tag
_TYPES = frozenset(b"ifhdsTFI")


def messages(datagram: bytes) -> list[tuple[str, list[object]]]:
    """Address and arguments of every message in ``datagram``; time tags are not kept: a command counts on arrival.

    Raises:
        ControlError: it is not OSC, or holds types that no command takes; then nothing in it counts.
    """
    if len(datagram) > _LONGEST:
        raise ControlError(f"not more than {_LONGEST} bytes at a time, got {len(datagram)}")
    return [_decode(message) for message in _unbundled(datagram, 0)]


def _unbundled(packet: bytes, depth: int) -> Iterator[bytes]:
    if not packet.startswith(_BUNDLE):
        yield packet
        return
    if depth == _DEEPEST or len(packet) < _HEAD:
        raise ControlError("a bundle that is cut off or too deep")
    at = _HEAD
    while at < len(packet):
        size = struct.unpack_from(">i", packet, at)[0] if at + 4 <= len(packet) else 0
        at += 4
        if size <= 0 or at + size > len(packet):
            raise ControlError("a bundle with an element of a wrong size")
        yield from _unbundled(packet[at : at + size], depth + 1)
        at += size


def _decode(packet: bytes) -> tuple[str, list[object]]:
    if not packet.startswith(b"/"):
        raise ControlError("not OSC: a message begins with / and a bundle with #bundle")
    try:
        message = OscMessage(_with_known_types(packet))
    except ControlError:
        raise
    except Exception:  # noqa: BLE001  the decoder has more errors than it names: wrong UTF-8, cut-off numbers
        raise ControlError("not OSC: a message that is cut off or garbled") from None
    return message.address, list(message.params)


def _with_known_types(packet: bytes) -> bytes:
    """``packet`` with an impulse (type I), which python-osc does not know, as True; neither has any bytes."""
    begin = packet.find(b"\0") // 4 * 4 + 4
    end = packet.find(b"\0", begin)
    tags = packet[begin : end if end >= 0 else len(packet)]
    unknown = set(tags[1:]) - _TYPES
    if unknown:
        raise ControlError(
            f"arguments are numbers, strings, true or false, got type `{ascii(chr(min(unknown)))[1:-1]}`"
        )
    return packet[:begin] + tags.replace(b"I", b"T") + packet[begin + len(tags) :]
