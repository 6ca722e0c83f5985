"""The report of a night: what its log says, in words and figures, whatever the log holds."""

from __future__ import annotations

import html.parser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streammood.events import ANALYSIS_RATE, Beat, Mood, Onset, Status
from streammood.log import rows
from streammood.protocol.commands import Answer, Command
from streammood.songs.night import Night
from streammood.songs.night_page import night_page
from tests.test_cli import streammood

RATE = ANALYSIS_RATE
SHARES = {"happy": 0.7, "aggressive": 0.1, "calm": 0.1, "sad": 0.1}


def a_night(began: str | None = "2026-05-01T20:00:00+00:00") -> list[dict[str, Any]]:
    """Two pieces of two minutes, one of 100 BPM that is happy and one of 140 that is sad, with a pause between."""
    made: list[dict[str, Any] | None] = [rows.header("Line <In>", 48_000, began)]
    lost = 0
    for second in range(300):
        at, sounds = second * RATE, not 120 <= second < 180
        label, bpm = ("happy", 100.0) if second < 150 else ("sad", 140.0)
        if second == 200:
            lost = 480
        notes = ("the input lost 480 samples",) if second == 200 else ()
        made.append(rows.line(Status(at, at, sounds, lost, 0.004, notes=notes)))
        if sounds:
            made.append(rows.line(Mood(at, at, 0.5 if label == "happy" else -0.5, 0.25, SHARES, label, 0.7, False)))
            made.append(rows.line(Beat(at, at, bpm, 0.9, True, 1, second + 1)))
            made.append(rows.line(Onset(at, at, 0.5)))
    made.append(rows.action(60.5 * RATE, Command("bpm", (128.0,)), Answer("bpm", True, (128.0,))))
    made.append(rows.action(61.5 * RATE, Command("mute", ("<x>", True)), Answer("mute", False, ("no target `<x>`",))))
    return [row for row in made if row is not None]


class Text(html.parser.HTMLParser):
    """The words of a page, and whether every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "line", "br"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "


def test_pieces_lie_between_silences_with_tempo_and_mood() -> None:
    night = Night.read(a_night())
    first, second = night.pieces()
    assert [first.start, first.end, second.start, second.end] == pytest.approx([0.0, 119.0, 180.0, 299.0], abs=1.0)
    assert (first.bpm, first.moods) == (100.0, (("happy", 1.0),))
    assert (second.bpm, second.moods) == (140.0, (("sad", 1.0),))
    assert (first.valence, second.valence) == (0.5, -0.5)
    assert night.all_lost == 480
    assert [(action.name, action.done) for action in night.actions] == [("bpm", True), ("mute", False)]


def test_the_page_says_all_of_it_and_nothing_is_markup() -> None:
    text = Text(night_page(Night.read(a_night()), "Friday & <b>")).words
    for words in ("Friday & <b>", "Line <In>", "refused: no target `<x>`", "480 samples", "2:00 min", "100.0", "140.0"):
        assert words in text


def test_a_log_without_a_date_counts_from_its_start() -> None:
    night = Night.read(a_night(None))
    assert night.clock(3723.0) == "1:02:03"
    assert "Friday" not in Text(night_page(night, "x")).words


def test_runs_follow_each_other_and_count_their_losses_anew() -> None:
    night = Night.read(a_night() + a_night())
    assert night.all_lost == 960
    assert len(night.pieces()) == 3, "the end of the first run and the beginning of the second are one piece"
    assert night.duration == pytest.approx(598.0)


def test_songs_with_titles_are_cut_where_they_begin() -> None:
    titles = [{"event": "song", "time": 0.0, "title": "One"}, {"event": "song", "time": 60.0, "title": "Two"}]
    assert [piece.title for piece in Night.read([*a_night(), *titles]).pieces()] == ["One", "Two", "Two"]


@given(
    st.lists(st.dictionaries(st.sampled_from([*a_night()[3], "event", "notes"]), st.none() | st.floats() | st.text()))
)
def test_any_rows_make_a_page(strange: list[dict[str, Any]]) -> None:
    night = Night.read([*strange, *a_night()[:40], *({"event": "beat"} | row for row in strange)])
    Text(night_page(night, "night"))


def test_report_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "friday.jsonl"
    log.write_text("".join(map(rows.to_text, a_night())) + '{"event": "be', encoding="utf-8")
    done = streammood("report", str(log), "--out", str(tmp_path / "friday.html"))
    assert done.returncode == 0, done.stderr
    assert "2 pieces, 2 commands" in done.stdout
    assert "Friday, 01 May 2026" in (tmp_path / "friday.html").read_text(encoding="utf-8")
    log.write_text("nothing")
    done = streammood("report", str(log), "--out", str(tmp_path / "none.html"))
    assert done.returncode == 1
    assert "no events" in done.stderr
