"""Commands over OSC: every one understood, every nonsense counted and answered, nothing fatal."""

from __future__ import annotations

import math
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from streammood import config
from streammood.config import ControlSettings
from streammood.engine.control_server import ControlServer
from streammood.errors import ConfigError, ControlError, OscError
from streammood.protocol.commands import Answer, Command, parse
from streammood.protocol.osc import decode, encode
from streammood.protocol.signals import SIGNALS
from tests.operator import Operator, needs_liblo, oscsend
from tests.receiver import Receiver
from tests.rig import OscDump
from tests.waiting import wait_for

NAN = math.nan
FREE = ControlSettings(port=0)
HERE = ("127.0.0.1", 9)


def message(address: str, *arguments: float | int | str | bool) -> bytes:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build().dgram


class Obeying:
    """Obeys everything, and remembers what."""

    def __init__(self) -> None:
        self.got: list[tuple[Command, float]] = []
        self.notes: list[str] = []

    def __call__(self, command: Command, at: float, reply: Callable[[Answer], None]) -> None:
        self.got.append((command, at))
        reply(Answer(command.name, True))

    @property
    def commands(self) -> list[Command]:
        return [command for command, _ in self.got]


@pytest.fixture
def obeying() -> Obeying:
    return Obeying()


@pytest.fixture
def server(obeying: Obeying) -> Iterator[ControlServer]:
    made = ControlServer(FREE, obeying, obeying.notes.append)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def operator(server: ControlServer) -> Iterator[Operator]:
    with Operator(server.port) as made:
        yield made


SAID: list[tuple[str, tuple[float | int | str | bool, ...], Command | None]] = [
    ("tap", (), Command("tap")),
    ("tap", (1,), Command("tap")),
    ("tap", (0.4,), Command("tap")),
    ("tap", (True,), Command("tap")),
    ("tap", (0,), None),
    ("tap", (0.0,), None),
    ("tap", (False,), None),
    ("double", (), Command("double")),
    ("half", (1.0,), Command("half")),
    ("downbeat", (), Command("downbeat")),
    ("bpm", (128,), Command("bpm", (128.0,))),
    ("bpm", (127.5,), Command("bpm", (127.5,))),
    ("bpm/min", (70,), Command("bpm/min", (70.0,))),
    ("bpm/max", (180,), Command("bpm/max", (180.0,))),
    ("nudge", (-20,), Command("nudge", (-20.0,))),
    ("offset", ("front", -40), Command("offset", ("front", -40.0))),
    ("offset", (2, 15.5), Command("offset", (2, 15.5))),
    ("offset", (2.0, 0), Command("offset", (2, 0.0))),
    ("hold", (1,), Command("hold", (True,))),
    ("hold", (0.0,), Command("hold", (False,))),
    ("mood", ("happy",), Command("mood", ("happy",))),
    ("mood", ("",), Command("mood", (None,))),
    ("mood", ("auto",), Command("mood", (None,))),
    ("mood", (2,), Command("mood", (2,))),
    ("mood", (-1.0,), Command("mood", (None,))),
    ("mute", (1, 1), Command("mute", (1, True))),
    ("mute", ("front", False), Command("mute", ("front", False))),
    ("panic", (), Command("panic")),
    ("gain", (-6,), Command("gain", (-6.0,))),
    ("reload", (1,), Command("reload")),
]


