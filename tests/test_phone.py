"""The phone view under a real finger: each press is one command, everything lies in reach, and it can be installed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser import AXE, Open, needs_chromium, shown, violations
from tests.pretended import HELD, PretendedEngine
from tests.served import Dashboard, Served
from tests.waiting import wait_for

pytestmark = needs_chromium
UPRIGHT, ASIDE, SMALL = (390, 844), (844, 390), (320, 568)
TOUCH = {"has_touch": True, "is_mobile": True}


def opened(visit: Open, both: tuple[PretendedEngine, Served], size: tuple[int, int]) -> Page:
    both[0].commands.clear()
    both[0].held = dict(HELD)
    page = visit(f"{both[1].origin}/phone", *size, **TOUCH)
    shown(page, "label", "happy")
    return page


def test_each_press_is_one_command(visit: Open, both: tuple[PretendedEngine, Served]) -> None:
    engine, _ = both
    page = opened(visit, both, UPRIGHT)
    for button in ("tap", "one", "auto", "panic", "hold"):
        page.tap(f"#{button}")
    wanted = [("tap", [1]), ("downbeat", [1]), ("auto", [1]), ("panic", [1]), ("hold", [1])]
    assert wait_for(lambda: len(engine.commands) >= len(wanted))
    assert engine.commands == wanted
    assert page.get_attribute("#hold", "aria-pressed") == "true"
    engine.commands.clear()
    page.keyboard.press("Space")
    page.focus("#one")
    page.keyboard.press("Enter")
    assert wait_for(lambda: len(engine.commands) >= 2)
    assert engine.commands == [("tap", [1]), ("downbeat", [1])], "the same by keyboard and screen reader"


def test_a_tempo_that_is_held_is_marked(visit: Open, both: tuple[PretendedEngine, Served]) -> None:
    page = opened(visit, both, UPRIGHT)
    shown(page, "lock", "locked")
    both[0].held["tempo"] = 120.0
    shown(page, "lock", "by hand")
    page.wait_for_selector("#auto[aria-pressed=false]")


@pytest.mark.parametrize("size", [UPRIGHT, ASIDE, SMALL])
def test_everything_lies_on_the_screen_and_nothing_on_another(
    visit: Open, both: tuple[PretendedEngine, Served], size: tuple[int, int]
) -> None:
    page = opened(visit, both, size)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll("button, .bpm, .line, #lamps, #state")].map((e) => {
            const { left, top, right, bottom } = e.getBoundingClientRect();
            return [left, top, right, bottom];
        })"""
    )
    assert len(boxes) == 9
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
    for i, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart, (left, top, right, bottom, other)
    tap = page.locator("#tap").bounding_box()
    assert tap is not None
    assert min(tap["width"], tap["height"]) >= 120


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install")
@pytest.mark.parametrize("size", [UPRIGHT, ASIDE])
def test_axe_finds_nothing(visit: Open, both: tuple[PretendedEngine, Served], size: tuple[int, int]) -> None:
    assert violations(opened(visit, both, size)) == []


def test_it_can_be_installed(visit: Open, both: tuple[PretendedEngine, Served]) -> None:
    page = opened(visit, both, UPRIGHT)
    session = page.context.new_cdp_session(page)
    assert session.send("Page.getAppManifest")["errors"] == []
    faults = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [fault["errorId"] for fault in faults] in ([], ["in-incognito"])  # the profile of a test is always that


def test_its_address_has_a_code(visit: Open) -> None:
    with Dashboard(names=["https://show.example.org/mood/"], token="abcd-efgh-jkmn-pqrs") as served:
        page = visit(f"{served.origin}/?token=abcd-efgh-jkmn-pqrs")
        page.locator("[data-dialog=devices]").click()
        link = page.locator("#phone-list a")
        assert link.inner_text() == "https://show.example.org/mood/phone?token=abcd-efgh-jkmn-pqrs"
        assert page.locator("#phone-list img").evaluate("(image) => image.naturalWidth") > 100
        phone = visit(f"{served.origin}/phone?token=abcd-efgh-jkmn-pqrs")
        phone.wait_for_selector("#tap")
        assert phone.url == f"{served.origin}/phone"
