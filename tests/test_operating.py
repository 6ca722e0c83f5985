"""Every command through a real UDP socket into an engine that hears music, and what comes of it at real receivers."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message_builder import OscMessageBuilder

from streammood import config
from streammood.capture.paced import Paced
from streammood.cli import wiring
from streammood.demo.synth import Synth, steady
from streammood.engine.control_server import ControlServer
from streammood.engine.live import Engine
from streammood.engine.mood_override import MoodOverride
from streammood.events import ANALYSIS_RATE, Mood
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.protocol.commands import Answer, Command
from streammood.protocol.signals import details
from tests.operator import Operator, needs_liblo, oscsend
from tests.outputs import Made
from tests.receiver import Receiver
from tests.test_engine import Collect
from tests.waiting import wait_for

BPM = 150.0
HELD = 0.3  # s, so that a trigger is still on when panic comes


@dataclass
class Show:
    """An engine that plays steadily, its operator, and two receivers."""

    engine: Engine
    operator: Operator
    front: Receiver
    back: Receiver
    other: Collect
    file: Path

    @property
    def bpm(self) -> float:
        tempo = self.engine.now.tempo
        return tempo.bpm if tempo is not None and tempo.period > 0 else 0.0

    def beat_after(self, wait: float) -> float:
        """Host time in s of the first beat that comes after ``wait`` s."""
        tempo = self.engine.now.tempo
        assert tempo is not None
        earliest = self.engine.sample + wait * ANALYSIS_RATE
        beats = np.ceil((earliest - tempo.anchor) / tempo.period)
        return time.monotonic() + float(tempo.anchor + beats * tempo.period - self.engine.sample) / ANALYSIS_RATE


def written(front: int, back: int, **changed: float | str) -> str:
    beat = {"bpm_min": 60, "bpm_max": 200} | {key: value for key, value in changed.items() if key.startswith("bpm")}
    hold = changed.get("hold", HELD)
    return (
        f"beat: {{bpm_min: {beat['bpm_min']}, bpm_max: {beat['bpm_max']}}}\n"
        f"mood: {{interval: {changed.get('interval', 0.5)}}}\n"
        f"osc:\n  targets:\n"
        f"    - {{name: front, host: 127.0.0.1, port: {front}, hold: {hold}}}\n"
        f"    - {{name: back, host: 127.0.0.1, port: {back}, hold: {hold}}}\n"
    )


@pytest.fixture
def show(running: Show) -> Iterator[Show]:
    """The show, put back as it was after each test."""
    yield running
    for name, *arguments in (("auto",), ("hold", 0), ("mood", "auto"), ("mute", 1, 0), ("mute", 2, 0), ("gain", 0)):
        running.operator.ask(str(name), *arguments)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    with Receiver() as front, Receiver() as back:
        file = tmp_path_factory.mktemp("show") / "show.yaml"
        file.write_text(written(front.port, back.port))
        overrides = wiring.Overrides(values=("control.port=0",))
        settings = overrides.load(str(file))
        models = Models.load(settings)
        source = Paced(Synth(steady("aggressive", BPM, 20.0), repeat=True), settings.input.block)
        other = Collect()
        outputs = Made(lambda now: [other], settings, models.labels, lambda: overrides.load_again(str(file)))
        engine = Engine(settings, source, models, outputs, EventLog())
        server = ControlServer(settings.control, engine.command, engine.report)
        engine.start()
        server.start()
        with Operator(server.port) as operator:
            made = Show(engine, operator, front, back, other, file)
            assert wait_for(lambda: engine.now.mood is not None and made.bpm > 0, 30)
            yield made
        server.stop()
        engine.stop()
        assert engine.error is None


def test_four_taps_set_the_tempo_and_it_stays(show: Show) -> None:
    """Every other beat is tapped, as people do where the tracker hears twice their tempo; no hand is exact."""
    assert wait_for(lambda: abs(show.bpm / BPM - 1) < 0.02, 20)
    period = 2 * 60.0 / BPM
    first = show.beat_after(0.5)
    time.sleep(first - time.monotonic())
    show.operator.tap(period, [0.012, -0.018, 0.015, -0.008])
    answers = [show.operator.answer() for _ in range(4)]
    assert [answer[:3] for answer in answers] == [("tap", 1, count) for count in range(1, 5)]
    assert answers[3][3] == pytest.approx(BPM / 2, rel=0.06)
    assert wait_for(lambda: abs(show.bpm / (BPM / 2) - 1) < 0.06), show.bpm
    held = show.bpm
    for _ in range(12):
        time.sleep(0.5)
        assert show.bpm == held
    off = (show.beat_after(0.0) - first) / period
    assert abs(off - round(off)) < 0.12  # the beats that were tapped, not those between


def test_twice_and_half_the_beats(show: Show) -> None:
    before = show.bpm
    assert show.operator.ask("double", 1.0) == ("double", 1)
    assert wait_for(lambda: show.bpm == pytest.approx(2 * before, rel=0.02))
    assert show.operator.ask("half") == ("half", 1)
    assert wait_for(lambda: show.bpm == pytest.approx(before, rel=0.02))
    assert show.operator.ask("double") == ("double", 1)
    show.operator.ask("auto")
    for name, bpm in (("bpm/min", 60), ("bpm/max", 200)):
        show.operator.ask(name, bpm)


def test_bounds_move_where_they_are_in_the_way(show: Show) -> None:
    assert wait_for(lambda: show.bpm > 0)
    before = show.bpm
    show.operator.ask("bpm/max", before + 1)
    name, done, said = show.operator.ask("double")
    assert (name, done) == ("double", 1)
    assert re.fullmatch(r"beat\.bpm_max is \d+\.\d now", str(said))
    assert show.engine.now.operator.bpm_max == pytest.approx(2 * before, rel=0.01)
    assert show.operator.ask("half") == ("half", 1)
    assert show.operator.ask("bpm/max", 200) == ("bpm/max", 1, 200.0)


def test_a_tempo_that_is_told(show: Show) -> None:
    """It is held against the music until ``auto``, and every view and receiver is told."""
    assert show.operator.ask("bpm", 131.0) == ("bpm", 1, 131.0)
    time.sleep(4.0)
    assert show.bpm == pytest.approx(131.0)
    assert show.engine.now.operator.tempo == pytest.approx(131.0)
    status = show.engine.now.status
    assert status is not None
    assert ("control/tempo", 131.0) in {(name, value) for _, name, value in details(status)}
    assert show.operator.ask("auto") == ("auto", 1)
    assert show.engine.now.operator.tempo == 0.0
    assert wait_for(lambda: show.bpm in (pytest.approx(BPM, rel=0.02), pytest.approx(BPM / 2, rel=0.02)), 20)
    assert show.operator.ask("bpm", 500)[:2] == ("bpm", 0)


def test_the_one(show: Show) -> None:
    at = show.beat_after(0.3)
    time.sleep(at - time.monotonic())
    assert show.operator.ask("downbeat", 1) == ("downbeat", 1)
    asked = show.engine.sample
    assert wait_for(lambda: show.engine.now.tempo is not None and show.engine.now.tempo.decided > asked)
    tempo = show.engine.now.tempo
    assert tempo is not None
    told = show.engine.sample - (time.monotonic() - at) * ANALYSIS_RATE
    beats = round((told - tempo.anchor) / tempo.period)
    assert (tempo.number + beats - 1) % tempo.meter == 0


def test_bounds_and_nudge(show: Show) -> None:
    assert show.operator.ask("bpm/max", 100) == ("bpm/max", 1, 100.0)
    assert wait_for(lambda: 0 < show.bpm <= 100)
    refused = show.operator.ask("bpm/min", 120)
    assert refused == ("bpm/min", 0, "beat.bpm_min must be at most beat.bpm_max (100), got 120")
    assert show.operator.ask("bpm/min", 50) == ("bpm/min", 1, 50.0)
    assert show.operator.ask("bpm/max", 200) == ("bpm/max", 1, 200.0)
    before = show.beat_after(0.3)
    assert show.operator.ask("nudge", 60) == ("nudge", 1, 60.0)
    told = show.engine.sample
    assert wait_for(lambda: show.engine.now.tempo is not None and show.engine.now.tempo.decided > told)
    after = show.beat_after(0.3)
    moved = ((after - before - 0.06) * show.bpm / 60.0 + 0.5) % 1.0 - 0.5
    assert abs(moved) < 0.15
    assert show.operator.ask("nudge", -60) == ("nudge", 1, 0.0)


def test_offsets_and_unknown_targets(show: Show) -> None:
    front, back = show.engine.outputs
    assert show.operator.ask("offset", "front", -40) == ("offset", 1, "front", -40.0)
    assert show.operator.ask("offset", 2, 15.5) == ("offset", 1, "back", 15.5)
    assert (front.offset, back.offset) == (-40.0, 15.5)
    assert show.operator.ask("offset", "side", 0) == ("offset", 0, "no target `side`; there are 1 front, 2 back")
    assert show.operator.ask("mute", 3, 1) == ("mute", 0, "no target `3`; there are 1 front, 2 back")
    for name in ("front", "back"):
        show.operator.ask("offset", name, 0)


def test_a_mood_that_is_held_is_said_again(show: Show) -> None:
    assert show.operator.ask("hold", 1) == ("hold", 1, 1)
    held = show.engine.now.mood
    assert held is not None
    assert wait_for(lambda: show.engine.now.mood is not held, 20)  # a machine that is too slow leaves moods out
    again = show.engine.now.mood
    assert again is not None
    assert again.sample > held.sample
    assert (again.valence, again.probabilities) == (held.valence, held.probabilities)
    assert show.engine.now.operator.hold
    assert show.operator.ask("hold", 0) == ("hold", 1, 0)
    assert not show.engine.now.operator.hold


def test_a_mood_that_is_set_is_certain_at_the_receivers(show: Show) -> None:
    heard = show.engine.now.mood
    assert heard is not None
    label = "sad" if heard.label != "sad" else "calm"
    show.front.messages()
    assert show.operator.ask("mood", label) == ("mood", 1, label)
    got: dict[str, object] = {}

    def said() -> bool:
        got.update((m.address, m.arguments[0]) for m in show.front.messages())
        return got.get(f"/streammood/mood/{label}") == 1.0 and "/streammood/mood/changed" in got

    assert wait_for(said)
    assert got[f"/streammood/mood/{heard.label}"] == 0.0
    time.sleep(0.7)
    assert {m.arguments for m in show.front.messages() if m.address == f"/streammood/mood/{label}"} == {(1.0,)}
    assert show.operator.ask("mood", 0) == ("mood", 1, "happy")
    refused = show.operator.ask("mood", "angry")
    assert refused == ("mood", 0, "no mood `angry`; allowed are happy, aggressive, calm, sad, and `auto`")
    assert show.operator.ask("mood", 9)[:2] == ("mood", 0)
    assert show.operator.ask("mood", "") == ("mood", 1, "auto")
    free = show.engine.now.mood
    assert free is not None
    assert 0.0 < free.probabilities[free.label] < 1.0


def test_a_target_that_is_muted_gets_nothing_but_zeros(show: Show) -> None:
    assert show.operator.ask("mute", "front", 1) == ("mute", 1, "front", 1)
    show.front.messages(0.1)
    show.back.messages()
    time.sleep(0.7)
    assert all(message.value == 0 for message in show.front.messages())
    assert len(show.back.messages()) > 20
    assert show.engine.now.operator.muted == ("front",)
    assert show.operator.ask("mute", "front", 0) == ("mute", 1, "front", 0)
    assert wait_for(lambda: len(show.front.messages()) > 20)


def test_panic_releases_every_trigger(show: Show) -> None:
    show.front.messages()
    assert wait_for(lambda: any(m.address == "/streammood/beat" and m.value == 1 for m in show.front.messages()))
    assert show.operator.ask("panic") == ("panic", 1)
    released: set[str] = set()

    def all_released() -> bool:
        released.update(m.address for m in show.front.messages() if m.address.count("/") == 2 and m.value == 0)
        return {"/streammood/beat", "/streammood/onset", "/streammood/downbeat"} <= released

    assert wait_for(all_released)


def test_gain(show: Show) -> None:
    level = show.engine.now.level
    assert level is not None
    before = level.gain
    assert show.operator.ask("gain", 6.0) == ("gain", 1, 6.0)
    assert wait_for(lambda: show.engine.now.level is not None and show.engine.now.level.gain > before + 4.0)
    assert show.engine.now.operator.gain == 6.0


def test_the_settings_file_read_again(show: Show) -> None:
    front, back = show.front.port, show.back.port
    assert show.operator.ask("reload") == ("reload", 1, "nothing has changed")
    show.operator.ask("mute", "back", 1)
    show.file.write_text(written(front, back, bpm_max=190, interval=1.0, hold=0.05))
    told = "changed: beat.bpm_max, osc.targets; after a restart: mood.interval"
    before = show.engine.outputs
    assert show.operator.ask("reload", 1) == ("reload", 1, told)
    assert wait_for(lambda: show.engine.outputs[0] is not before[0])
    assert [output.muted for output in show.engine.outputs] == [False, True]
    show.other.got.clear()
    assert wait_for(lambda: show.other.got), "an output that is no OSC target was dropped"
    assert not show.other.closed
    show.front.messages()
    assert wait_for(lambda: any(m.address == "/streammood/beat" for m in show.front.messages()))
    show.file.write_text("beat: {bpm_mx: 3}")
    refused = show.operator.ask("reload")
    assert refused[:2] == ("reload", 0)
    assert "did you mean `bpm_max`" in str(refused[2])
    show.file.write_text(written(front, back).replace("127.0.0.1", "no-such-host.invalid"))
    assert show.operator.ask("reload")[1] == 1, "a name that does not resolve yet keeps nobody waiting"
    show.file.write_text(written(front, back))
    assert show.operator.ask("reload")[1] == 1


@pytest.mark.parametrize(
    "rubbish", [b"", b"# saved soon\n\n", b"{}", b"\xff\xfe\x00beat", b"!!timestamp foo", b"[1, 2", b"a: *b"]
)
def test_rubbish_changes_nothing(show: Show, rubbish: bytes) -> None:
    """As an editor leaves a file for a moment, or a full disk for good."""
    before, settings = show.engine.outputs, show.file.read_bytes()
    show.file.write_bytes(rubbish)
    assert show.operator.ask("reload")[:2] == ("reload", 0)
    assert show.operator.ask("panic") == ("panic", 1)
    assert show.engine.outputs == before
    show.file.write_bytes(settings)


def test_nobody_waits_for_names(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer, resolve = threading.Event(), threading.Event(), socket.getaddrinfo

    def slow(host: str, *arguments: Any, **more: Any) -> Any:
        if host == "front.invalid" and not more["flags"] & socket.AI_NUMERICHOST:
            asked.set()
            answer.wait(20)
        return resolve(host, *arguments, **more)

    settings = show.file.read_text()
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    show.file.write_text(written(show.front.port, show.back.port).replace("127.0.0.1", "front.invalid"))
    assert show.operator.ask("reload")[:2] == ("reload", 1)
    assert asked.wait(10)
    assert show.operator.ask("panic") == ("panic", 1)
    show.file.write_text(settings)
    assert wait_for(lambda: show.operator.ask("reload")[1] == 1)
    answer.set()


@needs_liblo
def test_liblo_reaches_the_engine(show: Show) -> None:
    oscsend(show.operator.port, "/streammood/do/hold", "i", "1")
    assert wait_for(lambda: show.engine.now.operator.hold)
    oscsend(show.operator.port, "/streammood/hold", "f", "0")
    assert wait_for(lambda: not show.engine.now.operator.hold)
    oscsend(show.operator.port, "/streammood/do/mute", "si", "back", "1")
    assert wait_for(lambda: show.engine.now.operator.muted == ("back",))
    oscsend(show.operator.port, "/streammood/mute", "iF", "2")
    assert wait_for(lambda: not show.engine.now.operator.muted)


def test_nonsense_leaves_the_engine_as_it_is(show: Show) -> None:
    """Noise, and commands of which some bytes were changed or cut off, at the rate of many faders."""
    chance = np.random.default_rng(0)
    said = [
        OscMessageBuilder(f"/streammood/do/{name}").build().dgram for name in ("tap", "panic", "reload", "nudge", "qqq")
    ]
    for n in range(400):
        datagram = bytearray(said[n % 5] if n % 2 else chance.bytes(int(chance.integers(1, 200))))
        datagram[int(chance.integers(len(datagram)))] = int(chance.integers(256))
        show.operator.send_bytes(bytes(datagram[: int(chance.integers(1, len(datagram) + 1))]))
        time.sleep(0.002)
    while show.operator.answer(0.5):
        pass
    assert show.operator.ask("tap")[:2] == ("tap", 1)
    before = show.engine.sample
    assert wait_for(lambda: show.engine.sample > before + ANALYSIS_RATE / 2)
    assert show.engine.error is None


def test_an_answer_that_fails_harms_nobody(show: Show) -> None:
    def fails(answer: Answer) -> None:
        raise RuntimeError(answer.name)

    show.engine.command(Command("panic"), time.monotonic(), fails)
    assert show.operator.ask("panic") == ("panic", 1)


def test_a_full_queue_never_waits(show: Show) -> None:
    settings = config.load()
    models = Models.load(settings)
    idle = Engine(settings, Paced(Synth(), 256), models, Made(lambda now: []), EventLog())
    answers: list[Answer] = []
    began = time.monotonic()
    for _ in range(1000):
        idle.command(Command("tap"), began, answers.append)
    assert time.monotonic() - began < 1.0
    assert len(answers) == 1000 - 256
    assert answers[0] == Answer("tap", False, ("too many commands at once; send it again",))


LABELS = ("happy", "aggressive", "calm", "sad")
HEARD = st.builds(
    lambda index, valence: Mood(0, 0, valence, 0.0, dict.fromkeys(LABELS, 0.25), LABELS[index], 0.5, False),
    st.integers(0, 3),
    st.floats(-1, 1),
)
SET = st.one_of(st.booleans(), st.sampled_from((None, *LABELS)))


@given(steps=st.lists(st.one_of(HEARD, SET), max_size=30))
def test_a_change_is_told_exactly_where_the_label_that_is_told_changes(steps: list[Mood | bool | str | None]) -> None:
    override = MoodOverride(LABELS)
    before: Mood | None = None
    frozen: Mood | None = None
    for sample, step in enumerate(steps, 1):
        if isinstance(step, Mood):
            told: Mood | None = override.push(
                Mood(sample, sample, step.valence, 0.0, step.probabilities, step.label, 0.5, False)
            )
        else:
            if isinstance(step, bool):
                override.freeze(step)
            else:
                override.set(step)
            told = override.now(sample)
        if told is None:
            continue
        assert told.sample == told.decided == sample
        assert told.changed == (before is None or before.label != told.label)
        if override.label is not None:
            assert (told.label, told.probabilities[told.label], told.confidence) == (override.label, 1.0, 1.0)
            assert sum(told.probabilities.values()) == 1.0
        if not override.hold:
            frozen = None
        elif override.label is None:
            assert frozen is None or (told.valence, told.label) == (frozen.valence, frozen.label)
            frozen = told
        before = told
