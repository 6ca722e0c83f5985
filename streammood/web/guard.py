"""Who may talk to the dashboard: checks of host, origin and token, sessions, and the headers of every answer.

On this machine alone (the default) no token is asked for; the check of the Host header then keeps web pages of
strangers from reaching the dashboard by a name that they point here. Everywhere else each browser shows the
token once, in the address that was printed, and gets a session for it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

SESSION: web.RequestKey[str] = web.RequestKey("session", str)
_NEW: web.RequestKey[str] = web.RequestKey("new session", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_READING = {"GET", "HEAD"}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """The checks for one address and port."""

    def __init__(self, host: str, port: int, token: str | None = None) -> None:
        """``token`` is made up where one is needed and none is given; on this machine alone none is needed."""
        self.token = token or (None if is_loopback(host) else secrets.token_urlsafe(24))
        self._host = host
        self._cookie = f"streammood_{port}"
        self._key = self.token.encode() if self.token else secrets.token_bytes(32)
        name = socket.gethostname().lower()
        self._names = {"localhost"} if is_loopback(host) else {"localhost", host.lower(), name, f"{name}.local"}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or say why not."""
        if not self._known_host(request):
            raise web.HTTPForbidden(text="The Host header names another machine than this dashboard's.\n")
        changes = request.method not in _READING or "Upgrade" in request.headers
        if changes and request.headers.get("Origin") != f"{request.scheme}://{request.host}":
            raise web.HTTPForbidden(text="Only the dashboard's own page may do this (wrong or missing Origin).\n")
        session = self._session(request)
        if session is None:
            session = self._admit(request)
            request[_NEW] = session
        request[SESSION] = session
        if "token" in request.query:
            raise web.HTTPSeeOther(str(request.rel_url.without_query_params("token")))
        return await handler(request)

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put the headers on every answer, and the cookie on that which begins a session."""
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        session = request.get(_NEW)
        if session is not None:
            cookie = f"{self._cookie}={session}.{self._sign(session)}; HttpOnly; Path=/; SameSite=Strict"
            response.headers.add("Set-Cookie", cookie)

    def _known_host(self, request: web.Request) -> bool:
        """By a number nobody can be led here; by a name only if it is this machine's."""
        host = request.host.lower()
        bracketed = re.fullmatch(r"\[(.*)\](:\d+)?", host)
        name = bracketed[1] if bracketed else host.partition(":")[0]
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return address.is_loopback or not is_loopback(self._host)

    def _session(self, request: web.Request) -> str | None:
        """The session that a cookie of ours or the token in a header proves."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token and given and hmac.compare_digest(given.encode(), self.token.encode()):
            return "token"
        session, _, signature = request.cookies.get(self._cookie, "").partition(".")
        return session if session and hmac.compare_digest(signature.encode(), self._sign(session).encode()) else None

    def _admit(self, request: web.Request) -> str:
        if self.token:
            given = request.query.get("token", "")
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                raise web.HTTPUnauthorized(
                    text="This dashboard needs its token: open the address that `streammood dashboard` printed.\n"
                )
        return secrets.token_urlsafe(16)

    def _sign(self, session: str) -> str:
        return hmac.new(self._key, session.encode(), hashlib.sha256).hexdigest()
