"""The live engine: capture writes to the ring, this thread analyses, another fires; nothing here ever gives up."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

import numpy as np

from streammood.config import Settings
from streammood.engine.capture import Capture
from streammood.engine.firing import Firing
from streammood.engine.notes import Notes
from streammood.engine.now import Now
from streammood.events import ANALYSIS_RATE, Beat, Event, Status
from streammood.model import MoodModel
from streammood.sinks import Sink, eventlog
from streammood.sinks.eventlog import EventLog
from streammood.sources import Source
from streammood.stream.analyzer import Analyzer
from streammood.stream.ring import Block

_SWITCH_INTERVAL = 0.0005  # s; at the default of 5 ms a busy thread makes a block 8 ms late
_STATUS_INTERVAL = 1.0  # s
_DOORBELL_TIMEOUT = 0.1  # s; how long a silent input goes unnoticed
_WARM_UP = 4.0  # s of noise, enough for a first mood
_TEMPI = 20_000  # beats whose tempo is kept for the summary, some hours


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
        self.now = Now()
        self._notes = Notes()
        self._rate = source.sample_rate
        self._log = log
        self._labels = model.manifest.labels
        self._analyzer = Analyzer(settings, self._rate, model)
        self._capture = Capture(source, settings.input.buffer, self._notes)
        self._bpm: deque[float] = deque(maxlen=_TEMPI)
        self._faults: Counter[str] = Counter()  # blocks that the analysis could not take, by the reason
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
        self._log.write(eventlog.header(self._capture.source.name, self._rate))
        self._capture.start()
        self._firing.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop in order: input, analysis, outputs; write what is left to the log."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._capture.stop()
        self._firing.stop()
        for reason, count in self._faults.items():
            self._notes.add(f"the analysis failed {count} times: {reason}")
        duration = self._capture.samples / self._rate
        mood = self._analyzer.summary()
        with contextlib.suppress(OSError):  # a full disk was told of when it was found
            self._log.write(eventlog.summary(self._capture.source.name, duration, self.bpm, mood, self._labels))
            self._log.close()

    @property
    def bpm(self) -> float:
        """The tempo of the whole: the median over all beats, 0 without beats."""
        return float(np.median(self._bpm)) if self._bpm else 0.0

    @property
    def latencies(self) -> list[float]:
        """Of the latest hops, in s: from the arrival of a block to its packets."""
        return list(self._firing.latencies)

    @property
    def lost(self) -> int:
        """Samples of the input that were lost since the start."""
        return self._capture.lost

    def take_notes(self) -> list[str]:
        """What went wrong since the last call, for people."""
        return self._notes.to_show()

    @property
    def sample(self) -> float:
        """The present, on the stream clock; 0 before any sound."""
        return max(0.0, self._sample_at(time.monotonic())) if self._capture.samples else 0.0

    def _sample_at(self, now: float) -> float:
        return self._capture.timeline.sample_at(now)

    def _warm_up(self) -> None:
        """Compile or load every kernel before sound arrives."""
        noise = np.random.default_rng(0).standard_normal(round(_WARM_UP * self._rate)).astype(np.float32)
        for _ in self._analyzer.push(0.1 * noise):
            pass
        self._analyzer.reset()
        gc.collect()
        gc.freeze()  # what is there now stays: the collector need not walk it while sound comes in

    def _run(self) -> None:
        try:
            status_at = time.monotonic() + _STATUS_INTERVAL
            while not self._stop.is_set():
                self._capture.wait(_DOORBELL_TIMEOUT)
                self._drain()
                now = time.monotonic()
                if now >= status_at:
                    self._report()
                    status_at = max(status_at + _STATUS_INTERVAL, now)
                if not self._capture.source.active and not self._stop.is_set():
                    self._when_inactive()
        except BaseException as error:  # noqa: BLE001  handed to the main thread, which ends the program
            self.error = error
        finally:
            self.finished.set()

    def _drain(self) -> None:
        for block in self._capture.blocks():
            missing = self._capture.account(block)
            if missing:
                self._analyzer.skip(missing)
            self._firing.submit(self._events(block), block.arrived)

    def _when_inactive(self) -> None:
        """An input that ends has ended; one that can only go away is looked for."""
        if self._capture.source.ends:
            self._drain()
            self._stop.set()
            return
        self.now.connected = False
        missing = self._capture.reconnect(self._stop, self._report)
        if missing:
            self._analyzer.skip(missing)
            self.now.connected = True

    def _events(self, block: Block) -> list[tuple[float, Event]]:
        """What ``block`` makes known, each event with its due time."""
        batch: list[tuple[float, Event]] = []
        try:
            for event in self._analyzer.push(block.samples):
                predicted = isinstance(event, Beat)
                batch.append((self._capture.timeline.time_of(event.sample) if predicted else block.arrived, event))
                self._keep(event)
        except Exception as error:  # noqa: BLE001  a show goes on: the fault is reported and the analysis begins anew
            reason = f"{type(error).__name__}: {error}"
            self._faults[reason] += 1
            if self._faults[reason] == 1:  # reported once, counted always
                self._notes.add(f"the analysis failed and begins anew: {reason}")
            self._analyzer.reset()
            self._analyzer.skip(self._capture.samples)
        return batch

    def _keep(self, event: Event) -> None:
        self.now.take(event)
        if isinstance(event, Beat):
            self._bpm.append(event.bpm)
        try:
            self._log.write(eventlog.line(event))
        except OSError as error:
            self._log = EventLog()
            self._notes.add(f"the event log stopped: {error.strerror}")

    def _report(self) -> None:
        capture = self._capture
        self._notes.once(self._analyzer.not_finite, "the input delivers samples that are no numbers; taken as silence")
        self._notes.once(
            capture.source.overflows, "the sound driver says that it lost samples; try a larger input.block"
        )
        self._notes.once(self._firing.failed, "an output refuses events; the others are served")
        sample = round(capture.samples * ANALYSIS_RATE / self._rate)
        latencies = self.latencies
        status = Status(
            sample,
            sample,
            signal=self.now.connected and self.now.level is not None and self.now.level.signal,
            lost=capture.lost,
            stalls=capture.stalls,
            latency=float(np.percentile(latencies, 99)) if latencies else 0.0,
            drift=capture.drift,
            jitter=capture.jitter,
            notes=self._notes.to_report(),
        )
        self._keep(status)
        now = time.monotonic()
        self._firing.submit([(now, status)], now)
