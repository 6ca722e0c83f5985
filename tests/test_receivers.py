"""Receivers that none of us wrote, run headless: QLC+ with the show file that is shipped, and Pure Data."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from streammood import config, resources
from streammood.engine.scheduler import Firing
from streammood.events import Beat, Event, Level, Mood, Tempo
from streammood.outputs.osc_target import OscTarget
from tests.receiver import Receiver
from tests.waiting import wait_for

MOODS = ("happy", "aggressive", "calm", "sad")
SHOW = resources.folder("config") / "qlcplus.qxw"
WEB = 9999  # QLC+ offers no other port
BEAT, BAR, AROUSAL, LEVEL, RED, GREEN, BLUE = range(7)


def crc16_x25(path: str) -> int:
    """How QLC+ makes a channel of an OSC path."""
    crc = 0xFFFF
    for byte in path.encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc ^ 0xFFFF


def test_the_show_listens_to_addresses_of_the_preset() -> None:
    assert crc16_x25("123456789") == 0x906E  # the check value of this checksum in the literature
    inputs = ET.parse(SHOW).getroot().findall(".//{*}Input[@Channel]")
    heard = {int(node.attrib["Channel"]) for node in inputs}
    addresses = {line.to for line in config.load("qlcplus").osc.targets[0].map}
    assert len(heard) == 8
    assert heard <= {crc16_x25(address) for address in addresses}


class QlcPlus:
    """QLC+ without a screen; its web socket tells the DMX values that come out."""

    def __init__(self, home: Path) -> None:
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(home)}
        command = ["qlcplus", "-w", "-p", "-d", "0", "-o", str(SHOW)]
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(command, env=environment, stdin=null, stdout=null, stderr=null)

    def dmx(self) -> list[int]:
        """The first seven channels; empty while QLC+ does not answer."""
        return asyncio.run(self._ask())

    async def _ask(self) -> list[int]:
        patience = aiohttp.ClientWSTimeout(ws_receive=5.0, ws_close=0.05)  # QLC+ answers no close
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"ws://127.0.0.1:{WEB}/qlcplusWS", timeout=patience) as web,
            ):
                await web.send_str("QLC+API|getChannelsValues|1|1|7")
                while True:
                    text = str((await web.receive()).data)
                    if "getChannelsValues" in text:  # |channel|value|type for each
                        return [int(value) for value in text.split("|")[3::3]]
        except (OSError, aiohttp.ClientError, TimeoutError):
            return []

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def qlcplus(tmp_path: Path) -> Iterator[QlcPlus]:
    if shutil.which("qlcplus") is None:
        pytest.skip("needs qlcplus: apt-get install qlcplus")
    if taken(WEB):
        pytest.skip(f"something listens on port {WEB}, which QLC+ needs")
    program = QlcPlus(tmp_path)
    try:
        assert wait_for(lambda: len(program.dmx()) == 7, 30), "QLC+ does not answer"
        yield program
    finally:
        program.stop()


def test_lamps_of_qlcplus_follow_beat_bar_arousal_and_mood(qlcplus: QlcPlus) -> None:
    settings = config.load("qlcplus").osc.targets[0].model_copy(update={"hold": 1.5})
    firing = Firing([OscTarget(settings, MOODS, lambda now: now)])
    firing.start()

    def fire(*events: Event) -> None:
        now = time.monotonic()
        firing.submit([(now, event) for event in events], now)

    def shows(**lamps: int) -> bool:
        def right() -> bool:
            dmx = qlcplus.dmx()
            return all(abs(dmx[globals()[name]] - value) <= 1 for name, value in lamps.items())

        return wait_for(right, 10)

    calm = {"happy": 0.0, "aggressive": 0.0, "calm": 1.0, "sad": 0.0}
    tense = {"happy": 0.2, "aggressive": 0.6, "calm": 0.0, "sad": 0.2}
    try:
        fire(Mood(1, 1, 0.0, 0.5, calm, "calm", 1.0, True), Level(1, 1, 0.4, 0, 0, 0, 0, -36.0, True))
        assert shows(AROUSAL=191, LEVEL=102, RED=0, GREEN=255, BLUE=0, BEAT=0, BAR=0), qlcplus.dmx()
        fire(Mood(2, 2, 0.0, -1.0, tense, "aggressive", 1.0, True))
        assert shows(AROUSAL=0, RED=153, GREEN=51, BLUE=51), qlcplus.dmx()  # the largest of those that mix
        fire(Beat(3, 3, 120.0, 1.0, True, 2, 18))
        assert shows(BEAT=255, BAR=0), qlcplus.dmx()
        assert shows(BEAT=0, BAR=0), qlcplus.dmx()
        fire(Beat(4, 4, 120.0, 1.0, True, 1, 21))
        assert shows(BEAT=255, BAR=255), qlcplus.dmx()
        assert shows(BEAT=0, BAR=0), qlcplus.dmx()  # let go: nothing is held
    finally:
        firing.stop()


PATCH = """#N canvas 0 0 450 300 12;
#X obj 10 10 netreceive -u -b {port};
#X obj 10 40 oscparse;
#X obj 10 70 print osc;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
"""


def test_pure_data_understands(tmp_path: Path) -> None:
    if shutil.which("pd") is None:
        pytest.skip("needs pd: apt-get install puredata-core")
    with Receiver() as free:
        port = free.port
    patch = tmp_path / "receive.pd"
    patch.write_text(PATCH.format(port=port))
    command = ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", str(patch)]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        reader = threading.Thread(target=lambda: lines.extend(iter(program.stderr.readline, "")), daemon=True)  # type: ignore[union-attr]
        reader.start()
        settings = [config.TargetSettings(port=port), config.TargetSettings(port=port, bundle=True, prefix="/two")]
        targets = [OscTarget(one, MOODS, lambda now: now) for one in settings]
        wanted = ("beat 1", "beat count 18", "mood valence -0.5", "mood arousal 0.25", "mood index 3")

        def missing() -> set[str]:
            for target in targets:
                target.send(Mood(1, 1, -0.5, 0.25, dict.fromkeys(MOODS, 0.25), "sad", 0.25, True), time.monotonic())
                target.send(Tempo(2, 2, 120.0, 1.0, True, 3.0, 22_050.0, 18, 1, 4, 1.0), time.monotonic())
                target.send(Beat(3, 3, 120.0, 1.0, True, 1, 18), time.monotonic())
                target.poll(time.monotonic())
            told = {line.strip().removeprefix("osc: ").removeprefix("list ") for line in list(lines)}
            return {f"{name} {value}" for value in wanted for name in ("streammood", "two")} - told

        try:
            assert wait_for(lambda: not missing(), 20), (missing(), lines[-30:])
        finally:
            program.terminate()
            reader.join(5)
            for target in targets:
                target.close()
