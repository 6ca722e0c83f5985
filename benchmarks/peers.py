"""The beat tracker beside madmom's online one, track by track in turn: how right each is, and what each computes."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from rich.progress import track
from scipy.signal import resample_poly

from benchmarks.beats import DATA
from benchmarks.table import markdown
from streammood.config import Settings
from streammood.events import ANALYSIS_RATE, F32, Beat
from streammood.training.beat.data import CHOOSING
from streammood.training.beat.evaluate import LONGEST, sets
from streammood.training.beat.hearing import beats_of, hear
from streammood.training.beat.scores import Score, Truth, interval, lateness, score

_HERE = Path(__file__).resolve().parent
_PYTHON = _HERE.parent / ".cache" / "madmom" / "bin" / "python"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_OURS, _PEER = "streammood, beats alone", "madmom 0.16.1, online"


@dataclass(slots=True)
class Heard:
    """What a tracker scored, and what it cost."""

    scores: list[Score] = field(default_factory=list)
    pace: list[float] = field(default_factory=list)  # s of sound in a s of computing, track by track

    def row(self, name: str, other: Heard) -> list[str]:
        """Name, F with its interval, CMLt, AMLt, lateness, times real time, computing against ``other``."""
        f, low, high = interval([each.f for each in self.scores])
        share = np.array(other.pace) / np.array(self.pace)
        return [
            name,
            f"{f:.3f}",
            f"{low:.3f}–{high:.3f}",
            f"{np.mean([each.cmlt for each in self.scores]):.3f}",
            f"{np.mean([each.amlt for each in self.scores]):.3f}",
            lateness(self.scores),
            f"{np.median(self.pace):.0f}",
            f"{np.median(share):.2f}",
        ]


def report() -> str:
    """A table, or what is missing."""
    if not (DATA / "beat" / CHOOSING).is_dir():
        return "Not measured: the labelled sets are not beside this checkout, in `../shared/data/beat`."
    if not _PYTHON.is_file():
        return "Not measured: `bash benchmarks/madmom.sh` installs the peer, apart from everything else."
    settings = Settings()
    ours, peer = Heard(), Heard()
    tracks = sets(DATA)[CHOOSING]
    command = [str(_PYTHON), "-W", "ignore", str(_HERE / "madmom_online.py")]
    with tempfile.TemporaryDirectory() as folder, suppress(BrokenPipeError):
        path = Path(folder) / "track.wav"
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **_ONE_THREAD}
        ) as madmom:
            assert madmom.stdin is not None
            assert madmom.stdout is not None
            for number, item in enumerate(track(tracks, description="peers")):
                sound = _sound(item.path)
                soundfile.write(path, sound, ANALYSIS_RATE, subtype="PCM_16")
                truth = Truth(item.beats, item.numbers).before(sound.size / ANALYSIS_RATE)
                if number == 0:
                    hear(sound, ANALYSIS_RATE, settings)  # compiles
                began = time.process_time()
                beats = beats_of(hear(sound, ANALYSIS_RATE, settings))
                spent = time.process_time() - began
                ours.scores.append(score(item.stem, truth, beats))
                ours.pace.append(sound.size / ANALYSIS_RATE / spent)
                print(path, file=madmom.stdin, flush=True)
                answer = json.loads(madmom.stdout.readline())
                peer.scores.append(score(item.stem, truth, [_beat(second) for second in answer["beats"]]))
                peer.pace.append(sound.size / ANALYSIS_RATE / answer["seconds"])
            madmom.stdin.close()
    return (
        f"`{CHOOSING}`, {len(tracks)} tracks, the first {LONGEST:.0f} s of each as 44.1 kHz, the two in turn, one "
        "thread each. F-measure within ±70 ms after the first 5 s, by the instant at which a beat fires. Computing is "
        "the processor's time from sound to beats; ours in the cuts of the live path, the peer's whole tracks at once, "
        "which is the cheaper way. Budget: at least 100 × real time, at most a quarter of the peer's computing.\n\n"
        + markdown(
            [
                "tracker",
                "F",
                "95 %",
                "CMLt",
                "AMLt",
                "late ms p2.5 / 50 / 97.5",
                "× real time, median",
                "computing against the other, median",
            ],
            [ours.row(_OURS, peer), peer.row(_PEER, ours)],
        )
    )


def _sound(path: Path) -> F32:
    """The beginning of a track as the analysis hears it (n,), so that neither tracker has to resample."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=int(LONGEST * 48_000))
    divisor = int(np.gcd(rate, ANALYSIS_RATE))
    mono: F32 = resample_poly(sound.mean(axis=1), ANALYSIS_RATE // divisor, rate // divisor).astype(np.float32)
    return mono


def _beat(second: float) -> Beat:
    sample = round(second * ANALYSIS_RATE)
    return Beat(sample, sample, 0.0, 0.0, False, 0, 0)
