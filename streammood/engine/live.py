"""The live engine: capture writes to the ring, this thread analyses, another fires; nothing here ever gives up."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from pydantic import ValidationError

from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.warmup import warm_up
from streammood.capture import Playable, Source
from streammood.capture.recording import Recording
from streammood.capture.ring import Block, Ring
from streammood.capture.supervisor import Capture, Search
from streammood.config import InputSettings, Settings
from streammood.engine.free_run import FreeRun
from streammood.engine.load import Load, Shed
from streammood.engine.operator import Operator, Order, Values
from streammood.engine.priority import REFUSED, WITHDRAWN, Priority
from streammood.engine.scheduler import Firing
from streammood.engine.snapshot import Snapshot
from streammood.engine.status import Reporter
from streammood.errors import ControlError, StreammoodError
from streammood.events import ANALYSIS_RATE, Beat, Event, Level, Mood, Tempo
from streammood.lasting import LastResort, reason_of
from streammood.log.event_log import EventLog
from streammood.log.notes import Notes
from streammood.models import Models
from streammood.outputs import Output
from streammood.outputs.build import INPUT, Outputs
from streammood.protocol.commands import Answer, Command, refused

_SWITCH_INTERVAL = 0.0005  # s; at the default of 5 ms a busy thread makes a block 8 ms late
_STATUS_INTERVAL = 1.0  # s
_DOORBELL_TIMEOUT = 0.1  # s; how long a silent input goes unnoticed
_SEARCH_STEP = 0.02  # s; while the input is away, how often beats that run on are looked at
_THINNED = 4  # of so many levels and states of the clock one is sent, where the machine is too slow
_FIRST_BLOCK = 2.0  # s within which another input must deliver
_FIRST_LOOK = 0.002  # s between looks for its first block
_LAST_WORDS = 3.0  # s that the analysis and a driver may take at the end


OpenInput: TypeAlias = Callable[[str | None, Settings], Source]
"""Makes the source that a text names (`demo`), or without one the device of the settings."""
DEMO = "demo"  # the input that is no device


class Engine:
    """Runs one source through one analyzer into any number of sinks."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        models: Models,
        outputs: Outputs,
        log: EventLog,
        recording: Recording | None = None,
        open_input: OpenInput | None = None,
    ) -> None:
        """``open_input`` makes other inputs, for an operator who changes it; without it, that is refused."""
        self.now = Snapshot()
        self._recording = recording
        self._notes = Notes()
        self._settings = settings
        self._labels = models.labels
        self._analyzer = AnalysisChain(settings, source.sample_rate, models)
        self._capture = Capture(source, settings.input.buffer, self._notes)
        self._load = Load()
        self._priority = Priority()
        self._search: Search | None = None  # while the input has gone
        self._free: FreeRun | None = None  # while beats run on without it
        self._resumed = 0.0  # sample of the stream clock at which the input came back
        self._hops = 0  # that gave values
        self._faults: Counter[str] = Counter()  # blocks that the analysis could not take, by the reason
        self._stop = threading.Event()
        self._outputs = outputs
        self._open_input = open_input
        self._preparing = threading.Lock()
        self._resort = LastResort("the engine", self._notes.add)
        self._status_at = 0.0  # host time in s at which the next status is due
        self._firing = Firing(outputs.build(self._sample_at, self._notes.add), self._notes.add)
        self._reporter = Reporter(self.now, self._notes, log, self._capture, self._firing, self._load)
        self._operator = Operator(
            settings, self._labels, self._analyzer, self._firing, self._sample_at, self.now, self._reporter.log
        )
        self._slow: dict[str, Callable[[Command], Callable[[], Values]]] = {  # prepared by a thread, then obeyed
            "reload": self._prepare_reload,
            "input": self._prepare_input,
            "channels": self._prepare_channels,
            "play": self._prepare_play,
        }
        self._show_input()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._prepared = False
        self.finished = threading.Event()
        self.error: BaseException | None = None

    def prepare(self) -> None:
        """Compile or load every kernel before sound arrives."""
        if self._prepared:
            return
        self._prepared = True
        warm_up(self._analyzer, self._capture.rate)
        gc.collect()
        gc.freeze()  # these objects stay, so the collector need not visit them

    def start(self) -> None:
        """Prepare, open the input, and run until ``stop`` or the end of the input.

        Raises:
            SourceError: the input cannot be opened.
        """
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self.prepare()
        self._reporter.begin()
        if self._recording is not None:
            self._capture.all_channels = True
            self._recording.start(self._capture.rate, self._notes.add)
        self._capture.start()
        self._firing.start()
        self._thread.start()
        if self._settings.engine.priority == "high":
            self._priority.take()
            self._notes.once(self._priority.refused, f"this program {REFUSED}")

    def stop(self) -> None:
        """Stop in order: analysis, outputs, input; write the rest of the log."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_WORDS)
        self._firing.stop()  # before the input: a driver that hangs must not leave triggers at 1
        if self._search is not None:
            self._search.stop()
        self._close_input()
        if self._recording is not None:
            self._recording.close()
        self._priority.give_back()
        for reason, count in self._faults.items():
            self._notes.add(f"the analysis failed {count} times: {reason}")
        self._reporter.end(self._analyzer.summary(), self._labels)

    def command(self, command: Command, at: float, reply: Callable[[Answer], None]) -> None:
        """Have ``command``, which came at host time ``at`` in s, obeyed; from any thread, without waiting.

        ``reply`` is called once with the answer, from the engine's thread, or at once if nothing is to be done.
        """
        prepare = self._slow.get(command.name)
        if prepare is None:
            self._order(Order(command, at, reply))
        elif self._preparing.acquire(blocking=False):
            arguments = prepare, command, at, reply
            threading.Thread(target=self._prepare, args=arguments, name=command.name, daemon=True).start()
        else:
            reply(refused(command.name, "the settings are being read, or an input is being opened; send it again"))

    def _prepare(
        self,
        prepare: Callable[[Command], Callable[[], Values]],
        command: Command,
        at: float,
        reply: Callable[[Answer], None],
    ) -> None:
        """In a thread of its own: names may take seconds to resolve, drivers to open, and a panic must not wait."""
        prepared, reason = None, ""
        try:
            prepared = prepare(command)
        except StreammoodError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  whatever a file or a driver holds, the show goes on as it was
            reason = f"it failed: {reason_of(error)}"
        finally:
            self._preparing.release()
        if prepared is not None:
            self._order(Order(command, at, reply, prepared))
        else:
            reply(refused(command.name, reason))

    def _prepare_reload(self, _: Command) -> Callable[[], Values]:
        """Read the settings; where they name another input, open it too."""
        found = self._outputs.rebuild(self._operator.settings, self._sample_at, self._notes.add)
        if self._open_input is None or not set(INPUT) & set(found.changed):
            return lambda: self._operator.reload(found)
        try:
            change = self._open(None, found.settings)
        except Exception:
            found.close()
            raise

        def obey() -> Values:
            try:
                change()
            except StreammoodError:
                found.close()
                raise
            return self._operator.reload(found)

        return obey

    def _prepare_input(self, command: Command) -> Callable[[], Values]:
        name = str(command.values[0])
        return self._open(DEMO if name == DEMO else None, self._with_input(device=name) if name != DEMO else None)

    def _prepare_channels(self, command: Command) -> Callable[[], Values]:
        if self._capture.source.ends:
            raise ControlError("channels are chosen for a device; this input is none")
        return self._open(None, self._with_input(channels=str(command.values[0])))

    def _with_input(self, **values: str) -> Settings:
        """The settings that hold, with others of the input.

        Raises:
            ControlError: they are not right.
        """
        now = self._operator.settings
        if now.input.device is None and "channels" in values:
            values["device"] = self._capture.source.name  # the default may be another one by now
        try:
            own = InputSettings.model_validate(now.input.model_dump() | values)
        except ValidationError as error:
            raise ControlError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
        return now.model_copy(update={"input": own})

    def _open(self, name: str | None, settings: Settings | None) -> Callable[[], Values]:
        """Open another input beside the present one; what is returned changes to it, in the engine's thread.

        A device that cannot be opened twice is changed with a gap, over which beats count on.

        Raises:
            StreammoodError: it cannot be opened, or does not deliver.
        """
        if self._open_input is None:
            raise ControlError("the input of this program cannot be changed while it runs")
        settings = settings or self._operator.settings
        source = self._open_input(name, settings)
        try:
            ring = self._capture.open(source)
        except StreammoodError:
            source.stop()
            if source.name != self._capture.source.name:
                raise
            return lambda: self._change_with_gap(source, settings)
        end = time.monotonic() + _FIRST_BLOCK
        while not ring.waiting:
            if time.monotonic() > end or not source.active:
                source.stop()
                raise ControlError(f"`{source.name}` was opened and delivers nothing; the present input stays")
            time.sleep(_FIRST_LOOK)
        return lambda: self._change_input(source, ring, settings)

    def _change_input(self, source: Source, ring: Ring, settings: Settings) -> Values:
        """Go on with ``source``, which delivers already."""
        old, search, self._search = self._capture.source, self._search, None
        if search is not None:
            search.cancel()
        gap = self._capture.adopt(source, ring)
        threading.Thread(target=old.stop, name="closing", daemon=True).start()
        self._go_on(gap)
        return self._input_changed(settings)

    def _change_with_gap(self, source: Source, settings: Settings) -> Values:
        """Close the present input, and open ``source`` in its place."""
        if self._search is not None:
            raise ControlError(f"`{source.name}` cannot be opened")
        self._lose_input(source)
        return self._input_changed(settings)

    def _input_changed(self, settings: Settings) -> Values:
        self._operator.settings = settings
        self._notes.add(f"the input is `{self._capture.source.name}` now")
        self._show_input()
        return (self._capture.source.name,)

    def _show_input(self) -> None:
        """Have what the operator sees be the input that there is."""
        source, chosen = self._capture.source, self._operator.settings.input.channels
        channels = "" if source.ends else chosen if isinstance(chosen, str) else ",".join(map(str, chosen))
        play = int(source.heard) if isinstance(source, Playable) else -1
        self._operator.state = replace(self._operator.state, input=source.name, channels=channels, play=play)
        self._operator.publish()

    def _prepare_play(self, command: Command) -> Callable[[], Values]:
        source, on = self._capture.source, command.values[0]
        if not isinstance(source, Playable):
            raise ControlError("only a file or the demo can be played; a device is heard already")
        source.hear(not source.heard if on is None else bool(on))

        def obey() -> Values:
            self._show_input()
            return (int(source.heard),)

        return obey

    def _order(self, order: Order) -> None:
        self._operator.put(order)
        self._capture.wake()

    def report(self, note: str) -> None:
        """Add a note for people; from any thread."""
        self._notes.add(note)

    @property
    def bpm(self) -> float:
        """The tempo of the whole: the median over all beats, 0 without beats."""
        return self._reporter.bpm

    @property
    def beats(self) -> int:
        """Beats since the start."""
        return self._reporter.beats

    @property
    def moods(self) -> Counter[str]:
        """Moods since the start, by their label."""
        return self._reporter.moods

    @property
    def received(self) -> float:
        """Samples of the stream clock until the latest sound."""
        return self._capture.sample

    @property
    def outputs(self) -> list[Output]:
        """The sinks that an operator may correct while they run, in the order of the settings."""
        return self._firing.outputs

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
        return max(0.0, self._sample_at(time.monotonic())) if self._capture.sample else 0.0

    def _sample_at(self, now: float) -> float:
        return self._capture.timeline.sample_at(now)

    def _close_input(self) -> None:
        """Close the input, for as long as its driver may take."""
        closing = threading.Thread(target=self._capture.stop, name="closing", daemon=True)
        closing.start()
        closing.join(_LAST_WORDS)
        if closing.is_alive():
            self._notes.add(f"the input `{self._capture.source.name}` does not close")

    def _run(self) -> None:
        self._status_at = time.monotonic() + _STATUS_INTERVAL
        try:
            while not self._stop.is_set():
                with self._resort:
                    self._pass()
        except BaseException as error:  # noqa: BLE001  handed to the main thread, which ends the program
            self.error = error
        finally:
            self.finished.set()

    def _pass(self) -> None:
        """Analyse new sound, obey commands, report; or look for an input that has gone."""
        delivered = False
        if self._search is None:
            self._capture.wait(_DOORBELL_TIMEOUT)
            delivered = self._drain()
        else:
            self._without_input(self._search)
        self._obey()
        now = time.monotonic()
        if now >= self._status_at:
            self._status_at = max(self._status_at + _STATUS_INTERVAL, now)
            self._report()
        if delivered or self._search is not None or self._stop.is_set():
            return
        if not self._capture.source.active:
            self._when_inactive()

    def _obey(self) -> None:
        """Obey the commands since the last call."""
        if self._operator.waiting:
            for mood in self._operator.work(self._present):
                self._submit_now(mood)

    @property
    def _present(self) -> int:
        """The stream clock: the end of the captured sound, or now, without input."""
        return self._capture.present(gone=self._search is not None)

    def _drain(self) -> bool:
        """Analyse every block that has come; returns whether there was one."""
        blocks, delivered = self._capture.blocks(), False
        while True:
            # Here too: a machine that lags behind must obey; and before a block is read, since the input may change.
            self._obey()
            if self._search is not None:  # the input was closed: the present is now, and older blocks would run it back
                return delivered
            block = next(blocks, None)
            if block is None:
                return delivered
            delivered = True
            began = time.perf_counter()
            missing = self._capture.account(block)
            if self._recording is not None:
                self._recording.push(block.samples if block.frames is None else block.frames, missing)
            if missing:
                self._analyzer.skip(missing)
            self._firing.submit(self._events(block), block.arrived)
            busy = time.perf_counter() - began
            shed = self._load.update(busy, block.samples.size / self._capture.rate, self._capture.waiting)
            self._analyzer.moods_due = shed < Shed.MOODS

    def _when_inactive(self) -> None:
        """An input that ends has ended; one that can only go away is looked for."""
        if self._capture.source.ends:
            self._drain()
            self._stop.set()
            return
        self._lose_input()

    def _lose_input(self, instead: Source | None = None) -> None:
        """Look for the input, which has gone, or open another ``instead``; let beats run on if they shall."""
        self.now.connected = False
        self._search = self._capture.search(instead)
        sample, tempo, beat = self._present, self.now.tempo, self.now.beat
        self._submit_now(Level(sample, sample, 0.0, 0.0, 0.0, 0.0, 0.0, dbfs=-120.0, signal=False))
        runs = instead is not None or self._settings.input.lost == "run" or self._analyzer.beats.manual_tempo > 0.0
        if runs and tempo is not None and tempo.period > 0.0:
            count = beat.count if beat is not None else 0
            self._free = FreeRun(tempo, count, sample, self._settings.beat.lookahead)
        elif tempo is not None:
            self._submit_now(Tempo(sample, sample, tempo.bpm, 0.0, False, 0.0, 0.0))
        self._report()

    def _without_input(self, search: Search) -> None:
        """Let beats run on if they shall, until the input is found."""
        if not search.wait(_SEARCH_STEP):
            if self._free is not None:
                self._submit_free(self._free, self.sample)
            return
        self._search = None
        self._go_on(self._capture.resume())

    def _go_on(self, gap: float) -> None:
        """Analyse what an input delivers that was opened after ``gap`` samples of the stream clock."""
        self._analyzer.jump(round(self._capture.sample), gap, self._capture.rate)
        if self._recording is not None:
            self._recording.resume(gap / ANALYSIS_RATE, self._capture.rate)
        self._resumed = self._capture.sample
        self.now.connected = True

    def _submit_free(self, free: FreeRun, sample: float) -> None:
        now = time.monotonic()
        self._submit_now(free.tempo(sample))
        beats = list(free.beats(sample))
        for beat in beats:
            self._reporter.record(beat)
        self._firing.submit([(self._capture.timeline.time_of(beat.sample), beat) for beat in beats], now)

    def _submit_now(self, event: Event) -> None:
        now = time.monotonic()
        self._reporter.record(event)
        self._firing.submit([(now, event)], now)

    def _events(self, block: Block) -> list[tuple[float, Event]]:
        """What ``block`` makes known, each event with its due time."""
        batch: list[tuple[float, Event]] = []
        try:
            for found in self._analyzer.push(block.samples):
                event = self._operator.moods.push(found) if isinstance(found, Mood) else found
                if self._free is not None:
                    self._hand_over(self._free, event)
                self._reporter.record(event)
                if isinstance(event, Beat):
                    batch.append((self._capture.timeline.time_of(event.sample), event))
                elif not self._thinned(event):
                    batch.append((block.arrived, event))
        except Exception as error:  # noqa: BLE001  a show goes on: the fault is reported and the analysis begins anew
            reason = f"{type(error).__name__}: {error}"
            self._faults[reason] += 1
            if self._faults[reason] == 1:  # reported once, counted always
                self._notes.add(f"the analysis failed and begins anew: {reason}")
            self._analyzer.reset()
            self._analyzer.jump(round(self._capture.sample), 0.0, self._capture.rate)
            self._analyzer.beats.count_on(self.now.beat.count if self.now.beat is not None else 0)
        return batch

    def _hand_over(self, free: FreeRun, event: Event) -> None:
        """After the input has come back, beats run on until the tracker has a tempo, or there is no music."""
        if isinstance(event, Tempo):
            if event.period > 0.0:
                self._analyzer.beats.count_on(free.count)
                self._free = None
            else:
                self._submit_free(free, event.decided)
            return
        waited = event.sample - self._resumed > self._settings.level.hold * ANALYSIS_RATE
        if isinstance(event, Level) and waited and not event.signal:
            self._free = None

    def _thinned(self, event: Event) -> bool:
        """Whether a value is left out, because the machine is too slow."""
        if not isinstance(event, Level | Tempo) or self._load.shed == Shed.NOTHING:
            return False
        self._hops += isinstance(event, Level)
        return self._hops % _THINNED != 0

    def _report(self) -> None:
        gone = self._search is not None
        self._priority.extend()
        self._notes.once(self._priority.withdrawn, WITHDRAWN)
        self._operator.publish()
        self._submit_now(self._reporter.status(self._present, gone, self._analyzer.not_finite))
