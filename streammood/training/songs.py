"""Sets of clips, spliced and blended as a DJ does: fits where another song begins, and scores it.

``python -m streammood.training.songs FOLDER...`` scores the model that ships on the half of the clips for which nothing
was fitted or chosen; ``--fit`` fits it to the other half. A hash of artist or file name draws the halves.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.hops import F64, Flags, Hops, Records
from streammood.analysis.mood.slots import SlotPool
from streammood.analysis.structure.songs import AFTER, EARLIEST, MEMORY, SLOT, STEP, features
from streammood.analysis.structure.structure_stream import StructureStream
from streammood.capture.sound_file import SoundFile
from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, F32, Event, Mood, SongChange, seconds
from streammood.models import Models
from streammood.training.frames import read_sound
from streammood.training.music import resampled
from streammood.training.structure import fit as structure_fit

THRESHOLD = 0.25  # likelihood above which another song has begun; chosen on the half that is fitted to
TOLERANCE = 8.0  # s
_DIMS, _SHRINKAGE, _INVERSE_PENALTY = 8, 0.1, 0.3
_WINDOW, _EVERY, _WINDOWS = 32, 11, 20  # slots of a piece of a song, from one to the next, and how many of a song
_NEAR, _AWAY = 1.0, 5.0  # s: a judgement nearer is right, one farther away is wrong
_BLENDS = (0.0, 0.0, 2.0, 4.0, 8.0, -3.0)  # s of clips; negative: silence
_LONG_BLENDS = (0.0, 4.0, 8.0, 12.0, 16.0, -3.0)  # s of songs
_EXCERPT, _SONG = (40.0, 75.0), 35.0  # s of a song that are used; what is shorter than a song is used as a whole
_IN_A_SET = 12
_LOUDEST, _QUIETEST = -16.0, -24.0  # dB re full scale, RMS
_BLOCK = 16_384  # samples
_SOUNDS = frozenset({".flac", ".mp3", ".ogg", ".opus", ".wav"})

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """A set; of a single song, there are no changes."""

    sound: F32
    changes: tuple[float, ...]  # s, the middle of each blend
    widths: tuple[float, ...]  # s of each blend or silence


@dataclass(frozen=True, slots=True, eq=False)
class SetSlots:
    """Slots of a set."""

    slots: F32  # (n, n_values)
    tempi: F64  # (n, 2)
    changes: tuple[float, ...]  # s
    widths: tuple[float, ...]  # s


@dataclass(slots=True)
class ChangeScore:
    """Changes of several sets."""

    found: int = 0
    reported: int = 0
    there: int = 0
    hours: float = 0.0
    late: tuple[float, ...] = ()  # s from the change to its event

    @property
    def f_measure(self) -> float:
        """F-measure within ``TOLERANCE``."""
        return 2.0 * self.found / max(1, self.reported + self.there)

    def __str__(self) -> str:
        """One line."""
        wrong = f"{self.reported - self.found} wrong in {self.hours:.2f} h"
        if not self.there:
            return wrong
        late = f"{np.median(self.late):.1f} s late" if self.late else "none in time"
        return f"F {self.f_measure:.3f}, {self.found} of {self.there} found, {wrong}, {late} (median)"


def clips(folder: Path, reported: bool) -> list[Path]:
    """The clips of ``folder`` that are reported on, or those that everything is fitted to and chosen on."""
    groups: dict[str, str] = {}
    if (folder / "labels.csv").is_file():
        with (folder / "labels.csv").open(encoding="utf-8") as table:
            groups = {row["file"]: row.get("artist_group", row["file"]) for row in csv.DictReader(table)}
    files = sorted(path for path in folder.iterdir() if path.suffix in _SOUNDS)
    return [path for path in files if _reported(groups.get(path.name, path.stem)) == reported]


def _reported(group: str) -> bool:
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % 2 == 0


def load(path: Path) -> F32:
    """A sound at the rate of the analysis (n,)."""
    return resampled(*read_sound(path))


def mix(parts: Sequence[F32], blends: Sequence[float], rng: Rng) -> Mix:
    """``parts`` one after the other, each at a level of its own, spliced, blended, or with silence between them."""
    sound = np.zeros(0, dtype=np.float32)
    changes: list[float] = []
    widths: list[float] = []
    for number, part in enumerate(parts):
        level = np.float32(10.0 ** (rng.uniform(_QUIETEST, _LOUDEST) / 20.0) / (np.sqrt(np.mean(part**2)) + 1e-6))
        louder, blend = part * level, float(rng.choice(blends)) if number else 0.0
        size = round(abs(blend) * ANALYSIS_RATE)
        if blend < 0.0:
            sound = np.concatenate([sound, np.zeros(size, dtype=np.float32)])
            size = 0
        if number:
            changes.append((sound.size - size / 2) / ANALYSIS_RATE)
            widths.append(abs(blend))
        turn = np.linspace(0.0, np.pi / 2, size, dtype=np.float32)
        both = sound[sound.size - size :] * np.cos(turn) + louder[:size] * np.sin(turn)
        sound = np.concatenate([sound[: sound.size - size], both, louder[size:]])
    return Mix(np.clip(sound, -1.0, 1.0), tuple(changes), tuple(widths))


def sets(folder: Path, reported: bool, count: int, seed: int = 1) -> Iterator[Mix]:
    """``count`` sets of ``_IN_A_SET`` clips in an order drawn by chance; of songs, of excerpts."""
    rng = np.random.default_rng([seed, reported])
    files = clips(folder, reported)
    if not files:
        raise DataError(f"{folder}: holds no sound files")
    long = _songs(folder, reported)
    order: list[int] = []
    for _ in range(count):
        if len(order) < min(_IN_A_SET, len(files)):
            order = rng.permutation(len(files)).tolist()
        parts = [load(files[k]) for k in order[:_IN_A_SET]]
        order = order[_IN_A_SET:]
        if long:
            parts = [_excerpt(part, rng) for part in parts]
        yield mix(parts, _LONG_BLENDS if long else _BLENDS, rng)


def _songs(folder: Path, reported: bool) -> bool:
    """Whether ``folder`` holds whole songs."""
    return any((SoundFile(path).duration or 0.0) > _SONG for path in clips(folder, reported)[:5])


def _excerpt(sound: F32, rng: Rng) -> F32:
    size = round(rng.uniform(*_EXCERPT) * ANALYSIS_RATE)
    first = int(rng.integers(0, max(1, sound.size - size)))
    return sound[first : first + size]


class _Recorder(StructureStream):
    """Takes the place of the structure of an analysis, and stores slots and tempi."""

    def __init__(self, models: Models) -> None:
        super().__init__(models.structure, False, False)
        self._pool = SlotPool(None)
        self.slots: list[F32] = []
        self.tempi: list[tuple[float, float]] = []

    def push(self, hops: Hops, signal: Flags, tempi: Records, moods: Sequence[Mood] | None = None) -> list[Event]:
        at = 0
        while at < len(hops):
            at += self._pool.push(hops.values[at:])
            if self._pool.complete:
                self.slots.append(self._pool.slot[self._pool.layout.plain].copy())
                self.tempi.append((float(tempi[at - 1]["period"]), float(tempi[at - 1]["confidence"])))
        return []


def record(made: Mix, models: Models) -> SetSlots:
    """The slots of a set."""
    chain = AnalysisChain(config.load(), ANALYSIS_RATE, models, {SongChange})
    chain.structure = recorder = _Recorder(models)
    for at in range(0, made.sound.size, _BLOCK):
        chain.push(made.sound[at : at + _BLOCK])
    return SetSlots(np.stack(recorder.slots), np.array(recorder.tempi), made.changes, made.widths)


def _pieces(recording: SetSlots) -> Iterator[F64]:
    """Means of six seconds of each song (n, n_values), away from blends."""
    slot = SLOT / ANALYSIS_RATE
    ends = [*recording.changes, len(recording.slots) * slot]
    widths = [*recording.widths, 0.0]
    start = 0.0
    for end, width in zip(ends, widths, strict=True):
        first, last = int((start + 1.0) / slot), int((end - width - 1.0) / slot) - _WINDOW
        starts = np.arange(first, last, _EVERY)
        if len(starts) >= 4:
            starts = starts[:: max(1, len(starts) // _WINDOWS)]
            yield np.stack([recording.slots[k : k + _WINDOW].mean(axis=0, dtype=np.float64) for k in starts])
        start = end + width


def fit(recordings: Sequence[SetSlots]) -> dict[str, object]:
    """The part ``song`` of the document of the structure's model."""
    songs = [piece for recording in recordings for piece in _pieces(recording)]
    values = np.concatenate(songs)
    names = np.repeat(np.arange(len(songs)), [len(song) for song in songs])
    spread = values.std(axis=0) + 1e-6
    separation = LinearDiscriminantAnalysis(solver="eigen", shrinkage=_SHRINKAGE).fit(values / spread, names)
    projection = separation.scalings_[:, :_DIMS] / spread[:, None]
    judged = [_judgements(recording, projection) for recording in recordings]
    rows = np.concatenate([found for found, _ in judged])
    truth = np.concatenate([right for _, right in judged])
    scaler = StandardScaler().fit(rows)
    regression = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1000).fit(scaler.transform(rows), truth)
    weights = np.ravel(regression.coef_) / scaler.scale_
    return {
        "projection": [float(f"{number:.4g}") for number in projection.ravel()],
        "dims": _DIMS,
        "weights": [float(f"{weight:.5g}") for weight in weights],
        "offset": float(f"{float(regression.intercept_[0] - weights @ scaler.mean_):.5g}"),
        "threshold": THRESHOLD,
    }


