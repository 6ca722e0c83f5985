"""Reports: the latest of everything, the event log, and once a second the state of the program."""

from __future__ import annotations

import time
from collections import Counter, deque
from datetime import UTC, datetime

import numpy as np

from streammood.capture.health import InputState
from streammood.capture.supervisor import Capture
from streammood.engine.load import Load
from streammood.engine.scheduler import Firing
from streammood.engine.snapshot import Snapshot
from streammood.events import ANALYSIS_RATE, Beat, Event, Mood, Status
from streammood.log import rows
from streammood.log.event_log import EventLog
from streammood.log.notes import Notes
from streammood.log.writer import Logbook
from streammood.outputs import state_of

_TEMPI = 20_000  # beats whose tempo is stored for the summary, some hours


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Reporter:
    """Keeps events as they are fired, and makes the status; in the engine's thread."""

    def __init__(
        self, now: Snapshot, notes: Notes, log: EventLog, capture: Capture, firing: Firing, load: Load
    ) -> None:
        self._now = now
        self._notes = notes
        self._log = Logbook(log, notes)
        self._capture = capture
        self._firing = firing
        self._load = load
        self._bpm: deque[float] = deque(maxlen=_TEMPI)
        self.beats = 0
        self.moods: Counter[str] = Counter()  # moods by their label
        self._fired = (0.0, 0.0)  # host time of the last status, and how long firing had been busy until then, in s

    @property
    def bpm(self) -> float:
        """The tempo of the whole: the median over all beats, 0 without beats."""
        return float(np.median(self._bpm)) if self._bpm else 0.0

    def begin(self) -> None:
        """Begin the log."""
        self._log.write(rows.header(self._capture.source.name, self._capture.rate, _now()))
        self._log.start()

    def end(self, mood: Mood | None, labels: tuple[str, ...]) -> None:
        """Write the end of the log: ``mood`` is that of the whole stream."""
        duration = self._capture.sample / ANALYSIS_RATE
        self._log.write(rows.summary(self._capture.source.name, duration, self.bpm, mood, labels))
        self._log.close()

    def record(self, event: Event) -> None:
        """Take ``event`` as the latest of its kind, and log it."""
        self._now.take(event)
        if isinstance(event, Beat):
            self._bpm.append(event.bpm)
            self.beats += 1
        elif isinstance(event, Mood) and event.music:
            self.moods[event.label] += 1
        self._log.write(rows.line(event))

    def log(self, row: rows.Row) -> None:
        """Log a row that is not an event."""
        self._log.write(row)

    def status(self, sample: int, gone: bool, not_finite: int) -> Status:
        """How the program does at ``sample``.

        ``gone``: there is no input; ``not_finite`` counts samples that were NaN or infinite.
        """
        capture, firing, now = self._capture, self._firing, self._now
        self._note_counts(not_finite)
        latencies = list(firing.latencies)
        signal = now.level is not None and now.level.signal
        return Status(
            sample,
            sample,
            signal=signal,
            input=self._input_state(gone, signal),
            load=self._load_now(),
            lost=capture.lost,
            stalls=capture.stalls,
            latency=float(np.percentile(latencies, 99)) if latencies else 0.0,
            drift=capture.drift,
            jitter=capture.jitter,
            notes=self._notes.to_report(),
            targets=tuple(state_of(o) for o in firing.outputs),
            operator=now.operator,
        )

    def _note_counts(self, not_finite: int) -> None:
        once = self._notes.once
        once(not_finite, "the input delivers samples that are no numbers; taken as silence")
        overflows = self._capture.source.overflows
        once(overflows, "the sound driver says that it lost samples; try a larger input.block")
        failure = self._capture.failure or self._capture.source.failure
        once(len(failure), f"the capture thread failed and goes on: {failure}")
        once(self._firing.failed, "an output refuses events; the others are served")
        once(self._load.shed, "this machine is too slow: levels and phase are sent less often, then moods")

    def _input_state(self, gone: bool, signal: bool) -> InputState:
        if gone:
            return InputState.GONE
        state = self._capture.state
        return InputState.SILENT if state is InputState.FINE and not signal else state

    def _load_now(self) -> float:
        """The larger share of the two threads' time, at its worst since the last call, 0..1."""
        now, busy = time.monotonic(), self._firing.busy
        (then, before), self._fired = self._fired, (now, busy)
        firing = (busy - before) / (now - then) if now > then else 0.0  # some clocks tick every 15 ms
        return min(1.0, max(self._load.take_peak(), firing))
