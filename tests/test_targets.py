"""Several receivers that want different things: presets changed on top, ranges, bundles, offsets, mute and panic."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streammood import config
from streammood.config import MapEntry, TargetSettings
from streammood.engine.scheduler import Firing
from streammood.errors import ConfigError, SinkError
from streammood.events import ANALYSIS_RATE, Beat, Event, Tempo
from streammood.outputs import Output
from streammood.outputs.build import Outputs
from streammood.outputs.osc_target import OscTarget
from streammood.outputs.scaling import scaling
from streammood.protocol import udp
from streammood.protocol.osc import encode
from streammood.protocol.signals import TRIGGERS
from tests.receiver import Receiver
from tests.test_osc import BEAT, LABELS, LEVEL, PERIOD, mood, sent, values
from tests.waiting import wait_for

HERE = ("127.0.0.1", 9)
KNOWN = Tempo(44_100, 44_100, 120.0, 0.8, True, 44_100.0, PERIOD, 17, 1, 4, 0.7)


def loaded(tmp_path: Path, text: str) -> tuple[TargetSettings, ...]:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return config.load(str(path)).osc.targets


def target(receiver: Receiver, **settings: Any) -> OscTarget:
    whole = {"port": receiver.port, **settings}
    return OscTarget(TargetSettings.model_validate(whole), LABELS, lambda now: now * ANALYSIS_RATE)


def test_a_target_may_begin_as_a_preset_and_be_changed(tmp_path: Path) -> None:
    text = """
osc:
  targets:
    - {name: walls, preset: resolume, host: 10.0.0.5, hold: 0.1, map: [
        {from: mood/arousal, to: /composition/layers/1/video/opacity, in: [-1, 1]}, {from: beat, to: /mine}]}
    - 10.0.0.6:9000
