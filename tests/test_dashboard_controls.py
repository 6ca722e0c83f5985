"""What an operator presses, types and sees on the dashboard, in a real browser: by mouse, keyboard and touch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from streammood.protocol.commands import COMMANDS
from tests.browser import AXE, Open, needs_chromium, shown, violations, visiting
from tests.pretended import HELD, TARGETS, PretendedEngine
from tests.served import Dashboard, Served
from tests.waiting import wait_for

pytestmark = needs_chromium
DESK, PHONE, ASIDE = (1440, 900), (390, 844), (844, 390)
TOUCH = {"has_touch": True, "is_mobile": True}


@pytest.fixture
def engine(both: tuple[PretendedEngine, Served]) -> PretendedEngine:
    """The pretended engine as if nothing had been done to it."""
    pretended = both[0]
    pretended.commands.clear()
    pretended.refuse, pretended.label, pretended.meter = "", "happy", 4
    pretended.held, pretended.targets = dict(HELD), dict(TARGETS)
    return pretended


@pytest.fixture
def address(both: tuple[PretendedEngine, Served]) -> str:
    return both[1].origin


@pytest.fixture(scope="module")
def desk(chromium: Browser) -> Iterator[Page]:
    """A page for many tests, as wide as a laptop."""
    with visiting(chromium) as go:
        yield go("about:blank", *DESK)


@pytest.fixture
def page(desk: Page, engine: PretendedEngine, address: str) -> Page:
    """The live view, opened anew, with everything that the engine says on it."""
    desk.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    desk.goto("about:blank")
    desk.goto(address)
    desk.wait_for_selector("#targets li >> nth=1")
    shown(desk, "label", "happy")
    return desk


def resize(page: Page, size: tuple[int, int]) -> None:
    """Let the page be as large as this, and have its layout done."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def came(engine: PretendedEngine, *commands: str) -> bool:
    """Whether these commands and no others reach the engine."""
    wait_for(lambda: len(engine.commands) >= len(commands), 20.0)
    found = [name for name, _ in engine.commands]
    engine.commands.clear()
    return found == list(commands)


# Keys


def test_every_key_gives_its_command(page: Page, engine: PretendedEngine) -> None:
    """As the table of commands says; the target is the one that is chosen, at first the first."""
    names = {"space": " ", "left": "ArrowLeft", "right": "ArrowRight"}
    expected: list[tuple[str, list[object]]] = []
    for row in COMMANDS.values():
        for key in row.keys:
            page.keyboard.press(names.get(key.key, key.key))
            arguments: dict[str, list[object]] = {
                "offset": ["wall", -20.0 + key.step if key.step < 0 else -20.0],  # there and back
                "mute": ["wall", 1],
                "hold": [1],
            }
            expected.append((row.name, arguments.get(row.name, [key.step] if key.step else [1])))
    assert wait_for(lambda: len(engine.commands) >= len(expected), 20.0)
    assert engine.commands == expected


def test_after_a_click_space_taps(page: Page, engine: PretendedEngine) -> None:
    """Whatever was clicked that opens nothing; but who comes to a button by Tab presses it with Space."""
    for button in page.locator(
        "#live button:visible:not([data-watch], #input-open), header > button[data-command]"
    ).all():
        button.click()
        wait_for(lambda: len(engine.commands) == 1, 20.0)
        engine.commands.clear()
        page.keyboard.press(" ")
        assert came(engine, "tap"), button
    page.locator("[data-command=half]").focus()
    page.keyboard.press(" ")
    assert came(engine, "half")


PLACES = {
    "a field": "page.locator('[name=gain]').press_sequentially('12')",
    "a field after Escape": "page.locator('[name=gain]').press('Escape')",
    "an offset": "page.locator('#targets input').first.focus()",
    "the log": "page.locator('#log').focus()",
    "a button": "page.locator('[data-command=double]').focus()",
    "a link": "page.locator('#tab-live').focus()",
    "the list of keys": "page.keyboard.press('?')",
    "the devices": "page.locator('[data-dialog=devices]').click()",
    "the songs": "page.locator('#tab-songs').click()",
    "a file field": "(page.locator('#tab-songs').click(), page.locator('#files').focus())",
    "the stage": "page.goto(page.url + 'stage')",
}


