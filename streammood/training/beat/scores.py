"""What beats are worth: scored by the instant at which they fire, which is the later of `time` and `decided`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt

from streammood.errors import DataError
from streammood.events import Beat, seconds

F64 = npt.NDArray[np.float64]

TOLERANCE = 0.07  # s, as everywhere in the literature
START = 5.0  # s that are not scored, as everywhere in the literature
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of confidence


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The known beats of a track."""

    beats: F64  # (n,) s
    numbers: npt.NDArray[np.int64]  # (n,) position in the bar, 0 where it is not known

    def before(self, end: float) -> Truth:
        """Only the beats earlier than ``end``, in s."""
        here = self.beats < end
        return Truth(self.beats[here], self.numbers[here])


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """How one track was heard."""

    name: str
    f: float  # F-measure, 0..1
    cmlt: float  # share of beats in right stretches at the right level
    amlt: float  # the same at any level
    downbeat: float  # F-measure of the downbeats; NaN where they are not known
    lock: float  # s of sound until the first locked beat fired; infinite if none did
    late: F64  # (hits,) s, fired against known
    stated: F64  # (beats, 2) confidence, and 1 where the beat was right
    locked: F64  # (beats, 2) 1 where locked, and 1 where right


def read_truth(path: Path) -> Truth:
    """The beats in ``path``: a time in s a line, and the position in the bar where it is known.

    Raises:
        DataError: it holds anything else.
    """
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        beats = np.array([float(row[0]) for row in rows])
        numbers = np.array([int(float(row[1])) if len(row) > 1 else 0 for row in rows], dtype=np.int64)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: must hold a time in seconds a line ({error})") from None
    return Truth(beats, numbers)


def fired(beats: Iterable[Beat]) -> F64:
    """Times in s at which ``beats`` fire."""
    return np.sort(np.array([seconds(max(beat.sample, beat.decided)) for beat in beats], dtype=np.float64))


def score(name: str, truth: Truth, beats: Sequence[Beat]) -> Score:
    """``beats`` as they were handed out, against ``truth``."""
    times = fired(beats)
    reference, estimated = mir_eval.beat.trim_beats(truth.beats, START), mir_eval.beat.trim_beats(times, START)
    continuity = (
        mir_eval.beat.continuity(reference, estimated) if min(reference.size, estimated.size) > 1 else (0.0,) * 4
    )
    errors = distance(estimated, reference)
    after = [beat for beat, time in zip(beats, times, strict=True) if time >= START]
    right = np.abs(errors) <= TOLERANCE
    ones = truth.beats[truth.numbers == 1]
    estimated_ones = fired(beat for beat in beats if beat.number == 1)
    downbeat = _f_measure(*(mir_eval.beat.trim_beats(x, START) for x in (ones, estimated_ones)))
    return Score(
        name,
        _f_measure(reference, estimated),
        continuity[1],
        continuity[3],
        downbeat if ones.size > 2 else float("nan"),
        next((float(time) for beat, time in zip(beats, times, strict=True) if beat.locked), float("inf")),
        errors[right],
        np.array([[beat.confidence, hit] for beat, hit in zip(after, right, strict=True)]).reshape(-1, 2),
        np.array([[beat.locked, hit] for beat, hit in zip(after, right, strict=True)]).reshape(-1, 2),
    )


def _f_measure(reference: F64, estimated: F64) -> float:
    return float(mir_eval.beat.f_measure(reference, estimated)) if reference.size and estimated.size else 0.0


def distance(times: F64, reference: F64) -> F64:
    """From the nearest of ``known`` to each of ``times``, in s, positive when late; infinite where none is known."""
    if not reference.size:
        return np.full(times.shape, np.inf)
    near = reference[np.argmin(np.abs(times[:, None] - reference[None, :]), axis=1)] if times.size else times
    offsets: F64 = times - near
    return offsets


def lateness(scores: Sequence[Score]) -> str:
    """By how many ms beats fire late: 2.5 %, median and 97.5 % of all that were right; nothing where none was."""
    late = 1e3 * np.concatenate([each.late for each in scores])
    return " / ".join(f"{value:.0f}" for value in np.percentile(late, (2.5, 50.0, 97.5))) if late.size else ""


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % bootstrap interval."""
    array, rng = np.asarray(values, dtype=np.float64), np.random.default_rng(0)
    means = rng.choice(array, (2000, array.size)).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(array.mean()), float(low), float(high)


def reliability(scores: Iterable[Score]) -> list[tuple[float, float, int]]:
    """For each bin of confidence: its mean, the share of right beats, and how many beats there were."""
    pairs = np.concatenate([score.stated for score in scores])
    rows = []
    for low, high in pairwise(BINS):
        here = pairs[(pairs[:, 0] >= low) & ((pairs[:, 0] < high) | (high == 1.0))]
        rows.append((*(here.mean(axis=0).tolist() if len(here) else (float("nan"),) * 2), len(here)))
    return [(float(a), float(b), int(n)) for a, b, n in rows]
