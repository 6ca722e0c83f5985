"""Under which addresses the dashboard can be opened: on this machine, from others, through proxies."""

from __future__ import annotations

import contextlib
import io
import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import segno

from streammood.config import DashboardSettings
from streammood.web.guard import Guard, is_loopback

_ANYWHERE = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}
"""The hosts that stand for all interfaces, and addresses (for documentation) that lie behind the usual route."""
_MOST = 6  # addresses that are listed


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses to open, each with the token where one is needed."""

    here: str | None  # on this machine
    others: tuple[str, ...]  # on other machines, the likeliest first

    @classmethod
    def of(cls, settings: DashboardSettings, guard: Guard) -> Addresses:
        """The addresses of a dashboard now; they change when this machine joins another network."""
        query = f"?token={guard.token}" if guard.token else ""
        others = [*settings.proxies]
        if is_loopback(settings.host):
            here: str | None = _url(settings.host, settings.port)
        else:
            here = _url("127.0.0.1" if settings.host == "0.0.0.0" else "::1", settings.port)
            hosts = _own(settings.host) if settings.host in _ANYWHERE else [settings.host]
            if settings.host not in _ANYWHERE:
                here = None
            others += [_url(host, settings.port) for host in (*hosts, *settings.host_names)]
        local = "" if guard.trusts_local else query
        return cls(here and here + local, tuple(address + query for address in dict.fromkeys(others)))


def _own(host: str) -> Iterator[str]:
    """Addresses of this machine in its networks, that of the usual route first, and its name."""
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    families = {socket.AF_INET, family}  # `::` takes IPv4 as well
    states = psutil.net_if_stats()
    found = [
        address.address.partition("%")[0]
        for name, addresses in psutil.net_if_addrs().items()
        if name not in states or states[name].isup
        for address in addresses
        if address.family in families
    ]
    numbers = [ipaddress.ip_address(text) for text in found]
    usual = _usual(family, _ANYWHERE[host])
    reached = [
        number for number in numbers if not number.is_loopback and not (number.version == 6 and number.is_link_local)
    ]
    reached.sort(key=lambda number: (str(number) != usual, number.is_link_local, number.version))
    yield from (str(number) for number in reached[:_MOST])
    yield socket.gethostname().lower()


def _usual(family: int, beyond: str) -> str | None:
    """The own address from which packets would leave for ``beyond``; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((beyond, 9))
        return str(probe.getsockname()[0])
    return None


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def phone_address(address: str) -> str:
    """Where the phone view is, of the dashboard at ``address``."""
    base, mark, query = address.partition("?")
    return f"{base.rstrip('/')}/phone{mark}{query}"


def qr_text(address: str) -> str:
    """``address`` as a QR code in block characters: light ones for the light squares."""
    out = io.StringIO()
    segno.make(address, error="l").terminal(out, compact=True, border=2)
    return out.getvalue().rstrip("\n")


def qr_image(address: str) -> str:
    """``address`` as a QR code, an SVG in a data URI."""
    return str(segno.make(address, error="m").svg_data_uri(scale=6, border=3, light="#fff"))
