"""Arrangements: what is written about them is what is heard in them."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from streammood.training.arrangements import FORMS, Arrangement, compose, compose_many, folder, render, soundfont
from streammood.training.arrangements.form import BREAKDOWN, BUILDUP, DROP

RATE = 44_100


@pytest.fixture(scope="module")
def track() -> Arrangement:
    """A club track with a gap before a drop, on the built-in instruments."""
    found = (compose("club", seed) for seed in range(100))
    return next(replace(a, sound="synth") for a in found if any(s.gap and s.kind == BUILDUP for s in a.sections))


@pytest.mark.parametrize("form", FORMS)
def test_a_seed_gives_one_arrangement_whatever_is_made_beside_it(form: str) -> None:
    one, same, other = compose(form, 7), compose(form, 7), compose(form, 8)
    assert (one.notes, one.sections, one.key, one.name) == (same.notes, same.sections, same.key, same.name)
    np.testing.assert_array_equal(one.beats, same.beats)
    assert one.notes != other.notes
    few, many = ([a.name for a in compose_many(n, 3, (form,))] for n in (2, 4))
    assert many[:2] == few


@pytest.mark.parametrize("form", FORMS)
def test_sections_cover_every_bar_once_and_beats_count_bars(form: str) -> None:
    for seed in range(8):
        made = compose(form, seed)
        assert made.sections[0].start == 0
        assert all(a.start + a.bars == b.start for a, b in pairwise(made.sections))
        assert made.sections[-1].start + made.sections[-1].bars == made.bars
        assert made.beats.size == made.numbers.size == made.bars * made.meter
        assert made.numbers[0] == 1
        assert made.numbers.max() == made.meter
        assert (np.diff(made.beats) > 0).all()
        assert np.median(np.diff(made.beats)) == pytest.approx(60.0 / made.bpm, rel=0.01)
        assert all(0.0 < s.level <= 1.0 for s in made.sections)
        assert all(note.beat >= 0.0 for notes in made.notes.values() for note in notes)


def test_drops_are_fullest_and_some_build_ups_lead_nowhere() -> None:
    fakes = drops = 0
    for seed in range(25):
        sections = compose("club", seed).sections
        quiet = [s.level for s in sections if s.kind in (BREAKDOWN, BUILDUP)]
        loud = [s.level for s in sections if s.kind == DROP]
        assert loud
        assert min(loud) > max(quiet)
        for first, second in pairwise(sections):
            drops += second.kind == DROP
            fakes += first.kind == BUILDUP and second.kind != DROP
            assert second.kind != DROP or first.kind == BUILDUP
    assert fakes
    assert drops > 3 * fakes


def test_kicks_sound_on_the_beats_and_gaps_are_silent(track: Arrangement) -> None:
    stems = render(track, RATE)
    assert np.abs(stems.mix).max() <= 1.0
    low = sosfilt(butter(4, 120.0, fs=RATE, output="sos"), stems.drums)
    drop = next(s for s in track.sections if s.kind == DROP)
    start, end = track.span(drop)
    beats = track.beats[(track.beats >= start) & (track.beats < end)]
    period = 60.0 / track.bpm

    def power(at: float) -> float:
        return float(np.mean(low[round(at * RATE) : round((at + 0.08) * RATE)] ** 2))

    on = np.array([power(at) for at in beats])
    between = np.array([power(at + 0.6 * period) for at in beats])
    assert np.median(on) > 5.0 * np.median(between)
    gapped = next(s for s in track.sections if s.gap)
    _, end = track.span(gapped)
    silent = stems.mix[round((end - gapped.gap * period + 0.08) * RATE) : round((end - 0.02) * RATE)]
    assert np.sqrt(np.mean(silent**2)) < 0.02 * np.sqrt(np.mean(stems.mix**2))


def test_the_folder_holds_what_is_known(tmp_path: Path, track: Arrangement) -> None:
    short = replace(track, times=track.times[:17], sections=track.sections[:1])
    folder.write_one(short, tmp_path)
    rows = [line.split() for line in (tmp_path / f"{track.name}.beats").read_text().splitlines()]
    np.testing.assert_allclose([float(row[0]) for row in rows], short.beats, atol=1e-5)
    assert [int(row[1]) for row in rows[:5]] == [1, 2, 3, 4, 1]
    with (tmp_path / f"{track.name}.sections.csv").open() as table:
        sections = list(csv.DictReader(table))
    assert [row["kind"] for row in sections] == [short.sections[0].kind]
    assert (tmp_path / f"{track.name}.key").read_text().split()[2] == track.key
    assert (tmp_path / f"{track.name}.flac").is_file()


def test_midi_is_read_back_as_it_was_written() -> None:
    events = [(0.0, bytes((0xC0, 5))), (1.0, bytes((0x90, 60, 100))), (1.5, bytes((0x80, 60, 0)))]
    written = soundfont.standard_midi(events)
    division = int.from_bytes(written[12:14], "big")
    tempo = int.from_bytes(written[written.index(b"\xff\x51\x03") + 3 :][:3], "big")
    assert division * 1e6 / tempo == soundfont.TICKS  # a second
    on = written.index(bytes((0x90, 60, 100)))
    assert int(written[on - 2] & 127) << 7 | written[on - 1] == soundfont.TICKS
