"""Inputs on the page: meters of every device, another one, channels, gain, listening in; and what a target is sent."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page

from streammood import config
from streammood.capture import Deliver
from streammood.capture.device import Device
from streammood.config import InputSettings
from streammood.config.edit import SettingsFile
from streammood.errors import ConfigError, SourceError
from streammood.web import inputs
from tests.browser import AXE, Open, needs_chromium, violations
from tests.pretended import PretendedEngine
from tests.served import Dashboard, Served, free_port
from tests.waiting import wait_for

RATE = 48_000
SIZES = [(1440, 900), (390, 844), (844, 390)]
LOUD = {"Line in": 0.25, "USB Audio": 0.004, "Loopback": 1.0}  # amplitudes
DEVICES = [
    Device(0, "Line in", "ALSA", 2, RATE, 0.01, True),
    Device(1, "USB Audio", "ALSA", 8, RATE, 0.01, False),
    Device(2, "Loopback", "ALSA", 1, RATE, 0.01, False),
    Device(3, "Taken", "ALSA", 2, RATE, 0.01, False),
]


class Plugged:
    """A device that plays a tone as loud as its name says."""

    def __init__(self, settings: InputSettings) -> None:
        self.name = DEVICES[int(settings.device or 0)].name
        self.sample_rate = RATE
        self._stopped = threading.Event()

    def start(self, deliver: Deliver) -> None:
        if self.name not in LOUD:
            raise SourceError(f"`{self.name}` cannot be opened; is another program using it?")
        threading.Thread(target=self._run, args=(deliver,), daemon=True).start()

    def _run(self, deliver: Deliver) -> None:
        tone = np.sin(np.arange(1024, dtype=np.float32)) * np.float32(LOUD[self.name])
        while not self._stopped.wait(1024 / RATE):
            deliver(tone.clip(-0.9999, 0.9999), 0.0, 0.0)

    def stop(self) -> None:
        self._stopped.set()


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "devices", lambda: DEVICES)
    monkeypatch.setattr(inputs, "DeviceSource", Plugged)
    monkeypatch.setattr(inputs, "_RECORDED", 0.5)


TEXT = """\
# The club
input:
  device: Line in  # from the desk
  agc: true
osc:
  targets:
    - {name: wall, port: 9301}
