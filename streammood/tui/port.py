"""The UDP port on which an engine is heard, taken before the screen is: what is wrong is told in a plain line."""

from __future__ import annotations

import socket

from streammood.errors import SourceError

_BUFFER = 1 << 20  # bytes; enough for a second of everything


def bind(host: str, port: int) -> socket.socket:
    """A socket that receives at ``host`` and ``port``; port 0 is any that is free.

    Raises:
        SourceError: they cannot be had.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        sock = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"--host {host}: is no address of this machine ({error})") from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise SourceError(
            f"OSC port {host}:{port} cannot be listened on ({error.strerror or error}); another program, such as "
            "`streammood dashboard`, may have it: end that, or choose another with --port"
        ) from None
    sock.setblocking(False)
    return sock
