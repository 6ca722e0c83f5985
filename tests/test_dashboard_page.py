"""The dashboard's pages in a real browser.

How quick they are is measured in ``benchmarks/dashboard.py``; here they must be right however slow the machine is.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from streammood.demo.synth import Rendered
from tests.browser import AXE, GONE, Open, needs_chromium, shown, violations
from tests.pretended import PretendedEngine
from tests.served import Dashboard, Served, free_port
from tests.waiting import wait_for

pytestmark = needs_chromium


@pytest.fixture
def engine(both: tuple[PretendedEngine, Served]) -> tuple[PretendedEngine, Served]:
    """The two, as if nothing had been done to them."""
    both[0].commands.clear()
    both[0].told = both[0].bpm
    return both


def test_numbers_and_moods_are_shown(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    page = visit(engine[1].origin)
    shown(page, "state", "Listening")
    shown(page, "bpm", "120.0")
    shown(page, "lock", "locked")
    shown(page, "label", "happy")
    rows = page.locator("#probabilities > div").all_inner_texts()
    assert [row.split() for row in rows] == [
        ["happy", "70", "%"], ["aggressive", "10", "%"], ["calm", "15", "%"], ["sad", "5", "%"],
    ]  # fmt: skip
    assert page.locator("#label").evaluate("e => getComputedStyle(e).color") == "rgb(255, 210, 63)"
    engine[0].told = 133.25
    shown(page, "bpm", "133.3")
    engine[1].send("status/input", 3)
    shown(page, "state", "Input stuck")
    engine[1].send("status/input", 1)
    shown(page, "state", "Listening")
    engine[1].send("status/note", "the input lost 512 samples")
    page.locator("#log li", has_text="the input lost 512 samples").wait_for()


def test_targets_are_listed_muted_and_moved(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    pretended, served = engine
    page = visit(served.origin)
    rows = page.locator("#targets li")
    rows.nth(1).wait_for()
    assert rows.count() == 2, "the target that the page itself hears by is not listed"
    assert rows.nth(0).locator("strong").inner_text() == "wall"
    assert page.locator("[data-mute='192.168.1.20:8000']").get_attribute("aria-pressed") == "true"
    page.click("[data-mute=wall]")
    page.locator("[aria-label='Offset of wall, ms']").fill("35")
    page.keyboard.press("Enter")
    assert wait_for(lambda: len(pretended.commands) > 1, 20.0)
    assert pretended.commands == [("mute", ["wall", 1]), ("offset", ["wall", 35.0])]


BEATS = """(selector) => {
  window.seen = [];
  document.querySelector(selector).addEventListener("beat", (event) => window.seen.push(event.detail));
}"""


def test_stage_strikes_on_the_predicted_beats(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    """Every beat once, named by its place in the bar, on the very grid; the frame is the one that is nearest to it."""
    pretended, served = engine
    page = visit(f"{served.origin}/stage")
    page.wait_for_function("() => document.getElementById('info').textContent === ''")
    page.evaluate(BEATS, "#stage")
    page.wait_for_function("() => window.seen.length > 8")
    beats = page.evaluate("() => window.seen")[1:]
    period = 60.0 / pretended.bpm
    for beat in beats:
        count = round((beat["at"] - pretended.began) / period)
        # UDP and this process's own thread wake up late on a busy machine, which the server smooths
        assert abs(beat["at"] - pretended.beat(count)) < 0.03
        assert beat["number"] == count % 4 + 1
        assert beat["shown"] >= beat["at"]


def test_no_value_breaks_the_page(visit: Open) -> None:
    """Signals out of range, of another type, or called like what every object has: the page goes on, without a word."""
    odd: list[tuple[str, float | int | str]] = [
        ("mood/constructor", 0.5), ("mood/toString", 0.5), ("mood/__proto__", 0.5), ("mood/label", 7.0),
        ("mood/label", "constructor"), ("bpm", 1e-30), ("bpm", "fast"), ("beat/locked", 1), ("mood/valence", 5.0),
        ("mood/arousal", 1e9), ("beat/meter", 1_000_000_000), ("beat/number", -7),
        ("status/note", "\x1b[2J<b>bold</b>"),
        ("level/rms", 3e38), ("status/latency", 3e38), ("beat/next", -1e30), ("beat/phase", 1e30),
        ("target/1/name", 5), ("target/99/muted", 1), ("control/mood", "__proto__"), ("status/input", 99),
    ]  # fmt: skip
    osc_port = free_port()
    with PretendedEngine(osc_port), Dashboard(osc_port=osc_port) as served:
        page, stage = visit(served.origin), visit(f"{served.origin}/stage")
        shown(page, "bpm", "120.0")
        for name, value in odd:
            served.send(name, value)
        page.locator("#log li", has_text="<b>bold</b>").wait_for()
        shown(page, "bpm", "120.0")
        shown(page, "state", "Input at a wrong rate")
        shown(page, "label", "happy")
        stage.evaluate(BEATS, "#stage")
        stage.wait_for_function("() => window.seen.length > 2")


def test_stage_takes_any_labels(visit: Open) -> None:
    osc_port = free_port()
    moods = {"groovy": 0.4, "eerie": 0.2, "euphoric": 0.1, "tense": 0.1, "dreamy": 0.1, "dark": 0.05, "bright": 0.05}
    with (
        PretendedEngine(osc_port, moods=moods),
        Dashboard(osc_port=osc_port, colors={"groovy": "#102030"}) as served,
    ):
        page = visit(f"{served.origin}/stage")
        page.keyboard.press("i")
        page.wait_for_function("() => document.getElementById('info').textContent.includes('groovy')")
        live = visit(served.origin)
        shown(live, "label", "groovy")
        assert live.locator("#label").evaluate("e => getComputedStyle(e).color") == "rgb(16, 32, 48)"
        colours = live.locator("#probabilities .fill").evaluate_all("all => all.map(e => e.style.background)")
        assert len(set(colours)) == len(moods)


def test_buttons_keys_and_fields_reach_the_engine(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    pretended, served = engine
    page = visit(served.origin)
    shown(page, "label", "happy")
    for name in ("Tap", "÷2", "×2", "The one", "−10 ms", "+10 ms", "Hold", "sad", "Auto", "Panic", "Reload settings"):
        page.locator("#overrides button" if name == "Auto" else "button", has_text=name).first.click()
    page.locator("#settings [name='bpm']").fill("128")
    page.locator("[name='bpm/max']").fill("170")
    page.locator("#settings [name='gain']").fill("-6")
    page.locator("h1").click()
    for key in ("t", "x", "/", "d", "1", "ArrowRight", "h", "m", "]", "]"):
        page.keyboard.press(key)
    expected: list[tuple[str, list[object]]] = [
        ("tap", [1]), ("half", [1]), ("double", [1]), ("downbeat", [1]), ("nudge", [-10.0]), ("nudge", [10.0]),
        ("hold", [1]), ("mood", ["sad"]), ("mood", ["auto"]), ("panic", [1]), ("reload", [1]), ("bpm", [128.0]),
        ("bpm/max", [170.0]), ("gain", [-6.0]), ("tap", [1]), ("double", [1]), ("half", [1]), ("downbeat", [1]),
        ("downbeat", [1]), ("nudge", [10.0]), ("hold", [0]), ("mute", ["wall", 1]), ("offset", ["wall", -15.0]),
        ("offset", ["wall", -10.0]),
    ]  # fmt: skip
    wait_for(lambda: len(pretended.commands) >= len(expected), 20.0)
    assert pretended.commands == expected


def test_a_refusal_is_told_and_taken_back(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    pretended, served = engine
    pretended.refuse = "no tempo yet"
    page = visit(served.origin)
    shown(page, "state", "Listening")
    page.click("[data-switch=hold]")
    page.wait_for_selector(".toast.bad:has-text('no tempo yet')")
    assert page.get_attribute("[data-switch=hold]", "aria-pressed") == "false"
    pretended.refuse = ""


def test_no_answer_is_told(visit: Open) -> None:
    with Dashboard(control=f"127.0.0.1:{free_port()}") as served:
        page = visit(served.origin)
        page.wait_for_function("() => document.getElementById('state').dataset.state === 'waiting'")
        page.click("[data-command=tap]")
        page.wait_for_selector(".toast.bad")


def test_a_lost_engine_is_shown_and_taken_up_again(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    pretended, served = engine
    page = visit(served.origin)
    shown(page, "state", "Listening")
    pretended.silent.set()
    shown(page, "state", f"Engine lost, waiting on port {served.osc_port}")
    assert "stale" in (page.get_attribute("body", "class") or "")
    pretended.silent.clear()
    shown(page, "state", "Listening")
    assert page.locator("#log li", has_text="Nothing received").count() >= 1  # more where the machine is slow


def test_a_lost_server_is_shown_and_taken_up_again(visit: Open) -> None:
    osc_port, port = free_port(), free_port()
    with PretendedEngine(osc_port):
        with Dashboard(osc_port=osc_port, port=port) as served:
            page = visit(served.origin, allowed=GONE)
            stage = visit(f"{served.origin}/stage", allowed=GONE)
            shown(page, "state", "Listening")
        shown(page, "state", "Dashboard not reached")
        shown(stage, "info", "Connection to the dashboard lost")
        with Dashboard(osc_port=osc_port, port=port):
            shown(page, "state", "Listening")
            shown(stage, "info", "")


SONG_BEATS = """() => {
  window.frames = [];
  window.shown = [];
  const audio = document.getElementById("audio");
  const note = () => { window.frames.push(audio.currentTime); requestAnimationFrame(note); };
  document.getElementById("song-stage").addEventListener("beat", (event) => window.shown.push(event.detail));
  requestAnimationFrame(note);
}"""


def test_a_dropped_song_plays_in_step(visit: Open, wav: Path, both: tuple[PretendedEngine, Served]) -> None:
    """Each beat of the song is shown once, never before it sounds by more than a frame, and in the next frame."""
    page = visit(both[1].origin)
    page.wait_for_selector("#files", state="attached")
    page.set_input_files("#files", wav)
    page.wait_for_selector("#player:not([hidden])")
    assert page.locator("#song-mood").inner_text().lower() != "no mood"
    page.evaluate(SONG_BEATS)
    page.evaluate("() => (document.getElementById('audio').playbackRate = 2)")
    page.click("#play")
    page.wait_for_function("() => document.getElementById('audio').ended")
    song = "async () => (await fetch(document.getElementById('download').href)).json()"
    beats = page.evaluate(song)["beats"]
    told = page.evaluate("() => window.shown")
    frames = page.evaluate("() => window.frames")
    # what a pause of the whole browser swallowed is not shown late, and the last may lie behind the end of the sound
    pauses = [(a, b) for a, b in itertools.pairwise(frames) if b - a > 0.4]
    due = [beat["time"] for beat in beats if not any(a - 0.1 <= beat["time"] <= b + 0.1 for a, b in pauses)][:-2]
    times = [beat["time"] for beat in told]
    assert times == sorted(set(times) & {beat["time"] for beat in beats})
    assert set(due) <= set(times)
    longest = max(b - a for a, b in itertools.pairwise(frames))
    for beat in told:
        assert 0.0 <= beat["seen"] - beat["time"] <= longest + 1 / 60 + 0.01


def test_the_playhead_can_be_dragged_and_moved_by_keys(
    visit: Open, wav: Path, both: tuple[PretendedEngine, Served]
) -> None:
    page = visit(f"{both[1].origin}/#songs")
    page.set_input_files("#files", wav)
    page.wait_for_selector("#player:not([hidden])")
    page.wait_for_function("() => document.getElementById('audio').readyState > 1")
    page.locator("#downloads summary").click()
    assert not AXE.exists() or violations(page) == []
    line = page.locator("#timeline")
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    duration = page.evaluate("() => document.getElementById('audio').duration")
    at = "d => Math.abs(document.getElementById('audio').currentTime - d) < 0.1"
    page.wait_for_function(at, arg=duration / 2)
    line.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(at, arg=duration / 2 - 5)


def test_several_songs_play_one_after_the_other(
    visit: Open, music: Rendered, tmp_path: Path, both: tuple[PretendedEngine, Served]
) -> None:
    names = ["first.wav", "no sound.wav", "second.wav"]
    for name in names[::2]:
        soundfile.write(tmp_path / name, music.sound[: 3 * 44_100], 44_100)
    (tmp_path / names[1]).write_text("words")
    page = visit(f"{both[1].origin}/#songs", allowed="status of 415")
    page.set_input_files("#files", [tmp_path / name for name in names])
    page.wait_for_selector("#player:not([hidden])")
    opened = page.locator("#h-song").inner_text()
    page.wait_for_function("() => document.querySelectorAll('.uploads [data-state=ready]').length === 2")
    assert page.locator("#h-song").inner_text() == opened, "a song that is ready takes no other's place"
    page.locator(".uploads li", has_text="first").locator(".open").click()
    shown(page, "h-song", "first.wav")
    page.locator("#downloads summary").click()
    with page.expect_download() as got:
        page.locator("[data-download='beats.csv']").click()
    assert got.value.suggested_filename == "first.beats.csv"
    page.evaluate("() => (document.getElementById('audio').currentTime = 2.5)")
    shown(page, "h-song", "second.wav")
    page.wait_for_function("() => document.getElementById('audio').currentTime > 0.2")
    shown(page, "song-left", "of 0:03")


def test_what_the_browser_cannot_decode_is_played_all_the_same(
    visit: Open, music: Rendered, tmp_path: Path, both: tuple[PretendedEngine, Served]
) -> None:
    path = tmp_path / "steady.aiff"
    soundfile.write(path, music.sound, 44_100)
    page = visit(f"{both[1].origin}/#songs")
    page.set_input_files("#files", path)
    page.wait_for_selector("#player:not([hidden])")
    page.click("#play")
    page.wait_for_function("() => document.getElementById('audio').currentTime > 0.2")


def test_a_song_that_cannot_be_played_says_why(
    visit: Open, tmp_path: Path, music: Rendered, both: tuple[PretendedEngine, Served]
) -> None:
    soundfile.write(tmp_path / "steady.aiff", music.sound, 44_100)
    page = visit(f"{both[1].origin}/#songs", allowed="status of 507")
    page.route("**/sound?as=wav", lambda route: route.fulfill(status=507, body="There is no room left."))
    page.set_input_files("#files", tmp_path / "steady.aiff")
    page.locator(".toast.bad", has_text="This song cannot be played here: There is no room left.").wait_for()


def test_bad_songs_are_explained_on_the_page(
    visit: Open, tmp_path: Path, wav: Path, both: tuple[PretendedEngine, Served]
) -> None:
    name = "<img src=x onerror=alert(1)>.wav"
    (tmp_path / name).write_bytes(wav.read_bytes()[:44])
    (tmp_path / "words.wav").write_text("no sound at all")
    page = visit(f"{both[1].origin}/#songs")
    page.set_input_files("#files", [tmp_path / name, tmp_path / "words.wav"])
    page.wait_for_function("() => document.querySelectorAll('.uploads [data-state=failed]').length === 2")
    texts = " ".join(page.locator(".uploads .what").all_inner_texts())
    assert texts.count("Cannot be read as sound") == 2
    assert page.locator(".uploads .name").all_inner_texts()[0] == name
    assert page.locator(".uploads img").count() == 0


def test_policy_holds(visit: Open, engine: tuple[PretendedEngine, Served]) -> None:
    page = visit(engine[1].origin, allowed="Content Security Policy")
    shown(page, "state", "Listening")
    violated = page.evaluate(
        """async () => {
          const violations = [];
          document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.broken = true";
          document.body.append(script);
          const style = document.createElement("style");
          style.textContent = "body { display: none }";
          document.body.append(style);
          const image = new Image();
          image.src = "http://127.0.0.2/x.png";
          await fetch("http://127.0.0.2/").catch(() => {});
          await new Promise((resolve) => setTimeout(resolve, 300));
          return [violations, window.broken, getComputedStyle(document.body).display];
        }"""
    )
    kinds, broken, display = violated
    assert {kind.split("-")[0] for kind in kinds} == {"script", "style", "img", "connect"}
    assert broken is None
    assert display != "none"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_overflows_and_everything_has_a_name(
    visit: Open, engine: tuple[PretendedEngine, Served], width: int
) -> None:
    page = visit(engine[1].origin, width, 800)
    shown(page, "label", "happy")
    for view in ("#live", "#songs", "#library"):
        page.goto(f"{engine[1].origin}/{view}")
        page.wait_for_selector(f"main{view}:not([hidden])")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), view
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, a, input, [role=slider], canvas")]
              .filter((e) => !e.closest("[hidden], [aria-hidden]"))
              .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)"""
        )
        assert nameless == []


