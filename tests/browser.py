"""A browser for tests of pages: one for a module, a fresh profile for each page, complaints fail the test."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests import served

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
needs_chromium = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium: apt-get install chromium")
AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
ENDED = "WebSocket connection to"  # what the browser says when a dashboard has ended
GONE = "net::ERR_CONNECTION_REFUSED"  # of what it was fetching when a dashboard went, or asks for before one is back
SLOW = 30_000  # ms that a busy machine may take

Open = Callable[..., Page]


@contextlib.contextmanager
def browsing(*options: str) -> Iterator[Browser]:
    """Chromium, which plays sound without being asked to."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", *options]
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def visiting(browser: Browser) -> Iterator[Open]:
    """A function that opens an address in a profile of its own; what the pages complain about fails the test."""
    complaints: list[str] = []
    contexts = []

    def complains(line: ConsoleMessage, allowed: str) -> bool:
        if line.type != "error" or any(text in line.text for text in (allowed, ENDED)):
            return False
        return not (GONE in line.text and line.location["url"].startswith(tuple(served.ENDED)))

    def go(address: str, width: int = 1280, height: int = 800, allowed: str = "\0", **context: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **context))
        page = contexts[-1].new_page()
        page.set_default_timeout(SLOW)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if complains(line, allowed) else None)
        page.goto(address)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == [], complaints


def shown(page: Page, element: str, text: str) -> None:
    """Wait until ``element`` shows ``text``."""
    page.wait_for_function(
        "([id, text]) => document.getElementById(id).textContent.trim() === text", arg=[element, text]
    )


def violations(page: Page) -> list[Any]:
    """What axe-core finds fault with."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]
