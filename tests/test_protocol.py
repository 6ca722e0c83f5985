"""The tables of signals and commands, and the one encoder and decoder: laws, and a reference that is not ours."""

from __future__ import annotations

import gc
import json
import math
import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage

from streammood import config
from streammood.client.engine_state import EngineState
from streammood.config import ControlSettings, MapEntry, Settings
from streammood.engine.control_server import ControlServer
from streammood.engine.operator import PREPARED, Operator
from streammood.errors import ConfigError, ControlError, OscError
from streammood.events import (
    Beat,
    Event,
    Level,
    Mood,
    Onset,
    OperatorState,
    Section,
    SongChange,
    Status,
    Structure,
    TargetState,
    Tempo,
)
from streammood.protocol import commands, markdown, osc, signals
from streammood.protocol.commands import COMMANDS, KEYS, Answer, Command
from streammood.protocol.signals import SIGNALS, Signal, find
from streammood.tui import views

DOCS = Path(__file__).parents[1] / "docs"
LABELS = ("happy", "Nice")
EVENTS: list[Event] = [
    Beat(1, 1, 120.0, 0.9, True, 1, 17),
    Tempo(1, 1, 120.0, 0.8, True, 0.0, 22_050.0, 17, 1, 4, 0.5),
    Onset(1, 1, 0.5),
    Level(1, 1, 0.5, 0.4, 0.3, 0.2, 0.6, -30.0, True),
    Mood(1, 1, 0.5, -0.5, dict(zip(LABELS, (0.6, 0.4), strict=True)), "Nice", 0.4, True),
    Structure(1, 1, 0.7, 0.2, True, 4, 3, 5, 0.8, 3, 0.6, 9, True, 0.5),
    SongChange(1, 1, 0.8, 200.0, 128.0, 9, True, 0.5, "happy", 0.4, 0.3, 0.7),
    Section(1, 1, "drop", 0.8, 8, True),
    Status(1, 1, True, 7, 0.002, notes=("a", "b"), targets=(TargetState("wall", 1, 0, -20.0, True),),
           operator=OperatorState(mood="happy")),
]  # fmt: skip


def told(event: Event) -> list[tuple[Signal, str, signals.Value]]:
    return [*signals.values(event), *signals.details(event)]


# Signals


def test_every_signal_is_told_by_some_event_or_asked_for() -> None:
    seen = {signal.name for event in EVENTS for signal, _, _ in told(event)}
    assert seen | {name for name, signal in SIGNALS.items() if signal.asked} == set(SIGNALS)


def test_every_value_that_is_sent_is_found_and_accepted_as_it_is() -> None:
    for event in EVENTS:
        for signal, name, value in told(event):
            assert find(name) is signal
            assert signal.accept(value) == value
            assert type(value) is signal.form
    assert ("mood/Nice", 0.4) in [(name, value) for _, name, value in told(EVENTS[4])]
    assert [value for _, name, value in told(EVENTS[-1]) if name == "status/note"] == ["a", "b"]


NUMBERS = st.one_of(st.floats(), st.integers(-(2**63), 2**63 - 1), st.booleans())


@given(name=st.sampled_from(sorted(SIGNALS)), value=st.one_of(NUMBERS, st.text(), st.binary(), st.none(), st.just([])))
def test_what_comes_in_has_the_type_and_range_of_its_signal_or_is_dropped(name: str, value: object) -> None:
    signal = SIGNALS[name]
    accepted = signal.accept(value)
    if accepted is None:
        return
    assert type(accepted) is signal.form
    if isinstance(accepted, str):
        assert accepted.isprintable()
        assert len(accepted) <= 200
    else:
        assert signal.range is not None
        assert signal.range[0] <= accepted <= signal.range[1]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202egnp", "\ud800", "\x00", "\x9b31m"])
def test_no_control_character_comes_in(text: str) -> None:
    for name in ("mood/label", "status/note", "target/1/name", "control/mood"):
        signal = find(name)
        assert signal is not None
        assert str(signal.accept(text)).isprintable()


@pytest.mark.parametrize(
    "name",
    ["", "x", "mood", "mood/", "mood/a b", "mood/" + "x" * 41, "target/0/name", "target/100/name", "target/N/name",
     "mood/x/y", "beat/", "/beat", "mood/label/", "mood/\x1b"],
)  # fmt: skip
def test_other_names_are_no_signals(name: str) -> None:
    assert find(name) is None


