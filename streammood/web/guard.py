"""Who may use the dashboard: checks of host, origin and token, sessions, and the headers of every answer.

A browser on this machine needs no token. The check of the Host header keeps web pages of strangers from reaching
the dashboard by a name that they point here. Everybody else gives the token once, in the address that was printed
or in a field of the page, and gets a session for it. A proxy in front connects from this machine for everybody, so
whoever comes through one needs the token.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from importlib import resources
from urllib.parse import urlsplit

from aiohttp import web

from streammood.config import DashboardSettings

SESSION: web.RequestKey[str] = web.RequestKey("session", str)
_NEW: web.RequestKey[str] = web.RequestKey("new session", str)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_READING = {"GET", "HEAD"}
_OPEN = {"/page/token.css", "/page/icon.svg"}  # what the page that asks for the token is made of
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_CODE_LETTERS, _CODE_LASTS, _CODE_LEFT = 6, 600.0, 120.0  # letters; s that a code is valid, and at least when shown
_CODE_WRONG = 10  # answers after which a code is valid no more
_LOCAL = "local"  # begins sessions of browsers on this machine, which gave no token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``, a name or an address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class ShortCode:
    """Six letters and digits in place of the token, for a phone: for some minutes, and for a few wrong answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: time in s."""
        self._clock = clock
        self._text = ""
        self._until = 0.0
        self._wrong = 0

    @property
    def text(self) -> str:
        """The code that is valid now, a new one where there is none."""
        if self._clock() > self._until - _CODE_LEFT or self._wrong >= _CODE_WRONG:
            self._text = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS))
            self._until, self._wrong = self._clock() + _CODE_LASTS, 0
        return self._text

    def matches(self, given: str) -> bool:
        """Whether ``given`` is the code."""
        if len(given) != _CODE_LETTERS or self._clock() > self._until or self._wrong >= _CODE_WRONG:
            return False
        right = _same(given.lower(), self._text)
        self._wrong += not right
        return right


def new_token() -> str:
    """A token that can be typed: 16 letters and digits in groups of four, 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


