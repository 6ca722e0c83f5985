"""The live engine: capture writes to the ring, this thread analyses, another fires; nothing here ever gives up."""

from __future__ import annotations

import _thread
import contextlib
import gc
import math
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streammood.config import Settings
from streammood.engine.firing import Firing
from streammood.engine.timeline import Timeline
from streammood.events import ANALYSIS_RATE, F32, Beat, Event, Level, Mood, Onset, Status, Tempo
from streammood.model import MoodModel
from streammood.sinks import Sink, eventlog
from streammood.sinks.eventlog import EventLog
from streammood.sources import Source
from streammood.stream.analyzer import Analyzer
from streammood.stream.clock import LossDetector, SampleClock
from streammood.stream.ring import Block, Ring

_SWITCH_INTERVAL = 0.0005  # s; at the default of 5 ms a busy thread makes a block 8 ms late
_STATUS_INTERVAL = 1.0  # s
_DOORBELL_TIMEOUT = 0.1  # s; how long a silent input goes unnoticed
_STALL = 0.25  # s without a block that are told of
_WARM_UP = 4.0  # s of noise, enough for a first mood
_RETRY_INTERVAL = 1.0  # s between looks for an input that has gone
_NOTES = 100  # messages kept for a terminal that does not ask
_TEMPI = 20_000  # beats whose tempo is kept for the summary, some hours


@dataclass(slots=True)
class Now:
    """The latest of everything, for a status line."""

    level: Level | None = None
    tempo: Tempo | None = None
    beat: Beat | None = None
    mood: Mood | None = None
    status: Status | None = None
    onsets: int = 0
    connected: bool = True

    def take(self, event: Event) -> None:
        """Keep ``event`` as the latest of its kind."""
        match event:
            case Level():
                self.level = event
            case Tempo():
                self.tempo = event
            case Beat():
                self.beat = event
            case Mood():
                self.mood = event
            case Status():
                self.status = event
            case Onset():
                self.onsets += 1