def test_a_map_may_name_what_targets_get_and_nothing_else() -> None:
    for name in signals.default_names(LABELS, {"label"}):
        assert MapEntry.model_validate({"from": name, "to": "/x"}).source == name
    for name in ("status/note", "target/1/sent", "control/hold", "nosuch"):
        with pytest.raises(ValueError, match="no such signal"):
            MapEntry.model_validate({"from": name, "to": "/x"})
        with pytest.raises(ValueError, match="no such signal"):
            MapEntry.model_validate({"from": "beat", "to": "/x", "when": f"{name} > 0"})


# Commands


def test_every_command_is_obeyed_by_somebody() -> None:
    class Nothing:
        def __getattr__(self, _: str) -> Nothing:
            return self

        def __iter__(self) -> Iterator[object]:
            return iter(())

    nothing = Nothing()
    operator = Operator(Settings(), LABELS, nothing, nothing, lambda now: now, nothing)  # type: ignore[arg-type]
    assert set(operator.actions) | PREPARED == set(COMMANDS)


def test_no_key_gives_two_commands() -> None:
    assert len(KEYS) == sum(len(row.keys) for row in COMMANDS.values())
    assert not {"q", "?"} & set(KEYS)


def test_commands_have_addresses_of_their_own() -> None:
    for name in COMMANDS:
        address = commands.address(name, "/streammood")
        assert find(address.removeprefix("/streammood/")) is None, "a state and a command never share an address"
        assert commands.command_name(address, "/streammood") == name
        before = commands.command_name(f"/streammood/{name}", "/streammood")
        assert before == (None if name in SIGNALS else name)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in SIGNALS])
def test_a_state_is_no_command(name: str) -> None:
    with pytest.raises(ControlError, match=f"a signal which this program sends; the command is /streammood/do/{name}"):
        commands.parse(f"/streammood/{name}", (120.0,), "/streammood")


# The docs


@pytest.mark.parametrize("name", ["osc.md", "control.md"])
def test_the_docs_hold_the_tables(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    assert "<!-- end -->" in text
    assert markdown.renewed(text) == text, "python -m streammood.protocol.markdown docs/osc.md docs/control.md"


# OSC, against python-osc

ARGUMENT = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
)
ADDRESS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30).map("/{}".format)


@given(address=ADDRESS, arguments=st.lists(ARGUMENT, max_size=6))
def test_what_is_encoded_is_decoded_by_us_and_by_others(address: str, arguments: list[float | int | str]) -> None:
    packet = osc.encode(address, *arguments)
    assert osc.decode(packet) == [(address, tuple(arguments))]
    other = OscMessage(packet)
    assert (other.address, list(other.params)) == (address, arguments)
    if len(arguments) == 1:
        assert osc.Encoder(address).encode(arguments[0]) == packet


@given(address=ADDRESS, value=st.one_of(st.floats(), st.integers(), st.text(), st.booleans()))
def test_whatever_is_encoded_is_osc(address: str, value: float | int | str) -> None:
    ((_, (decoded,)),) = osc.decode(osc.encode(address, value))
    if isinstance(value, float) and not math.isnan(value) and abs(value) < 3e38:
        assert decoded == struct.unpack(">f", struct.pack(">f", value))[0]


# Bytes from strangers