class Guard:
    """The checks for one dashboard; ``token`` is None where only browsers of this machine come, without a proxy."""

    def __init__(self, settings: DashboardSettings) -> None:
        self._local_only = is_loopback(settings.host)
        proxied = bool(settings.proxies) or (self._local_only and bool(settings.names))
        self.token = settings.token or (new_token() if proxied or not self._local_only else None)
        self.code = ShortCode()
        self.trusts_local = not proxied and not (self._local_only and settings.token)
        self._port = settings.port
        self._cookie = f"streammood_{settings.port}"
        self._key = self.token.encode() if self.token else secrets.token_bytes(32)
        self._own = socket.gethostname().lower()
        self._names = set(settings.host_names)
        self._proxies = {_origin(proxy) for proxy in settings.proxies}
        self._proxy_names = {urlsplit(proxy).hostname or "" for proxy in settings.proxies}

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, or answer why not."""
        name = _name(request.host)
        if not self._is_own_name(name):
            raise web.HTTPForbidden(
                text=f"This dashboard is not known by the name {name[:80]!a}; "
                "to open it by that name, list it in the setting dashboard.names.\n"
            )
        changes = request.method not in _READING or "Upgrade" in request.headers
        if changes and not self._own_origin(request):
            raise web.HTTPForbidden(
                text="Only the dashboard's own page may do this (wrong or missing Origin). "
                "Behind a proxy, list the page's address in the setting dashboard.names.\n"
            )
        if request.path in _OPEN and request.method in _READING:
            return await handler(request)
        session = self._session(request)
        if session is None:
            session = self._admit(request)
            request[_NEW] = session
        request[SESSION] = session
        if "token" in request.query:
            raise web.HTTPSeeOther(_without_token(request))
        return await handler(request)

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put the headers on every answer, and the cookie on that which begins a session."""
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        session = request.get(_NEW)
        if session is not None:
            # Lax: with Strict, a link in a chat would lead to the token's field although there is a session.
            # What changes anything is safe without: it needs the right Origin.
            cookie = f"{self._cookie}={session}.{self._sign(session)}; HttpOnly; Path=/; SameSite=Lax"
            response.headers.add("Set-Cookie", cookie)

    def _is_own_name(self, name: str) -> bool:
        """Whether the page may be opened by ``name``: an address of this machine, or a name that it has.

        An address cannot be rebound to this machine. Its own name with any domain is accepted only with a token.
        """
        if is_loopback(name) or name in self._names or name in self._proxy_names:
            return True
        if self._local_only:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name == self._own or name.startswith(f"{self._own}.")
        return True

    def _own_origin(self, request: web.Request) -> bool:
        """Whether the request comes from a page of this dashboard, served by itself or by a proxy.

        A proxy may have changed the Host header, and a browser behind TLS sends https.
        """
        origin = request.headers.get("Origin", "").lower()
        scheme, _, authority = origin.partition("://")
        if scheme not in {"http", "https"} or not authority:
            return False
        if authority == request.host.lower() or origin in self._proxies:
            return True
        name, _, port = authority.partition(":")
        return name in self._names and port in {"", str(self._port)}

    def _is_local(self, request: web.Request) -> bool:
        """Whether a browser on this machine asks, by itself and not through a proxy."""
        origin = request.headers.get("Origin")
        return (
            self.trusts_local
            and _from_here(request)
            and _is_own_address(_name(request.host), request)
            and (origin is None or _is_own_address(_name(origin.lower().partition("://")[2]), request))
            and not any(header in request.headers for header in _FORWARDED)
        )

    def _session(self, request: web.Request) -> str | None:
        """The session that a cookie of ours or the token in a header proves."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.token and given and _same(given, self.token):
            return "token"
        session, _, signature = request.cookies.get(self._cookie, "").partition(".")
        if not session or not _same(signature, self._sign(session)):
            return None
        return session if not session.startswith(_LOCAL) or self._is_local(request) else None

    def _admit(self, request: web.Request) -> str:
        given = request.query.get("token", "").strip()
        if self.token and given and (_same(given, self.token) or self.code.matches(given)):
            return f"token-{secrets.token_urlsafe(16)}"
        if self._is_local(request):
            return f"{_LOCAL}-{secrets.token_urlsafe(16)}"
        raise _token_asked(request, bool(given))

    def _sign(self, session: str) -> str:
        return hmac.new(self._key, _bytes(session), hashlib.sha256).hexdigest()


def _token_asked(request: web.Request, wrong: bool) -> web.HTTPUnauthorized:
    """The answer that asks for the token: a page with a field to a browser, a line to programs."""
    if "text/html" not in request.headers.get("Accept", ""):
        return web.HTTPUnauthorized(
            text="This dashboard needs its token: open the address that `streammood dashboard` printed.\n"
        )
    page = resources.files("streammood.web").joinpath("page", "token.html").read_text(encoding="utf-8")
    return web.HTTPUnauthorized(
        text=page.replace("<body>", '<body class="wrong">') if wrong else page, content_type="text/html"
    )


def _without_token(request: web.Request) -> str:
    """The address of ``request`` without its token, relative, so that a proxy's path before it stays."""
    name = request.path.rpartition("/")[2]
    query = request.rel_url.without_query_params("token").raw_query_string
    return f"./{name if re.fullmatch(r'[a-z]*', name) else ''}" + (f"?{query}" if query else "")


def _name(authority: str) -> str:
    """Host name or address in an authority such as ``laptop.lan:7073`` or ``[::1]:7073``."""
    bracketed = re.fullmatch(r"\[(.*)\](:\d*)?", authority)
    return (bracketed[1] if bracketed else authority.partition(":")[0]).lower().rstrip(".")


def _from_here(request: web.Request) -> bool:
    """Whether the connection comes from this machine: over loopback, or from one of its addresses to the same."""
    transport = request.transport
    own = transport.get_extra_info("sockname") if transport is not None else None
    return is_loopback(request.remote or "") or (own is not None and request.remote == own[0])


def _is_own_address(name: str, request: web.Request) -> bool:
    """Whether ``name`` is an address of this machine, which no foreign name can be rebound to."""
    return is_loopback(name) or (name == request.remote and _from_here(request))


def _origin(address: str) -> str:
    """The origin that a browser names for pages at ``address``."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _bytes(text: str) -> bytes:
    """Any text from outside as bytes, also invalid Unicode."""
    return text.encode("utf-8", "backslashreplace")


def _same(given: str, wanted: str) -> bool:
    """Whether two texts are equal; the time that it takes does not show where they differ."""
    return hmac.compare_digest(_bytes(given), _bytes(wanted))
