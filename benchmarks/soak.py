"""A night in minutes, and half an hour of one in real time: ``python -m benchmarks soak``.

``--hours 8`` pushes that much music through the live engine faster than it sounds, then an hour with faults drawn by
chance; ``--minutes 30`` plays into a private sound server for as long, beside a load that takes every core. Each writes
its part of ``benchmarks/results-soak.md``.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
import numpy.typing as npt

from benchmarks.faults import Faults, Refusing
from benchmarks.pushed import DRIFT, RATE, Piece, Pushed, SoundingTime, blocks_of, from_files, synthesised
from benchmarks.realtime import in_pairs, in_real_time, resident
from benchmarks.table import machine, markdown
from streammood import config
from streammood.capture import supervisor
from streammood.config import Settings
from streammood.engine import load
from streammood.engine.live import Engine
from streammood.events import Beat, Event, seconds
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.protocol.commands import Command
from tests.outputs import Made
from tests.receiver import Receiver

PIECE = 120.0  # s
SETTLE = 10.0  # s at the start of each piece that are for finding its tempo
WARM = 0.1  # share of the run after which memory must be flat
CALM = 300.0  # s without faults at the end, in which everything must be right again
RESULTS = Path(__file__).with_name("results-soak.md")
_MOST_BEATS = 400_000
_PAIRS = (
    "engine.priority", "p99 of each second, median, ms", "largest, ms", "samples lost; stalls", "beats on one grid",
)  # fmt: skip
_HEAD = """# Soak

