"""The library on the dashboard: over HTTP, and in a real browser."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.flac import Picture
from playwright.sync_api import Browser, Page

from streammood.library import covers
from streammood.library.store import Store
from streammood.library.track import Stamp, Words
from tests import sounds
from tests.browser import AXE, Open, needs_chromium, shown, violations, visiting
from tests.collections_of_songs import description
from tests.served import Dashboard, Served

PLACES = {"calm": (0.5, -0.5), "happy": (0.6, 0.5), "sad": (-0.5, -0.4), "aggressive": (-0.5, 0.6)}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, wav: Path) -> Path:
    """Four songs that can be played, and one whose file is gone."""
    folder = tmp_path_factory.mktemp("songs")
    with Store(folder / "library.sqlite", create=True) as store, store.writing():
        for i, (mood, place) in enumerate(PLACES.items()):
            path = folder / f"{mood} song.wav"
            shutil.copy(wav, path)
            words = Words(f"The {mood} one", "Somebody" if i % 2 else "")
            store.describe(
                path, Stamp(i, i, mood), words, description(*place, bpm=90.0 + 10 * i, seed=i, duration=14.0)
            )
        store.describe(folder / "gone.wav", Stamp(9, 9, "gone"), Words("Gone"), description(0.1, 0.1, seed=9))
    return folder / "library.sqlite"


@pytest.fixture(scope="module")
def served(base: Path) -> Iterator[Served]:
    with Dashboard(library=base) as dashboard:
        yield dashboard


# Over HTTP


def test_the_map_holds_every_song(served: Served) -> None:
    assert served.ask("GET", "/library").json["songs"] == 5
    points = np.frombuffer(served.ask("GET", "/library/points").body, "<f4").reshape(-1, 6)
    np.testing.assert_allclose(points[:4, 1:3], list(PLACES.values()), atol=1e-6)
    assert points[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_questions_are_answered_and_nonsense_is_refused_in_words(served: Served) -> None:
    found = served.ask("GET", "/library/find?mood=sad").json
    assert found["songs"][0]["title"] == "The sad one"
    assert found["ids"][0] == 3
    assert found["songs"][0]["path"] == ""  # pages need not know where files lie
    assert [song["title"] for song in served.ask("GET", "/library/find?bpm=95..105").json["songs"]] == ["The happy one"]
    assert 1 not in served.ask("GET", "/library/find?like=1").json["ids"]
    assert served.ask("GET", "/library/recommend?feeling=angry").json["songs"][0]["title"] == "The calm one"
    assert served.ask("GET", "/library/journey?from=sad&to=happy&minutes=1").json["songs"]
    for wrong in (
        "find?mood=no", "find?bpm=fast", "find?key=H", "find?like=x", "find?at=9,9", "recommend?feeling=hungry",
        "journey?from=sad", "journey?from=sad&to=happy&minutes=nan", "find?energy=..", "find?like=99",
    ):  # fmt: skip
        answer = served.ask("GET", f"/library/{wrong}")
        assert answer.status in {200, 422}, wrong
        assert (answer.status == 422) == (wrong != "find?energy=.."), (wrong, answer.body)


def test_sound_is_served_in_parts_and_what_is_gone_is_not_found(served: Served, wav: Path) -> None:
    answer = served.ask("GET", "/library/songs/1/sound", headers={"Range": "bytes=0-3"})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (206, b"RIFF", "audio/wav")
    for number in ("5", "77", "-1", "x", "%00", "9" * 30):
        assert served.ask("GET", f"/library/songs/{number}/sound").status == 404, number


def test_playlists_leave_with_the_paths(served: Served, base: Path) -> None:
    answer = served.ask("POST", "/library/playlist?kind=m3u8", b"[3, 1, 99]")
    lines = answer.body.decode().splitlines()
    assert lines[2::2] == [str(base.parent / "sad song.wav"), str(base.parent / "calm song.wav")]
    assert "attachment" in answer.headers["content-disposition"]
    for kind in ("xspf", "xml"):
        ElementTree.fromstring(served.ask("POST", f"/library/playlist?kind={kind}", b"[1]").body)
    for body in (b"", b"{}", b'["1"]', b"[true]", b"[[1]]"):
        assert served.ask("POST", "/library/playlist", body).status == 422
    assert served.ask("POST", "/library/playlist?kind=exe", b"[1]").status == 422


def test_strangers_get_nothing(served: Served) -> None:
    stranger = served.stranger("evil.example")
    assert stranger.ask("GET", "/library/points").status == 403
    assert served.ask("POST", "/library/songs/1/open", headers={"Origin": "http://evil.example"}).status == 403


def test_without_a_library_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    with Dashboard(library=tmp_path / "none.sqlite") as dashboard:
        answer = dashboard.ask("GET", "/library").json
        assert answer["songs"] == 0
        assert "streammood library scan" in answer["why"]
        assert dashboard.ask("GET", "/library/points").status == 204
    assert not (tmp_path / "none.sqlite").exists()


def test_a_scan_that_goes_on_is_seen(served: Served, base: Path) -> None:
    before = served.ask("GET", "/library").json
    with Store(base) as store:
        with store.writing():
            store.begin_scan(8)
            store.advance(failed=True)
        scan = served.ask("GET", "/library").json["scan"]
        assert (scan["running"], scan["done"], scan["total"], scan["failed"]) == (True, 1, 8, 1)
        with store.writing():
            store.end_scan()
    after = served.ask("GET", "/library").json
    assert after["scan"]["running"] is False
    assert after["version"] != before["version"]


def test_covers_come_from_tags_and_from_files_beside(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, sounds.bursts(0.2), sounds.RATE)
    assert covers.cover(path) is None
    (tmp_path / "Folder.PNG").write_bytes(PNG)
    assert covers.cover(path) == (PNG, "image/png")
    file = mutagen.File(path)
    picture = Picture()  # type: ignore[no-untyped-call]
    picture.data = b"\xff\xd8\xff inside"
    file.add_picture(picture)
    file.save()
    assert covers.cover(path) == (b"\xff\xd8\xff inside", "image/jpeg")
    (tmp_path / "Folder.PNG").write_bytes(b"<svg onload=alert(1)>")
    other = tmp_path / "y.flac"
    soundfile.write(other, sounds.bursts(0.2), sounds.RATE)
    assert covers.cover(other) is None


# In a browser


@needs_chromium
def test_songs_are_found_queued_played_and_opened_with_the_stage(chromium: Browser, served: Served) -> None:
    with visiting(chromium) as visit:
        page = _library(visit, served)
        assert page.locator("#found li").count() == 5
        page.select_option("#filters [name=mood]", "sad")
        page.wait_for_function("() => document.querySelector('#found .name')?.textContent.includes('The sad one')")
        page.click("#found li:first-child button[title='Songs like this']")
        page.wait_for_function("() => document.querySelectorAll('#found li').length === 4")
        page.click("#filters-clear")
        page.locator("#found li", has_text="calm").first.drag_to(page.locator("#queue"))
        page.locator("#found li", has_text="happy").first.get_by_title("To the queue").click()
        page.wait_for_function("() => document.querySelectorAll('#queue li').length === 2")
        page.locator("#queue li").nth(1).drag_to(page.locator("#queue li").nth(0))
        assert "happy" in page.locator("#queue li").nth(0).inner_text()
        with page.expect_download() as download:
            page.click("[data-kind=m3u8]")
        lines = Path(download.value.path()).read_text().splitlines()
        assert [line.rpartition("/")[2] for line in lines[2::2]] == ["happy song.wav", "calm song.wav"]
        page.locator("#queue li").nth(0).get_by_text("▶").click()
        page.wait_for_function("() => document.getElementById('library-audio').currentTime > 0.2")
        page.click("#queue-next")
        shown(page, "queue-name", "The calm one")
        page.click("#queue-stage")
        page.wait_for_selector("#player:not([hidden])")
        assert page.evaluate("() => document.getElementById('library-audio').paused")


@needs_chromium
def test_the_map_finds_what_lies_where_it_is_clicked(chromium: Browser, served: Served) -> None:
    with visiting(chromium) as visit:
        page = _library(visit, served)
        assert not AXE.exists() or violations(page) == []
        box = page.locator("#map").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.8 * box["height"])
        page.wait_for_function("() => document.querySelector('#found .name')?.textContent.includes('The sad one')")


def _library(visit: Open, served: Served) -> Page:
    page = visit(f"{served.origin}/#library")
    page.wait_for_function("() => document.querySelectorAll('#found li').length === 5")
    return page