def _judgements(recording: SetSlots, projection: F64) -> tuple[F64, Flags]:
    """Features (n, n_features), and whether a song begins there (n,); neither right nor wrong ones are left out."""
    rows, found, right = recording.slots.astype(np.float64) @ projection, [], []
    for end in range(EARLIEST + AFTER, len(rows) + 1, STEP):
        at = (end - AFTER) * SLOT / ANALYSIS_RATE
        away = min((abs(change - at) for change in recording.changes), default=np.inf)
        if away < _NEAR or away > _AWAY:
            last = slice(max(0, end - MEMORY), end)
            found.append(features(rows[last], recording.tempi[last]))
            right.append(away < _NEAR)
    return np.array(found).reshape(len(found), -1), np.array(right)


def score(made: Sequence[Mix] | Iterator[Mix], models: Models) -> ChangeScore:
    """Run the sets through the analysis as it is live."""
    import mir_eval  # noqa: PLC0415  # of the extra, and slow to load

    total = ChangeScore()
    for one in made:
        chain = AnalysisChain(config.load(), ANALYSIS_RATE, models, {SongChange, Mood})
        found = [
            event
            for at in range(0, one.sound.size, _BLOCK)
            for event in chain.push(one.sound[at : at + _BLOCK])
            if isinstance(event, SongChange)
        ]
        times = np.array([seconds(event.sample) for event in found])
        truth = np.array(one.changes)
        pairs = mir_eval.util.match_events(truth, times, TOLERANCE) if found and truth.size else []
        total.found += len(pairs)
        total.reported += len(found)
        total.there += truth.size
        total.hours += one.sound.size / ANALYSIS_RATE / 3600.0
        total.late += tuple(seconds(found[k].decided) - truth[i] for i, k in pairs)
    return total


