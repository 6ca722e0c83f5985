"""Beats against known ones, by the instant at which they fire: ours, and aubio as it comes, on the same sound."""

from __future__ import annotations

from pathlib import Path

import aubio
import mir_eval
import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.table import markdown
from streammood import config
from streammood.events import ANALYSIS_RATE, F32, Beat, seconds
from streammood.model import MoodModel
from streammood.stream.analyzer import Analyzer
from streammood.stream.resampler import Resampler

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "beat"
SETS = ("spcup2017_closed_challenge", "fnf_exact_grid", "groove_render", "pop909_render", "loops_cc0_tiled")
LONGEST = 30.0  # s of each track
_HOP = 512
_TOLERANCE = 0.07  # s

Times = npt.NDArray[np.float64]


def report() -> str:
    """The table, or where the sets are looked for."""
    if not DATA.is_dir():
        return "Not measured: the labelled sets are not beside this checkout, in `../shared/data/beat`."
    rows = [row for name in SETS for row in _score(name)]
    header = ["set", "tracks", "tracker", "F", "95 %", "CMLt", "AMLt", "late ms p2.5 / 50 / 97.5"]
    return (
        f"The first {LONGEST:.0f} s of each track. F-measure within ±70 ms after the first 5 s, mean over tracks with "
        "a bootstrap interval; a beat counts at the instant at which it fires. `spcup2017_closed_challenge` was only "
        "scored; the others served for choosing.\n\n" + markdown(header, rows)
    )


def _score(name: str) -> list[list[str]]:
    tracks = sorted((DATA / name).glob("*.beats"))
    scores: dict[str, list[tuple[float, float, float]]] = {"streammood": [], "aubio alone": []}
    late: dict[str, list[float]] = {tracker: [] for tracker in scores}
    settings = config.load()
    model = MoodModel.load(settings.mood.model, settings.features)
    for path in tracks:
        sound, rate = soundfile.read(path.with_suffix(".opus"), dtype="float32", frames=int(LONGEST * 48_000))
        known = np.array([float(line.split()[0]) for line in path.read_text().splitlines() if line.strip()])
        known = mir_eval.beat.trim_beats(known[known < len(sound) / rate])
        events = Analyzer(settings, rate, model).push(sound)
        ours = np.array([seconds(max(e.sample, e.decided)) for e in events if isinstance(e, Beat)])
        for tracker, beats in (("streammood", ours), ("aubio alone", _aubio(sound, rate))):
            fired = mir_eval.beat.trim_beats(np.sort(beats))
            continuity = mir_eval.beat.continuity(known, fired)
            scores[tracker].append((mir_eval.beat.f_measure(known, fired), continuity[1], continuity[3]))
            late[tracker] += _lateness(known, fired)
    return [[name, str(len(tracks)), tracker, *_row(scores[tracker], late[tracker])] for tracker in scores]


def _aubio(sound: F32, rate: int) -> Times:
    """Beats of `aubio.tempo` with its defaults, at the end of the hop in which it reports them."""
    tempo = aubio.tempo("default", 2 * _HOP, _HOP, ANALYSIS_RATE)
    sound = Resampler(rate).push(sound)
    hops = sound[: sound.size // _HOP * _HOP].reshape(-1, _HOP)
    return np.array([(i + 1) * _HOP / ANALYSIS_RATE for i, hop in enumerate(hops) if tempo(hop)[0] > 0])


def _lateness(known: Times, fired: Times) -> list[float]:
    """Of every fired beat that belongs to a known one, in ms."""
    if not known.size:
        return []
    errors = [1e3 * float(time - known[np.argmin(np.abs(known - time))]) for time in fired]
    return [error for error in errors if abs(error) <= 1e3 * _TOLERANCE]


def _row(scores: list[tuple[float, float, float]], late: list[float]) -> list[str]:
    f, cml, aml = np.array(scores).T
    rng = np.random.default_rng(0)
    means = [np.mean(rng.choice(f, f.size)) for _ in range(2000)]
    low, high = np.percentile(means, [2.5, 97.5])
    spread = " / ".join(f"{value:.0f}" for value in np.percentile(late, [2.5, 50, 97.5]))
    return [f"{f.mean():.3f}", f"{low:.3f}–{high:.3f}", f"{cml.mean():.3f}", f"{aml.mean():.3f}", spread]