"""
    walls, plain = loaded(tmp_path, text)
    preset = config.load("resolume").osc.targets[0]
    assert (walls.name, walls.host, walls.port, walls.hold, walls.defaults) == ("walls", "10.0.0.5", 7000, 0.1, False)
    opacity = [line.source for line in walls.map if line.to == "/composition/layers/1/video/opacity"]
    assert opacity == ["mood/arousal"]
    assert len(walls.map) == len(preset.map) + 1
    assert (plain.title, plain.preset) == ("10.0.0.6:9000", None)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{preset: nosuch}", ["osc.targets[0]", "nosuch", "resolume"]),
        ("{preset: resolume, map: 3}", ["osc.targets[0].map", "3"]),
        ("{offset: -300}", ["offset", "-200"]),
        ("{beat: 3}", ["beat", "0.5, 1 or 2"]),
        ("{range: [1, 1]}", ["range", "span"]),
        ("{map: [{from: bpm, to: /x, out: [0, 9]}]}", ["bpm", "in"]),
        ("{map: [{from: bpm, to: /x, in: [0, 9], curve: 0}]}", ["curve", "0.1"]),
        ("{map: [{from: bpm, to: /x, value: beat/number}]}", ["value", "trigger"]),
        ("{map: [{from: beat, to: /x, value: beat/nmber}]}", ["beat/nmber", "beat/number"]),
        ("{name: a}, {name: a}", ["`a`", "name of its own"]),
    ],
)
def test_what_is_wrong_with_a_target_is_told(tmp_path: Path, line: str, told: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"osc: {{targets: [{line}]}}")
    for part in told:
        assert part in str(caught.value)


def bent(source: str, target: dict[str, Any] | None = None, **line: Any) -> Any:
    entry = MapEntry.model_validate({"from": source, "to": "/x", **line})
    return scaling(entry, TargetSettings.model_validate(target or {}))


def test_values_fit_the_range_of_the_target() -> None:
    hundred = {"range": [0, 100]}
    assert bent("level/rms", hundred)(0.25) == 25.0
    assert bent("mood/valence", hundred)(-0.5) == -50.0
    assert bent("mood/valence", hundred | {"unipolar": True})(-0.5) == 25.0
    assert bent("mood/valence", {"unipolar": True})(-0.5) == 0.25
    assert bent("bpm", hundred)(128.0) == 128.0
    assert bent("beat/count", hundred)(7) == 7
    assert bent("level/rms")(0.25) == 0.25
    assert bent("level/rms", out=[0, 10])(0.25) == 2.5
    assert bent("level/rms", hundred, out=[0, 10])(0.25) == 2.5
    assert type(bent("beat/count", {"floats": True})(7)) is float


def test_the_speed_of_a_grandma3_is_the_root_of_the_tempo() -> None:
    entry = {"from": "bpm", "to": "/x", "in": [0, 240], "out": [0, 100], "curve": 0.5}
    speed = scaling(MapEntry.model_validate(entry), TargetSettings())
    for bpm in (0.0, 60.0, 128.0, 240.0, 300.0):
        assert speed(bpm) == pytest.approx(100 * np.sqrt(min(bpm, 240.0) / 240))
    assert bent("level/rms", curve=2.0)(0.5) == 0.25


def test_triggers_too_lie_in_the_range() -> None:
    assert values(sent({"range": [0, 127]}, [(1.0, BEAT)]), "/streammood/beat") == [127, 0]
    floats = values(sent({"floats": True}, [(1.0, BEAT)]), "/streammood/beat")
    assert [type(value) for value in floats] == [float, float]


def test_one_instant_is_one_bundle() -> None:
    apart = sent({}, [(1.0, LEVEL), (2.0, mood())])
    assert len({m.packet for m in apart}) == len(apart)
    together = sent({"bundle": True}, [(1.0, LEVEL), (2.0, mood())])
    packets = [
        {m.packet for m in together if m.address == f"/streammood/{name}"} for name in ("level/rms", "level/low")
    ]
    assert packets[0] == packets[1]
    assert [(m.address, m.value) for m in apart] == [(m.address, m.value) for m in together]


def test_bundles_fit_into_a_frame() -> None:
    lines = [{"from": "level/rms", "to": f"/a/rather/long/address/for/a/lamp/{i:03d}"} for i in range(100)]
    with Receiver() as receiver:
        many = target(receiver, bundle=True, map=lines, defaults=False)
        many.send(LEVEL, 1.0)
        many.poll(1.0)
        messages = receiver.messages(0.05)
        assert len(messages) == 100
        assert len({m.packet for m in messages}) >= 4
        assert many.sent == 100
        many.close()


def test_seconds_to_the_next_beat_and_the_bar() -> None:
    messages = sent({"offset": -100}, [(1.3, KNOWN)])
    assert values(messages, "/streammood/beat/next")[0] == pytest.approx(0.5 - 0.3 - 0.1, abs=1e-6)
    assert values(messages, "/streammood/beat/phase")[0] == pytest.approx(0.8, abs=1e-6)
    assert values(messages, "/streammood/beat/bar")[0] == pytest.approx(0.7)
    assert values(messages, "/streammood/beat/meter")[0] == 4
    doubled = sent({"beat": 2}, [(1.3, KNOWN)])
    assert values(doubled, "/streammood/bpm")[0] == 240.0
    assert values(doubled, "/streammood/beat/phase")[0] == pytest.approx(0.2, abs=1e-6)


def test_early_beats_are_sent_once_and_punctual_ones_when_nothing_was_predicted() -> None:
    known = Tempo(57_330, 57_330, 120.0, 0.8, True, 44_100.0, PERIOD, 17, 1, 4)
    script: list[tuple[float, Event | None]] = [(1.3, known), (1.39, None), (1.41, None), (1.5, None)]
    script += [(1.5, Beat(66_150, 66_000, 120.0, 0.9, True, 2, 18))]
    counts = values(sent({"offset": -100, "resend": 60}, script), "/streammood/beat/count")
    assert counts == [18]
    beats = sent({"offset": -100}, script)
    assert values(beats, "/streammood/beat").count(1) == 1
    assert values(sent({"offset": -100}, [(1.0, BEAT)]), "/streammood/beat") == [1, 0]


def test_muting_releases_and_then_nothing_is_sent() -> None:
    with Receiver() as receiver:
        muted = target(receiver, hold=1.0)
        muted.send(BEAT, 1.0)
        muted.muted = True
        released = receiver.messages(0.05)
        assert values(released, "/streammood/beat") == [1, 0]
        for i in range(5):
            muted.send(BEAT, 2.0 + i)
            muted.send(LEVEL, 2.0 + i)
            muted.poll(2.0 + i)
        assert {m.value for m in receiver.messages(0.05)} <= {0}
        muted.muted = False
        muted.send(BEAT, 9.0)
        muted.poll(9.0)
        again = receiver.messages(0.05)
        assert values(again, "/streammood/beat") == [1]
        assert "/streammood/level/rms" in {m.address for m in again}  # state is told again
        assert (muted.beats, muted.failed) == (7, 0)
        muted.close()


def test_panic_from_another_thread_leaves_no_trigger_on() -> None:
    with Receiver() as receiver:
        held = target(receiver, hold=5.0, name="one")
        assert isinstance(held, Output)
        firing = Firing([held])
        firing.start()
        firing.submit([(time.monotonic(), BEAT)], time.monotonic())
        assert values(receiver.messages(0.2), "/streammood/beat") == [1]
        thread = threading.Thread(target=held.panic)
        thread.start()
        thread.join()
        zeros = receiver.messages(0.05)
        assert {m.address for m in zeros} == {f"/streammood/{name}" for name in TRIGGERS}
        assert {m.value for m in zeros} == {0}
        firing.stop()


def test_a_release_that_could_not_be_sent_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as receiver:
        unlucky = target(receiver, hold=0.05)
        unlucky.send(BEAT, 1.0)
        whole = unlucky._wire._way

        class Down:
            def sendto(self, packet: bytes, to: tuple[str, int]) -> int:
                raise OSError(101, "Network is unreachable")

        monkeypatch.setattr(unlucky._wire, "_way", (Down(), HERE))
        for now in (1.06, 1.6, 2.2, 2.8):
            unlucky.poll(now)
        assert values(receiver.messages(0.05), "/streammood/beat") == [1]
        assert unlucky.failed > 0
        monkeypatch.setattr(unlucky._wire, "_way", whole)
        for now in (3.4, 4.0):
            unlucky.poll(now)
        assert set(values(receiver.messages(0.05), "/streammood/beat")) == {0}
        unlucky.close()


def test_broadcast_and_multicast_on_loopback() -> None:
    with Receiver("0.0.0.0") as everybody:
        loud = target(everybody, host="127.255.255.255")
        loud.send(BEAT, 1.0)
        assert values(everybody.messages(0.1), "/streammood/beat") == [1]
        loud.close()
    with Receiver("0.0.0.0", "239.255.70.70") as member:
        group = target(member, host="239.255.70.70", interface="127.0.0.1")
        group.send(BEAT, 1.0)
        assert values(member.messages(0.1), "/streammood/beat") == [1]
        group.close()


def test_a_name_is_asked_for_until_it_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meanwhile nothing waits; it is reported once that it does not resolve, and once that it does."""
    asked: list[str] = []
    ask = socket.getaddrinfo

    def resolves_at_last(host: str, *arguments: Any, **named: Any) -> Any:
        if host != "vj-laptop.local":
            return ask(host, *arguments, **named)
        if named["flags"] & socket.AI_NUMERICHOST:
            raise socket.gaierror(-2, "Name or service not known")
        asked.append(host)
        if len(asked) < 4:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return ask("127.0.0.1", *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolves_at_last)
    monkeypatch.setattr(udp, "_TRY_AGAIN", 0.01)
    notes: list[str] = []
    with Receiver() as receiver:
        wire = udp.Datagrams("vj-laptop.local", receiver.port, report=notes.append)
        wire.put(encode("/x", 1))
        assert wait_for(lambda: len(notes) == 2)
        wire.put(encode("/x", 2))
        assert values(receiver.messages(0.1), "/x") == [2]
        wire.close()
    assert wire.failed >= 1
    assert "does not resolve" in notes[0]
    assert "tried again" in notes[0]
    assert notes[1] == f"target vj-laptop.local:{receiver.port}: found at 127.0.0.1"


