"""What the quantised network says of whole tracks, as live, and how good its peaks are before any decoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import mir_eval
import numpy as np
import numpy.typing as npt

from streammood.analysis.beat.activations import BeatNetwork
from streammood.events import ANALYSIS_RATE, F32
from streammood.models.beat_model import BeatModel
from streammood.training.beat.data import F64, Item

_START = 5.0  # s that are not scored, as everywhere in the literature
_NEAR = 0.07  # s within which a beat counts as heard
_PEAK = 0.2  # least activation of a peak that is taken for a beat
_APART = 0.2  # s, of two such peaks the higher one counts
_BAR = 0.46  # s, the same for downbeats


@dataclass(frozen=True, slots=True)
class Peaks:
    """How the peaks of one track lie to its beats."""

    source: str
    held_out: bool
    beat: float  # F-measure
    downbeat: float  # F-measure, NaN where the bar is not known
    late: F64  # (n,) s, peaks that are beats, against them


def activations(model: BeatModel, log_mel: npt.NDArray[np.floating]) -> F32:
    """Beat and downbeat (n_hops - look_ahead, 2) of a track (n_hops, n_mels)."""
    answers = BeatNetwork(model).push(np.ascontiguousarray(log_mel, dtype=np.float32))
    return answers[model.manifest.look_ahead :].astype(np.float32)


def peaks(item: Item, answers: F32) -> Peaks:
    """The peaks of activations (n, 2) against the beats of the track."""
    hop = item.hop / ANALYSIS_RATE
    truth = item.beats[item.beats < len(answers)] * hop
    ones = item.beats[(item.beats < len(answers)) & (item.numbers == 1)] * hop
    beats, downbeats = (_pick(answers[:, k], apart / hop) * hop for k, apart in ((0, _APART), (1, _BAR)))
    close = [late for late in (at - truth[np.abs(truth - at).argmin()] for at in beats) if abs(late) <= _NEAR]
    bar = _f_measure(ones, downbeats) if ones.size > 4 else float("nan")
    return Peaks(item.track.source, item.track.held_out, _f_measure(truth, beats), bar, np.array(close))


def _f_measure(truth: F64, answers: F64) -> float:
    late = (x[x >= _START] for x in (truth, answers))
    score: float = mir_eval.beat.f_measure(*late)
    return score


def _pick(activation: F32, apart: float) -> F64:
    """Hops, with their fraction from a parabola through three values, at which the activation peaks."""
    before, here, after = activation[:-2], activation[1:-1], activation[2:]
    picked: list[int] = []
    for hop in (np.flatnonzero((here > before) & (here >= after) & (here > _PEAK)) + 1).tolist():
        if not picked or hop - picked[-1] >= apart:
            picked.append(hop)
        elif activation[hop] > activation[picked[-1]]:
            picked[-1] = hop
    at = np.array(picked, dtype=np.int64)
    left, middle, right = (activation[at + k].astype(np.float64) for k in (-1, 0, 1))
    places: F64 = at + 0.5 * (left - right) / (left - 2.0 * middle + right)
    return places


def table(found: Iterable[Peaks]) -> dict[str, dict[str, float]]:
    """Mean F-measures and median lateness of each set, apart for tracks that were fitted to."""
    rows: dict[str, dict[str, float]] = {}
    every = list(found)
    for name, unseen in sorted({(p.source, p.held_out) for p in every}):
        here = [p for p in every if (p.source, p.held_out) == (name, unseen)]
        bars = [p.downbeat for p in here if np.isfinite(p.downbeat)]
        late = np.concatenate([p.late for p in here])
        rows[f"{name}, {'not fitted to' if unseen else 'fitted to'}"] = {
            "tracks": float(len(here)),
            "peaks_f": round(float(np.mean([p.beat for p in here])), 4),
            **({"downbeat_peaks_f": round(float(np.mean(bars)), 4)} if bars else {}),
            **({"late_ms_median": round(1e3 * float(np.median(late)), 1)} if late.size else {}),
        }
    return rows
