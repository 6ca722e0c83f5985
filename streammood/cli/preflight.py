"""Is everything ready for the show? Each thing that a night depends on, tried for real."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streammood.api.inputs import open_source
from streammood.capture import Source
from streammood.capture.device import DeviceSource
from streammood.capture.paced import Paced
from streammood.cli import wiring
from streammood.config import LightsSettings, LinkSettings, MidiSettings, OscSettings, Settings, TargetSettings
from streammood.demo.synth import DEMO, render
from streammood.dsp.layout import HOP
from streammood.engine.control_server import ControlServer
from streammood.engine.live import Engine
from streammood.engine.priority import REFUSED, allowed
from streammood.errors import StreammoodError
from streammood.events import ANALYSIS_RATE, F32
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.outputs.build import Outputs, refuse_own_control_port
from streammood.outputs.osc_target import OscTarget
from streammood.protocol.udp import connect, numeric

_NOBODY = OscSettings(targets=())
_LISTEN = 2.0  # s
_REHEARSE = 4.0  # s
_LATE_LIGHT = 0.045  # s; ITU-R BT.1359: from here on light is seen to come after its sound
_RATE_TOLERANCE = 0.1  # of the nominal rate, over the time that we listen
_FEWEST = 10  # blocks
_SILENT = 1e-6
_DISCARD_PORT = 9  # on loopback: packets are built and sent, but reach no receiver


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    what: str
    ok: bool
    found: str
    advice: str = ""


def preflight(overrides: wiring.Overrides, config: str | None, input_name: str | None) -> Iterator[Finding]:
    """Check one thing after the other; without good settings nothing else, without a model not what needs it."""
    try:
        settings = overrides.load(config)
    except StreammoodError as error:
        yield Finding("settings", False, str(error), "fix this setting")
        return
    yield Finding("settings", True, config or "defaults")
    yield from (Finding("settings", True, note) for note in settings.notes)
    yield from _targets(settings)
    yield _control(settings)
    models = None
    try:
        models = Models.load(settings)
    except StreammoodError as error:
        yield Finding("model", False, str(error), "use `mood.model: mood`, or train one for these settings")
    else:
        yield Finding("model", True, f"{settings.mood.model}: {', '.join(models.labels)}")
        yield from _outputs(settings, models.labels)
    yield priority(settings.engine.priority)
    latency, finding = _input(settings, input_name)
    yield finding
    if models is not None:
        yield _budget(settings, models, latency)


def _targets(settings: Settings) -> Iterator[Finding]:
    for target in settings.osc.targets:
        where = target.place
        try:
            opened, address = connect(target.host, target.port, target.interface)
        except StreammoodError as error:
            yield Finding("target", False, str(error), "use the number of that machine, such as 192.168.1.20")
            continue
        opened.close()
        try:
            refuse_own_control_port(target, settings)
        except StreammoodError as error:
            yield Finding("target", False, str(error))
            continue
        parts = [f"{target.name} at {where}" if target.name else where]
        parts += [f"which is {number}"] if (number := numeric(address)) != target.host else []
        parts += [f"preset {target.preset}"] if target.preset else []
        parts += [f"offset {target.offset:+g} ms"] if target.offset else []
        parts += [f"beat ×{target.beat:g}"] if target.beat != 1.0 else []
        yield Finding("target", True, ", ".join(parts))
    if not settings.osc.targets:
        yield Finding("target", False, "nobody receives anything", "name one under osc.targets or with --target")


def _outputs(settings: Settings, labels: tuple[str, ...]) -> Iterator[Finding]:
    """Every output built as `run` builds it, and closed again; a finding names the kind that fails."""
    nothing = {"osc": _NOBODY, "lights": LightsSettings(), "midi": MidiSettings(), "link": LinkSettings()}
    for name, off in nothing.items():
        part = getattr(settings, name)
        if part == off:
            continue
        alone = settings.model_copy(update=nothing | {name: part})
        try:
            sinks = Outputs(alone, labels).build(float)
        except StreammoodError as error:
            yield Finding(name, False, str(error), f"see `{name}` in config/default.yaml")
            continue
        for sink in sinks:
            sink.close()
            if isinstance(sink, OscTarget) and sink.left_out:
                yield Finding("target", True, sink.left_out)
        if name != "osc":
            yield Finding(name, True, _listed(part.model_dump(exclude={"colours"})))


def _listed(part: dict[str, object]) -> str:
    """Settings in words, those that are not given left out."""
    whole = {key: _listed(value) if isinstance(value, dict) else value for key, value in part.items()}
    return ", ".join(f"{key} {value}" for key, value in whole.items() if value is not None)


def _control(settings: Settings) -> Finding:
    control = settings.control
    if not control.enabled:
        return Finding("control", True, "off: nobody can send commands over OSC")
    try:
        ControlServer(control, lambda command, at, reply: None, lambda note: None).stop()
    except StreammoodError as error:
        return Finding("control", False, str(error), "stop that program, or change control.port")
    who = ", ".join(["this machine", *control.allow])
    return Finding("control", True, f"commands on {control.host}:{control.port} from {who}")


def priority(wanted: str) -> Finding:
    """Whether the engine may go ahead of other programs; well in any case, since a quiet machine needs it not."""
    if sys.platform != "linux" or wanted == "normal":
        return Finding("priority", True, "that of any program")
    granted = allowed()
    text = {"real-time": "real-time, ahead of other programs", "nice": "above other programs", "normal": REFUSED}
    return Finding("priority", True, text[granted])


def _input(settings: Settings, name: str | None) -> tuple[float, Finding]:
    """Open the input and listen; also returns its latency in s."""
    blocks: list[tuple[int, float, float]] = []  # samples, peak, arrival in s

    def deliver(block: F32, _captured: float, arrived: float) -> None:
        blocks.append((block.size, float(np.max(np.abs(block))), arrived))

    try:
        source = open_source(name, settings)
        source.start(deliver)
        time.sleep(_LISTEN)
        source.stop()
    except StreammoodError as error:
        return 0.0, Finding("input", False, str(error), "`streammood devices` lists what there is")
    return _latency(source), _judge(source, blocks)


def _latency(source: Source) -> float:
    return source.latency if isinstance(source, DeviceSource) else 0.0


def _judge(source: Source, blocks: list[tuple[int, float, float]]) -> Finding:
    if len(blocks) < _FEWEST:
        return Finding("input", False, f"{source.name} delivers nothing", "choose another with --input")
    # From the first block on: how long a device takes to open says nothing about its rate.
    rate = sum(size for size, _, _ in blocks[1:]) / (blocks[-1][2] - blocks[0][2])
    where = f"{source.name} at {source.sample_rate} Hz"
    if isinstance(source, DeviceSource) and abs(rate / source.sample_rate - 1) > _RATE_TOLERANCE:
        return Finding(
            "input", False, f"{where} delivers {rate:.0f} samples a second", "set input.sample_rate to its own"
        )
    peak = max(peak for _, peak, _ in blocks)
    if peak < _SILENT:
        return Finding("input", True, f"{where}, silent now: send it something to see its level")
    return Finding("input", True, f"{where}, peak {20 * np.log10(peak):.1f} dB")


def _budget(settings: Settings, models: Models, device: float) -> Finding:
    """Rehearse with the demo through the whole live path, and add up how late light would be."""
    loopback = Settings(osc=OscSettings(targets=(TargetSettings(host="127.0.0.1", port=_DISCARD_PORT),)))
    source = Paced(render(DEMO[:1], ANALYSIS_RATE), settings.input.block)
    try:
        engine = Engine(settings, source, models, Outputs(loopback, models.labels), EventLog())
        engine.start()
        time.sleep(_REHEARSE)
        engine.stop()
    except StreammoodError as error:
        return Finding("latency", False, str(error), "`run` would end here too: fix this first")
    if not engine.latencies:
        return Finding("latency", False, "the analysis of this machine does not keep up at all", "close other programs")
    p50, p99 = (float(x) for x in np.percentile(engine.latencies, [50, 99]))
    block = settings.input.block / source.sample_rate
    hop = HOP / ANALYSIS_RATE
    total = device + block + hop + p99
    text = (
        f"{1e3 * total:.1f} ms = device {1e3 * device:.1f} + block {1e3 * block:.1f} + hop {1e3 * hop:.1f} "
        f"+ analysis and sending {1e3 * p99:.2f} (p99; p50 {1e3 * p50:.2f}), limit {1e3 * _LATE_LIGHT:.0f} ms"
    )
    return Finding("latency", total <= _LATE_LIGHT, text, "close other programs, or make input.block smaller")
