"""How well sections are found: arrangements of new seeds, phrases of POP909, and full songs beside an offline novelty.

``python -m benchmarks structure --seed 505 --seed 606 --phrases FOLDER --songs FOLDER``: ``--phrases`` holds a
``NAME.mid``, ``NAME.key``, ``NAME.chords`` and ``NAME.sections.csv`` a song, as POP909 does; each is played as
``python -m streammood.training.key`` does, with a bass and drums. ``--songs`` holds full songs without labels.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import librosa
import mir_eval
import numpy as np
from rich.progress import track
from scipy.stats import spearmanr

from benchmarks.table import machine, markdown
from streammood import config
from streammood.analysis.analyzer import KINDS, AnalysisChain
from streammood.analysis.hops import F64
from streammood.events import ANALYSIS_RATE, F32, Event, Section, SongChange, Structure, seconds
from streammood.models import Models
from streammood.protocol.signals import values
from streammood.training.arrangements.compose import FORMS
from streammood.training.arrangements.folder import write
from streammood.training.key import LONGEST, songs
from streammood.training.songs import load

RESULTS = Path(__file__).with_name("results-structure.md")
_BLOCK = 16_384  # samples
_STRICT, _LOOSE = 0.5, 3.0  # s
_COUNT = 16  # arrangements of a seed
_PAIRS, _PAIR_LENGTH = 9, 60  # songs' first seconds with and without the structure
_NOVELTY_RATE, _NOVELTY_HOP = 22_050, 2048
_KINDS = ("drop", "buildup", "breakdown")


@dataclass(slots=True)
class _Scores:
    """Boundaries and states of several tracks."""

    strict: list[float] = field(default_factory=list)  # F of each track
    loose: list[float] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)  # F, loose, of as many boundaries that are evenly spaced
    late: list[float] = field(default_factory=list)  # s
    wrong: list[float] = field(default_factory=list)  # a minute
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    there: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    reported: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))
    drops_late: list[float] = field(default_factory=list)  # s
    energy: list[float] = field(default_factory=list)  # rank correlation within a track

    def boundaries(self, truth: F64, events: Sequence[Event], length: float) -> None:
        """Score the boundaries of a track of ``length`` s against those at ``truth``."""
        starts = {
            round(seconds(e.sample), 2): e for e in events if isinstance(e, Section) and e.kind != "buildup"
        }  # a drop or breakdown begins a section, too
        found = np.array(sorted(starts))
        even = np.linspace(0.0, length, len(found) + 2)[1:-1]
        self.strict.append(_f_measure(truth, found, _STRICT))
        self.loose.append(_f_measure(truth, found, _LOOSE))
        self.chance.append(_f_measure(truth, even, _LOOSE))
        pairs = mir_eval.util.match_events(truth, found, _LOOSE) if len(found) and len(truth) else []
        self.wrong.append(60.0 * (len(found) - len(pairs)) / length)
        self.late += [_fired(starts[found[k]]) - truth[i] for i, k in pairs]

    def states(self, sections: Sequence[dict[str, str]], events: Sequence[Event], bar: float) -> None:
        """Score drops, build-ups and breakdowns, and energy."""
        for kind in _KINDS:
            left = [e for e in events if isinstance(e, Section) and e.kind == kind]
            self.reported[kind] += len(left)
            for start, end in ((float(s["start"]), float(s["end"])) for s in sections if s["kind"] == kind):
                self.there[kind] += 1
                right = next((event for event in left if _right(event, start, end, bar)), None)
                if right is not None:
                    left.remove(right)
                    self.found[kind] += 1
                    if kind == "drop":
                        self.drops_late.append(_fired(right) - start)
        levels = [(float(s["start"]), float(s["end"]), float(s["level"])) for s in sections]
        energies = [(seconds(e.sample), e.energy) for e in events if isinstance(e, Structure)]
        means = [np.mean([v for at, v in energies if start + 1.0 <= at < end]) for start, end, _ in levels]
        self.energy.append(float(spearmanr(means, [level for *_, level in levels], nan_policy="omit")[0]))

    def row(self, name: str) -> list[str]:
        """Boundaries."""
        late = f"{np.median(self.late):.1f} s" if self.late else "none"
        means = [f"{np.mean(column):.3f}" for column in (self.strict, self.loose, self.chance)]
        return [name, str(len(self.strict)), *means, f"{np.mean(self.wrong):.2f}", late]

    def state_row(self, name: str) -> list[str]:
        """Drops, build-ups, breakdowns and energy."""
        cells = [
            f"{self.found[kind]} of {self.there[kind]}, {self.reported[kind] - self.found[kind]} wrong"
            for kind in _KINDS
        ]
        late = f"{1e3 * np.median(self.drops_late):.0f} ms" if self.drops_late else "none"
        return [name, cells[0], late, *cells[1:], f"{np.nanmean(self.energy):.3f}"]


def _f_measure(truth: F64, found: F64, window: float) -> float:
    if not len(found) or not len(truth):
        return 0.0
    return 2.0 * len(mir_eval.util.match_events(truth, found, window)) / (len(found) + len(truth))


def _fired(event: Section) -> float:
    """When it leaves, in s."""
    return seconds(max(event.sample, event.decided))


def _right(event: Section, start: float, end: float, bar: float) -> bool:
    """Whether a section from ``start`` to ``end`` (s) was found in time (build-ups: two bars before their end)."""
    if event.kind == "drop":
        return abs(seconds(event.sample) - start) <= _STRICT
    if event.kind == "buildup":
        return start <= _fired(event) <= end - 2.0 * bar
    return start - _STRICT <= _fired(event) <= start + 2.0 * bar


def _analysed(
    sound: F32, models: Models, kinds: Collection[type[Event]] = frozenset({Section, Structure})
) -> list[Event]:
    chain = AnalysisChain(config.load(), ANALYSIS_RATE, models, kinds)
    return [event for at in range(0, sound.size, _BLOCK) for event in chain.push(sound[at : at + _BLOCK])]


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as table:
        return list(csv.DictReader(table))


def _arrangements(seed: int, models: Models) -> _Scores:
    scores = _Scores()
    with tempfile.TemporaryDirectory() as folder:
        for path in write(Path(folder), _COUNT, seed, FORMS, False, "flac", 1):
            sections = _table(path.with_suffix(".sections.csv"))
            sound = load(path)
            events = _analysed(sound, models)
            lines = path.with_suffix(".beats").read_text(encoding="utf-8").split("\n")
            bar = 4.0 * float(np.median(np.diff([float(line.split()[0]) for line in lines if line])))
            length = float(sections[-1]["end"]) - float(sections[0]["start"])
            scores.boundaries(np.array([float(s["start"]) for s in sections[1:]]), events, length)
            scores.states(sections, events, bar)
    return scores


def _phrases(folder: Path, models: Models) -> _Scores:
    scores = _Scores()
    for path, sound, _ in track(songs(folder), description=folder.name):
        starts = np.array([float(s["start"]) for s in _table(path.with_suffix(".sections.csv"))[1:]])
        last = sound.size / ANALYSIS_RATE
        scores.boundaries(starts[starts < last], _analysed(sound, models), last)
    return scores


def _beside_novelty(sounds: Iterator[F32], models: Models) -> _Scores:
    """As many segments of librosa's agglomerative clustering as the program told boundaries are the truth here."""
    scores = _Scores()
    for sound in sounds:
        events = _analysed(sound, models)
        count = len({e.sample for e in events if isinstance(e, Section) and e.kind != "buildup"})
        slow = librosa.resample(sound, orig_sr=ANALYSIS_RATE, target_sr=_NOVELTY_RATE)
        spectra = np.abs(librosa.stft(slow, n_fft=2 * _NOVELTY_HOP, hop_length=_NOVELTY_HOP)) ** 2
        mel = librosa.power_to_db(librosa.feature.melspectrogram(S=spectra, sr=_NOVELTY_RATE))
        chroma = librosa.feature.chroma_stft(S=spectra, sr=_NOVELTY_RATE)
        rows = np.vstack([librosa.feature.mfcc(S=mel, n_mfcc=13), chroma])
        rows = (rows - rows.mean(axis=1, keepdims=True)) / (rows.std(axis=1, keepdims=True) + 1e-6)
        frames = librosa.segment.agglomerative(rows, count + 1)[1:]
        truth = librosa.frames_to_time(frames, sr=_NOVELTY_RATE, hop_length=_NOVELTY_HOP)
        scores.boundaries(truth, events, sound.size / ANALYSIS_RATE)
    return scores


