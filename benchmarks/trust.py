"""``python -m benchmarks trust DATA SOUNDS``: what leaves at the moments when an operator looks, and what it is worth.

DATA holds ``mood`` and ``beat``, folders of labelled sets; SOUNDS a folder for each source of recordings that are no
music. Sets are spliced (music, talk, music, applause, music, silence), and each mistake has a beginning and an end.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.table import machine, markdown
from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.events import ANALYSIS_RATE, F32, QUADRANTS, Beat, Event, Mood, seconds
from streammood.models import Models
from streammood.palette import MOODS
from streammood.training.frames import read_sound
from streammood.training.music import joined, read_recordings, resampled

mpl.use("Agg")
from matplotlib import pyplot as plt

RESULTS = Path(__file__).with_name("results-trust.md")
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "trust.png"
_SURE = 0.3  # confidence from which a mood is believed
_SETTLE, _AFTER, _STOP = 5.0, 3.0, 1.2  # s: until a mood is due, after music has ended, until beats have ended
_LENGTHS = {"music": 30.0, "speech": 20.0, "crowd": 15.0, "silence": 15.0}  # s
_ORDER = ("music", "speech", "music", "crowd", "music", "silence")
_NEAR = 0.07  # s
_WRONG_TEMPO = 0.08


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a spliced set."""

    kind: str
    start: float  # s
    end: float  # s


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that should not have been sent, or should have been."""

    what: str
    start: float  # s
    end: float  # s


class Engine:
    """The shipped analysis, over whole signals."""

    def __init__(self) -> None:
        self.settings = config.load()
        self._models = Models.load(self.settings)

    def analyze(self, sound: F32, rate: int = ANALYSIS_RATE) -> list[Event]:
        """Beats and moods of ``sound`` (n,)."""
        analyzer = AnalysisChain(self.settings, rate, self._models, {Beat, Mood})
        return [event for at in range(0, len(sound), 16_384) for event in analyzer.push(sound[at : at + 16_384])]


def fires(event: Event) -> float:
    """When it leaves, in s."""
    return seconds(max(event.sample, event.decided))


def splice(
    music: Sequence[Path], speech: list[F32], crowd: list[F32], rng: np.random.Generator
) -> tuple[F32, list[Stretch]]:
    """A set of music and other sound, each at -20 dB, and what plays when."""
    parts: list[F32] = []
    stretches: list[Stretch] = []
    at = 0.0
    for kind in _ORDER:
        n = round(_LENGTHS[kind] * ANALYSIS_RATE)
        if kind == "music":
            part = resampled(*read_sound(music[int(rng.integers(len(music)))]))
        elif kind == "silence":
            part = np.zeros(n, dtype=np.float32)
        else:
            recordings = speech if kind == "speech" else crowd
            part = np.concatenate([joined(recordings, rng) for _ in range(2)])
        part = part[:n]
        loud = float(np.sqrt(np.mean(part**2)))
        parts.append(part * np.float32(0.1 / loud) if loud > 0.0 else part)
        stretches.append(Stretch(kind, at, at + part.size / ANALYSIS_RATE))
        at = stretches[-1].end
    return np.concatenate(parts), stretches


def mistakes(events: Iterable[Event], stretches: Sequence[Stretch]) -> list[Mistake]:
    """What was sent in the wrong place, neighbours joined."""
    found: list[Mistake] = []
    for event in events:
        time = fires(event)
        where = next((s for s in stretches if s.start <= time < s.end), None)
        if where is None:
            continue
        what, wait = "", 0.0
        if isinstance(event, Mood):
            sure = bool(event.label) and event.confidence >= _SURE
            if where.kind != "music" and sure:
                what, wait = f"a mood in {where.kind}", _AFTER
            elif where.kind == "music" and not event.label:
                what, wait = "no mood in music", _SETTLE
        elif isinstance(event, Beat) and event.locked and where.kind != "music":
            what, wait = f"locked beats in {where.kind}", _STOP
        if not what or time < where.start + wait:
            continue
        last = next((m for m in reversed(found) if m.what == what), None)
        if last and time - last.end < 2.0:
            found[found.index(last)] = Mistake(what, last.start, time)
        else:
            found.append(Mistake(what, time, time))
    return found


def sent(events: Sequence[Event], stretches: Sequence[Stretch]) -> Iterator[tuple[str, float, float, float]]:
    """For each kind of sound: its minutes, the share of moods that are believed, and locked beats a minute."""
    waits = {"music": _SETTLE}
    for kind in dict.fromkeys(s.kind for s in stretches):
        parts = [(s.start + waits.get(kind, _AFTER), s.end) for s in stretches if s.kind == kind]
        inside = [e for e in events if any(a <= fires(e) < b for a, b in parts)]
        moods = [e for e in inside if isinstance(e, Mood)]
        minutes = sum(b - a for a, b in parts) / 60.0
        believed = [bool(e.label) and e.confidence >= _SURE for e in moods]
        beats = sum(isinstance(e, Beat) and e.locked for e in inside)
        yield kind, minutes, float(np.mean(believed)) if believed else 0.0, beats / minutes


def draw(events: Sequence[Event], stretches: Sequence[Stretch], path: Path) -> None:
    """One set as the dashboard showed it, as a PNG: what played, moods, music or not, beats."""
    figure, (top, middle, low) = plt.subplots(3, 1, figsize=(13, 5), sharex=True, constrained_layout=True)
    for axes in (top, middle, low):
        for stretch in stretches:
            if stretch.kind != "music":
                axes.axvspan(stretch.start, stretch.end, color="0.88")
    for stretch in stretches:
        top.text((stretch.start + stretch.end) / 2, 1.04, stretch.kind, ha="center")
    moods = [event for event in events if isinstance(event, Mood)]
    for a, b in pairwise(moods):
        if a.label:
            top.bar(
                fires(a),
                a.confidence,
                fires(b) - fires(a),
                align="edge",
                color=MOODS[a.label].paper if a.label in MOODS else "0.4",
            )
    top.set(ylabel="confidence", ylim=(0, 1.15))
    times = [fires(mood) for mood in moods]
    middle.plot(times, [mood.valence for mood in moods], label="valence")
    middle.plot(times, [mood.arousal for mood in moods], label="arousal")
    middle.plot(times, [mood.music_confidence for mood in moods], color="0.4", label="music")
    middle.set(ylim=(-1.05, 1.05))
    middle.legend(loc="lower right", ncols=3)
    for locked, colour in ((True, "black"), (False, "0.75")):
        at = [fires(e) for e in events if isinstance(e, Beat) and e.locked == locked]
        low.vlines(at, 0, 1, color=colour, linewidth=0.8)
    low.set(ylabel="beats; locked: black", yticks=[], xlabel="s")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def spliced(engine: Engine, data: Path, sounds: Path, count: int, seed: int) -> str:
    """Sets of music and other sound: what was sent, each mistake, and a picture of the first."""
    music = [data / "mood" / "4q_taffc" / row["file"] for row in _labels(data)]
    speech, crowd = recordings(sounds)
    rng = np.random.default_rng(seed)
    rows: list[list[str]] = []
    totals: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(1, count + 1):
        sound, stretches = splice(music, speech, crowd, rng)
        events = engine.analyze(sound)
        if number == 1:
            draw(events, stretches, PICTURE)
        rows += [[str(number), m.what, f"{m.start:.1f}", f"{m.end:.1f}"] for m in mistakes(events, stretches)]
        for kind, *figures in sent(events, stretches):
            totals.setdefault(kind, []).append((figures[0], figures[1], figures[2]))
    table = []
    for kind, measured in totals.items():
        minutes, believed, beats = np.array(measured).T
        table.append([kind, f"{minutes.sum():.1f}", f"{100 * believed.mean():.1f} %", f"{beats.mean():.1f}"])
    return (
        f"{count} sets of {', '.join(_ORDER)}, seed {seed}; counted from {_SETTLE:g} s after music begins, from "
        f"{_AFTER:g} s after it ends. Where the shipped models have met these recordings, the figures flatter.\n\n"
        + markdown(["sound", "minutes", f"moods with confidence ≥ {_SURE}", "locked beats a minute"], table)
        + "\n\nEach mistake:\n\n"
        + markdown(["set", "what", "from s", "to s"], rows or [["", "none", "", ""]])
        + f"\n\n![One set as it was sent](../docs/{PICTURE.name})"
    )


def recordings(sounds: Path) -> tuple[list[F32], list[F32]]:
    """Speech, from folders called so, and the rest."""
    speech: list[F32] = []
    crowd: list[F32] = []
    for folder in sorted(path for path in sounds.iterdir() if path.is_dir()):
        (speech if "speech" in folder.name or "asterisk" in folder.name else crowd).extend(read_recordings(folder))
    return speech, crowd


def _labels(data: Path) -> list[dict[str, str]]:
    with (data / "mood" / "4q_taffc" / "labels.csv").open(encoding="utf-8") as table:
        return [row for row in csv.DictReader(table) if row["mood"]]


def axes(engine: Engine, data: Path, count: int, seed: int) -> str:
    """Whether valence and arousal say what the labels say."""
    rows = _labels(data)
    picked = np.random.default_rng(seed).permutation(len(rows))[:count]
    signs, places, differ, clear, sure = [], [], [], [], []
    for row in (rows[i] for i in picked):
        events = engine.analyze(*read_sound(data / "mood" / "4q_taffc" / row["file"]))
        moods = [event for event in events if isinstance(event, Mood)]
        heard = [mood for mood in moods if mood.label]
        due = [mood for mood in moods if fires(mood) >= _SETTLE]
        sure += [bool(mood.label) for mood in due]
        if not heard:
            continue
        signs.append(QUADRANTS[row["mood"]])
        places.append((np.mean([m.valence for m in heard]), np.mean([m.arousal for m in heard])))
        for mood in heard:
            v, a = QUADRANTS[mood.label]
            differ.append(mood.valence * v < 0 or mood.arousal * a < 0)
            clear.append(mood.valence * v < -0.1 or mood.arousal * a < -0.1)
    sign, place = np.array(signs), np.array(places)
    ranges = [" to ".join(f"{x:+.2f}" for x in np.percentile(place[:, i], [5, 95])) for i in (0, 1)]
    return (
        f"{len(place)} clips of `4q_taffc`, seed {seed}. The shipped model was fitted to these clips: on held-out "
        "folds it is less, see `models/mood.md`.\n\n"
        + markdown(
            ["", "valence", "arousal"],
            [
                ["AUC", *(f"{roc_auc_score(sign[:, i] > 0, place[:, i]):.3f}" for i in (0, 1))],
                ["5 to 95 %", *ranges],
                ["correlation", f"{np.corrcoef(place.T)[0, 1]:+.2f}", ""],
                [
                    "quadrant right",
                    f"{np.mean((place > 0) == (sign > 0), where=np.ones_like(place, bool)):.3f}",
                    "per axis",
                ],
                ["label and quadrant differ, clearly", f"{np.mean(differ):.3f}", f"{np.mean(clear):.3f}"],
                [f"answers with a mood from {_SETTLE:g} s on", f"{np.mean(sure):.3f}", ""],
            ],
        )
    )


def lock(engine: Engine, data: Path, most: int) -> str:
    """What `locked` is worth on tracks whose beats are known."""
    rows = []
    for folder in sorted(path for path in (data / "beat").iterdir() if path.is_dir()):
        tracks = [path for path in sorted(folder.glob("*.opus")) if path.with_suffix(".beats").is_file()][:most]
        found = [_locked(engine, track) for track in tracks]
        figures = [figure for figure in found if figure]
        if not figures:
            continue
        right, off, every = np.sum([figure[:3] for figure in figures], axis=0)
        wrong, first = sum(figure[3] for figure in figures), float(np.median([figure[4] for figure in figures]))
        rows.append([
            folder.name, f"{len(figures)} of {len(tracks)}",
            f"{100 * right / every:.1f} %", f"{100 * off / every:.1f} %",
            f"{wrong:.0f} of {len(figures)}", f"{first:.1f}",
        ])  # fmt: skip
    return f"At most {most} tracks of a set, one minute of each. A beat counts when it fires.\n\n" + markdown(
        [
            "set",
            "locked at all",
            "locked beats right",
            "on the off-beat",
            "first lock at a wrong tempo",
            "first lock s, median",
        ],
        rows,
    )


def _locked(engine: Engine, track: Path) -> tuple[int, int, int, bool, float] | None:
    """Locked beats that are right, on the off-beat, and all; whether the first has a wrong tempo, and when it is."""
    text = track.with_suffix(".beats").read_text(encoding="utf-8")
    known = np.array([float(line.split()[0]) for line in text.splitlines() if line.strip()])
    sound, rate = read_sound(track)
    beats = [e for e in engine.analyze(sound[: 60 * rate], rate) if isinstance(e, Beat) and e.locked]
    last = min(60.0, known[-1] + 0.2) if known.size else 0.0
    inside = [beat for beat in beats if known.size > 3 and known[0] - 0.2 <= fires(beat) <= last]
    if not inside:
        return None
    middles = (known[1:] + known[:-1]) / 2.0
    right = [bool(np.abs(known - fires(beat)).min() <= _NEAR) for beat in inside]
    off = [
        bool(np.abs(middles - fires(beat)).min() <= _NEAR) and not on for beat, on in zip(inside, right, strict=True)
    ]
    first = fires(inside[0])
    around = np.diff(known[(known >= first - 3.0) & (known <= first + 5.0)])
    true = 60.0 / float(np.median(around)) if around.size else inside[0].bpm
    return sum(right), sum(off), len(inside), abs(inside[0].bpm / true - 1.0) > _WRONG_TEMPO, first


def main(words: list[str]) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks trust", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--sets", type=int, default=6, help="spliced sets (%(default)s)")
    parser.add_argument("--clips", type=int, default=120, help="labelled clips (%(default)s)")
    parser.add_argument("--tracks", type=int, default=12, help="tracks of each set of beats (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(words)
    engine = Engine()
    parts: dict[str, Callable[[], str]] = {
        "Spliced sets": lambda: spliced(engine, given.data, given.sounds, given.sets, given.seed),
        "Lock": lambda: lock(engine, given.data, given.tracks),
        "Axes": lambda: axes(engine, given.data, given.clips, given.seed),
    }
    asked = f"--sets {given.sets} --clips {given.clips} --tracks {given.tracks}"
    text = f"# Trust\n\nWritten by `python -m benchmarks trust DATA SOUNDS {asked}`. {machine()}.\n"
    for title, measure in parts.items():
        print(f"{title} …", flush=True)
        text += f"\n## {title}\n\n{measure()}\n"
        RESULTS.write_text(text, encoding="utf-8")
    print(text)
