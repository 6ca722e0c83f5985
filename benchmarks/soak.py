"""A night in minutes, and half an hour of one in real time: ``python -m benchmarks soak``.

``--hours 8`` pushes that much music through the live engine faster than it sounds, then an hour with faults drawn by
chance; ``--minutes 30`` plays into a private sound server for as long, beside a load that takes every core. Each writes
its part of ``benchmarks/results-soak.md``.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt

from benchmarks.faults import Faults, Refusing
from benchmarks.pushed import AHEAD, DRIFT, RATE, Piece, Pushed, SoundingTime, blocks_of, from_files, synthesised
from benchmarks.realtime import in_real_time, resident
from benchmarks.table import machine, markdown
from streammood import config
from streammood.config import TargetSettings
from streammood.engine import capture, load
from streammood.engine.live import Engine
from streammood.events import Beat, Event, seconds
from streammood.model import MoodModel
from streammood.sinks.eventlog import EventLog
from streammood.sinks.osc import OscTarget
from tests.receiver import Receiver

PIECE = 120.0  # s
SETTLE = 10.0  # s at the start of each piece that are for finding its tempo
WARM = 0.1  # share of the run after which memory must be flat
CALM = 300.0  # s without faults at the end, in which everything must be right again
RESULTS = Path(__file__).with_name("results-soak.md")
_MOST_BEATS = 400_000


class Witness:
    """A sink that keeps the times of beats, in memory that does not grow, and looks whether any is missing."""

    def __init__(self, time_of: Callable[[float], float]) -> None:
        """``time_of`` tells the host time in s of a sample on the stream clock."""
        self._time_of = time_of
        self._times = np.full(_MOST_BEATS, np.nan)
        self._counted = 0
        self._last: int | None = None
        self.jumps = 0  # times a count did not follow the one before

    def send(self, event: Event, now: float) -> None:
        """Keep ``event`` if it is a beat."""
        if not isinstance(event, Beat):
            return
        if self._last is not None and event.count != self._last + 1:
            self.jumps += 1
        self._last = event.count
        self._times[self._counted] = self._time_of(max(event.sample, event.decided))
        self._counted += 1

    def poll(self, now: float) -> float:
        """Nothing to do."""
        return now + 1.0

    def close(self) -> None:
        """Nothing to let go."""

    @property
    def beats(self) -> npt.NDArray[np.float64]:
        """Host times in s."""
        return self._times[: self._counted]


class Triggers:
    """A receiver in a thread: what the last value of each trigger was."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.messages = 0
        self._receiver = Receiver()
        self.port = self._receiver.port
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            for message in self._receiver.messages(0.2):
                self.messages += 1
                if message.address.endswith(("/beat", "/downbeat", "/onset", "/mood/changed")):
                    self.values[message.address] = float(message.value)

    def held(self) -> list[str]:
        """Triggers that were not let go, once everything that was sent has been read."""
        time.sleep(1.0)
        self._stopped.set()
        self._thread.join()
        self._receiver.__exit__(None, None, None)
        return [address for address, value in self.values.items() if value]


@dataclass(slots=True)
class Watch:
    """Memory and the clock, looked at every minute of sound."""

    resident: list[float]  # MB
    clock_error: float = 0.0  # s, largest
    _next: float = 0.0

    def look(self, source: Pushed, engine: Engine, settled: bool) -> None:
        """Called before each block."""
        if source.clock.now < self._next:
            return
        self._next = source.clock.now + 60.0
        gc.collect()
        self.resident.append(resident(os.getpid()))
        if settled:
            error = seconds(engine.sample) - source.delivered / RATE
            self.clock_error = max(self.clock_error, abs(error))