def whole(folder: Path, reported: bool) -> Iterator[Mix]:
    """Every song alone, in which no other begins."""
    return (Mix(load(path), (), ()) for path in clips(folder, reported))


def report(folders: Sequence[Path], models: Models, count: int, show: Callable[[str], None]) -> None:
    """Score the half of each of ``folders`` that nothing was fitted to or chosen on, ``count`` sets of it."""
    for folder in folders:
        show(f"{folder.name}, {count} sets: {score(sets(folder, True, count), models)}")
        if _songs(folder, True):
            show(f"{folder.name}, each song alone: {score(whole(folder, True), models)}")


def main() -> None:
    """Read the command line, fit and score."""
    parser = argparse.ArgumentParser(prog="python -m streammood.training.songs", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+", help="clips or songs, one artist a file or with labels.csv")
    parser.add_argument("--fit", action="store_true", help="fit to the other half, and write the model")
    parser.add_argument("--sets", type=int, default=8, help="sets of each folder (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("models/structure.json"), help="the model (%(default)s)")
    given = parser.parse_args()
    models = Models.load(config.load())
    if not given.fit:
        report(given.folder, models, given.sets, partial(print, flush=True))
        return
    recordings = [record(one, models) for folder in given.folder for one in _fitted(folder, given.sets)]
    document = json.loads(given.out.read_text(encoding="utf-8"))
    structure_fit.write(document | {"song": fit(recordings)}, given.out)


def _fitted(folder: Path, count: int) -> Iterator[Mix]:
    yield from sets(folder, False, count)
    if _songs(folder, False):
        yield from whole(folder, False)


if __name__ == "__main__":
    main()