@pytest.mark.parametrize(("name", "arguments", "command"), SAID)
def test_what_is_said_is_understood(
    name: str, arguments: tuple[float | int | str | bool, ...], command: Command | None
) -> None:
    ((address, decoded),) = decode(message(f"/streammood/do/{name}", *arguments))
    assert parse(address, decoded, "/streammood") == command
    assert parse(f"/do/{name}", decoded, "") == command
    if name not in SIGNALS:
        assert parse(f"/streammood/{name}", decoded, "/streammood") == command, "the address of before"


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("tpa", (), ["/streammood/do/tpa", "did you mean /streammood/do/tap?"]),
        ("qqqq", (), ["allowed are", "tap", "reload"]),
        ("tap", (NAN,), ["nan", "0 does nothing"]),
        ("tap", ("x",), ["'x'"]),
        ("tap", (1, 2), ["2 arguments"]),
        ("bpm", (), ["20..400 (BPM)", "0 arguments"]),
        ("bpm", (NAN,), ["20..400 (BPM)", "nan"]),
        ("bpm", (math.inf,), ["inf"]),
        ("bpm", (5,), ["20..400 (BPM)", "5"]),
        ("bpm", (True,), ["one number", "True"]),
        ("bpm", ("fast",), ["'fast'"]),
        ("nudge", (1e9,), ["-2000..2000 (ms", "1e+09"]),
        ("offset", ("front",), ["its name, or its number from 1", "-200..1000 (ms)"]),
        ("offset", (0, 1), ["number from 1", "0"]),
        ("offset", (1.5, 1), ["1.5"]),
        ("offset", ("", 1), ["''"]),
        ("hold", (), ["1 to freeze", "0 arguments"]),
        ("hold", ("on",), ["'on'"]),
        ("mood", (0.5,), ["a label", "0.5"]),
        ("mood", (), ["auto"]),
        ("mute", ("front",), ["1 to mute"]),
        ("gain", (100,), ["-40..60 (dB)", "100"]),
        ("bpm", ("x" * 3000,), ["…"]),
        ("x" * 3000, (), ["…"]),
    ],
)
def test_what_is_wrong_is_told_with_what_is_allowed(
    name: str, arguments: tuple[float | int | str | bool, ...], told: list[str]
) -> None:
    with pytest.raises(ControlError) as caught:
        parse(f"/streammood/do/{name}", arguments, "/streammood")
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 250
    for part in told:
        assert part in text


def test_an_impulse_is_a_trigger() -> None:
    assert decode(b"/streammood/tap\0,I\0\0") == [("/streammood/tap", (True,))]


def bundle(*elements: bytes, time_tag: bytes = b"\0" * 7 + b"\1") -> bytes:
    return b"#bundle\0" + time_tag + b"".join(struct.pack(">i", len(e)) + e for e in elements)


def test_bundles_are_opened_whatever_their_time_tag() -> None:
    soon = OscBundleBuilder(IMMEDIATELY)
    late = OscBundleBuilder(int(time.time()) + 1_000_000)
    late.add_content(OscMessageBuilder("/a").build())
    soon.add_content(late.build())
    soon.add_content(OscMessageBuilder("/b").build())
    assert decode(soon.build().dgram) == [("/a", ()), ("/b", ())]
    assert decode(bundle(message("/c", 1), time_tag=b"\xff" * 8)) == [("/c", (1,))]
    assert decode(bundle()) == []


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\0",
        b"tap",
        b"/tap",
        b"/\xff\xff\0",
        b"/tap\0\0\0\0,i\0\0",
        b"/tap\0\0\0\0i\0\0\0",
        b"/tap\0\0\0\0,b\0\0\0\0\0\0",
        b"/tap\0\0\0\0,[\0\0",
        b"/tap\0\0\0\0,s\0\0\xff\xfe\xfd\0",
        message("/tap", "x" * 5000),
        b"#bundle\0",
        b"#bundle\0" + b"\0" * 8 + struct.pack(">i", -4),  # python-osc alone would never end with this one
        b"#bundle\0" + b"\0" * 8 + struct.pack(">i", 0),
        b"#bundle\0" + b"\0" * 8 + struct.pack(">i", 400) + b"/tap\0\0\0\0",
        b"#bundle\0" + b"\0" * 8 + b"\0",
        bundle(bundle(bundle(bundle(bundle(bundle(bundle(bundle(bundle(message("/tap")))))))))),
        bundle(message("/tap"), b"nonsense"),
    ],
)
def test_what_is_no_osc_is_refused_as_a_whole(datagram: bytes) -> None:
    with pytest.raises(OscError):
        decode(datagram)


def test_every_command_is_answered_to_its_sender(operator: Operator, obeying: Obeying, server: ControlServer) -> None:
    before = time.monotonic()
    for name, arguments, command in SAID:
        if command is not None:
            assert operator.ask(name, *arguments) == (name, 1)
    assert obeying.commands == [command for _, _, command in SAID if command is not None]
    assert all(before <= at <= time.monotonic() for _, at in obeying.got)
    assert server.counts.commands == len(obeying.got)
    assert server.counts.nonsense == 0


