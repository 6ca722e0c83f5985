"""How well keys are found: by folds of songs, beside librosa with the profiles of others, and Essentia.

``python -m benchmarks key FOLDER [--more FOLDER]``: FOLDER holds the songs that are scored, as for
``python -m streammood.training.key``, which fits the profiles to all of them; here, to those of the other folds, and to
all of ``--more``. Chroma is that of the program's own features. The score is MIREX's, which gives 0.5 for a fifth, 0.3
for the relative key and 0.2 for the parallel one.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import librosa
import mir_eval
import numpy as np
from rich.progress import track

from benchmarks.table import machine, markdown
from streammood.analysis.hops import F64
from streammood.analysis.key import Key, KeyProfiles, estimate_key
from streammood.events import F32
from streammood.training.beat.scores import interval
from streammood.training.key import KeyedSong, fit, keyed, songs

RESULTS = Path(__file__).with_name("results-key.md")
_FOLDS, _SEED = 6, 1
_LENGTHS = (43, 86, 172, 323)  # slots: 8, 16, 32, 60 s
_SLOT = 8192 / 44_100  # s
# C. Krumhansl, "Cognitive foundations of musical pitch", 1990; D. Temperley, "What's key for key?", 1999.
_MAJORS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_OTHERS = {
    "Krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    "Temperley": (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was said of one song, and what is right."""

    score: float  # MIREX's
    exact: bool
    minor: bool
    truly_minor: bool
    confidence: float

    @classmethod
    def of(cls, found: Key, right: Key, confidence: float = float("nan")) -> _Answer:
        score = float(mir_eval.key.weighted_score(_name(right), _name(found)))
        return cls(score, found == right, found.minor, right.minor, confidence)


def _name(key: Key) -> str:
    """As mir_eval names it."""
    return f"{_MAJORS[key.tonic]} {'minor' if key.minor else 'major'}"


def _row(name: str, answers: list[_Answer]) -> list[str]:
    score, low, high = interval([answer.score for answer in answers])
    exact, mode, minor = (
        100.0 * float(np.mean(values))
        for values in (
            [a.exact for a in answers],
            [a.minor == a.truly_minor for a in answers],
            [a.minor for a in answers],
        )
    )
    stated = float(np.mean([a.confidence for a in answers]))
    return [
        name, str(len(answers)), f"{score:.3f}", f"{low:.3f}–{high:.3f}",
        f"{exact:.0f} %", f"{mode:.0f} %", f"{minor:.0f} %",
        f"{stated:.2f}" if np.isfinite(stated) else "",
    ]  # fmt: skip


def _correlated(chroma: F64, profiles: tuple[tuple[float, ...], tuple[float, ...]]) -> Key:
    """The key whose profile correlates best."""
    rows = [np.roll(profile, tonic) for profile in profiles for tonic in range(12)]
    best = int(np.argmax([np.corrcoef(row, chroma)[0, 1] for row in rows]))
    return Key(best % 12, best >= 12)


def _essentia() -> Callable[[F32, int], Key] | None:
    """Essentia's key detection with its default settings, where it is installed."""
    if importlib.util.find_spec("essentia") is None:
        return None
    from essentia import standard  # noqa: PLC0415  of the extra

    def key(sound: F32, rate: int) -> Key:
        tonic, scale, _ = standard.KeyExtractor(sampleRate=rate)(sound)
        return Key.parse(f"{tonic} {scale}")

    return key


def _folds(count: int) -> list[list[int]]:
    order = np.random.default_rng(_SEED).permutation(count).tolist()
    return [order[k::_FOLDS] for k in range(_FOLDS)]


def _stretches(song: KeyedSong, length: int, profiles: KeyProfiles) -> list[_Answer]:
    """The key of each stretch of ``length`` slots, as it is live after so long."""
    answers = []
    for first in range(0, len(song.chroma) - length + 1, length):
        right, found = (
            song.key(first, first + length),
            estimate_key(song.chroma[first : first + length].mean(axis=0), profiles),
        )
        if right is not None and found is not None:
            answers.append(_Answer.of(found[0], right, found[1]))
    return answers


def report(folder: Path, more: list[Path]) -> str:
    """The table."""
    scored: list[KeyedSong] = []
    rows: dict[str, list[_Answer]] = {}
    others = _essentia()
    for path, sound, rate in track(list(songs(folder)), description="songs"):
        song = keyed(path, sound, rate)
        scored.append(song)
        right = song.key(0, len(song.chroma))
        if right is None:
            continue
        heard = librosa.feature.chroma_cqt(y=sound, sr=rate).mean(axis=1)
        for name, known in _OTHERS.items():
            rows.setdefault(f"librosa's chroma_cqt, {name}", []).append(_Answer.of(_correlated(heard, known), right))
            ours = song.chroma.mean(axis=0)
            rows.setdefault(f"this program's chroma, {name}", []).append(_Answer.of(_correlated(ours, known), right))
        if others is not None:
            rows.setdefault("Essentia, KeyExtractor", []).append(_Answer.of(others(sound, rate), right))
    extra = [keyed(*song) for each in more for song in track(list(songs(each)), description=each.name)]
    stretches: dict[int, list[_Answer]] = {length: [] for length in _LENGTHS}
    own: list[_Answer] = []
    for part in _folds(len(scored)):
        profiles = fit([song for k, song in enumerate(scored) if k not in set(part)] + extra)
        for song in (scored[k] for k in part):
            own += _stretches(song, len(song.chroma), profiles)
            for length in _LENGTHS:
                stretches[length] += _stretches(song, length, profiles)
    header = ["", "songs or stretches", "score", "95 %", "exact", "right mode", "called minor", "stated confidence"]
    truth = 100.0 * np.mean([answer.truly_minor for answer in own])
    table = [_row("**this program, whole**", own)] + [
        _row(f"this program, each {length * _SLOT:.0f} s", answers) for length, answers in stretches.items()
    ]
    table += [_row(name, answers) for name, answers in sorted(rows.items())]
    return (
        f"{len(scored)} songs of `{folder.name}`, {_FOLDS} folds of songs (seed {_SEED}), their first two minutes; "
        f"{truth:.0f} % of them are in minor. Fitted to the other folds and to {len(extra)} arrangements of our own. "
        f"Of the others nothing was fitted here.\n\n" + markdown(header, table)
    )


def main(arguments: list[str]) -> None:
    """Score, print and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks key", description=__doc__)
    parser.add_argument("folder", type=Path, help="songs with a NAME.key beside each")
    parser.add_argument("--more", type=Path, action="append", default=[], help="songs that are fitted to, too")
    asked = parser.parse_args(arguments)
    text = f"# Keys\n\n`python -m benchmarks key`. {machine()}.\n\n{report(asked.folder, asked.more)}\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")
