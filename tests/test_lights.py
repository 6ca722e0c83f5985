"""DMX straight to lights, received by OLA, whose Art-Net and sACN are not ours."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from streammood.config import LightsSettings
from streammood.engine.scheduler import Firing
from streammood.errors import ConfigError
from streammood.events import ANALYSIS_RATE, Beat, Level, Mood
from streammood.outputs import Output
from streammood.outputs.lights import CHANNELS, Lights
from tests.ola import Ola
from tests.waiting import wait_for

MOODS = ("happy", "aggressive", "calm", "sad")
BEAT, BAR = CHANNELS.index("beat"), CHANNELS.index("downbeat")


def lights(labels: tuple[str, ...] = MOODS, **settings: Any) -> Lights:
    return Lights(LightsSettings.model_validate(settings), labels, lambda now: now * ANALYSIS_RATE)


def mood(valence: float, arousal: float, **probabilities: float) -> Mood:
    whole = dict.fromkeys(MOODS, 0.0) | probabilities
    return Mood(1, 1, valence, arousal, whole, max(whole, key=lambda label: whole[label]), 0.5, True)


def taken(port: int) -> bool:
    """Whether somebody listens on this UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


@pytest.fixture
def ola(tmp_path: Path) -> Iterator[Ola]:
    if shutil.which("olad") is None:
        pytest.skip("needs olad: apt-get install ola")
    addresses = [address for found in psutil.net_if_addrs().values() for address in found]
    if not any(each.family == socket.AF_INET and not each.address.startswith("127.") for each in addresses):
        pytest.skip("OLA takes part in sACN only where there is a network interface beside loopback")
    for port in (6454, 5568):
        if taken(port):
            pytest.skip(f"another program listens on UDP port {port}, which OLA needs")
    folder = tmp_path / "ola"
    folder.mkdir()
    daemon = Ola(folder)
    yield daemon
    daemon.stop()


def test_ola_receives_both(ola: Ola) -> None:
    sink = lights(
        artnet={"host": "127.0.0.1", "universe": 1, "address": 11},
        sacn={"host": "127.0.0.1", "universe": 2, "address": 1},
        decay=0.5,
    )
    assert isinstance(sink, Output)
    firing = Firing([sink])
    firing.start()
    now = time.monotonic()
    known = mood(-1.0, 1.0, aggressive=0.5, happy=0.25, sad=0.25)
    firing.submit([(now, known), (now, Level(1, 1, 0.4, 0, 0, 0, 0, -36.0, True))], now)
    expected = [102, 191, 64, 64, 0, 0, 255, 0]  # red: half of aggressive and a quarter of yellow
    assert wait_for(lambda: ola.dmx(1)[10:18] == expected and ola.dmx(2)[:8] == expected, 5), (ola.dmx(1), ola.dmx(2))
    assert not any(ola.dmx(1)[:10])
    firing.submit([(time.monotonic(), Beat(1, 1, 120.0, 1.0, True, 1, 1))], time.monotonic())
    seen: list[int] = []
    assert wait_for(lambda: seen.append(ola.dmx(2)[BEAT]) or seen[-1] > 100, 2), seen  # type: ignore[func-returns-value]
    assert wait_for(lambda: ola.dmx(2)[BEAT] == 0 == ola.dmx(2)[BAR], 3)
    firing.stop()
    assert wait_for(lambda: not any(ola.dmx(1)[:18]), 3), "the lights were not put out"
    assert sink.failed == 0


def test_beats_flash_and_fall() -> None:
    sink = lights(decay=0.2)
    sink.send(Beat(1, 1, 120.0, 1.0, True, 2, 18), 10.0)
    levels = [sink._frame(at)[BEAT] for at in (10.0, 10.1, 10.2, 11.0)]
    assert levels == [255, 128, 0, 0]
    assert sink._frame(10.0)[BAR] == 0
    sink.send(Beat(1, 1, 120.0, 1.0, True, 1, 19), 12.0)
    assert sink._frame(12.0)[BAR] == 255
    sink.panic()
    assert sink._frame(12.0)[BEAT] == sink._frame(12.0)[BAR] == 0


def test_colours_are_the_users_or_spread_over_the_circle() -> None:
    sink = lights(("dull", "bright", "wild"), colours={"dull": [10, 20, 30]})
    for label, colour in (("dull", (10, 20, 30)), ("bright", (0, 255, 0)), ("wild", (0, 0, 255))):
        probabilities = dict.fromkeys(("dull", "bright", "wild"), 0.0) | {label: 1.0}
        sink.send(Mood(1, 1, 0.0, 0.0, probabilities, label, 1.0, True), 1.0)
        assert tuple(sink._frame(1.0)[1:4]) == colour


def test_frames_keep_to_the_rate_and_stop_while_muted() -> None:
    sink = lights(artnet={"host": "127.0.0.1", "port": 9}, rate=25.0)
    due = 0.0
    for step in range(1000):
        if step / 1000 >= due:
            due = sink.poll(step / 1000)
    assert 24 <= sink.sent <= 26
    sink.muted = True
    sink.poll(2.0)
    assert sink.sent <= 26
    sink.close()


@pytest.mark.parametrize(("part", "module"), [("artnet", "stupidArtnet"), ("sacn", "sacn.messages.data_packet")])
def test_without_the_library_one_line_says_what_to_install(
    part: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"lights\.{part} needs .*pip install 'streammood\[lights\]'"):
        lights(MOODS, **{part: {"host": "127.0.0.1"}})