@pytest.mark.parametrize("place", PLACES)
def test_panic_works_from_everywhere(page: Page, engine: PretendedEngine, place: str) -> None:
    eval(PLACES[place], {"page": page})
    page.wait_for_function("() => document.documentElement.classList.contains('started')")
    if place == "the stage":
        page.wait_for_function("() => document.getElementById('info').textContent === ''")
    page.keyboard.press("p")
    assert came(engine, "panic")
    page.keyboard.press("Shift+P")
    assert came(engine, "panic")


def test_keys_are_found_on_any_keyboard(page: Page, engine: PretendedEngine) -> None:
    """Where letters are not Latin, by their place; `[` may need AltGr; what belongs to the browser stays there."""
    press = """([key, code, more]) => {
      const event = new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...more });
      document.body.dispatchEvent(event);
      return event.defaultPrevented;
    }"""
    assert page.evaluate(press, ["з", "KeyP", {}])
    assert came(engine, "panic")
    assert page.evaluate(press, ["]", "Digit9", {"ctrlKey": True, "altKey": True, "modifierAltGraph": True}])
    assert came(engine, "offset")
    assert page.evaluate(press, ["]", "Digit6", {"altKey": True}])
    assert came(engine, "offset")
    for modifier in ("ctrlKey", "metaKey", "altKey"):
        assert not page.evaluate(press, ["p", "KeyP", {modifier: True}])
        assert not page.evaluate(press, ["d", "KeyD", {modifier: True}])
    assert engine.commands == []


def test_the_list_of_keys_names_them_all(page: Page) -> None:
    page.keyboard.press("?")
    text = page.locator("#key-list").inner_text()
    for row in COMMANDS.values():
        assert not row.keys or row.title in text
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()


def test_targets_are_chosen_by_keys_and_quick_presses_add_up(page: Page, engine: PretendedEngine) -> None:
    page.keyboard.press("ArrowDown")
    for _ in range(4):
        page.keyboard.press("]")
    page.keyboard.press("m")
    assert wait_for(lambda: len(engine.commands) == 5, 20.0)
    assert engine.commands[-2:] == [("offset", ["192.168.1.20:8000", 20.0]), ("mute", ["192.168.1.20:8000", 0])]


# Fields


def value_becomes(page: Page, name: str, value: str) -> None:
    page.wait_for_function("([name, value]) => document.getElementsByName(name)[0].value === value", arg=[name, value])


def test_fields_show_what_holds_at_the_engine(page: Page, engine: PretendedEngine) -> None:
    """Bounds in force; then a value of ours; then one that somebody else has set."""
    value_becomes(page, "bpm/min", "60")
    value_becomes(page, "bpm/max", "180")
    page.locator("[name='bpm/max']").fill("150")
    page.keyboard.press("Enter")
    assert wait_for(lambda: engine.commands == [("bpm/max", [150.0])], 20.0)
    value_becomes(page, "bpm/max", "150")
    engine.held["bpm/max"] = 140.0
    value_becomes(page, "bpm/max", "140")
    page.locator("#settings [name=bpm]").fill("111")
    page.keyboard.press("Enter")
    value_becomes(page, "bpm", "")  # it is taken, and then the engine's own


@pytest.mark.parametrize(
    ("name", "typed", "refusal"),
    [
        ("bpm/max", "150", "not now"),
        ("bpm/max", "4000", ""),
        ("bpm/min", "-1", ""),
        ("gain", "1e9", ""),
        ("gain", "", ""),
    ],
)
def test_a_refused_value_does_not_stay(
    page: Page, engine: PretendedEngine, name: str, typed: str, refusal: str
) -> None:
    engine.refuse = refusal
    before = f"{engine.held[name]:g}"
    value_becomes(page, name, before)
    page.locator(f"[name='{name}']").fill(typed)
    page.keyboard.press("Enter")
    if typed:
        page.locator(".toast.bad").first.wait_for()
    value_becomes(page, name, before)
    assert [command for command, _ in engine.commands] == ([name] if refusal else [])


def test_escape_takes_back_what_was_typed(page: Page, engine: PretendedEngine) -> None:
    value_becomes(page, "gain", "0")
    page.locator("#settings [name=gain]").fill("17")
    page.keyboard.press("Escape")
    value_becomes(page, "gain", "0")
    page.keyboard.press("t")
    assert came(engine, "tap")


# What is where

BOXES = """(selector) => [...document.querySelectorAll(selector)]
  .filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .map((e) => { const box = e.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; })"""
PRESSED = "#live button, #live input, header button, header a"


