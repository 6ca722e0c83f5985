"""The page of a song in a browser: it plays, its playhead and its lamps keep step, and it needs no network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streammood import config
from streammood.capture.sound_file import SoundFile
from streammood.events import seconds
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.songs import picture
from streammood.songs.batch import analyze
from streammood.songs.exports import Exports, Place
from streammood.songs.song import Song
from tests.waiting import wait_for

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_STEP = 0.05  # s; the time is read a moment after the frame was drawn, on a busy machine more than a frame
FLASH = 0.22  # s that a lamp glows, as in the page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")


@pytest.fixture(scope="module")
def song(wav: Path) -> Song:
    """The shared song, with bars of four as a tracker that knows them would tell."""
    settings = config.load()
    models = Models.load(settings)
    heard = analyze(SoundFile(wav), settings, models, EventLog(), lambda done: None)
    return replace(heard, beats=tuple(replace(beat, number=n % 4 + 1) for n, beat in enumerate(heard.beats)))


@pytest.fixture(scope="module")
def requests() -> list[str]:
    """Every address that the page has asked for."""
    return []


@pytest.fixture(scope="module")
def page(wav: Path, song: Song, requests: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("page") / "song.html"
    Exports(config.load(), {"html": Place.of("html", path, 1)})(song, wav, "song")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        failures: list[str] = []
        opened.on("pageerror", lambda error: failures.append(str(error)))
        opened.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
        opened.on("request", lambda request: requests.append(request.url[:40]))
        opened.goto(path.as_uri())
        assert wait_for(lambda: opened.evaluate("sound.readyState >= 2"))
        yield opened
        browser.close()
        assert failures == []


def playhead_at(page: Any) -> tuple[float, float]:
    """Where the playhead is drawn, as a time in the song, and the time of the sound."""
    share, now = page.evaluate(
        """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
            const box = document.getElementById("picture").getBoundingClientRect();
            const line = document.getElementById("playhead").getBoundingClientRect();
            done([(line.left + line.width / 2 - box.left) / box.width, sound.currentTime]);
        })))"""
    )
    return (share - picture.LEFT) / (picture.RIGHT - picture.LEFT), now


def test_it_holds_the_whole_sound_and_asks_for_nothing_else(page: Any, song: Song, requests: list[str]) -> None:
    assert page.evaluate("sound.duration") == pytest.approx(song.duration, abs=0.05)
    assert page.evaluate("document.querySelector('img').naturalWidth") == 2100
    assert all(url.startswith(("file:", "data:")) for url in requests)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.8])
def test_a_click_goes_there(page: Any, song: Song, share: float) -> None:
    box = page.locator("#picture").bounding_box()
    x = box["x"] + box["width"] * (picture.LEFT + share * (picture.RIGHT - picture.LEFT))
    page.mouse.click(x, box["y"] + box["height"] * 0.5)
    assert wait_for(lambda: not page.evaluate("sound.seeking"))
    drawn, now = playhead_at(page)
    pixel = song.duration / (box["width"] * (picture.RIGHT - picture.LEFT))
    assert now == pytest.approx(share * song.duration, abs=2 * pixel)
    assert drawn * song.duration == pytest.approx(now, abs=2 * pixel)


def test_a_click_beside_the_panels_changes_nothing(page: Any) -> None:
    page.evaluate("sound.currentTime = 3")
    box = page.locator("#picture").bounding_box()
    page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + 0.5 * box["height"])
    assert page.evaluate("sound.currentTime") == pytest.approx(3.0)


def test_a_drag_draws_the_playhead_along(page: Any, song: Song) -> None:
    box = page.locator("#picture").bounding_box()
    y = box["y"] + 0.4 * box["height"]
    left, right = (box["x"] + box["width"] * (picture.LEFT + s * (picture.RIGHT - picture.LEFT)) for s in (0.3, 0.6))
    page.mouse.move(left, y)
    page.mouse.down()
    page.mouse.move(right, y, steps=4)
    page.mouse.up()
    page.mouse.move(left, y)
    assert page.evaluate("sound.currentTime") == pytest.approx(0.6 * song.duration, abs=0.05)


_WATCH = """start => new Promise(done => {
    const frames = [];
    const look = () => {
        const lights = [...lamps.children].map(lamp => Number(lamp.style.getPropertyValue("--light")));
        frames.push([sound.currentTime, lights, parseFloat(playhead.style.left) / 100]);
        if (sound.currentTime < start + 3) return requestAnimationFrame(look);
        sound.pause();
        done(frames);
    };
    sound.onseeked = () => { sound.onseeked = null; sound.play(); look(); };
    sound.currentTime = start;
})"""


def test_lamps_and_playhead_keep_step_while_it_plays(page: Any, song: Song) -> None:
    frames = page.evaluate(_WATCH, seconds(song.beats[4].sample) - 0.3)[1:]
    assert len(frames) > 30
    span = picture.RIGHT - picture.LEFT
    for now, lights, left in frames:
        assert (left - picture.LEFT) / span * song.duration == pytest.approx(now, abs=_STEP)
        for lamp, light in enumerate(lights, 1):
            beats = [seconds(beat.sample) for beat in song.beats if beat.number == lamp]
            possible = [glow(now + shift, beats) for shift in (-_STEP, 0.0, _STEP)]
            starts = any(abs(now - beat) <= _STEP for beat in beats)
            assert min(possible) - 1e-3 <= light <= (1.0 if starts else max(possible) + 1e-3)
    for lamp in range(4):
        assert max(lights[lamp] for _, lights, _ in frames) > 0.6


def glow(now: float, beats: list[float]) -> float:
    """How bright a lamp must be."""
    return max((max(0.0, 1 - (now - beat) / FLASH) for beat in beats if beat <= now), default=0.0)


def test_keys_move_by_a_beat_and_play(page: Any, song: Song) -> None:
    page.evaluate("sound.pause(); sound.currentTime = 5")
    page.locator("#picture").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("sound.currentTime") == pytest.approx(5 + 60 / song.bpm, abs=0.01)
    page.keyboard.press("Home")
    assert page.evaluate("sound.currentTime") == 0
    page.keyboard.press(" ")
    assert wait_for(lambda: page.evaluate("sound.currentTime > 0.2"))
    page.keyboard.press(" ")
    assert page.evaluate("sound.paused")


def test_it_says_what_it_shows(page: Any, song: Song) -> None:
    page.evaluate("sound.currentTime = 0")
    assert wait_for(lambda: page.locator("#mood").inner_text() == song.moods[0].label)
    told = page.locator("#picture img").get_attribute("alt")
    assert told.startswith(f"steady: {song.duration:.0f} s at {song.bpm:.1f} BPM; its mood is ")
    assert all(f"{part.label} from {part.start:.0f} to {part.end:.0f} s" in told for part in song.stretches())
