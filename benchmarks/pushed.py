"""Music pushed through the live engine faster than it sounds: a clock that follows the samples, and a source on it."""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from streammood.analysis.resampler import Resampler
from streammood.capture import Deliver
from streammood.demo.synth import render, steady
from streammood.errors import SourceError
from streammood.events import ANALYSIS_RATE, F32

RATE = ANALYSIS_RATE
BLOCK = 512  # samples
AHEAD = 1.0  # s of sound that may wait for the analysis: waking a thread takes long on a busy machine
DRIFT = 50e-6  # by which the converter's clock runs fast
JITTER = 0.002  # s, of the capture times
_MARK = 60 * RATE  # samples from one mark to the next
_IDLE = 0.0005  # s of real time for which the source lets the others work


class SoundingTime:
    """Stands in for the module ``time``: host time goes on with the sound that was delivered."""

    sleep = staticmethod(time.sleep)
    perf_counter = staticmethod(time.perf_counter)

    def __init__(self) -> None:
        self.now = 1000.0  # s
        self.wall = 1.7e9  # s; may be set back, and nobody must care

    def monotonic(self) -> float:
        """Host time in s."""
        return self.now

    def time(self) -> float:
        """Wall clock in s."""
        return self.wall + self.now

    def install(self) -> None:
        """Let every module of the program that looks at the time look here."""
        for name, module in list(sys.modules.items()):
            if name.startswith("streammood.") and getattr(module, "time", None) is time:
                module.time = self  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some music, and where its beats are if that is known."""

    name: str
    sound: F32
    beats: npt.NDArray[np.float64] | None  # s


def synthesised(seconds: float) -> list[Piece]:
    """A piece of each mood, at four tempi."""
    pieces = []
    for mood, bpm in (("happy", 120.0), ("aggressive", 150.0), ("calm", 84.0), ("sad", 70.0)):
        done = render(steady(mood, bpm, seconds), RATE)
        pieces.append(Piece(mood, done.sound, np.array([beat.sample / RATE for beat in done.beats])))
    return pieces


def from_files(paths: Sequence[Path]) -> list[Piece]:
    """Sound files, without known beats."""
    pieces = []
    for path in paths:
        frames, rate = soundfile.read(path, dtype="float32", always_2d=True)
        pieces.append(Piece(path.name, Resampler(rate).push(frames.mean(axis=1)), None))
    return pieces


def blocks_of(pieces: Sequence[Piece], hours: float) -> Iterator[F32]:
    """Blocks of the pieces, one after the other and again, for so long."""
    left = int(hours * 3600 * RATE / BLOCK)
    rest = np.zeros(0, np.float32)
    for piece in itertools.cycle(pieces):
        missing = BLOCK - rest.size
        sound = piece.sound[missing:]
        whole = sound.size // BLOCK
        blocks = sound[: whole * BLOCK].reshape(whole, BLOCK)
        for block in itertools.chain([np.concatenate((rest, piece.sound[:missing]))], blocks):
            yield block
            left -= 1
            if left <= 0:
                return
        rest = sound[whole * BLOCK :]


class Pushed:
    """A source that delivers a block as soon as the engine has taken in the ones before."""

    ends = False
    overflows = 0
    failure = ""
    advice = ""
    name = "pushed"
    sample_rate = RATE

    def __init__(self, blocks: Iterator[F32], clock: SoundingTime, seed: int = 0) -> None:
        self.waiting: Callable[[], float] = lambda: 0.0  # s of sound that the engine has not read yet
        self.every: Callable[[Pushed], None] = lambda source: None  # called before each block
        self.done = threading.Event()
        self.delivered = 0  # samples of the music, whether anybody was there to take them or not
        self.marks: list[tuple[int, float]] = []  # now and then: delivered, and the host time in s
        self.clock = clock
        self.gone = False
        self.ended = False  # set it to end early
        self.shift = 0.0  # s by which capture times are late, from now on
        self.spoil: Callable[[F32], F32] | None = None
        self._blocks = blocks
        self._expected = math.inf  # host time of the next block, if time does not jump
        self._rng = np.random.default_rng(seed)
        self._deliver: Deliver | None = None
        self._thread = threading.Thread(target=self._play, daemon=True)

    def start(self, deliver: Deliver) -> None:
        """Deliver from now on."""
        if self.gone:
            raise SourceError("the cable is out")
        self._deliver = deliver
        if not self._thread.is_alive() and not self.done.is_set():
            self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more; the music goes on."""
        self._deliver = None

    @property
    def active(self) -> bool:
        """False while the cable is out."""
        return not self.gone and (self._deliver is not None)

    def _play(self) -> None:
        step = BLOCK / RATE * (1.0 - DRIFT)
        for block in itertools.takewhile(lambda _: not self.ended, self._blocks):
            while self._deliver is not None and self.waiting() > AHEAD:
                time.sleep(_IDLE)
            self.every(self)
            self.clock.now += step
            self.delivered += block.size
            if self.delivered % _MARK < block.size or self.clock.now > self._expected + step:
                self.marks += [(self.delivered - block.size, self.clock.now - step), (self.delivered, self.clock.now)]
            self._expected = self.clock.now + step
            deliver = self._deliver
            if deliver is None or self.gone:
                time.sleep(_IDLE)
                continue
            now = self.clock.now
            sound = block if self.spoil is None else self.spoil(block)
            deliver(sound, now + self.shift - JITTER * self._rng.random(), now)
        self.done.set()
