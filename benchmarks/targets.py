"""What several receivers cost, and how near to its time a beat is sent early."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.table import markdown, percentiles
from streammood import config
from streammood.capture.paced import Paced
from streammood.config import LightsSettings, Settings, TargetSettings
from streammood.demo.synth import DEMO, render
from streammood.dsp.layout import HOP
from streammood.engine.live import Engine
from streammood.events import ANALYSIS_RATE, Beat, Event, Level, Tempo
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.outputs import SampleNow, Sink
from streammood.outputs.lights import Lights
from streammood.outputs.osc_target import OscTarget
from streammood.outputs.timing import Timing
from tests.outputs import Made

HOPS = 4000
SECONDS = 20.0
ROUNDS = 2
OFFSETS = (-0.2, -0.12, -0.03)  # s
_ONE = (TargetSettings(port=9),)
_THREE = (*_ONE, TargetSettings(port=9, offset=-120.0), TargetSettings(port=9, beat=2.0, bundle=True))
_LABELS = ("happy", "aggressive", "calm", "sad")


class Probe:
    """A target that only notes how late each early beat is, in s, after the time that its offset asks for."""

    def __init__(self, offset: float, sample_now: SampleNow) -> None:
        self.late: list[float] = []
        self.missed = 0  # beats that nothing had predicted, so that they came when they were heard
        self._offset = offset
        self._sample_now = sample_now
        self._timing = Timing(sample_now, offset)

    def send(self, event: Event, now: float) -> None:
        self.missed += sum(isinstance(own, Beat) for own in self._timing.push(event, now))

    def poll(self, now: float) -> float:
        for beat in self._timing.due(now):
            if isinstance(beat, Beat):
                sample = self._sample_now(time.monotonic() - self._offset)
                self.late.append((sample - beat.sample) / ANALYSIS_RATE)
        return self._timing.next_at(now)

    def close(self) -> None:
        pass


def report() -> str:
    """The tables."""
    settings = config.load(None, {"control.enabled": False})
    models = Models.load(settings)
    cost = [[name, *percentiles(_cost(sinks))] for name, sinks in _sinks().items()]
    paths: dict[str, list[float]] = {"one target": [], "three targets": []}
    for _ in range(ROUNDS):  # in turn, so that all meet the same noise
        for name, targets in zip(paths, (_ONE, _THREE), strict=True):
            paths[name] += _path(settings, models, targets)
    latency = [[name, *percentiles(latencies, 1e3, 2)] for name, latencies in paths.items()]
    early = [[f"{1e3 * offset:+.0f} ms", *row] for offset, row in zip(OFFSETS, _early(settings, models), strict=True)]
    return (
        "CPU time of the firing thread for all events of one hop, "
        f"{HOPS} hops:\n\n{markdown(['', 'p50 µs', 'p99 µs', 'max µs'], cost)}\n\n"
        "From the arrival of a block to its packets, the demo in real time, in turn (budget: p50 ≤ 0.6 ms, p99 ≤ 3 ms):"
        f"\n\n{markdown(['', 'p50 ms', 'p99 ms', 'max ms'], latency)}\n\n"
        "Beats that are sent early, from prediction: how long after the time that was asked for:\n\n"
        f"{markdown(['offset', 'early', 'not foreseen', 'p50 ms', 'p99 ms', 'max ms'], early)}"
    )


def _sinks() -> dict[str, list[Sink]]:
    def sample_now(now: float) -> float:
        return now * ANALYSIS_RATE

    def targets(settings: tuple[TargetSettings, ...]) -> list[Sink]:
        return [OscTarget(one, _LABELS, sample_now) for one in settings]

    lamps = LightsSettings.model_validate(
        {"artnet": {"host": "127.0.0.1", "port": 9}, "sacn": {"host": "127.0.0.1", "universe": 9}}
    )
    return {
        "one target, every default address": targets(_ONE),
        "three: punctual, 120 ms early, ×2 in bundles": targets(_THREE),
        "Art-Net and sACN": [Lights(lamps, _LABELS, sample_now)],
    }


def _cost(sinks: list[Sink]) -> list[float]:
    """µs a hop."""
    period, times = ANALYSIS_RATE / 2, []
    for hop in range(HOPS):
        sample = hop * 512
        now, count = sample / ANALYSIS_RATE, int(sample // period)
        events: list[Event] = [
            Level(sample, sample, hop % 100 / 100, 0.1, 0.2, 0.3, 0.4, -20.0, True),
            Tempo(sample, sample, 120.0, 0.8, True, count * period, period, count, count % 4 + 1, 4, 0.5),
        ]
        if sample % period < 512:
            events.append(Beat(sample, sample, 120.0, 0.8, True, count % 4 + 1, count))
        began = time.thread_time_ns()
        for event in events:
            for sink in sinks:
                sink.send(event, now)
        for sink in sinks:
            sink.poll(now)
        times.append((time.thread_time_ns() - began) / 1e3)
    for sink in sinks:
        sink.close()
    return times


def _path(settings: Settings, models: Models, targets: tuple[TargetSettings, ...]) -> list[float]:
    """s from block to packets."""
    engine = _engine(settings, models, lambda now: [OscTarget(one, models.labels, now) for one in targets])
    engine.start()
    time.sleep(2.0)
    latencies: list[float] = []
    for _ in range(int(SECONDS / 5)):  # the engine keeps the latest dozen seconds
        time.sleep(5.0)
        latencies += engine.latencies[-int(5 * 2 * ANALYSIS_RATE / HOP) :]
    engine.stop()
    return latencies


def _early(settings: Settings, models: Models) -> list[list[str]]:
    probes: list[Probe] = []

    def make(sample_now: SampleNow) -> list[Sink]:
        probes.extend(Probe(offset, sample_now) for offset in OFFSETS)
        return list(probes)

    engine = _engine(settings, models, make)
    engine.start()
    time.sleep(1.5 * SECONDS)
    engine.stop()
    return [[str(len(probe.late)), str(probe.missed), *percentiles(probe.late, 1e3, 2)] for probe in probes]


def _engine(settings: Settings, models: Models, make: Callable[[SampleNow], list[Sink]]) -> Engine:
    source = Paced(render(DEMO, ANALYSIS_RATE), settings.input.block)
    return Engine(settings, source, models, Made(make), EventLog())
