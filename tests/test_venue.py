"""Targets changed from the page: the file keeps its comments, wrong changes do not reach it, and all can be undone."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from streammood import config
from streammood.config.edit import SettingsFile
from streammood.errors import ConfigError
from tests.browser import AXE, Open, needs_chromium, violations
from tests.pretended import PretendedEngine
from tests.served import Dashboard, Served, free_port
from tests.waiting import wait_for

TEXT = """\
# The club, Friday
osc:
    targets:
      # the wall of LEDs
      - name: wall
        host: 127.0.0.1
        port: 9301   # their port
        offset: -20
        map:
          - {from: mood/happy, to: "/a/1", optional: true}   # own
      - 127.0.0.1:9302
beat: {bpm_max: 180}  # nobody dances faster
"""


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    path = tmp_path / "venue.yaml"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)
    return SettingsFile(path)


def names(file: SettingsFile) -> list[str]:
    return [str(target["title"]) for target in file.targets()]


def test_a_change_leaves_everything_else_as_it_is_written(file: SettingsFile) -> None:
    file.change(0, {"port": 9400, "offset": ""})
    wanted = TEXT.replace("port: 9301", "port: 9400").replace("        offset: -20\n", "")
    assert file.path.read_text(encoding="utf-8") == wanted
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640
    assert config.load(str(file.path)).osc.targets[0].port == 9400


def test_add_copy_remove_and_undo(file: SettingsFile) -> None:
    file.add({"name": "media", "preset": "resolume", "host": "10.0.0.2", "port": 7000.0})
    file.copy(0)
    file.copy(2)
    assert names(file) == ["wall", "wall 2", "127.0.0.1:9302", "target 2", "media"]
    assert config.load(str(file.path)).osc.targets[1].map[0].to == "/a/1", "a copy has the map, too"
    file.remove(0)
    assert names(file)[0] == "wall 2"
    for line in ("# The club, Friday", "# own", "# nobody dances faster"):
        assert line in file.path.read_text(encoding="utf-8")
    while names(file):
        file.remove(0)
    assert config.load(str(file.path)).osc.targets == ()
    file.add({"host": "10.0.0.9"})
    assert names(file) == ["10.0.0.9:7000"]
    while file.undoable:
        file.undo()
    assert file.path.read_text(encoding="utf-8") == TEXT
    with pytest.raises(ConfigError, match="no change to undo"):
        file.undo()


def test_a_file_without_targets_has_the_default_one(tmp_path: Path) -> None:
    path = tmp_path / "venue.yaml"
    path.write_text("# nothing yet\n")
    file = SettingsFile(path)
    assert [target["title"] for target in file.targets()] == ["127.0.0.1:7000"]
    file.add({"host": "10.0.0.3"})
    assert names(file) == ["127.0.0.1:7000", "10.0.0.3:7000"]
    file.undo()
    file.change(0, {"name": "first"})
    assert names(file) == ["first"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"port": 70_000}, "port: must be a number in 1..65535, got `70000`"),
        ({"port": "7000"}, "port: must be a number"),
        ({"offset": True}, "offset: must be a number"),
        ({"preset": "resolum"}, "no preset `resolum`"),
        ({"name": "wall"}, "two targets are called"),
        ({"host": "a\nb"}, "host: must be a text"),
        ({"name": "x" * 41}, "name"),
    ],
)
def test_what_is_wrong_does_not_reach_the_file(file: SettingsFile, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        file.change(1, fields)
    with pytest.raises(ConfigError):
        file.add(fields)
    assert file.path.read_text(encoding="utf-8") == TEXT
    assert [path.name for path in file.path.parent.iterdir()] == ["venue.yaml"], "nothing is left beside it"
    assert file.undoable == 0


def test_a_file_that_somebody_else_changed_is_not_undone(file: SettingsFile) -> None:
    file.remove(1)
    file.path.write_text(TEXT + "# by hand\n")
    with pytest.raises(ConfigError, match="changed by another program"):
        file.undo()
    with pytest.raises(ConfigError, match="there is no target 9"):
        file.remove(8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["add", "change", "copy", "remove"]),
            st.integers(0, 4),
            st.fixed_dictionaries(
                {},
                optional={
                    "name": st.text(max_size=12),
                    "host": st.sampled_from(["10.0.0.1", "::1", "", "lamp.local"]),
                    "port": st.integers(0, 70_000),
                    "offset": st.floats(-300, 1200),
                },
            ),
        ),
        max_size=6,
    )
)
def test_whatever_is_done_the_file_stays_right_and_can_be_undone(
    file: SettingsFile, steps: list[tuple[str, int, dict[str, Any]]]
) -> None:
    file.path.write_text(TEXT, encoding="utf-8")
    file._undo.clear()
    for action, index, fields in steps:
        try:
            if action == "add":
                file.add(fields)
            elif action == "change":
                file.change(index, fields)
            elif action == "copy":
                file.copy(index)
            else:
                file.remove(index)
        except ConfigError:
            continue
        assert config.load(str(file.path)).beat.bpm_max == 180
        assert "# nobody dances faster" in file.path.read_text(encoding="utf-8")
    while file.undoable:
        file.undo()
    assert file.path.read_text(encoding="utf-8") == TEXT


@pytest.fixture
def desk(file: SettingsFile) -> Iterator[tuple[PretendedEngine, Served, SettingsFile]]:
    """A dashboard of that file, and an engine that says of itself what the file says."""
    osc_port = free_port()
    with (
        PretendedEngine(osc_port) as pretended,
        Dashboard(file=file.path, osc_port=osc_port, control=f"127.0.0.1:{pretended.control_port}") as served,
    ):
        yield pretended, served, file


def post(served: Served, wanted: object) -> Any:
    return served.ask("POST", "/targets", json.dumps(wanted).encode())


def test_the_page_asks_over_http(desk: tuple[PretendedEngine, Served, SettingsFile]) -> None:
    _, served, file = desk
    state = served.ask("GET", "/targets").json
    assert (state["file"], state["undo"]) == ("venue.yaml", 0)
    assert [target["title"] for target in state["targets"]] == ["wall", "127.0.0.1:9302"]
    assert "resolume" in state["presets"]
    answer = post(served, {"action": "add", "fields": {"name": "new", "port": 9}})
    assert answer.json["targets"][2]["title"] == "new"
    assert post(served, {"action": "undo"}).json["undo"] == 0
    assert file.path.read_text(encoding="utf-8") == TEXT
    for wrong in ({"action": "dance"}, {"action": "remove"}, {"action": "remove", "index": 9}, {"fields": 3}):
        assert post(served, wrong).status == 422
    assert post(served, [1]).status == 400
    assert served.ask("POST", "/targets", b"{").status == 400
    assert served.ask("POST", "/targets", b" " * 5000).status == 413
    assert served.ask("POST", "/targets", b"{}", {"Origin": "http://elsewhere.example"}).status == 403


def test_without_a_file_nothing_can_be_changed() -> None:
    with Dashboard() as served:
        assert served.ask("GET", "/targets").json["file"] == ""
        assert b"--config FILE" in post(served, {"action": "undo"}).body


@pytest.fixture
def page(desk: tuple[PretendedEngine, Served, SettingsFile], visit: Open) -> Page:
    opened = visit(desk[1].origin, 1440, 900, allowed="422")
    opened.wait_for_selector("#venue:not([hidden])")
    opened.wait_for_selector("[data-edit=wall]:not([hidden])")
    return opened


@needs_chromium
def test_a_target_is_changed_on_the_page(desk: tuple[PretendedEngine, Served, SettingsFile], page: Page) -> None:
    pretended, _, file = desk
    page.click("#add-target")
    page.fill("#target-form [name=name]", "wall")
    page.fill("#target-form [name=port]", "9400")
    page.click("#target-form .main")
    page.wait_for_function("() => document.getElementById('target-wrong').textContent.includes('two targets')")
    page.fill("#target-form [name=name]", "media")
    page.select_option("#target-form [name=preset]", "resolume")
    page.keyboard.press("Enter")
    page.wait_for_selector("#target-edit:not([open])", state="attached")
    assert names(file) == ["wall", "127.0.0.1:9302", "media"]
    page.click("[data-edit=wall]")
    assert page.input_value("#target-form [name=offset]") == "-20"
    page.click("#remove-target")
    page.wait_for_selector("#target-edit:not([open])", state="attached")
    assert names(file) == ["127.0.0.1:9302", "media"]
    for _ in range(2):
        page.click("#undo-target:not([disabled])")
        page.wait_for_timeout(300)
    assert file.path.read_text(encoding="utf-8") == TEXT
    page.click("[data-test=wall]")
    page.wait_for_timeout(300)
    assert [command for command, _ in pretended.commands].count("reload") == 4
    assert ("test", ["wall"]) in pretended.commands


@needs_chromium
def test_an_offset_is_found_by_tapping(desk: tuple[PretendedEngine, Served, SettingsFile], page: Page) -> None:
    """A hand that is 40 ms late with what it hears, and 160 ms with what it sees: the lamp is 120 ms late."""
    pretended, _, file = desk
    page.click("[data-edit=wall]")
    page.click("#calibrate-target")
    assert page.is_disabled("#calibrate-save")
    count = int((time.monotonic() - pretended.began) / 0.5) + 2
    taps: dict[str, list[float]] = {"heard": [], "seen": []}  # s after the beat, by this machine
    for button, late in (("heard", 0.04), ("seen", 0.16)):
        for _ in range(8):
            time.sleep(max(0.0, pretended.beat(count) + late - time.monotonic()))
            before = time.monotonic()
            page.dispatch_event(f"#tap-{button}", "pointerdown")
            taps[button].append((before + time.monotonic()) / 2.0 - pretended.beat(count))
            count = max(count + 1, int((time.monotonic() - pretended.began) / 0.5) + 1)
    words = page.inner_text("#calibrate-result")
    assert "ms late" in words
    assert violations(page) == [] if AXE.exists() else True
    page.click("#calibrate-save")
    page.wait_for_selector("#calibrate:not([open])", state="attached")
    assert wait_for(lambda: file.path.read_text() != TEXT), (words, page.inner_text("#toasts"))
    between = 1e3 * (np.median(taps["seen"]) - np.median(taps["heard"]))  # 120 ms but on a busy machine
    assert file.targets()[0]["offset"] == pytest.approx(-20.0 - between, abs=40.0), words


@needs_chromium
@pytest.mark.skipif(not AXE.exists(), reason="needs axe-core: npm install")
@pytest.mark.parametrize("size", [(1440, 900), (390, 844), (844, 390)])
def test_axe_finds_nothing_in_the_dialog(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.click("[data-edit=wall]")
    assert violations(page) == []
    box = page.locator("#target-edit").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