@needs_liblo
def test_liblo_is_understood(obeying: Obeying, server: ControlServer) -> None:
    oscsend(server.port, "/streammood/tap")
    oscsend(server.port, "/streammood/do/bpm", "f", "128")
    oscsend(server.port, "/streammood/offset", "si", "front", "-30")
    oscsend(server.port, "/streammood/hold", "T")
    oscsend(server.port, "/streammood/do/gain", "d", "3")
    assert wait_for(lambda: len(obeying.got) == 5)
    assert obeying.commands == [
        Command("tap"),
        Command("bpm", (128.0,)),
        Command("offset", ("front", -30.0)),
        Command("hold", (True,)),
        Command("gain", (3.0,)),
    ]


def test_a_button_that_is_released_does_nothing(operator: Operator, obeying: Obeying) -> None:
    operator.send("tap", 1)
    operator.send("tap", 0)
    assert operator.ask("panic", 1.0) == ("tap", 1)
    assert operator.answer() == ("panic", 1)
    assert obeying.commands == [Command("tap"), Command("panic")]


def test_nonsense_is_counted_and_answered(operator: Operator, obeying: Obeying, server: ControlServer) -> None:
    assert operator.ask("tpa") == ("error", 0, "no command '/streammood/do/tpa'; did you mean /streammood/do/tap?")
    assert operator.ask("bpm", "x") == ("bpm", 0, "takes one number in 20..400 (BPM), got 'x'")
    assert operator.ask("bpm/min", NAN)[:2] == ("bpm/min", 0)
    operator.send_bytes(b"hello")
    assert operator.answer()[:2] == ("error", 0)
    assert operator.ask("tap") == ("tap", 1)
    assert (server.counts.refused, server.counts.malformed, server.counts.commands) == (3, 1, 1)
    assert obeying.commands == [Command("tap")]


def test_a_command_that_is_refused_is_handed_on_and_nonsense_is_not(obeying: Obeying) -> None:
    """For the terminal: somebody has pressed something, and it did nothing."""
    refusals: list[Answer] = []
    made = ControlServer(FREE, obeying, obeying.notes.append, refusals.append)
    for address, value in (("/streammood/do/bpm", 3000.0), ("/streammood/do/nonsense", 1.0), ("/x", 1.0)):
        made.take(encode(address, value), ("127.0.0.1", 9), 0.0)
    made.stop()
    assert [(answer.name, answer.done) for answer in refusals] == [("bpm", False)]


def test_a_bundle_is_answered_one_by_one(operator: Operator) -> None:
    operator.send_bytes(
        bundle(message("/streammood/tap"), message("/streammood/nonsense"), message("/streammood/half"))
    )
    assert [operator.answer()[0] for _ in range(3)] == ["tap", "error", "half"]


@needs_liblo
def test_answers_go_to_a_reply_port_too(obeying: Obeying) -> None:
    """Where liblo's receiver decodes them."""
    with Receiver() as free:
        port = free.port
    dump = OscDump(port)
    made = ControlServer(ControlSettings(port=0, reply_port=port), obeying, obeying.notes.append)
    made.start()
    with Operator(made.port) as operator:
        assert wait_for(lambda: operator.ask("tap") == ("tap", 1) and dump.values("/streammood/ack/tap"))
        assert operator.ask("bpm", "x")[:2] == ("bpm", 0)
        assert wait_for(lambda: any(x.address == "/streammood/ack/bpm" and "'x'" in x.value for x in dump.lines))
    made.stop()
    dump.stop()
    assert set(dump.values("/streammood/ack/tap")) == {1.0}


def test_only_this_machine_and_those_that_are_allowed_are_heard(obeying: Obeying) -> None:
    allowing = ControlSettings(host="0.0.0.0", port=0, allow=("10.1.2.0/24", "fe80::1"))
    made = ControlServer(allowing, obeying, obeying.notes.append)
    for host in ("127.0.0.1", "127.3.2.1", "::1", "10.1.2.7", "::ffff:10.1.2.8", "fe80::1%eth0"):
        made.take(message("/streammood/tap"), (host, 9), 0.0)
    assert made.counts.commands == 6
    for host in ("10.1.3.7", "192.168.1.1", "fe80::2", "10.1.3.7"):
        made.take(message("/streammood/tap"), (host, 9), 0.0)
    made.stop()
    assert made.counts.commands == 6
    assert made.counts.strangers == 4
    assert len(obeying.notes) == 3  # each is told of once
    assert "10.1.3.7" in obeying.notes[0]
    assert "control.allow" in obeying.notes[0]


