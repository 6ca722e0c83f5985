"""What a page sends as JSON, bounded and checked at one door."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

_LARGEST = 4096  # bytes of a request


async def read_object(request: web.Request) -> dict[str, Any]:
    """The object in JSON that ``request`` carries.

    Raises:
        HTTPRequestEntityTooLarge: it has more than 4096 bytes, whatever its header says of its length.
        HTTPBadRequest: it is no object in JSON.
    """
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > _LARGEST:
            raise web.HTTPRequestEntityTooLarge(_LARGEST, len(body))
    try:
        wanted = json.loads(body)
    except (ValueError, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise web.HTTPBadRequest(text="The request must be an object in JSON.\n")
    return wanted
