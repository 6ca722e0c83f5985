"""Structure: what an arrangement does is what is sent, on its beat, and whatever the level of the desk."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.structure.beat_rows import BEAT_ROW
from streammood.analysis.structure.context import AHEAD, MEMORY, Context
from streammood.events import F32, Event, Section, Structure, seconds
from streammood.log import rows
from streammood.models import Models
from streammood.protocol.signals import values
from streammood.training.arrangements import Arrangement, compose, folder, render
from streammood.training.arrangements.form import BREAKDOWN, BUILDUP, DROP
from streammood.training.structure import fit

RATE = 44_100
KINDS = frozenset({Section, Structure})


def heard(sound: F32, kinds: frozenset[type[Event]] = KINDS) -> list[Event]:
    settings = config.load()
    analyzer = AnalysisChain(settings, RATE, Models.load(settings), kinds)
    return [event for at in range(0, len(sound), 16_384) for event in analyzer.push(sound[at : at + 16_384])]


@pytest.fixture(scope="module")
def track() -> Arrangement:
    """A club track with bass and kick from its groove on."""
    return replace(compose("club", 44), sound="synth")


@pytest.fixture(scope="module")
def sound(track: Arrangement) -> F32:
    return render(track).mix.astype(np.float32)


@pytest.fixture(scope="module")
def structure(sound: F32) -> list[Event]:
    return heard(sound)


def sections(found: list[Event], *kinds: str) -> list[Section]:
    return [event for event in found if isinstance(event, Section) and event.kind in kinds]


def starts(track: Arrangement, kind: str) -> list[float]:
    return [track.span(section)[0] for section in track.sections if section.kind == kind]


def energy(found: list[Event], start: float, end: float) -> float:
    return float(
        np.mean([e.energy for e in found if isinstance(e, Structure) and start + 1.0 <= seconds(e.sample) < end])
    )


def test_a_drop_fires_on_its_beat(track: Arrangement, structure: list[Event]) -> None:
    drops = sections(structure, "drop")
    wanted = starts(track, DROP)
    assert len(drops) == len(wanted)
    beat = 60.0 / track.bpm
    off = [seconds(drop.sample) - start for drop, start in zip(drops, wanted, strict=True)]
    assert min(off) == pytest.approx(0.0, abs=0.05)
    assert all(-0.1 < late < 2.2 * beat for late in off)
    for drop in drops:
        assert 0.0 <= seconds(drop.decided - drop.sample) < 2.2 * beat  # two beats where its first is not enough


def test_breakdowns_and_build_ups_are_told_while_they_play(track: Arrangement, structure: list[Event]) -> None:
    bar = track.meter * 60.0 / track.bpm
    for kind, name in ((BREAKDOWN, "breakdown"), (BUILDUP, "buildup")):
        for section in (s for s in track.sections if s.kind == kind):
            start, end = track.span(section)
            assert any(start - 0.5 <= seconds(e.decided) < end for e in sections(structure, name)), (kind, start, bar)


def test_energy_follows_what_plays(track: Arrangement, structure: list[Event]) -> None:
    means = {section.kind: energy(structure, *track.span(section)) for section in track.sections}
    assert means[DROP] > means[BREAKDOWN] + 0.3
    states = [e for e in structure if isinstance(e, Structure)]
    assert all(0.0 <= e.energy <= 1.0 and 0.0 <= e.buildup <= 1.0 for e in states)
    assert set(np.diff([e.sample for e in states])) <= {8 * 512, 9 * 512}


@pytest.mark.parametrize("gain", [0.01, 3.0])  # -40 dB and +10 dB
def test_the_level_of_the_desk_changes_no_energy(sound: F32, structure: list[Event], gain: float) -> None:
    part = sound[: 60 * RATE]
    ours = [e.energy for e in structure if isinstance(e, Structure)]
    theirs = [e.energy for e in heard(part * np.float32(gain)) if isinstance(e, Structure)]
    settled = slice(50, len(theirs))
    assert np.abs(np.array(ours[: len(theirs)])[settled] - np.array(theirs)[settled]).max() < 0.03


def test_silence_has_no_energy_and_no_sections() -> None:
    found = heard(np.zeros(8 * RATE, dtype=np.float32))
    assert not [e for e in found if isinstance(e, Section)]
    assert {(e.energy, e.buildup, e.breakdown, e.index) for e in found if isinstance(e, Structure)} == {
        (0, 0, False, 0)
    }


def test_time_never_runs_back_and_bars_count_up(structure: list[Event]) -> None:
    assert all(a.decided <= b.decided for a, b in pairwise(structure))
    assert all(e.decided >= e.sample for e in structure if isinstance(e, Section))
    for a, b in pairwise([e for e in structure if isinstance(e, Structure)]):
        assert b.index >= a.index
        assert b.countin == (8 - b.bars % 8 if b.index else 0)


def test_nothing_fires_without_a_lock() -> None:
    drop = Section(1, 1, "drop", 0.8, 8, locked=True)
    assert {name: value for _, name, value in values(drop)} == {"drop": 1, "section/changed": 1}
    assert not list(values(replace(drop, locked=False)))
    assert not list(values(replace(drop, kind="buildup")))


def test_the_event_log_has_energy_twice_a_second(structure: list[Event]) -> None:
    logged = [line for event in structure if (line := rows.line(event)) is not None]
    times = [line["time"] for line in logged if line["event"] == "energy"]
    assert np.median(np.diff(times)) == pytest.approx(0.5, abs=0.02)
    assert {"boundary", "drop", "breakdown"} <= {line["kind"] for line in logged if line["event"] == "section"}
    json.dumps(logged, allow_nan=False)


def test_a_model_is_fitted_to_a_folder_of_arrangements(tmp_path: Path, track: Arrangement, sound: F32) -> None:
    folder.labels(track, tmp_path / track.name)
    soundfile.write(tmp_path / f"{track.name}.wav", sound, RATE)
    written = tmp_path / "structure.json"
    fit.write(fit.fit([tmp_path]), written)
    document = json.loads(written.read_text())
    assert document.keys() == {"rise", "change", "activity", "threshold", "song"}
    shipped = Models.load(config.load()).structure
    ours = type(shipped).of(document)
    assert ours.change.weights.shape == shipped.change.weights.shape
    with (tmp_path / f"{track.name}.sections.csv").open() as table:
        assert len(list(csv.DictReader(table))) == len(track.sections)


def test_a_pause_begins_another_song(sound: F32) -> None:
    part = sound[30 * RATE : 60 * RATE]
    both = np.concatenate([part, np.zeros(6 * RATE, dtype=np.float32), part])
    twice = heard(both)
    states = [e for e in twice if isinstance(e, Structure)]
    assert heard(both, frozenset({Section})) == [e for e in twice if isinstance(e, Section)]
    pause = [e for e in states if 35.0 < seconds(e.sample) < 35.9]
    assert {(e.energy, e.buildup, e.breakdown, e.kind, e.bars) for e in pause} == {(0.0, 0.0, False, 0, 0)}
    assert max(e.energy for e in states if seconds(e.sample) > 40.0) > 0.3


@pytest.mark.parametrize("before", [1, 30, MEMORY, 3 * MEMORY + 7])
def test_only_the_last_beats_count(before: int) -> None:
    rng = np.random.default_rng(before)
    rows = np.zeros(before + MEMORY, dtype=BEAT_ROW)
    rows["count"] = np.arange(len(rows))
    for part in ("shape", "bands", "chroma"):
        rows[part] = rng.random(rows[part].shape)
    long, short = Context(), Context()
    for row in rows:
        long.push(row)
    for row in rows[before:]:
        short.push(row)
    assert long.rows.tobytes() == short.rows.tobytes() == rows[before:].tobytes()
    change = long.change(AHEAD - 1)
    assert change is not None
    np.testing.assert_array_equal(change, short.change(AHEAD - 1))