def push(pieces: Sequence[Piece], hours: float, seed: int | None) -> list[list[str]]:
    """Rows of figures and what they should be; with faults where there is a ``seed``."""
    clock = SoundingTime()
    clock.install()
    capture._RETRY_INTERVAL = 0.002  # s of real time, in which much sound goes by
    load._BEHIND = load._FAR_BEHIND = AHEAD  # sound that waits is no sign of a slow machine here
    settings = config.load()
    model = MoodModel.load(settings.mood.model, settings.features)
    triggers, refusing = Triggers(), Refusing()
    witness = Witness(lambda sample: engine._capture.timeline.time_of(sample))  # noqa: PLW0108  it is replaced
    target = TargetSettings(port=triggers.port, rate=2.0, resend=5.0)
    source = Pushed(blocks_of(pieces, hours), clock)
    engine = Engine(
        settings,
        source,
        model,
        lambda now: [OscTarget(target, model.manifest.labels, now), refusing, witness],
        EventLog(),
    )
    end = clock.now + 3600.0 * hours
    faults = Faults(seed or 0, refusing, lambda: None, end - CALM if seed is not None else 0.0)
    watch = Watch([])

    def every(source: Pushed) -> None:
        faults(source)
        watch.look(source, engine, seed is None and source.delivered > 60 * RATE)

    source.waiting = lambda: engine._capture.waiting
    source.every = every
    began = time.perf_counter()
    engine.start()
    while not source.done.wait(10.0) and engine.error is None:
        notes = engine.take_notes()
        now = f"{source.delivered / RATE / 3600:.2f} h, {watch.resident[-1]:.1f} MB" if watch.resident else "starting"
        print(now, *notes[-3:], sep="; ", file=sys.stderr, flush=True)
    took = time.perf_counter() - began
    if engine.error is not None:
        traceback.print_exception(engine.error)
    time.sleep(1.0)
    lost, drift, dropped = engine.lost, engine._capture.drift, engine._capture._ring.dropped
    engine.stop()
    held = triggers.held()
    spans = ((0.0, 3600.0), (3600.0 * hours - 3600.0, 3600.0 * hours), (3600.0 * hours - CALM, 3600.0 * hours))
    first, last, calm = (right(witness.beats, source, pieces, span) for span in spans)
    warm = watch.resident[int(WARM * len(watch.resident)) :]
    rows = [
        ["music pushed", f"{hours:g} h, {3600 * hours / took:.0f} × real time", ""],
        ["program ended by an error", str(engine.error or "no"), "no"],
        ["beats; gaps in their count", f"{len(witness.beats)}; {witness.jumps}", "no gaps"],
        ["triggers left at 1; messages received", f"{', '.join(held) or 'none'}; {triggers.messages}", "none"],
        ["samples dropped by the ring", str(dropped), "0"],
        ["memory after warm-up, lowest to highest", f"{min(warm):.1f} to {max(warm):.1f} MB", "± 5 MB"],
    ]
    if seed is None:
        rows += [
            ["samples lost", str(lost), "0"],
            ["drift measured", f"{drift:+.1f} ppm", f"{1e6 * DRIFT:+.1f} ppm"],
            ["stream clock against the sound, largest error", f"{1e3 * watch.clock_error:.2f} ms", "bounded"],
            ["beats in the first hour: F-measure", f"{first:.3f}", ""],
            ["beats in the last hour: F-measure", f"{last:.3f}", "as in the first"],
        ]
    else:
        told = ", ".join(f"{name} {count}" for name, count in sorted(faults.counts.items()))
        rows += [
            ["faults", f"seed {seed}: {told}", ""],
            ["samples lost and reported", str(lost), ""],
            [f"beats in the {CALM:.0f} s after the last fault: F-measure", f"{calm:.3f}", "right"],
        ]
    return rows


def right(beats: npt.NDArray[np.float64], source: Pushed, pieces: Sequence[Piece], span: tuple[float, float]) -> float:
    """F-measure of ``beats`` (host times in s) in that ``span`` of the music, in s, where its beats are known."""
    delivered, times = np.array(source.marks).T
    known: list[float] = []
    found: list[float] = []
    start = 0.0
    while start < span[1]:
        for piece in pieces:
            first, end = start + SETTLE, start + piece.sound.size / RATE
            if piece.beats is not None and first >= span[0] and end <= span[1]:
                host = np.interp((start + piece.beats) * RATE, delivered, times)
                low, high = np.interp([first * RATE, end * RATE], delivered, times)
                known += host[(host > low) & (host < high)].tolist()
                found += beats[(beats > low) & (beats < high)].tolist()
            start = end
    return float(mir_eval.beat.f_measure(np.array(known), np.array(found))) if known and found else 0.0


def main(arguments: Sequence[str]) -> None:
    """Run what is asked for and write it down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--hours", type=float, help="of music, pushed as fast as the live path takes it")
    parser.add_argument("--faults", type=float, metavar="HOURS", help="of music with faults drawn by chance")
    parser.add_argument("--minutes", type=float, help="in real time, on a private sound server beside a load")
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument("files", type=Path, nargs="*", help="sound files to take in among the synthesised music")
    asked = parser.parse_args(arguments)
    if not (asked.hours or asked.faults or asked.minutes):
        parser.error("say what to do: --hours 8, --faults 1 or --minutes 30")
    pieces = synthesised(PIECE) + from_files(asked.files)
    if asked.hours:
        write("Music pushed through the live path", push(pieces, asked.hours, None))
    if asked.faults:
        write("With faults drawn by chance", push(pieces, asked.faults, asked.seed))
    if asked.minutes:
        write("In real time, on a private sound server", in_real_time(asked.minutes))


def write(title: str, rows: list[list[str]]) -> None:
    """Put a table into the results, in place of the one with the same title."""
    table = f"## {title}\n\n{machine()}.\n\n{markdown(['', 'measured', 'should be'], rows)}\n"
    print(table)
    kept = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:] if RESULTS.is_file() else []
    sections = [f"## {section.strip()}\n" for section in kept if not section.startswith(title + "\n")]
    head = "# Soak\n\nWritten by `python -m benchmarks soak`.\n"
    RESULTS.write_text("\n".join([head, *sections, table]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