class Engine:
    """Runs one source through one analyzer into any number of sinks."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        model: MoodModel,
        make_sinks: Callable[[Callable[[float], float]], list[Sink]],
        log: EventLog,
    ) -> None:
        """``make_sinks`` is given the function that tells the stream sample at a host time."""
        rate = source.sample_rate
        self.now = Now()
        self.lost = 0  # samples of the input
        self._rate = rate
        self._to_stream = ANALYSIS_RATE / rate
        self._source = source
        self._log = log
        self._labels = model.manifest.labels
        self._analyzer = Analyzer(settings, rate, model)
        self._ring = Ring(int(settings.input.buffer * rate))
        self._clock = SampleClock(rate)
        self._losses = LossDetector(rate)
        self._timeline = Timeline(0.0, time.monotonic(), 1.0 / ANALYSIS_RATE)
        self._expected = 0  # count of the next sample in the ring, if none was dropped
        self._unseen = 0  # samples lost before they reached the ring
        self._arrived = math.inf  # host time of the latest block
        self._stalls = 0
        self._bpm: deque[float] = deque(maxlen=_TEMPI)
        self._faults: Counter[str] = Counter()  # blocks that the analysis could not take, by the reason
        self._notes: list[str] = []
        self._untold: deque[str] = deque(maxlen=_NOTES)
        self._once: set[str] = set()
        self._doorbell = _thread.allocate_lock()
        self._stop = threading.Event()
        self._firing = Firing(make_sinks(self._sample_at))
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.finished = threading.Event()
        self.error: BaseException | None = None

    def start(self) -> None:
        """Warm up, open the input, and run until ``stop`` or the end of the input.

        Raises:
            SourceError: the input cannot be opened.
        """
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self._warm_up()
        self._log.write(eventlog.header(self._source.name, self._rate))
        self._source.start(self._deliver)
        self._firing.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop in order: input, analysis, outputs; write what is left to the log."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._source.stop()
        self._firing.stop()
        for reason, count in self._faults.items():
            self._note(f"the analysis failed {count} times: {reason}")
        duration = (self._expected + self._unseen) / self._rate
        mood = self._analyzer.summary()
        with contextlib.suppress(OSError):  # a full disk was told of when it was found
            self._log.write(eventlog.summary(self._source.name, duration, self.bpm, mood, self._labels))
            self._log.close()

    @property
    def bpm(self) -> float:
        """The tempo of the whole: the median over all beats, 0 without beats."""
        return float(np.median(self._bpm)) if self._bpm else 0.0

    @property
    def latencies(self) -> list[float]:
        """Of the latest hops, in s: from the arrival of a block to its packets."""
        return list(self._firing.latencies)

    def _warm_up(self) -> None:
        """Compile or load every kernel before sound arrives."""
        noise = np.random.default_rng(0).standard_normal(round(_WARM_UP * self._rate)).astype(np.float32)
        for _ in self._analyzer.push(0.1 * noise):
            pass
        self._analyzer.reset()
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not walk it while sound comes in

    def _deliver(self, block: F32, captured: float, arrived: float) -> None:
        """In the capture thread: store, ring the doorbell, nothing else."""
        self._ring.write(block, captured, arrived)
        if self._doorbell.locked():
            with contextlib.suppress(RuntimeError):  # the engine was quicker
                self._doorbell.release()

    def _run(self) -> None:
        try:
            status_at = time.monotonic() + _STATUS_INTERVAL
            while not self._stop.is_set():
                self._doorbell.acquire(timeout=_DOORBELL_TIMEOUT)
                while (block := self._ring.read()) is not None:
                    self._analyse(block)
                now = time.monotonic()
                if now >= status_at:
                    self._report(now)
                    status_at = max(status_at + _STATUS_INTERVAL, now)
                if not self._source.active and not self._ended() and not self._stop.is_set():
                    self._reconnect()
        except BaseException as error:  # noqa: BLE001  handed to the main thread, which ends the program
            self.error = error
        finally:
            self.finished.set()

    def _ended(self) -> bool:
        if not self._source.ends:
            return False
        while (block := self._ring.read()) is not None:
            self._analyse(block)
        self._stop.set()
        return True

    def _analyse(self, block: Block) -> None:
        silent = block.arrived - self._arrived
        self._arrived = block.arrived
        if silent > _STALL:
            self._stalls += 1
            self._note(f"the input stalled for {silent:.2f} s")
        gap = block.start - self._expected
        if gap > 0:
            self._skip(gap, f"the analysis was too slow: {gap} samples dropped")
        self._expected = block.start + block.samples.size
        end = self._expected + self._unseen
        unseen = self._losses.update(end, block.captured)
        if unseen > 0:
            self._unseen += unseen
            self._skip(unseen, f"the input lost {unseen} samples")
        if unseen:
            self._clock.reset()
        self._clock.update(self._expected + self._unseen, block.captured)
        self._publish()
        self._firing.submit(self._events(block), block.arrived)

    def _events(self, block: Block) -> list[tuple[float, Event]]:
        """What ``block`` makes known, each event with its due time."""
        batch: list[tuple[float, Event]] = []
        try:
            for event in self._analyzer.push(block.samples):
                predicted = isinstance(event, Beat)
                batch.append((self._timeline.time_of(event.sample) if predicted else block.arrived, event))
                self._keep(event)
        except Exception as error:  # noqa: BLE001  a show goes on: the fault is reported and the analysis begins anew
            reason = f"{type(error).__name__}: {error}"
            self._faults[reason] += 1
            if self._faults[reason] == 1:  # reported once, counted always
                self._note(f"the analysis failed and begins anew: {reason}")
            self._analyzer.reset()
            self._analyzer.skip(self._expected + self._unseen)
        return batch

    def _publish(self) -> None:
        sample = self._expected + self._unseen
        now, then = self._clock.time(sample), self._clock.time(sample - self._rate)
        self._timeline = Timeline(sample * self._to_stream, now, (now - then) / ANALYSIS_RATE)

    def _keep(self, event: Event) -> None:
        self.now.take(event)
        if isinstance(event, Beat):
            self._bpm.append(event.bpm)
        try:
            self._log.write(eventlog.line(event))
        except OSError as error:
            self._log = EventLog()
            self._note(f"the event log stopped: {error.strerror}")

    def _skip(self, samples: int, note: str) -> None:
        self._analyzer.skip(samples)
        self.lost += samples
        self._note(note)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._untold.append(text)

    def take_notes(self) -> list[str]:
        """What went wrong since the last call, for people."""
        return [self._untold.popleft() for _ in range(len(self._untold))]

    @property
    def sample(self) -> float:
        """The present, on the stream clock; 0 before any sound."""
        return max(0.0, self._sample_at(time.monotonic())) if self._expected else 0.0

    def _sample_at(self, now: float) -> float:
        return self._timeline.sample_at(now)

    def _note_once(self, count: int, text: str) -> None:
        """Tell of something that is counted when it happens for the first time."""
        if count and text not in self._once:
            self._once.add(text)
            self._note(text)

    def _report(self, now: float) -> None:
        self._note_once(self._analyzer.not_finite, "the input delivers samples that are no numbers; taken as silence")
        self._note_once(self._source.overflows, "the sound driver says that it lost samples; try a larger input.block")
        self._note_once(self._firing.failed, "an output refuses events; the others are served")
        sample = round((self._expected + self._unseen) * self._to_stream)
        latencies = list(self._firing.latencies)
        status = Status(
            sample,
            sample,
            signal=self.now.connected and self.now.level is not None and self.now.level.signal,
            lost=self.lost,
            stalls=self._stalls,
            latency=float(np.percentile(latencies, 99)) if latencies else 0.0,
            drift=self._clock.drift,
            jitter=self._clock.jitter,
            notes=tuple(self._notes),
        )
        self._notes.clear()
        self._keep(status)
        self._firing.submit([(now, status)], now)

    def _reconnect(self) -> None:
        """Look for the input that has gone until it is back; then account for the time without it."""
        gone = time.monotonic()
        self.now.connected = False
        self._note(f"the input `{self._source.name}` has gone; looking for it")
        self._source.stop()
        while not self._stop.is_set():
            now = time.monotonic()
            self._report(now)
            try:
                self._source.start(self._deliver)
                break
            except Exception:  # noqa: BLE001  whatever a driver says while a cable is out: look again
                self._stop.wait(_RETRY_INTERVAL)
        if self._stop.is_set():
            return
        missing = round((time.monotonic() - gone) * self._rate)
        self._unseen += missing
        self._skip(missing, f"the input `{self._source.name}` is back after {missing / self._rate:.1f} s")
        self._clock.reset()
        self._losses.reset()
        self._arrived = math.inf
        self.now.connected = True