def test_an_interface_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "_TRY_AGAIN", 0.01)
    notes: list[str] = []
    wire = udp.Datagrams("239.255.70.70", 9, interface="192.0.2.1", report=notes.append)
    assert wait_for(lambda: len(notes) == 1)
    assert "interface 192.0.2.1 cannot be used" in notes[0]
    wire.close()
    with pytest.raises(SinkError, match="does not resolve"):
        udp.connect("no-such-host.invalid", 9, None)


def test_a_scope_is_kept() -> None:
    """A link-local address is worth nothing without the interface that it is on."""
    address = udp.resolve("fe80::1%lo", 7000)[1]
    assert address == ("fe80::1", 7000, 0, socket.if_nametoindex("lo"))
    assert udp.numeric(address) == "fe80::1%lo"


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("127.3.2.1", True),
        ("0.0.0.0", True),
        ("255.255.255.255", True),
        ("127.255.255.255", True),
        ("::1", True),
        ("::", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("239.255.70.70", False),
        ("2001:db8::1", False),
        ("no-such-host.invalid", False),
    ],
)
def test_nobody_commands_itself(host: str, here: bool) -> None:
    """A target that comes to the control port is refused; at another port, or elsewhere, it is not."""
    assert udp.comes_back(host) == here
    settings = config.load(None, {"osc.targets": [{"host": host, "port": 7071}]})
    if here:
        with pytest.raises(ConfigError, match=r"own control port.*another port"):
            Outputs(settings, LABELS).build(float)
    elsewhere = {"osc.targets": [{"host": host, "port": 7072 if here else 7071}]}
    for allowed in (elsewhere, {"osc.targets": [{"host": host, "port": 7071}], "control.enabled": False}):
        for sink in Outputs(config.load(None, allowed), LABELS).build(float):
            sink.close()


def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("::1", 0))
        receiver.settimeout(1.0)
        six = OscTarget(TargetSettings(host="::1", port=receiver.getsockname()[1]), LABELS, lambda now: now)
        six.send(BEAT, 1.0)
        assert receiver.recv(1000).startswith(b"/streammood/beat")
        six.close()