class Liar:
    """Makes packets that are nearly right: sizes, types, nesting and ends that lie, and some that are right."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        names = [*(f"/streammood/{name}" for name in SIGNALS), "/streammood/mood/happy", "/streammood/mood/constructor"]
        self._addresses = [*names, *(commands.address(name, "/streammood") for name in COMMANDS), "/streammood/ack/tap"]
        self._pool = [self._message() for _ in range(2000)] + [self._bundle(0) for _ in range(800)]

    def packet(self) -> bytes:
        chance = self._random
        made = chance.choice(self._pool)
        for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
            made = self._spoil(made)
        return made

    def _spoil(self, made: bytes) -> bytes:
        chance = self._random
        if not made:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(40)))
        at = chance.randrange(len(made))
        match chance.randrange(5):
            case 0:  # cut off
                return made[:at]
            case 1:  # another byte
                return made[:at] + bytes([chance.randrange(256)]) + made[at + 1 :]
            case 2:  # a number where a size may stand
                at -= at % 4
                size = chance.choice((0, -1, -4, 1, 4, 2**31 - 1, -(2**31), chance.randrange(-64, 64)))
                return made[:at] + struct.pack(">i", size) + made[at + 4 :]
            case 3:  # too much
                return made + bytes(chance.randrange(256) for _ in range(chance.choice((1, 3, 4, 40))))
            case _:  # types that lie
                at = max(0, made.find(b",")) + 1
                return made[:at] + bytes(chance.choices(b"ifhdsTFINb[]tmrc\0", k=3)) + made[at + 3 :]

    def _message(self) -> bytes:
        chance = self._random
        values = [self._value() for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 3)))]
        return osc.encode(chance.choice(self._addresses), *values)

    def _value(self) -> float | int | str:
        chance = self._random
        numbers = (0, 1, -1, 4, 1e-30, 1e9, -1e9, 3e38, math.nan, math.inf, 2**31 - 1, chance.gauss(0.0, 100.0))
        texts = ("", "happy", "\x1b[31m", "\u202e", "x" * 300, "wall", "1", "auto")
        return chance.choice(numbers) if chance.random() < 0.8 else chance.choice(texts)

    def _bundle(self, depth: int) -> bytes:
        chance = self._random
        inner = depth < chance.randrange(12)
        parts = [self._bundle(depth + 1) if inner else self._message() for _ in range(chance.choice((0, 1, 1, 2)))]
        made = osc.encode_bundle(parts)
        return self._spoil(made) if chance.random() < 0.2 else made


def into_the_decoder() -> Callable[[bytes], None]:
    def take(packet: bytes) -> None:
        try:
            messages = osc.decode(packet)
        except OscError:
            return
        assert len(messages) <= 128

    return take


def into_the_control_port() -> Callable[[bytes], None]:
    def obey(command: Command, at: float, reply: Callable[[Answer], None]) -> None:
        reply(Answer(command.name, True))

    server = ControlServer(ControlSettings(port=0), obey, lambda note: None)
    server.stop()  # the socket too: answers go nowhere
    return lambda packet: server.take(packet, ("127.0.0.1", 9), 0.0)


def into_the_views() -> Callable[[bytes], None]:
    state = EngineState(0, 1)
    seen = [0]

    def take(packet: bytes) -> None:
        try:
            messages = osc.decode(packet)
        except OscError:
            return
        seen[0] += 1
        for message in messages:
            state.take(message, seen[0] / 100)
        if seen[0] % 20 == 0:
            json.dumps([state.snapshot(), state.take_changes(), state.take_news()], allow_nan=False)
            drawn = [views.tempo(state.values, 1, 38), views.levels(state.values, 38), views.health(state.values)]
            drawn += [views.moods(state.values, {}, 38), views.targets(state.values, 1, 38), views.log(state.log, 20)]
            assert all(text.plain.replace("\n", "").isprintable() for text in drawn)

    return take


@pytest.mark.parametrize(
    ("door", "packets"), [(into_the_decoder, 60_000), (into_the_control_port, 20_000), (into_the_views, 20_000)]
)
def test_lying_packets_neither_hang_nor_raise_nor_fill_the_memory(
    door: Callable[[], Callable[[bytes], None]], packets: int
) -> None:
    take, liar = door(), Liar(packets)
    for _ in range(packets // 2):
        take(liar.packet())
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(packets // 2):
        take(liar.packet())
    gc.collect()
    assert sys.getallocatedblocks() - before < 2000  # a log of 200 lines may fill up meanwhile


@pytest.mark.parametrize(
    "packet",
    [
        b"#bundle\0" + b"\0" * 7 + b"\1" + struct.pack(">i", -4),
        b"#bundle\0" + b"\0" * 8 + struct.pack(">i", 0) * 500,
        b"/x\0\0," + b"i" * 4000,
        b"/x\0\0," + b"T" * 300 + b"\0" * 3,
        b"/x\0\0,[[[\0\0\0\0",
        b"/x\0\0,b\0\0" + struct.pack(">i", 2**31 - 1),
        osc.encode_bundle([osc.encode("/x")] * 300),
        osc.encode("/x", *range(200)),
        b"/" + b"x" * 70_000,
    ],
)
def test_lies_are_refused(packet: bytes) -> None:
    with pytest.raises(OscError):
        osc.decode(packet)


def test_a_control_port_never_answers_answers() -> None:
    """Not its own, and not those of another program with another prefix."""
    with pytest.raises(ConfigError, match="reply_port must be another"):
        config.load(None, {"control.port": 7000, "control.reply_port": 7000})
    sent: list[bytes] = []
    server = ControlServer(ControlSettings(port=0), lambda *_: None, lambda note: None)
    server._send = lambda packet, to: sent.append(packet)  # type: ignore[method-assign]
    for address in ("/streammood/ack/tap", "/streammood/ack/error", "/other/ack/error", "/a/b/ack/x"):
        server.take(osc.encode(address, 0, "why not"), ("127.0.0.1", 9), 0.0)
    assert not sent
    server.take(osc.encode("/streammood/nonsense"), ("127.0.0.1", 9), 0.0)
    assert len(sent) == 1
    server.stop()
