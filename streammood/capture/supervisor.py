"""The input's books: every sample is delivered or known to be lost, and has a time on the host's clock."""

from __future__ import annotations

import _thread
import contextlib
import functools
import math
import threading
import time
from collections.abc import Callable, Iterator

from streammood.capture import Multichannel, Source
from streammood.capture.health import InputHealth, InputState
from streammood.capture.ring import Block, Ring
from streammood.capture.sample_clock import LossDetector, SampleClock
from streammood.capture.timeline import Timeline
from streammood.errors import StreammoodError
from streammood.events import ANALYSIS_RATE, F32
from streammood.lasting import LastResort, reason_of
from streammood.log.notes import Notes

_STALL = 0.25  # s without a block that is reported
_RETRY_INTERVAL = 0.5  # s between looks for an input that has gone
_LET_GO = 5.0  # s that a driver may take to answer when the program ends


class Capture:
    """One source, the ring that it fills, and the account of its samples.

    ``start`` and ``stop`` belong to the main thread, all else to the engine's.
    """

    def __init__(
        self, source: Source, buffer: float, notes: Notes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``buffer`` in s: how long the engine may stall before samples are dropped; ``clock``: host time in s."""
        self.source = source
        self.lost = 0  # samples of the input
        self.stalls = 0
        self.failure = ""  # of the capture thread, the latest
        self.all_channels = False  # blocks have the channels that were not mixed, too
        self._now = clock
        self._present = 0  # the latest sample of the stream clock that was reported
        self.timeline = Timeline(0.0, clock(), 1.0 / ANALYSIS_RATE)
        self._buffer = buffer
        self._found: Ring | None = None  # is being filled by an input that was looked for
        self._notes = notes
        self._doorbell = _thread.allocate_lock()
        self._begin(0)

    def _begin(self, base: int) -> None:
        """Open new books for the source as it is now, at ``base`` of the stream clock."""
        self.rate = self.source.sample_rate
        self._ring = Ring(int(self._buffer * self.rate))
        self._clock = SampleClock(self.rate)
        self._losses = LossDetector(self.rate)
        self._health = InputHealth(self.rate)
        self._fault = ""  # the last fault of the input
        self._advice = ""  # on the channels of the input, last
        self._base = base
        self._first = 0  # count in the ring at which these books begin
        self._expected = 0  # count of the next sample in the ring, if none was dropped
        self._unseen = 0  # samples lost before they reached the ring
        self._arrived = math.inf  # host time of the latest block

    def start(self) -> None:
        """Open the input.

        Raises:
            SourceError: it cannot be opened.
        """
        if not self._samples:
            self.timeline = Timeline(self._base, self._now(), 1.0 / ANALYSIS_RATE)
        self.source.start(functools.partial(self._deliver, self._ring, self._channels_of(self.source)))

    def stop(self) -> None:
        """Close the input."""
        self.source.stop()

    def _channels_of(self, source: Source) -> Multichannel | None:
        return source if self.all_channels and isinstance(source, Multichannel) else None

    def _deliver(self, ring: Ring, source: Multichannel | None, block: F32, captured: float, arrived: float) -> None:
        """In the capture thread: store, ring the doorbell, nothing else."""
        try:
            ring.write(block, captured, arrived, None if source is None else source.frames)
        except Exception as error:  # noqa: BLE001  a driver would never call again
            self.failure = reason_of(error)
        self.wake()

    def wake(self) -> None:
        """End the present or the next ``wait``; from any thread."""
        if self._doorbell.locked():
            with contextlib.suppress(RuntimeError):  # the engine was quicker
                self._doorbell.release()

    def wait(self, timeout: float) -> None:
        """Sleep until a block has come or ``wake`` was called, at most ``timeout`` s."""
        self._doorbell.acquire(timeout=timeout)

    def blocks(self) -> Iterator[Block]:
        """Every block that has come and was not read yet; each is to be given to ``account``."""
        while (block := self._ring.read()) is not None:
            yield block

    @property
    def waiting(self) -> float:
        """Sound that was not read yet, in s."""
        return self._ring.waiting / self.rate

    @property
    def _samples(self) -> int:
        """Samples of the input since these books were opened, lost ones included."""
        return self._expected - self._first + self._unseen

    @property
    def sample(self) -> float:
        """Where the input has come to, on the stream clock."""
        return self._base + self._samples * ANALYSIS_RATE / self.rate

    def present(self, gone: bool) -> int:
        """The present on the stream clock, which never runs back: the end of the last block, or now without input."""
        here = self.timeline.sample_at(self._now()) if gone else 0.0
        self._present = max(self._present, round(max(self.sample, here)))
        return self._present

    @property
    def state(self) -> InputState:
        """The fault of the samples, if they have one."""
        return self._health.state

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
        self._examine(block)
        unseen = self._losses.update(self._samples, block.captured)
        if unseen:
            self._clock.reset()
        if unseen < 0 or (unseen and self.state is InputState.WRONG_RATE):
            unseen = 0  # samples that are too few for a wrong rate are not lost
        if unseen:
            self._unseen += unseen
            self._notes.add(f"the input lost {unseen} samples")
        self.lost += dropped + unseen
        self._clock.update(self._samples, block.captured)
        self._draw_timeline()
        return dropped + unseen

    def _examine(self, block: Block) -> None:
        self._health.push(block.samples, block.captured)
        fault = self._health.fault(self.source.name)
        if fault != self._fault:
            self._fault = fault
            self._notes.add(fault or f"the input `{self.source.name}` is well again")
        advice = self.source.advice
        if advice != self._advice:
            self._advice = advice
            self._notes.add(f"the input `{self.source.name}`: {advice or 'its channels are well again'}")

    def _draw_timeline(self) -> None:
        now, then = self._clock.time(self._samples), self._clock.time(self._samples - self.rate)
        self.timeline = Timeline(self.sample, now, (now - then) / ANALYSIS_RATE)

    def search(self, instead: Source | None = None) -> Search:
        """Close the input, which has gone, and begin to look for it, or for another ``instead``.

        ``resume`` once it was found.
        """
        old = self.source
        if instead is None:
            self._notes.add(f"the input `{old.name}` has gone; looking for it")
        else:
            self.source = instead
        return Search(self, old, self._notes.add)

    def take_up(self) -> None:
        """Open the input again if it is there; in the thread of a search.

        Raises:
            Exception: any error of the driver.
        """
        source = self.source
        ring = self.open(source)
        if source is self.source:  # another may have been chosen meanwhile
            self._found = ring

    def open(self, source: Source) -> Ring:
        """Open ``source``, which delivers into the ring that is returned; from any thread.

        Raises:
            Exception: whatever the driver says.
        """
        while True:
            expected = source.sample_rate
            ring = Ring(int(self._buffer * expected))
            source.start(functools.partial(self._deliver, ring, self._channels_of(source)))
            if source.sample_rate == expected:
                return ring
            source.stop()  # the ring was made for another rate

    def adopt(self, source: Source, ring: Ring) -> float:
        """Go on with ``source``, which fills ``ring`` already; returns the gap in samples of the stream clock.

        The stream clock goes on as it was: the first sample of the other input has the place that the clock of the one
        before gives to its time. What came of it before is left out.
        """
        before, line, latest, first = self.sample, self.timeline, self._now(), 0
        while (block := ring.read()) is not None:
            latest, first = block.captured, block.start + block.samples.size
        base = max(self._present, math.ceil(before), round(line.sample_at(latest)))
        self.source = source
        self._begin(base)
        self._ring, self._first, self._expected = ring, first, first
        self.timeline = Timeline(base, latest, 1.0 / ANALYSIS_RATE)
        return base - before

    def resume(self) -> float:
        """Open new books for an input that was found; returns the gap in samples of the stream clock.

        The gap is what has passed on the host's clock since the last sample that came: whatever that did not deliver,
        be it gone or open and silent, is lost.
        """
        before, now = self.sample, self._now()
        base = max(self._present, math.ceil(before), round(self.timeline.sample_at(now)))
        gap = base - before
        self._notes.add(f"the input `{self.source.name}` is back after {gap / ANALYSIS_RATE:.1f} s")
        found, self._found = self._found, None
        self._begin(base)
        self._ring = found or self._ring
        self.timeline = Timeline(base, now, 1.0 / ANALYSIS_RATE)
        self.lost += round(gap * self.rate / ANALYSIS_RATE)
        return gap


class Search:
    """Looks for an input that has gone, in a thread of its own: a driver may take seconds to answer."""

    def __init__(self, capture: Capture, old: Source, report: Callable[[str], None]) -> None:
        """``old`` is closed first."""
        self._capture = capture
        self._old, self._source = old, capture.source
        self._resort = LastResort("the search for the input", report, _RETRY_INTERVAL)
        self._stopped = threading.Event()
        self._found = threading.Event()
        self._thread = threading.Thread(target=self._look, name="search", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        with self._resort:
            self._old.stop()
        while not (self._stopped.is_set() or self._found.is_set()):
            with self._resort:
                self._look_once()

    def _look_once(self) -> None:
        try:
            self._capture.take_up()
        except (StreammoodError, OSError, ValueError):  # errors of drivers while a cable is out
            self._stopped.wait(_RETRY_INTERVAL)
        else:
            if self._stopped.is_set():
                self._source.stop()
            self._found.set()

    def wait(self, timeout: float) -> bool:
        """True once the input was found; waits for at most ``timeout`` s."""
        return self._found.wait(timeout)

    def cancel(self) -> None:
        """Give up, and do not wait for the driver."""
        self._stopped.set()

    def stop(self) -> None:
        """Give up."""
        self.cancel()
        self._thread.join(_LET_GO)
