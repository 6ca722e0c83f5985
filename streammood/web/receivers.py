"""Receivers that announce themselves in the network (DNS-SD, the service ``_osc._udp``), for who adds a target."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

SERVICE = "_osc._udp.local."
_LOOKED = 3.0  # s for which announcements are waited for: answers may be held back for a second (RFC 6762, 6)
_MOST = 50  # that are listed
_MISSING = "Receivers that announce themselves are found with: pip install 'streammood[discover]'"


@dataclass(frozen=True, slots=True)
class Receiver:
    """One that announces itself."""

    name: str
    host: str  # its address, IPv4 where it has one
    port: int


async def announced(interfaces: list[str] | None = None, seconds: float = _LOOKED) -> list[Receiver]:
    """Whoever announces itself now, by name; ``interfaces``: own addresses to ask from, by default all.

    Raises:
        ImportError: zeroconf is not installed.
        OSError: there is no network to ask.
    """
    from zeroconf import InterfaceChoice, ServiceStateChange  # noqa: PLC0415  an extra
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415  likewise

    names: set[str] = set()

    def changed(zeroconf: object, service_type: str, name: str, state_change: object) -> None:
        (names.discard if state_change is ServiceStateChange.Removed else names.add)(name)

    network = AsyncZeroconf(interfaces=interfaces or InterfaceChoice.All)
    try:
        browser = AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[changed])
        await asyncio.sleep(seconds)
        found = []
        for name in sorted(names)[:_MOST]:
            info = AsyncServiceInfo(SERVICE, name)
            if await info.async_request(network.zeroconf, 1000.0 * seconds) and info.port:
                addresses = sorted(info.parsed_scoped_addresses(), key=lambda text: ":" in text)
                title = "".join(c for c in name.removesuffix(f".{SERVICE}") if c.isprintable())[:40]
                found += [Receiver(title, addresses[0], info.port)] if addresses and _is_address(addresses[0]) else []
        await browser.async_cancel()
        return found
    finally:
        await network.async_close()


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return not ipaddress.ip_address(text.partition("%")[0]).is_multicast
    return False


class Receivers:
    """The route ``/receivers``."""

    def __init__(self, interfaces: list[str] | None = None) -> None:
        """``interfaces``: own addresses to ask from, by default all."""
        self._interfaces = interfaces
        self._looking = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """What the application serves."""
        return [web.get("/receivers", self._list)]

    async def _list(self, _: web.Request) -> web.Response:
        async with self._looking:  # many pages ask the network once each, one after the other
            state: dict[str, Any] = {"receivers": [], "why": ""}
            try:
                state["receivers"] = [asdict(one) for one in await announced(self._interfaces)]
            except ImportError:
                state["why"] = _MISSING
            except OSError as error:
                state["why"] = f"The network cannot be asked: {error.strerror or error}"
        return web.json_response(state)