def _cost(sounds: Sequence[F32], models: Models) -> str:
    """Processor time with and without the structure, in turn, with the OSC signals made of each event."""
    shares = []
    for sound in sounds:
        piece = sound[: _PAIR_LENGTH * ANALYSIS_RATE]
        times = []
        for kinds in (KINDS, KINDS - {Structure, Section, SongChange}):
            began = time.thread_time()
            for event in _analysed(piece, models, kinds):
                list(values(event))
            times.append(time.thread_time() - began)
        shares.append(100.0 * (times[0] - times[1]) / (piece.size / ANALYSIS_RATE))
    low, middle, high = np.percentile(shares, [25, 50, 75])
    return (
        f"Structure, songs and keys cost {middle:.2f} % of a core on top of everything else ({low:.2f}–{high:.2f}, "
        f"quartiles of {len(shares)} pairs with and without them, of {_PAIR_LENGTH} s each, in blocks of {_BLOCK}; "
        "with the making of every signal, without the network)."
    )


def report(seeds: Sequence[int], phrases: Path | None, full: Path | None) -> str:
    """The tables."""
    models = Models.load(config.load())
    made = {f"arrangements, seed {seed}": _arrangements(seed, models) for seed in seeds}
    rows = [scores.row(name) for name, scores in made.items()]
    cost = ""
    if phrases is not None:
        rows.append(_phrases(phrases, models).row(f"phrases of `{phrases.name}`, with bass and drums, {LONGEST:.0f} s"))
    if full is not None:
        paths = sorted(path for path in full.iterdir() if path.suffix in (".opus", ".flac", ".ogg", ".wav", ".mp3"))
        name = f"`{full.name}` beside librosa's agglomerative segments (no truth)"
        rows.append(_beside_novelty((load(p) for p in track(paths, description=full.name)), models).row(name))
        cost = "\n\n" + _cost([load(path) for path in paths[:_PAIRS]], models)
    header = ["", "tracks", "F 0.5 s", "F 3 s", "F 3 s, evenly spaced", "wrong a minute", "told late"]
    states = ["", "drops", "late", "build-ups", "breakdowns", "energy, rank correlation"]
    text = "Boundaries; beside them, as many that are evenly spaced over the track.\n\n" + markdown(header, rows)
    if made:
        text += "\n\n" + markdown(states, [scores.state_row(name) for name, scores in made.items()])
    return text + cost


def main(arguments: list[str]) -> None:
    """Score, print and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks structure", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", default=[], help=f"{_COUNT} arrangements of this seed")
    parser.add_argument("--phrases", type=Path, help="songs as MIDI, with phrases, keys and chords")
    parser.add_argument("--songs", type=Path, help="full songs without labels")
    asked = parser.parse_args(arguments)
    tables = report(asked.seed, asked.phrases, asked.songs)
    text = f"# Structure\n\n`python -m benchmarks structure`. {machine()}.\n\n{tables}\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")
