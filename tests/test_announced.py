"""Receivers that announce themselves by DNS-SD are found, listed, and chosen; what is odd about them hurts nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from streammood.web import receivers
from streammood.web.receivers import SERVICE, Receiver, announced
from tests.browser import Open, needs_chromium
from tests.served import Dashboard, free_port

zeroconf = pytest.importorskip("zeroconf", reason="needs zeroconf: pip install 'streammood[discover]'")
LOOPBACK = ["127.0.0.1"]
DESK, SERVER = f"Desk {os.getpid()}", f"Media {os.getpid()}"  # others may announce theirs at the same time


def info(name: str, host: str, port: int) -> Any:
    own = f"{name.replace(' ', '-').lower()}.local."
    return zeroconf.ServiceInfo(SERVICE, f"{name}.{SERVICE}", port, addresses=[socket.inet_aton(host)], server=own)


def seen_by_others() -> bool:
    """Whether zeroconf itself finds on this loopback what was announced."""
    other = zeroconf.Zeroconf(interfaces=LOOPBACK)
    try:
        return other.get_service_info(SERVICE, f"{DESK}.{SERVICE}", timeout=1500) is not None
    finally:
        other.close()


@pytest.fixture(scope="module")
def network() -> Iterator[Any]:
    """A network of this machine alone, in which two receivers announce themselves."""
    with ThreadPoolExecutor(1) as thread:  # the browser has this thread's event loop, which zeroconf would take
        try:
            made = thread.submit(zeroconf.Zeroconf, interfaces=LOOPBACK).result()
        except OSError as error:
            pytest.skip(f"no multicast on loopback here: {error}")
        for one in (info(SERVER, "192.0.2.20", 7000), info(DESK, "192.0.2.30", 8000)):
            thread.submit(made.register_service, one).result()
        if not thread.submit(seen_by_others).result():
            thread.submit(made.close).result()
            pytest.skip("no multicast DNS on loopback here")
        yield made
        thread.submit(made.close).result()


def test_whoever_announces_itself_is_found(network: Any) -> None:
    found = [one for one in asyncio.run(announced(LOOPBACK, 4.0)) if one.name in (DESK, SERVER)]
    assert found == [Receiver(DESK, "192.0.2.30", 8000), Receiver(SERVER, "192.0.2.20", 7000)]


def test_without_zeroconf_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with Dashboard() as served:
        state = served.ask("GET", "/receivers").json
    assert state["receivers"] == []
    assert "streammood[discover]" in state["why"]


@needs_chromium
def test_one_is_chosen_on_the_page(network: Any, visit: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    real = receivers.announced
    monkeypatch.setattr(receivers, "announced", lambda _: real(LOOPBACK, 4.0))
    with Dashboard(osc_port=free_port(socket.SOCK_DGRAM)) as served:
        page = visit(f"{served.origin}/setup")
        page.click("#look")
        page.locator("#receivers button", has_text=SERVER).click()
        assert page.input_value("[name=host]") == "192.0.2.20"
        assert page.input_value("[name=port]") == "7000"
