"""The input's books: every sample is delivered or known to be lost, and has a time on the host's clock."""

from __future__ import annotations

import _thread
import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator

from streammood.engine.notes import Notes
from streammood.engine.timeline import Timeline
from streammood.events import ANALYSIS_RATE, F32
from streammood.sources import Source
from streammood.stream.clock import LossDetector, SampleClock
from streammood.stream.ring import Block, Ring

_STALL = 0.25  # s without a block that are told of
_RETRY_INTERVAL = 1.0  # s between looks for an input that has gone


class Capture:
    """One source, the ring that it fills, and the account of its samples.

    ``start`` and ``stop`` belong to the main thread, all else to the engine's.
    """

    def __init__(self, source: Source, buffer: float, notes: Notes) -> None:
        """``buffer`` in s: how long the engine may stall before samples are dropped."""
        self.source = source
        self.lost = 0  # samples of the input
        self.stalls = 0
        self.timeline = Timeline(0.0, time.monotonic(), 1.0 / ANALYSIS_RATE)
        self._rate = source.sample_rate
        self._notes = notes
        self._ring = Ring(int(buffer * self._rate))
        self._doorbell = _thread.allocate_lock()
        self._clock = SampleClock(self._rate)
        self._losses = LossDetector(self._rate)
        self._expected = 0  # count of the next sample in the ring, if none was dropped
        self._unseen = 0  # samples lost before they reached the ring
        self._arrived = math.inf  # host time of the latest block

    def start(self) -> None:
        """Open the input.

        Raises:
            SourceError: it cannot be opened.
        """
        self.source.start(self._deliver)

    def stop(self) -> None:
        """Close the input."""
        self.source.stop()

    def _deliver(self, block: F32, captured: float, arrived: float) -> None:
        """In the capture thread: store, ring the doorbell, nothing else."""
        self._ring.write(block, captured, arrived)
        if self._doorbell.locked():
            with contextlib.suppress(RuntimeError):  # the engine was quicker
                self._doorbell.release()

    def wait(self, timeout: float) -> None:
        """Sleep until a block has come, at most ``timeout`` s."""
        self._doorbell.acquire(timeout=timeout)

    def blocks(self) -> Iterator[Block]:
        """Every block that has come and was not read yet; each is to be given to ``account``."""
        while (block := self._ring.read()) is not None:
            yield block

    @property
    def samples(self) -> int:
        """Samples of the input since the start, lost ones included."""
        return self._expected + self._unseen

    @property
    def drift(self) -> float:
        """Input clock against the host's clock, in parts per million."""
        return self._clock.drift

    @property
    def jitter(self) -> float:
        """Deviation of capture times from the filtered clock, in s."""
        return self._clock.jitter

    def account(self, block: Block) -> int:
        """Enter ``block`` in the books; returns how many samples of the input are missing before it."""
        silent = block.arrived - self._arrived
        self._arrived = block.arrived
        if silent > _STALL:
            self.stalls += 1
            self._notes.add(f"the input stalled for {silent:.2f} s")
        dropped = max(0, block.start - self._expected)
        if dropped:
            self._notes.add(f"the analysis was too slow: {dropped} samples dropped")
        self._expected = block.start + block.samples.size
        unseen = self._losses.update(self.samples, block.captured)
        if unseen:
            self._clock.reset()
        unseen = max(0, unseen)
        if unseen:
            self._unseen += unseen
            self._notes.add(f"the input lost {unseen} samples")
        self.lost += dropped + unseen
        self._clock.update(self.samples, block.captured)
        self._draw_timeline()
        return dropped + unseen

    def _draw_timeline(self) -> None:
        now, then = self._clock.time(self.samples), self._clock.time(self.samples - self._rate)
        sample = self.samples * ANALYSIS_RATE / self._rate
        self.timeline = Timeline(sample, now, (now - then) / ANALYSIS_RATE)

    def reconnect(self, stop: threading.Event, waiting: Callable[[], None]) -> int:
        """Look for the input that has gone until it is back, or until ``stop``; ``waiting`` is called at each look.

        Returns the samples that the time without it would have brought.
        """
        gone = time.monotonic()
        self._notes.add(f"the input `{self.source.name}` has gone; looking for it")
        self.source.stop()
        while not stop.is_set():
            waiting()
            try:
                self.start()
                break
            except Exception:  # noqa: BLE001  whatever a driver says while a cable is out: look again
                stop.wait(_RETRY_INTERVAL)
        if stop.is_set():
            return 0
        missing = round((time.monotonic() - gone) * self._rate)
        self._notes.add(f"the input `{self.source.name}` is back after {missing / self._rate:.1f} s")
        self._unseen += missing
        self.lost += missing
        self._clock.reset()
        self._losses.reset()
        self._arrived = math.inf
        return missing