def test_no_mood_moves_a_button(page: Page, engine: PretendedEngine) -> None:
    places: dict[tuple[int, int], list[object]] = {}
    for label in ("sad", "aggressive", "rather melancholic and dreamy"):
        engine.label = label
        shown(page, "label", label)
        for size in (DESK, (1024, 768), PHONE, ASIDE):
            resize(page, size)
            places.setdefault(size, []).append(page.evaluate(BOXES, PRESSED))
    for size, (first, second, third) in places.items():
        assert first == second == third, size


def test_toasts_cover_nothing_that_is_pressed_below(page: Page, engine: PretendedEngine) -> None:
    engine.refuse = "there is no such thing as this; the reason is a long one that needs room"
    for _ in range(3):
        page.locator("[data-command=reload]").click()
    page.wait_for_function("() => document.querySelectorAll('.toast').length === 3")
    for size in (DESK, (1024, 768), PHONE, ASIDE):
        resize(page, size)
        page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        toasts = page.evaluate(BOXES, ".toast")
        assert toasts
        below = page.evaluate(BOXES, "#settings button, #settings input, header button, header a")
        for left, top, right, bottom in below:
            for a, b, c, d in toasts:
                assert right <= a or c <= left or bottom <= b or d <= top, size


def test_many_targets_leave_the_engine_row_on_the_screen(page: Page, engine: PretendedEngine) -> None:
    for i in range(1, 13):
        engine.targets |= {f"{i}/name": f"target {i}", f"{i}/sent": 1, f"{i}/failed": 0, f"{i}/offset": 0.0}
    engine.targets["count"] = 12
    page.wait_for_selector("#targets li >> nth=11")
    (_, top, _, bottom), *_ = page.evaluate(BOXES, ".engine")
    assert top < bottom <= DESK[1]
    engine.targets["count"] = 2
    page.wait_for_selector("#targets li >> nth=2", state="detached")


def test_a_phone_on_its_side_shows_what_matters(visit: Open, engine: PretendedEngine, address: str) -> None:
    page = visit(address, *ASIDE, **TOUCH)
    shown(page, "label", "happy")
    shown(page, "lock", "locked")
    needed = "#bpm, #label, #lock, .panic, #lamps li, .tempo .buttons button, #overrides button, #probabilities button"
    boxes = page.evaluate(BOXES, needed)
    assert len(boxes) == 3 + 1 + 4 + 7 + 2 + 4
    assert all(0 <= left < right <= ASIDE[0] and 0 <= top < bottom <= ASIDE[1] for left, top, right, bottom in boxes)
    overlapping = "(e) => e.map((a) => a.getBoundingClientRect())"
    bpm, tap = page.evaluate(
        overlapping.replace("e.map", "[...document.querySelectorAll('.unit, [data-command=tap]')].map")
    )
    assert bpm["right"] <= tap["left"]


def test_there_are_as_many_lamps_as_beats_in_a_bar(page: Page, engine: PretendedEngine) -> None:
    lit = "() => [...document.querySelectorAll('#lamps [data-lit]')].map((e) => e.textContent).join()"
    for meter in (3, 7, 4):
        engine.meter = meter
        page.wait_for_function("(n) => document.querySelectorAll('#lamps li').length === n", arg=meter)
        page.wait_for_function(f"() => ({lit})() === '{meter}'")
        assert page.locator("#lamps li").count() == meter
    engine.meter = 0  # it does not know
    page.wait_for_function("() => document.querySelectorAll('#lamps li').length === 1")


def test_on_touch_the_stage_has_its_options(visit: Open, engine: PretendedEngine, address: str) -> None:
    page = visit(f"{address}/stage", *PHONE, **TOUCH)
    page.evaluate("() => document.body.classList.add('idle')")  # as after six seconds
    page.locator("#options").wait_for(state="hidden")
    page.touchscreen.tap(100, 300)
    page.locator("#show-info").tap()
    page.wait_for_function("() => document.getElementById('info').textContent.includes('happy')")
    page.locator("#later").tap()
    shown(page, "offset", "picture 10 ms later")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


# For everybody

SCENE = """async ([calm, bpm]) => {
  const { Scene } = await import("/page/scene.js");
  const scene = new Scene(document.createElement("canvas"));
  scene.calm = calm;
  let flashes = 0;
  const before = [...scene.field.x];
  for (let at = 0; at < 10; at += 60 / bpm) {
    scene.push(1, at);
    if (Math.max(...scene.field.flash) === 1) flashes++;
    scene.field.flash.fill(0);
    scene.frame(1000 * at);
  }
  return [flashes, before.every((x, i) => x === scene.field.x[i])];
}"""