def test_a_flood_is_told_of_and_survived(operator: Operator, obeying: Obeying, server: ControlServer) -> None:
    packet = message("/streammood/nudge", 0)
    for _ in range(3000):
        operator.send_bytes(packet)
    assert wait_for(lambda: server.counts.floods)
    assert server.counts.commands < 3000
    assert wait_for(lambda: operator.answer(0.3) == ())
    assert operator.ask("tap")[0] == "tap"
    assert len(obeying.notes) == 1


def test_a_port_in_use_is_told_with_what_to_do(server: ControlServer, obeying: Obeying) -> None:
    with pytest.raises(ControlError, match=rf"port {server.port} on 127.0.0.1.*in use.*control.port=.*enabled=false"):
        ControlServer(ControlSettings(port=server.port), obeying, obeying.notes.append)
    with pytest.raises(ControlError, match=r"does not resolve"):
        ControlServer(ControlSettings(host="no-such-host.invalid"), obeying, obeying.notes.append)


def test_without_the_port_the_show_goes_on_and_the_check_says_so(server: ControlServer) -> None:
    def streammood(*arguments: str) -> subprocess.CompletedProcess[str]:
        taken = ["--input", "demo", "--target", "127.0.0.1:9", "--set", f"control.port={server.port}"]
        command = [sys.executable, "-m", "streammood.cli", *arguments, *taken]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)

    shown = streammood("run", "--duration", "0.5")
    assert shown.returncode == 0
    assert "no control port" in shown.stdout
    assert f"control port {server.port} on 127.0.0.1 cannot be opened" in shown.stdout
    checked = streammood("check")
    assert checked.returncode == 1
    assert re.search(r"WRONG +control +control port", checked.stdout)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"control.port": 70_000}, "control.port"),
        ({"control.host": "0.0.0.0", "control.allow": ["nobody"]}, "192.168.1.0/24"),
        ({"control.allow": ["10.0.0.1"]}, "set control.host to 0.0.0.0"),
        ({"control.prefix": "no slash"}, "control.prefix"),
        ({"control.prot": 1}, "did you mean `port`"),
    ],
)
def test_settings_that_are_wrong_are_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        config.load(None, values)


def padded(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


ARGUMENT = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda value: ("i", struct.pack(">i", value))),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: ("h", struct.pack(">q", value))),
    st.floats(width=32).map(lambda value: ("f", struct.pack(">f", value))),
    st.floats().map(lambda value: ("d", struct.pack(">d", value))),
    st.text(max_size=60).map(lambda text: ("s", padded(text.encode("utf-8", "replace")))),
    st.sampled_from("TFINS[]cbtmr").map(lambda tag: (tag, b"")),
)
NAMES = sorted({name for name, _, _ in SAID})
ADDRESS = st.one_of(
    st.sampled_from(NAMES).map("/streammood/do/{}".format),
    st.sampled_from(NAMES).map("/streammood/{}".format),
    st.text(max_size=80).map("/{}".format),
)
MESSAGE = st.builds(
    lambda address, arguments: (
        padded(address.encode("utf-8", "replace"))
        + padded(b"," + "".join(tag for tag, _ in arguments).encode())
        + b"".join(data for _, data in arguments)
    ),
    ADDRESS,
    st.lists(ARGUMENT, max_size=5),
)
CUT = st.tuples(MESSAGE, st.integers(0, 60)).map(lambda pair: pair[0][: pair[1]])
PACKET = st.recursive(
    st.one_of(MESSAGE, CUT, st.binary(max_size=200)),
    lambda inner: st.builds(
        lambda tag, parts: bundle(*parts, time_tag=tag), st.binary(min_size=8, max_size=8), st.lists(inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(packets=st.lists(st.tuples(PACKET, st.ip_addresses().map(str) | st.just("127.0.0.1")), max_size=8))
def test_whatever_comes_only_counts_rise(packets: list[tuple[bytes, str]]) -> None:
    obeying = Obeying()
    made = ControlServer(FREE, obeying, obeying.notes.append)
    try:
        for packet, host in packets:
            before = made.counts.commands, made.counts.nonsense
            made.take(packet, (host, 0), 0.0)
            after = made.counts.commands, made.counts.nonsense
            assert after[0] >= before[0]
            assert after[1] >= before[1]
            if not ip_address(host).is_loopback:
                assert after == (before[0], before[1] + 1)
        made.take(message("/streammood/tap"), HERE, 1.0)
        assert obeying.got[-1] == (Command("tap"), 1.0)
    finally:
        made.stop()
