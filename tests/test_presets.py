"""What each preset makes its receiver get: no strings, no wraps, no bundles, nothing held, the right port."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from streammood import config, resources
from streammood.config import TargetSettings
from streammood.events import ANALYSIS_RATE, Beat, Event, Level, Onset, Section, SongChange, Structure, Tempo
from streammood.protocol.signals import TRIGGERS, VALUES
from tests.receiver import Message
from tests.test_osc import BEAT, LEVEL, PERIOD, STATUS, TEMPO, mood, sent, values

PORTS = {
    "chataigne": 12_000,
    "chromatik": 3030,
    "default": 7000,
    "generic": 9000,
    "grandma3": 8000,
    "madmapper": 8000,
    "qlcplus": 7700,
    "resolume": 7000,
    "touchdesigner": 7000,
}
KNOWN = Tempo(44_100, 44_100, 128.0, 0.8, True, 44_100.0, 60 / 128 * ANALYSIS_RATE, 17, 1, 4, 0.7)


def preset(name: str) -> dict[str, object]:
    settings = config.load(name).osc.targets[0].model_dump(by_alias=True)
    del settings["port"]
    return settings


def evening() -> list[tuple[float, Event | None]]:
    """Everything that a receiver can be told, with the bar known, for some seconds."""
    loud = Level(44_100, 44_100, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, True)
    script: list[tuple[float, Event | None]] = [(0.0, LEVEL), (0.1, KNOWN), (0.2, STATUS), (0.3, loud)]
    script += [(0.4, Structure(1, 1, 1.0, 1.0, True, 4, 3, 5, 1.0, 3, 1.0)), (0.5, Section(1, 1, "drop", 0.8, 8, True))]
    script += [(0.6, SongChange(1, 1, 1.0, 200.0, 128.0, 9, True, 0.5, "happy", 0.4, 0.3, 0.7))]
    for i in range(12):
        at = 1.0 + i * 60 / 128
        script += [(at, Beat(round(at * 44_100), 40_000, 128.0, 0.9, True, i % 4 + 1, 17 + i, 0.7))]
        script += [(at + 0.1 * step, None) for step in range(1, 4)]
    for i, label in enumerate(("happy", "aggressive", "sad", "calm")):
        script += [(8.0 + i, mood(label, valence=(-1.0, 1.0)[i % 2])), (8.2 + i, Onset(1, 2, 1.0)), (8.5 + i, None)]
    return [*script, (13.0, None)]


@pytest.fixture(scope="module", params=sorted(set(PORTS)))
def heard(request: pytest.FixtureRequest) -> tuple[str, TargetSettings, list[Message]]:
    name = str(request.param)
    return name, config.load(name).osc.targets[0], sent(preset(name), evening())


def test_every_preset_is_tested_here() -> None:
    assert set(resources.names("config", ".yaml")) == set(PORTS)


def test_one_number_no_strings_no_bundles(heard: tuple[str, TargetSettings, list[Message]]) -> None:
    name, settings, messages = heard
    assert settings.port == PORTS[name]
    assert len({m.packet for m in messages}) == len(messages)
    for m in messages:
        assert type(m.value) in (float, int), m
        assert " " not in m.address
        assert np.isfinite(float(m.value))


def test_no_trigger_stays_on(heard: tuple[str, TargetSettings, list[Message]]) -> None:
    _, settings, messages = heard
    triggers = {line.to for line in settings.map if line.source in TRIGGERS and line.value is None}
    if settings.defaults:
        triggers |= {f"{settings.prefix}/{name}" for name in TRIGGERS}
    on: dict[str, float] = defaultdict(float)
    fired = set()
    for m in messages:
        if m.address in triggers:
            on[m.address] = float(m.value)
            fired |= {m.address} if m.value else set()
    assert not any(on.values())
    assert len(fired) >= 0.5 * len(triggers)


def test_qlcplus_gets_floats_that_cannot_wrap() -> None:
    for m in sent(preset("qlcplus"), evening()):
        assert type(m.value) is float
        assert 0.0 <= m.value <= 1.0


def test_grandma3_gets_percent_and_the_root_of_the_tempo() -> None:
    messages = sent(preset("grandma3"), evening())
    assert set(values(messages, "/Page1/Fader201")) == {np.float32(100 * np.sqrt(128 / 240))}
    assert values(messages, "/Page1/Key202").count(1) == 12
    assert values(messages, "/Page1/Key203").count(1) == 3
    assert max(float(m.value) for m in messages) <= 100.0
    assert {m.value for m in messages if "Key" in m.address} == {0, 1}
    assert values(messages, "/Page1/Key206")[0] == 1


def test_chromatik_gets_each_beat_of_the_bar_once() -> None:
    messages = sent(preset("chromatik"), evening())
    assert values(messages, "/lx/tempo/beat-within-bar") == [1, 2, 3, 4] * 3
    assert {type(m.value) for m in messages if "within" in m.address} == {int}
    assert set(values(messages, "/lx/tempo/bpm")) == {128.0}
    unknown = Beat(44_100, 40_000, 128.0, 0.9, True, 0, 17)
    assert values(sent(preset("chromatik"), [(1.0, unknown)]), "/lx/tempo/beat-within-bar") == []


@pytest.mark.parametrize("name", ["generic", "madmapper", "chataigne", "touchdesigner"])
def test_receivers_that_learn_get_every_default_address(name: str) -> None:
    messages = sent(preset(name), evening())
    got = {m.address.removeprefix("/streammood/") for m in messages}
    assert got >= TRIGGERS | VALUES - {"mood/label"}


def test_madmapper_fires_the_cue_of_a_mood() -> None:
    messages = sent(preset("madmapper"), evening())
    fired = [m.address.rsplit("/", 1)[1] for m in messages if "/cues/" in m.address and m.value == 1]
    assert fired == ["happy", "aggressive", "calm", "sad"]  # by their places in the model's order
    assert set(values(messages, "/streammood/bpm")) == {128.0}
    opacity = values(messages, "/surfaces/Quad-1/opacity")
    assert set(opacity) == {np.float32(0.2 + 0.8 * 0.375)}


def test_resolume_preset_says_what_resolume_understands() -> None:
    settings = preset("resolume")
    unlocked = Tempo(1, 1, 90.0, 0.1, False, 0.0, PERIOD)
    bar_unknown = Beat(44_100, 40_000, 128.0, 0.9, True, 0, 17)
    script: list[tuple[float, Event | None]] = [(0.0, unlocked), (0.1, TEMPO), (1.0, mood("aggressive", valence=1.0))]
    script += [(2.0 + i, bar_unknown) for i in range(17)]
    messages = sent(settings, script)
    tempo = values(messages, "/composition/tempocontroller/tempo")
    assert set(tempo) == {np.float32((120 - 20) / 480)}
    assert values(messages, "/composition/tempocontroller/resync") == [1, 0, 0, 1, 0]
    assert values(messages, "/composition/columns/2/connect") == [1, 0, 0, 0]
    assert values(messages, "/composition/columns/1/connect") == []
    assert values(messages, "/composition/layers/1/video/opacity")[0] == 1.0
    assert not any(isinstance(m.value, str) for m in messages)


def test_touchdesigner_preset_sends_numbers_only() -> None:
    settings = preset("touchdesigner")
    messages = sent(settings, [(0.0, TEMPO), (0.5, BEAT), (1.0, mood("calm"))])
    assert all(isinstance(m.value, float | int) for m in messages)
    assert values(messages, "/streammood/mood/valence01")[0] == 0.75