Written by `python -m benchmarks soak`. In real time, the sound server and the player have real-time level 5, which a
desktop gives its sound server (through rtkit) and music from a cable does not need; so does the process that watches.
"""


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


class Night:
    """An engine, the music that is pushed through it, and those who watch; faults where there is a ``seed``."""

    def __init__(self, pieces: Sequence[Piece], hours: float, seed: int | None) -> None:
        clock = SoundingTime()
        clock.install()
        supervisor._RETRY_INTERVAL = 0.002  # s of real time, in which much sound goes by
        # Sound that waits is no sign of a slow machine here: nothing is to be left out.
        load._BEHIND = load._FAR_BEHIND = load._BUSY = load._FULL = math.inf
        self.pieces = pieces
        self.seed = seed
        self.answers: Counter[bool] = Counter()  # to reloads
        self.triggers = Triggers()
        self.source = Pushed(blocks_of(pieces, hours), clock)
        self.watch = Watch([])
        self._refusing = Refusing()
        settings = _settings(self.triggers.port, 3.0)
        self._models = Models.load(settings)
        self.witness = Witness(lambda sample: self.engine._capture.timeline.time_of(sample))  # noqa: PLW0108  later, and anew
        outputs = Made(lambda now: [self._refusing, self.witness], settings, self._models.labels, self._read)
        self.engine = Engine(settings, self.source, self._models, outputs, EventLog())
        until = clock.now + 3600.0 * hours - CALM if seed is not None else 0.0
        self.faults = Faults(seed or 0, self._refusing, self._reload, until)
        self.source.waiting = lambda: self.engine._capture.waiting
        self.source.every = self._before_each_block

    def _read(self) -> Settings:
        """Settings that differ from the last ones in an output, so that it is made anew."""
        return _settings(self.triggers.port, 4.0 + self.answers[True] % 2)

    def _reload(self) -> None:
        self.engine.command(Command("reload"), self.source.clock.now, lambda answer: self.answers.update([answer.done]))

    def _before_each_block(self, source: Pushed) -> None:
        self.faults(source)
        self.watch.look(source, self.engine, self.seed is None and source.delivered > 60 * RATE)

    def run(self) -> list[list[str]]:
        """Push all of the music, or as much as there is time for until SIGTERM; rows of figures and their limits."""

        def end_early(_number: int, _frame: object) -> None:
            self.source.ended = True

        signal.signal(signal.SIGTERM, end_early)
        began = time.perf_counter()
        self.engine.start()
        while not self.source.done.wait(10.0) and self.engine.error is None:
            self._show()
        speed = self.source.delivered / RATE / (time.perf_counter() - began)
        if self.engine.error is not None:
            traceback.print_exception(self.engine.error)
        time.sleep(1.0)
        dropped = self.engine._capture._ring.dropped
        drift = self.engine._capture.drift
        self.engine.stop()
        own = self._steady(drift) if self.seed is None else self._shaken()
        return self._common(speed, dropped) + own

    def _show(self) -> None:
        memory = self.watch.resident[-1:]
        hours = self.source.delivered / RATE / 3600.0
        print(f"{hours:.2f} h, {memory} MB", *self.engine.take_notes()[-3:], sep="; ", file=sys.stderr, flush=True)

    def _right(self, first: float, end: float) -> str:
        return f"{right(self.witness.beats, self.source, self.pieces, (first, end)):.3f}"

    def _common(self, speed: float, dropped: int) -> list[list[str]]:
        held = ", ".join(self.triggers.held()) or "none"
        warm = self.watch.resident[int(WARM * len(self.watch.resident)) :]
        beats = f"{len(self.witness.beats)}; {self.witness.jumps}"
        return [
            ["music pushed", f"{self.source.delivered / RATE / 3600:.2f} h, {speed:.0f} × real time", ""],
            ["program ended by an error", str(self.engine.error or "no"), "no"],
            ["beats; gaps in their count", beats, "no gaps"],
            ["triggers left at 1; messages received", f"{held}; {self.triggers.messages}", "none"],
            ["samples dropped by the ring", str(dropped), "0"],
            ["memory after warm-up, lowest to highest", f"{min(warm):.1f} to {max(warm):.1f} MB", "± 5 MB"],
        ]

    def _steady(self, drift: float) -> list[list[str]]:
        end = self.source.delivered / RATE
        return [
            ["samples lost", str(self.engine.lost), "0"],
            ["drift measured", f"{drift:+.1f} ppm", f"{1e6 * DRIFT:+.1f} ppm"],
            ["stream clock against the sound, largest error", f"{1e3 * self.watch.clock_error:.2f} ms", "bounded"],
            ["beats in the first hour: F-measure", self._right(0.0, 3600.0), ""],
            ["beats in the last hour: F-measure", self._right(end - 3600.0, end), "as in the first"],
        ]

    def _shaken(self) -> list[list[str]]:
        end = self.source.delivered / RATE
        counts = self.faults.counts
        told = ", ".join(f"{name} {counts[name]}" for name in sorted(self.faults.kinds))
        reloads = f"{counts['reload']}; {counts['no DNS, reload']}"
        answers = f"{self.answers[True]}; {self.answers[False]}"
        return [
            ["faults", f"seed {self.seed}: {told}", ""],
            ["reloads done; refused for want of DNS", answers, reloads],
            ["samples lost and reported", str(self.engine.lost), ""],
            [f"beats in the {CALM:.0f} s after the last fault: F-measure", self._right(end - CALM, end), "right"],
        ]


def _settings(port: int, resend: float) -> Settings:
    """A target by name, so that it must be resolved."""
    target = {"host": "localhost", "port": port, "rate": 2.0, "resend": resend}
    # At full speed, which is no time to go ahead of others.
    return config.load(None, {"osc.targets": [target], "engine.priority": "normal"})


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
    parser.add_argument("--nice", type=int, default=0, help="of that load; 0: as important as any program")
    parser.add_argument("--pairs", type=float, metavar="MINUTES", help="the same with and without engine.priority")
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument("files", type=Path, nargs="*", help="sound files to take in among the synthesised music")
    asked = parser.parse_args(arguments)
    if not (asked.hours or asked.faults or asked.minutes or asked.pairs):
        parser.error("say what to do: --hours 8, --faults 1 or --minutes 30")
    pieces = synthesised(PIECE) + from_files(asked.files)
    if asked.hours:
        write("Music pushed through the live path", Night(pieces, asked.hours, None).run())
    if asked.faults:
        write("With faults drawn by chance", Night(pieces, asked.faults, asked.seed).run())
    if asked.minutes:
        title = f"In real time, on a private sound server, beside a load of nice {asked.nice}"
        write(title, in_real_time(asked.minutes, asked.nice))
    if asked.pairs:
        title = f"With and without priority, {asked.pairs:g} min each, beside a load of nice {asked.nice}"
        write(title, in_pairs(asked.pairs, asked.nice), _PAIRS)


def write(title: str, rows: list[list[str]], head: Sequence[str] = ("", "measured", "should be")) -> None:
    """Put a table into the results, in place of the one with the same title."""
    table = f"## {title}\n\n{machine()}.\n\n{markdown(list(head), rows)}\n"
    print(table)
    kept = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:] if RESULTS.is_file() else []
    sections = [f"## {section.strip()}\n" for section in kept if not section.startswith(title + "\n")]
    RESULTS.write_text("\n".join([_HEAD, *sections, table]), encoding="utf-8")
