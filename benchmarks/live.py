"""The live path: from the arrival of a block to its packets, what it costs, and how soon it is there."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
import tracemalloc

import numpy as np

from benchmarks.table import in_turn, markdown, percentiles
from streammood import config, resources
from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.beat.activations import BeatNetwork
from streammood.analysis.mood.embedding import BANDS, FRAMES, Embedding
from streammood.capture.paced import Paced
from streammood.config import Settings, TargetSettings
from streammood.demo.synth import DEMO, Synth, render
from streammood.dsp.layout import HOP, N_MELS
from streammood.engine.live import Engine
from streammood.events import ANALYSIS_RATE
from streammood.log.event_log import EventLog
from streammood.models import Models, embedding_model
from streammood.models.beat_model import BeatModel
from streammood.models.mood_model import MoodModel
from streammood.outputs.osc_target import OscTarget
from tests.outputs import Made

SECONDS = 30.0
LOOPBACK = TargetSettings(port=9)
HOPS = 10_000


def report() -> str:
    """The tables."""
    settings = config.load()
    rows = [_latency(settings, rate) for rate in (44_100, 48_000)]
    latency = markdown(["input", "p50 ms", "p99 ms", "max ms", "share of a core"], rows)
    start = markdown(["", "p50 s", "p99 s", "max s"], [["start of the program to its first event", *_start()]])
    return (
        f"The demo in real time for {SECONDS:.0f} s at each rate, blocks of 256, every feature, beats, moods and one "
        "target. Budget: block arrival to packets p50 ≤ 0.6 ms, p99 ≤ 3 ms; at most 15 % of a core.\n\n"
        f"{latency}\n\nFive starts with a warm cache. Budget: ≤ 3 s.\n\n{start}\n\n"
        f"Memory that Python holds, after {HOPS} further hops of the analysis: {_growth(settings):+.1f} kB "
        "(budget: no growth)."
    )


def _latency(settings: Settings, rate: int) -> list[str]:
    models = Models.load(settings)
    source = Paced(render(DEMO, rate), settings.input.block)
    engine = Engine(settings, source, models, Made(lambda now: [OscTarget(LOOPBACK, models.labels, now)]), EventLog())
    engine.start()
    time.sleep(2.0)
    before = resource.getrusage(resource.RUSAGE_SELF)
    latencies: list[float] = []
    for _ in range(int(SECONDS / 5)):  # the engine keeps the latest dozen seconds
        time.sleep(5.0)
        latencies += engine.latencies[-int(5 * 2.5 * ANALYSIS_RATE / HOP) :]
    after = resource.getrusage(resource.RUSAGE_SELF)
    engine.stop()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    share = f"{100 * used / SECONDS:.1f} %"
    return [f"{rate} Hz", *percentiles(latencies, 1e3, 2), share]


def _start() -> list[str]:
    command = [sys.executable, "-m", "streammood.cli", "run", "--input", "demo", "--target", "127.0.0.1:9"]
    times = []
    for _ in range(5):
        began = time.monotonic()
        with subprocess.Popen(
            [*command, "--events", "-"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as program:
            assert program.stdout is not None
            program.stdout.readline()  # the header
            program.stdout.readline()
            times.append(time.monotonic() - began)
            program.terminate()
    return percentiles(times, 1.0, 2)


def _growth(settings: Settings) -> float:
    """Kilobytes that stay after ``HOPS`` hops, warm."""
    analyzer = AnalysisChain(settings, ANALYSIS_RATE, Models.load(settings))
    blocks = [block for block in Synth().blocks(HOP) if block.size == HOP]

    def listen(hops: int) -> None:
        for i in range(hops):
            for _ in analyzer.push(blocks[i % len(blocks)]):
                pass

    listen(len(blocks))
    tracemalloc.start()
    listen(2000)
    before, _ = tracemalloc.get_traced_memory()
    listen(HOPS)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / 1024


def model_report() -> str:
    """One invocation of the shipped model."""
    settings = config.load()
    path = resources.find("models", settings.mood.model, ".tflite")
    model = MoodModel.load(settings.mood.model)
    manifest = model.manifest
    statistics = np.zeros(len(manifest.statistics.scale), dtype=np.float32)
    embedding = resources.find("models", embedding_model.NAME, embedding_model.SUFFIX)
    stream = Embedding(embedding_model.shipped())
    spectra = np.random.default_rng(0).normal(-15.0, 10.0, (FRAMES, BANDS)).astype(np.float32)
    answering, embedding_a_slot = in_turn([lambda: model(statistics), lambda: stream.push(spectra)], 2000)
    rows = [
        [f"{file.name}, {file.stat().st_size / 1000:.0f} kB, {when}", *percentiles(times, 1e-3, 3)]
        for file, when, times in (
            (path, "twice a second", answering),
            (embedding, "every 186 ms", embedding_a_slot),
        )
    ]
    return "One thread. Budget: p99 ≤ 0.5 ms, at most 300 kB, both together.\n\n" + markdown(
        ["model", "p50 ms", "p99 ms", "max ms"], rows
    )


def network_report() -> str:
    """Two hops of the beat network, which is what it is asked for at a time."""
    settings = config.load()
    path = resources.find("models", settings.beat.model, ".tflite")
    network = BeatNetwork(BeatModel.load(settings.beat.model))
    log_mel = np.random.default_rng(0).normal(-20.0, 10.0, (2, N_MELS)).astype(np.float32)

    (times,) = in_turn([lambda: network.push(log_mel)], 2000)
    rows = [[f"{path.name}, {path.stat().st_size / 1000:.0f} kB", *percentiles(times, digits=0)]]
    return "One thread, two hops (23 ms of sound) at a time. Budget: p50 ≤ 120 µs, at most 500 kB.\n\n" + markdown(
        ["model", "p50 µs", "p99 µs", "max µs"], rows
    )
