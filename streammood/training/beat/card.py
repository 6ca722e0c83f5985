"""The beat model's card, and its picture: what the manifest says, for people."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

from streammood.events import ANALYSIS_RATE
from streammood.models.beat_model import BeatManifest
from streammood.training.beat.data import CHOOSING
from streammood.training.beat.fit import Stage
from streammood.training.beat.listening import Peaks

mpl.use("Agg")
from matplotlib import pyplot as plt

_LIMITS = """\
- Most of what it learned is another tracker's opinion of Western popular music: it shares that tracker's tastes, such
  as the level at which a slow or a fast beat is counted.
- Drums help. Piano and strings played freely, and music without a pulse, are heard badly; other traditions and bars
  other than of three or four beats were hardly there to learn from.
- It says where beats may be, hop by hop. Tempo, prediction, lock and confidence are the decoder's."""


def render(manifest: BeatManifest, stages: tuple[Stage, ...], seed: int, size: int, start: str | None = None) -> str:
    """The card in Markdown; ``start`` is the digest of the network whose weights the fit began with."""
    network = manifest.network
    reach = 2 * sum(network.dilations) * network.pair * manifest.features.hop / ANALYSIS_RATE
    late = 1e3 * manifest.look_ahead * manifest.features.hop / ANALYSIS_RATE
    steps = ", ".join(
        f"{len(s.dilations)} layers for {s.steps} steps of {s.batch} crops of {s.hops} hops at a rate of {s.rate:g}"
        + (f", {100 * s.arranged:.0f} % of them of arrangements" if s.arrangements else "")
        for s in stages
    )
    begun = (
        f"Fitted further, each time from the int8 weights of the network with the digest {start[:12]}"
        if start
        else "Fitted"
    )
    parts = [
        f"# Beat model `{manifest.name}`",
        f"Probability of a beat and of a downbeat at every hop of {manifest.features.hop} samples, {late:.0f} ms late, "
        f"from {manifest.features.n_mels} log mel bands re the recent peak and their rise. {len(network.dilations)} "
        f"gated dilated convolutions of {network.width} channels that look back {reach:.1f} s and never ahead; an int8 "
        f"TFLite network of {size / 1000:.0f} kB, asked once every {network.pair} hops. Written by `streammood train "
        "beat`.",
        "## Data and terms",
        "\n".join(f"- `{each.name}`, {each.clips} tracks: {each.licence}" for each in manifest.training),
        f"No sound of these sets is part of the model or of this project. `{CHOOSING}` was not fitted to.",
        "## Protocol",
        f"One group in six (song, take or artist, by a hash of its name) is held out of every set. {begun}: {steps}; "
        f"seed {seed}. Crops are varied in tempo (by resampling the features), pitch, equaliser, noise, room, level, "
        "masked bands, drums laid over songs, cuts from one song to another, and some hold no beats at all. Each stage "
        "ends with the mean of the weights over its last steps; the mean over the stages of as many layers as the last "
        "is quantised.",
        "## Scores",
        "Peaks above 0.2 of the quantised network as it runs live, without a decoder, against the known beats: "
        "F-measure at ± 70 ms after the first 5 s (no peak is told from its half or double here), and by how much a "
        "peak is late. Tracks with few beats after those 5 s, as many of `groove_midi` and `pseudo`, pull the means "
        "down. The scores of beats as they fire are in `benchmarks/results.md`.",
        _table(manifest),
        f"![F-measure and lateness of peaks]({manifest.name}.png)",
        "## Limits",
        _LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _table(manifest: BeatManifest) -> str:
    lines = ["| set | tracks | F of peaks | F of downbeat peaks | late, median ms |", "|---|---|---|---|---|"]
    for name, row in manifest.scores.items():
        bar = f"{row['downbeat_peaks_f']:.3f}" if "downbeat_peaks_f" in row else ""
        late = f"{row['late_ms_median']:+.1f}" if "late_ms_median" in row else ""
        lines.append(f"| {name} | {row['tracks']:.0f} | {row['peaks_f']:.3f} | {bar} | {late} |")
    return "\n".join(lines)


def draw(found: list[Peaks], path: Path) -> None:
    """F-measure of every track that was not fitted to, and how late all their peaks are, to one PNG."""
    unseen = [peaks for peaks in found if peaks.held_out]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), constrained_layout=True)
    names = sorted({peaks.source for peaks in unseen})
    left.boxplot([[p.beat for p in unseen if p.source == name] for name in names], orientation="horizontal")
    left.set_yticks(range(1, len(names) + 1), names)
    left.set(xlim=(0, 1), xlabel="F-measure of peaks", title="tracks that were not fitted to")
    late = 1e3 * np.concatenate([p.late for p in unseen]) if unseen else np.zeros(0)
    right.hist(late, bins=np.arange(-70, 71, 4))
    right.axvline(0.0, color="grey", linestyle=":")
    right.set(xlabel="late, ms", ylabel="peaks", title="peaks against known beats")
    figure.savefig(path, dpi=90)
    plt.close(figure)
