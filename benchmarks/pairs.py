"""This checkout beside another one, in turn: analysing a song, the live path, and whether both log the same events.

``git worktree add ../before d0e1b32``, a virtual environment in ``../before/.venv`` with that version installed, then
``python -m benchmarks pairs ../before``. The halves of a pair run one after the other, so that both meet the same load.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.table import machine, markdown
from streammood.demo.synth import Synth

_HERE = Path(__file__).resolve().parents[1]
_RATES = (44_100, 48_000)
_SECONDS = 60  # of the song
_SONG = """
import sys, time, types
from pathlib import Path
from benchmarks import files
files.ROUNDS = 1
files.time = types.SimpleNamespace(perf_counter=time.process_time)  # a busy machine takes longer, and computes as much
print(files._inside(Path(sys.argv[1]), 0)[1])
"""
_LIVE = """
import sys
from benchmarks import live
from streammood import config
live.SECONDS = 10.0
_, median, _, _, share = live._latency(config.load(), int(sys.argv[1]))
print(median, share.split()[0])
"""


def _run(checkout: Path, *arguments: str) -> str:
    python = checkout / ".venv" / "bin" / "python"
    done = subprocess.run([python, *arguments], cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _song(folder: Path, rate: int) -> Path:
    path, blocks, samples = folder / f"{rate}.flac", [], 0
    for block in Synth(sample_rate=rate, repeat=True).blocks(rate):
        blocks.append(block.copy())
        samples += block.size
        if samples >= _SECONDS * rate:
            break
    soundfile.write(path, np.concatenate(blocks)[: _SECONDS * rate], rate)
    return path


def _row(name: str, pairs: list[tuple[float, float]], unit: str) -> list[str]:
    """Medians of both, and of the ratio this / other pair by pair, with its range."""
    before, now = np.array(pairs).T
    ratios = now / before
    medians = [f"{np.median(side):.2f} {unit}" for side in (before, now)]
    return [name, *medians, f"{np.median(ratios):.2f}", f"{ratios.min():.2f}–{ratios.max():.2f}"]


def _events(checkout: Path, song: Path, out: Path) -> list[dict[str, object]]:
    _run(checkout, "-m", "streammood.cli", "analyze", str(song), "--jobs", "1", "--out", str(out))
    return [json.loads(line) for line in (out / f"{song.stem}.jsonl").read_text().splitlines()]


def _difference(before: list[dict[str, object]], now: list[dict[str, object]]) -> float | None:
    """The largest difference of any number in two logs; None where events or texts differ."""
    if [event["event"] for event in before] != [event["event"] for event in now]:
        return None
    largest = 0.0
    for a, b in zip(before, now, strict=True):
        for key in a.keys() | b.keys():
            x, y = a.get(key), b.get(key)
            if isinstance(x, int | float) and isinstance(y, int | float):
                largest = max(largest, abs(x - y))
            elif x != y:
                return None
    return largest


def main(words: list[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pairs", description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--pairs", type=int, default=5, help="how many pairs of each")
    arguments = parser.parse_args(words)
    other = arguments.other.resolve()
    rows, logs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rate in _RATES:
            song = _song(folder, rate)
            songs, shares, delays = [], [], []
            for _ in range(arguments.pairs):
                before, now = (float(_run(checkout, "-c", _SONG, str(song))) for checkout in (other, _HERE))
                songs.append((before, now))
                live = [[float(x) for x in _run(each, "-c", _LIVE, str(rate)).split()] for each in (other, _HERE)]
                delays.append((live[0][0], live[1][0]))
                shares.append((live[0][1], live[1][1]))
            rows.append(_row(f"{rate} Hz: a song of {_SECONDS} s, processor time", songs, "s"))
            rows.append(_row(f"{rate} Hz: live, share of a core", shares, "%"))
            rows.append(_row(f"{rate} Hz: live, block to packets, p50", delays, "ms"))
            found = _difference(_events(other, song, folder / "before"), _events(_HERE, song, folder / "now"))
            for row in rows[-3:]:
                print(" | ".join(row), flush=True)
            logs.append([song.name, "other events" if found is None else f"the same events; numbers within {found:g}"])
    print(f"{machine()}, {arguments.pairs} pairs.\n")
    print(markdown(["", "other", "this", "ratio, median", "ratio, range"], rows))
    print()
    print(markdown(["event log of", "beside the other's"], logs))