def test_a_real_engine_is_shown_and_obeys(visit: Open) -> None:
    """`run --dashboard` starts the page, shows the demo, and takes a command from a button."""
    port, osc_port, control = free_port(), free_port(), free_port()
    values = {
        "dashboard.port": port,
        "dashboard.osc_port": osc_port,
        "dashboard.control": f"127.0.0.1:{control}",
        "control.port": control,
    }
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "streammood.cli", "run", "--input", "demo", "--dashboard", "--duration", "120"]
    with subprocess.Popen([*command, *settings], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as program:
        try:
            served = Served(port, osc_port)
            assert wait_for(lambda: _answers(served), 60.0)
            page = visit(served.origin, allowed=GONE)
            shown(page, "state", "Listening")
            page.wait_for_function("() => Number(document.getElementById('bpm').textContent) > 40")
            page.locator("#settings [name='bpm']").fill("111")
            page.locator("h1").click()
            page.wait_for_function("() => Math.abs(Number(document.getElementById('bpm').textContent) - 111) < 1")
        finally:
            program.terminate()
        assert program.wait(30) == 143
    assert wait_for(lambda: not _answers(served)), "the dashboard ends with the engine"


def _answers(served: Served) -> bool:
    try:
        return served.ask("GET", "/").status == 200
    except OSError:
        time.sleep(0.1)
        return False