"""


@pytest.fixture
def desk(plugged: None, tmp_path: Path) -> Iterator[tuple[PretendedEngine, Served, SettingsFile]]:
    file = tmp_path / "venue.yaml"
    file.write_text(TEXT, encoding="utf-8")
    osc_port = free_port()
    with (
        PretendedEngine(osc_port) as pretended,
        Dashboard(file=file, osc_port=osc_port, control=f"127.0.0.1:{pretended.control_port}") as served,
    ):
        yield pretended, served, SettingsFile(file)


Desk = tuple[PretendedEngine, Served, SettingsFile]


def words(served: Served) -> dict[str, Any]:
    return {d["name"]: d.get("word", d["error"]) for d in served.ask("GET", "/inputs").json["devices"]}


def test_every_device_has_a_meter_while_somebody_looks(desk: Desk) -> None:
    served = desk[1]
    wanted = {"Line in": "good", "USB Audio": "too low", "Loopback": "clipped"}
    assert wait_for(lambda: {name: word for name, word in words(served).items() if name != "Taken"} == wanted)
    state = served.ask("GET", "/inputs").json
    assert state["here"]
    assert [device["channels"] for device in state["devices"]] == [2, 8, 1, 2]
    assert state["devices"][0]["peak"] == pytest.approx(20 * np.log10(0.25), abs=0.2)
    assert "another program" in state["devices"][3]["error"]


def test_a_test_recording_is_what_came_in(desk: Desk) -> None:
    served = desk[1]
    assert served.ask("GET", "/inputs/recording.wav").status == 404
    answer = served.ask("POST", "/inputs", json.dumps({"action": "record", "choice": "Line in"}).encode())
    assert answer.json["recorded"] == 1
    sound, rate = soundfile.read(io.BytesIO(served.ask("GET", "/inputs/recording.wav").body))
    assert rate == RATE
    assert 0.1 < sound.size / rate < 1.5
    assert np.abs(sound).max() == pytest.approx(0.25, abs=0.001)
    for wrong, status in (({"action": "record", "choice": "Taken"}, 422), ({"action": "dance"}, 422), ([], 400)):
        assert served.ask("POST", "/inputs", json.dumps(wrong).encode()).status == status


def test_an_engine_elsewhere_has_its_own_devices(plugged: None) -> None:
    with Dashboard(control="192.0.2.7:7071") as served:
        assert served.ask("GET", "/inputs").json == {"here": False, "devices": []}


def test_the_file_holds_the_input_and_keeps_its_comments(desk: Desk) -> None:
    _, _, file = desk
    file.set_input({"device": "USB Audio", "channels": [3, 4], "gain": -6})
    settings = config.load(str(file.path)).input
    assert (settings.device, settings.channels, settings.gain, settings.agc) == ("USB Audio", (3, 4), -6.0, True)
    text = file.path.read_text(encoding="utf-8")
    assert "# from the desk" in text
    assert file.input() == {"device": "USB Audio", "channels": [3, 4], "gain": -6.0}
    for wrong in ({"gain": 600}, {"channels": "left"}, {"agc": False}):
        with pytest.raises(ConfigError):
            file.set_input(wrong)
    assert file.path.read_text(encoding="utf-8") == text
    file.set_input({"device": "", "channels": "", "gain": ""})
    assert config.load(str(file.path)).input.device is None
    for _ in range(2):
        file.undo()
    assert file.path.read_text(encoding="utf-8") == TEXT


@pytest.fixture
def page(desk: Desk, visit: Open) -> Page:
    opened = visit(desk[1].origin, *SIZES[0])
    opened.click("#input-open")
    opened.wait_for_selector("#input-list li[data-word='clipped']")
    return opened


@needs_chromium
def test_another_input_is_chosen_by_mouse_and_by_keyboard(desk: Desk, page: Page) -> None:
    pretended, _, file = desk
    assert page.is_checked("#input-list input[value='Line in']"), "what the engine says is chosen"
    page.check("#input-list input[value='USB Audio']")
    assert page.locator("#input-form [name=channels] option").count() == 13
    page.select_option("#input-form [name=channels]", "3,4")
    page.fill("#input-form [name=decibels]", "6")
    pretended.commands.clear()
    page.click("#input-store")
    wanted = [("input", ["USB Audio"]), ("gain", [6.0]), ("channels", ["3,4"]), ("reload", [1])]
    assert wait_for(lambda: len(pretended.commands) >= 4)
    assert sorted(map(str, pretended.commands)) == sorted(map(str, wanted))
    assert [name for name, _ in pretended.commands if name in ("input", "channels")] == ["input", "channels"]
    assert wait_for(lambda: file.input() == {"device": "USB Audio", "channels": [3, 4], "gain": 6.0})
    page.wait_for_function("() => document.getElementById('input-name').textContent === 'USB Audio, channel 3,4'")
    pretended.commands.clear()
    page.focus("#input-open")
    page.keyboard.press("Enter")
    page.wait_for_selector("#input-list input[value='USB Audio']:checked")
    page.focus("#input-list input[value='USB Audio']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#input-edit:not([open])", state="attached")
    assert wait_for(lambda: ("input", ["Loopback"]) in pretended.commands)


@needs_chromium
def test_a_file_is_heard_and_silent_again(desk: Desk, visit: Open) -> None:
    pretended, served, _ = desk
    page = visit(served.origin)
    page.wait_for_selector("#input-open:not([hidden])")
    assert page.is_hidden("[data-switch=play]"), "a device is heard already"
    pretended.held["play"] = 0
    page.click("[data-switch=play]")
    assert wait_for(lambda: ("play", [1]) in pretended.commands)
    assert page.get_attribute("[data-switch=play]", "aria-pressed") == "true"
    page.click("[data-switch=play]")
    assert wait_for(lambda: ("play", [0]) in pretended.commands)


@needs_chromium
def test_what_is_sent_is_shown_live(desk: Desk, visit: Open) -> None:
    pretended, served, _ = desk
    pretended.answers["monitor"] = ("0.010 42 /wall/beat 1", "12.500 3 /wall/mood happy sad")
    page = visit(served.origin, *SIZES[0])
    page.click("[data-watch=wall]")
    page.wait_for_selector("#watch-list tr >> nth=1")
    rows = [row.split("\t") for row in page.locator("#watch-list tr").all_inner_texts()]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["/wall/beat", "1", "0.0 s", "42"],
        ["/wall/mood", "happy sad", "13 s", "3"],
    ]
    asked = len(pretended.commands)
    assert wait_for(lambda: len(pretended.commands) > asked + 2), "it is asked again and again"
    assert set(map(str, pretended.commands)) == {"('monitor', ['wall'])"}
    page.click("#watch-pause")
    page.keyboard.press("Escape")
    time.sleep(0.6)
    asked = len(pretended.commands)
    time.sleep(0.6)
    assert len(pretended.commands) == asked
    assert page.locator(".toast").count() == 0


@needs_chromium
@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialog", ["input-edit", "watch"])
def test_axe_finds_nothing(desk: Desk, visit: Open, size: tuple[int, int], dialog: str) -> None:
    desk[0].answers["monitor"] = tuple(f"0.{i:03} 42 /streammood/some/longer/address/{i} 0.5" for i in range(40))
    page = visit(desk[1].origin, *size)
    page.click("#input-open" if dialog == "input-edit" else "[data-watch=wall]")
    page.wait_for_selector(
        "#input-list li[data-word='clipped']" if dialog == "input-edit" else "#watch-list tr >> nth=9"
    )
    assert violations(page) == []
    box = page.locator(f"#{dialog}").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert page.evaluate(
        "(id) => document.getElementById(id).scrollWidth <= document.getElementById(id).clientWidth", dialog
    )