def test_the_stage_flashes_at_most_three_times_a_second(page: Page) -> None:
    for bpm in (60.0, 120.0, 180.0, 200.0, 400.0):
        flashes, still = page.evaluate(SCENE, [False, bpm])
        assert 5 <= flashes <= 31, bpm
        assert not still
    assert page.evaluate(SCENE, [True, 120.0]) == [0, True], "calm: no flash, no motion"


def test_less_motion_is_the_systems_choice_or_ones_own(visit: Open, engine: PretendedEngine, address: str) -> None:
    page = visit(f"{address}/stage", reduced_motion="reduce")
    assert page.locator("#calm").get_attribute("aria-pressed") == "true"
    page.keyboard.press("c")
    assert page.locator("#calm").get_attribute("aria-pressed") == "false"
    page.reload()
    assert page.locator("#calm").get_attribute("aria-pressed") == "false"


def test_pictures_are_told_in_words(page: Page, engine: PretendedEngine) -> None:
    page.wait_for_selector("#circumplex[aria-label='Valence and arousal: valence +0.4, arousal +0.3']")
    page.wait_for_selector("#curves[aria-label*='happy']")
    page.goto(f"{page.url}stage")
    page.wait_for_selector("#stage[aria-label*='happy']")
    engine.label = "sad"
    page.wait_for_selector("#stage[aria-label*='sad']")
    shown(page, "spoken", "sad")


def test_moods_differ_without_colours(page: Page) -> None:
    """In one and the same colour, the first six moods look different."""
    looks = page.evaluate(
        """async () => {
          const { paintSwatch } = await import("/page/ribbon.js");
          return [0, 1, 2, 3, 4, 5].map((i) => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 24, height: 16 });
            paintSwatch(canvas, "#888888", i);
            return canvas.toDataURL();
          });
        }"""
    )
    assert len(set(looks)) == 6


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install")
@pytest.mark.parametrize("view", ["live", "songs", "stage", "keys", "devices"])
def test_axe_finds_nothing(page: Page, view: str) -> None:
    if view in {"keys", "devices"}:
        page.locator(f"[data-dialog={view}]").click()
        page.locator(f"#{view}").wait_for()
    elif view != "live":
        page.get_by_role("link", name=view.title()).evaluate("(link) => { link.target = ''; link.click(); }")
        page.wait_for_url(f"**{view}")
        page.wait_for_function("() => document.documentElement.classList.contains('started')")
    for size in (DESK, PHONE):
        resize(page, size)
        assert violations(page) == []


@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install")
def test_axe_finds_nothing_where_the_token_is_asked_for(visit: Open) -> None:
    with Dashboard(token="abcd-efgh-jkmn-pqrs") as served:
        page = visit(f"{served.origin}/?token=wrong", allowed="status of 401")
        page.get_by_text("This is not the token").wait_for()
        assert violations(page) == []


def test_other_devices_get_an_address_and_its_code(visit: Open) -> None:
    with Dashboard(names=["https://show.example.org/mood/"], token="abcd-efgh-jkmn-pqrs") as served:
        page = visit(f"{served.origin}/?token=abcd-efgh-jkmn-pqrs")
        page.locator("[data-dialog=devices]").click()
        link = page.locator("#device-list a")
        assert link.inner_text() == "https://show.example.org/mood/?token=abcd-efgh-jkmn-pqrs"
        assert page.locator("#device-list img").evaluate("(image) => image.naturalWidth") > 100


@pytest.mark.parametrize("path", ["", "/stage"])
@pytest.mark.parametrize("cause", ["syntax", "style"])
def test_a_browser_that_is_too_old_is_told_so(chromium: Browser, address: str, path: str, cause: str) -> None:
    with chromium.new_context() as context:
        page = context.new_page()
        if cause == "syntax":
            page.route("**/page/link.js", lambda route: route.fulfill(body="?.?.", content_type="text/javascript"))
        else:
            page.add_init_script("CSS.supports = () => false")
        page.goto(f"{address}{path}")
        page.evaluate("() => document.getElementById('old').getAnimations().forEach((one) => one.finish())")
        page.get_by_text("a browser that is not too old").wait_for()
