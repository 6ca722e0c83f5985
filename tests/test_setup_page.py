"""Setting up on a page: input, receiver, a test that arrives, a file that runs, and a short code for the phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from streammood import config
from streammood.config.presets import shipped_presets
from streammood.web.guard import ShortCode
from tests.browser import AXE, Open, needs_chromium, violations
from tests.receiver import Receiver
from tests.served import Answer, Dashboard, Served
from tests.test_inputs import SIZES, plugged  # noqa: F401  a fixture
from tests.waiting import wait_for

FIRST = {"device": 'Line "A"', "channels": [3, 4], "preset": "resolume", "host": "10.0.0.2", "port": 7001, "gain": -3}


@pytest.fixture
def served(plugged: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    with Dashboard() as running:
        yield running


def post(served: Served, path: str, wanted: object) -> Answer:
    return served.ask("POST", path, json.dumps(wanted).encode())


def test_what_is_chosen_becomes_a_file_that_runs(served: Served, tmp_path: Path) -> None:
    state = served.ask("GET", "/setup/state").json
    assert state["folders"] == [str(tmp_path), str(tmp_path / "settings" / "streammood")]
    assert set(state["presets"]) == set(shipped_presets())
    answer = post(served, "/setup/file", FIRST | {"folder": 0, "name": "venue.yaml"})
    assert answer.json["command"] == "streammood run --config venue.yaml --dashboard"
    settings = config.load(str(tmp_path / "venue.yaml"))
    assert (settings.input.device, settings.input.channels, settings.input.gain) == ('Line "A"', (3, 4), -3.0)
    (target,) = settings.osc.targets
    assert (target.preset, target.host, target.port) == ("resolume", "10.0.0.2", 7001)
    again = post(served, "/setup/file", FIRST | {"folder": 0, "name": "venue.yaml"})
    assert again.status == 422
    assert b"is there already" in again.body
    demo = post(served, "/setup/file", FIRST | {"device": None, "preset": None, "folder": 1, "name": "second one.yaml"})
    assert "--input demo" in demo.json["command"]
    assert config.load(demo.json["path"]).osc.targets[0].preset is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../venue.yaml"},
        {"name": "/etc/venue.yaml"},
        {"name": "venue.txt"},
        {"folder": 2},
        {"folder": True},
        {"port": 0},
        {"port": "7000"},
        {"host": ""},
        {"host": "a\nb"},
        {"preset": "resolum"},
        {"device": 3},
        {"channels": ["1"]},
        {"channels": [1, 2, 3]},
        {"gain": 1e9},
    ],
)
def test_what_is_wrong_leaves_no_file(served: Served, tmp_path: Path, wrong: dict[str, Any]) -> None:
    assert post(served, "/setup/file", FIRST | {"folder": 0, "name": "venue.yaml"} | wrong).status == 422
    assert list(tmp_path.rglob("*.yaml")) == []
    assert post(served, "/setup/file", []).status == 400


def test_strangers_write_nothing(served: Served, tmp_path: Path) -> None:
    body = json.dumps(FIRST | {"folder": 0, "name": "venue.yaml"}).encode()
    assert served.ask("POST", "/setup/file", body, {"Origin": "http://elsewhere.example"}).status == 403
    assert list(tmp_path.rglob("*.yaml")) == []


def test_the_test_reaches_a_receiver_that_is_in_no_file(served: Served) -> None:
    with Receiver() as receiver:
        answer = post(served, "/setup/test", FIRST | {"preset": None, "host": "127.0.0.1", "port": receiver.port})
        assert answer.status == 200
        got: list[Any] = []

        def came() -> bool:
            got.extend(receiver.messages(0.1))
            return _beats(got) >= 4

        assert wait_for(came)
        assert post(served, "/setup/test", FIRST | {"host": "127.0.0.1", "port": 9}).status == 200, "another ends it"
        got += receiver.messages(0.2)
        assert [message.value for message in got if message.address == "/streammood/beat"][-1] == 0


def _beats(messages: list[Any]) -> int:
    return sum(message.address == "/streammood/beat" and message.value == 1 for message in messages)


# The short code


def test_a_short_code_lasts_some_minutes_and_bears_few_wrong_answers() -> None:
    now = [0.0]
    code = ShortCode(lambda: now[0])
    assert not code.matches(""), "there is none before it was shown"
    first = code.text
    assert len(first) == 6
    assert code.text == first
    assert code.matches(first.upper())
    now[0] = 599.0
    assert code.matches(first)
    assert code.text != first, "one that is about to end is not shown"
    now[0] = 2000.0
    assert not code.matches(first)
    second = code.text
    for _ in range(10):
        assert not code.matches("......")
    assert not code.matches(second), "guesses use it up"


def test_a_phone_gets_in_by_the_short_code() -> None:
    with Dashboard(host="0.0.0.0", token="abcd-efgh-jkmn-pqrs") as served:
        addresses = served.ask("GET", "/addresses").json
        assert len(addresses["short"]) == 6
        phone = served.stranger(host="192.0.2.7")
        assert phone.ask("GET", "/phone").status == 401
        assert phone.ask("GET", "/phone?token=aaaaaa").status == 401
        assert phone.ask("GET", f"/phone?token={addresses['short']}").headers["location"] == "./phone"
        assert phone.ask("GET", "/phone").status == 200


# The page


@pytest.fixture
def page(served: Served, visit: Open) -> Page:
    opened = visit(f"{served.origin}/setup", *SIZES[0], allowed="422")
    opened.wait_for_selector("#input-list li[data-word='clipped']")
    return opened


@needs_chromium
def test_from_nothing_to_a_show(served: Served, page: Page, tmp_path: Path) -> None:
    page.click("#write")
    assert "Choose an input" in page.inner_text("#wrong")
    page.check("#input-list input[value='Line in']")
    page.click("#record")
    page.wait_for_selector("#recording:not([hidden])")
    page.wait_for_function("() => document.getElementById('recording').duration > 0.2")
    with Receiver() as receiver:
        page.select_option("[name=preset]", "generic")
        page.fill("[name=port]", str(receiver.port))
        assert str(receiver.port) in page.inner_text("#picture")
        page.evaluate(
            """() => {
              window.flashes = 0;
              new MutationObserver(() => (window.flashes += document.getElementById('lamp').hasAttribute('data-lit')))
                .observe(document.getElementById('lamp'), { attributes: true });
            }"""
        )
        page.click("#test")
        page.wait_for_selector("#follows:not([hidden])")
        assert _beats(receiver.messages(0.5)) == 4
        assert page.evaluate("() => window.flashes") == 4
    page.click("#follows")
    page.focus("[name=name]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#done:not([hidden])")
    assert page.inner_text("#command") == "streammood run --config venue.yaml --dashboard"
    assert page.evaluate("() => document.activeElement.id") == "h-done"
    settings = config.load(str(tmp_path / "venue.yaml"))
    assert settings.input.device == "Line in"
    assert settings.osc.targets[0].preset == "generic"


@needs_chromium
def test_every_preset_has_a_picture_with_its_port(page: Page) -> None:
    for name in shipped_presets():
        page.select_option("[name=preset]", name)
        port = page.input_value("[name=port]")
        assert port in page.inner_text("#clicks")
        assert port in page.inner_text("#picture")
        assert "In Anything" not in page.inner_text("#clicks"), name


@needs_chromium
def test_the_dashboard_of_no_file_leads_here(served: Served, visit: Open) -> None:
    opened = visit(served.origin)
    opened.click("#no-venue a")
    opened.wait_for_selector("#h-1")


@needs_chromium
@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install")
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing(served: Served, page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.select_option("[name=preset]", "grandma3")
    assert violations(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", ["/setup/file", "/setup/test", "/inputs"])
def test_a_request_is_a_small_object_however_it_comes(served: Served, path: str) -> None:
    assert served.ask("POST", path, b"[" * 4000).status == 400
    assert served.ask("POST", path, b"\xff{}").status == 400
    assert served.ask("POST", path, b" " * 4097).status == 413
    pieces = (b" " * 512 for _ in range(9))  # without a length in the header
    assert served.ask("POST", path, pieces).status == 413
