"""Beats against known ones, by the instant at which they fire; and on sounds made for one question each."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from benchmarks import beat_trials as trials
from benchmarks.table import markdown
from streammood.config import Settings
from streammood.training.beat.evaluate import HEADER, LONGEST, Result, results, stated_rows

mpl.use("Agg")
from matplotlib import pyplot as plt

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_MOST = 55  # tracks of one set
_PICTURE = Path(__file__).resolve().parents[1] / "docs" / "beats.png"


def report() -> str:
    """Tables, and a picture beside them; or where the sets are looked for."""
    settings = Settings()
    return "\n\n".join(part for part in (_music(settings), _trials(settings)) if part)


def _music(settings: Settings) -> str:
    if not (DATA / "beat").is_dir():
        return "Not measured on music: the labelled sets are not beside this checkout, in `../shared/data/beat`."
    found = results(DATA, settings, _MOST)
    draw(found, settings.beat.tracker, _PICTURE)
    return (
        f"The first {LONGEST:.0f} s of each track, at most {_MOST} tracks of a set. F-measure within ±70 ms after the "
        "first 5 s, mean over tracks with a bootstrap interval; a beat counts at the instant at which it fires. "
        "Nothing was fitted to `spcup2017_closed_challenge`, but it was looked at while the decoder was tuned; parts "
        "that the network was fitted to stand apart. The pseudo-labels are another tracker's opinion.\n\n"
        + markdown(list(HEADER), [result.row() for result in found])
        + "\n\nWhat a confidence is worth, over all of these tracks:\n\n"
        + markdown(["confidence", "stated", "right", "beats"], stated_rows(found, settings.beat.tracker))
        + f"\n\n![F of each track against aubio, reliability, lateness]({_PICTURE.name})"
    )


def _trials(settings: Settings) -> str:
    octaves = ["groove", "BPM", "BPM heard", "changes of level", "late ms", "jitter ms p95", "first lock s"]
    rows = [
        *trials.agility(settings),
        trials.drift(settings),
        trials.breakdown(settings),
        trials.silence(settings),
        *trials.false_locks(settings),
    ]
    return (
        "Drums of the built-in synthesiser, on sounds made for one question each:\n\n"
        + markdown(["trial", "what happened"], rows)
        + "\n\n"
        + markdown(octaves, list(trials.octaves(settings)))
    )


def draw(found: list[Result], tracker: str, path: Path) -> None:
    """F of each track against aubio alone, stated against right confidence, and how late beats fire, as a PNG."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4), constrained_layout=True)
    whole = [result for result in found if "doubt" not in result.name]
    for result in (r for r in whole if r.tracker == tracker):
        alone = next(r for r in whole if r.name == result.name and r.tracker == "aubio alone")
        pairs = np.array([(a.f, b.f) for a, b in zip(alone.scores, result.scores, strict=True)])
        left.plot(*pairs.T, ".", label=result.name)
    left.plot([0, 1], [0, 1], ":", color="grey")
    left.set(xlabel="aubio alone", ylabel=tracker, title="F of each track")
    left.legend(fontsize=6)
    rows = [[float(x) for x in row[1:3]] for row in stated_rows(whole, tracker)]
    middle.plot(*np.array(rows).T, "o-")
    middle.plot([0, 1], [0, 1], ":", color="grey")
    middle.set(xlabel="stated confidence", ylabel="share of right beats", title="reliability", xlim=(0, 1), ylim=(0, 1))
    late = np.concatenate([s.late for r in whole if r.tracker == tracker for s in r.scores])
    right.hist(1e3 * late, bins=np.arange(-70.0, 71.0, 5.0).tolist())
    right.set(xlabel="ms late", ylabel="beats", title="fired against known")
    figure.savefig(path, dpi=90)
    plt.close(figure)
