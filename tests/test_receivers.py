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
from streammood.config import OscSettings, Settings, TargetSettings
from streammood.engine.replay import Replay
from streammood.engine.scheduler import Firing
from streammood.engine.trial import send_trial
from streammood.events import ANALYSIS_RATE, Beat, Event, Level, Mood, Tempo
from streammood.log import rows
from streammood.outputs.build import Outputs
from streammood.outputs.osc_target import OscTarget
from streammood.protocol.osc import encode
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
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._web: aiohttp.ClientWebSocketResponse | None = None

    def dmx(self) -> list[int]:
        """The first seven channels; empty while QLC+ does not answer."""
        try:
            return self._loop.run_until_complete(self._ask())
        except (OSError, aiohttp.ClientError, TimeoutError):
            self._web = None
            return []

    async def _ask(self) -> list[int]:
        if self._web is None:  # one connection for all: QLC+ 4.14 answers no more after some tens of them
            patience = aiohttp.ClientWSTimeout(ws_receive=5.0, ws_close=0.05)  # QLC+ answers no close
            self._session = self._session or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
            self._web = await self._session.ws_connect(f"ws://127.0.0.1:{WEB}/qlcplusWS", timeout=patience)
        await self._web.send_str("QLC+API|getChannelsValues|1|1|7")
        while True:
            received = await self._web.receive()
            if received.type is not aiohttp.WSMsgType.TEXT:
                raise TimeoutError("QLC+ closed the connection")
            if "getChannelsValues" in received.data:  # |channel|value|type for each
                return [int(value) for value in received.data.split("|")[3::3]]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._session is not None:
            self._loop.run_until_complete(self._session.close())
        self._loop.close()


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
            return len(dmx) == 7 and all(abs(dmx[globals()[name]] - value) <= 1 for name, value in lamps.items())

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


class PureData:
    """Pure Data without a screen; ``lines`` are the messages that it prints."""

    def __init__(self, folder: Path) -> None:
        with Receiver() as free:
            self.port = free.port
        patch = folder / "receive.pd"
        patch.write_text(PATCH.format(port=self.port))
        command = ["pd", "-nogui", "-noaudio", "-nomidi", "-stderr", str(patch)]
        self._program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._program.stderr is not None
        for line in self._program.stderr:
            self._lines.append(line)

    @property
    def lines(self) -> list[str]:
        return [line.strip().removeprefix("osc: ").removeprefix("list ") for line in list(self._lines)]

    def ready(self) -> bool:
        """Whether it prints what comes to its port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(encode("/there", 1), ("127.0.0.1", self.port))
        return "there 1" in self.lines

    def stop(self) -> None:
        self._program.terminate()
        self._program.wait()
        self._reader.join(5)
        assert self._program.stderr is not None
        self._program.stderr.close()


@pytest.fixture
def pure_data(tmp_path: Path) -> Iterator[PureData]:
    if shutil.which("pd") is None:
        pytest.skip("needs pd: apt-get install puredata-core")
    program = PureData(tmp_path)
    try:
        assert wait_for(program.ready, 20), program.lines[-30:]
        yield program
    finally:
        program.stop()


def test_pure_data_understands(pure_data: PureData) -> None:
    port = pure_data.port
    settings = [config.TargetSettings(port=port), config.TargetSettings(port=port, bundle=True, prefix="/two")]
    targets = [OscTarget(one, MOODS, lambda now: now) for one in settings]
    wanted = ("beat 1", "beat count 18", "mood valence -0.5", "mood arousal 0.25", "mood index 3")

    def missing() -> set[str]:
        for target in targets:
            target.send(Mood(1, 1, -0.5, 0.25, dict.fromkeys(MOODS, 0.25), "sad", 0.25, True), time.monotonic())
            target.send(Tempo(2, 2, 120.0, 1.0, True, 3.0, 22_050.0, 18, 1, 4, 1.0), time.monotonic())
            target.send(Beat(3, 3, 120.0, 1.0, True, 1, 18), time.monotonic())
            target.poll(time.monotonic())
        return {f"{name} {value}" for value in wanted for name in ("streammood", "two")} - set(pure_data.lines)

    try:
        assert wait_for(lambda: not missing(), 20), (missing(), pure_data.lines[-30:])
    finally:
        for target in targets:
            target.close()


# The test of a target, and a night that is fired again


def only(target: TargetSettings) -> Settings:
    return Settings(osc=OscSettings(targets=(target,)))


def a_night() -> list[dict[str, object]]:
    """Four bars at 120 BPM, and a mood in each."""
    found: list[dict[str, object] | None] = [rows.header("night", ANALYSIS_RATE)]
    for count in range(1, 17):
        at = count * ANALYSIS_RATE // 2
        found.append(rows.line(Beat(at, at, 120.0, 1.0, True, (count - 1) % 4 + 1, count, 1.0)))
        if count % 4 == 1:
            label = MOODS[count // 4]
            shares = {name: float(name == label) for name in MOODS}
            found.append(rows.line(Mood(at, at, 0.5, 0.5, shares, label, 1.0, True)))
    return [row for row in found if row is not None]


def test_pure_data_gets_the_test_of_a_target(pure_data: PureData) -> None:
    send_trial(only(TargetSettings(port=pure_data.port)), 6.5, threading.Event())
    lines = pure_data.lines
    assert lines.count("streammood beat 1") == 4
    assert [f"streammood mood index {number}" for number in range(4)] == list(
        dict.fromkeys(line for line in lines if line.startswith("streammood mood index "))
    )
    levels = [float(line.split()[-1]) for line in lines if line.startswith("streammood level rms ")]
    assert max(levels) > 0.95
    assert levels[-1] < 0.1


def test_pure_data_gets_a_night_again(pure_data: PureData) -> None:
    Replay(Outputs(only(TargetSettings(port=pure_data.port)), MOODS), speed=4.0).run(a_night(), threading.Event())
    wait_for(lambda: "streammood beat count 16" in pure_data.lines, 5)
    lines = pure_data.lines
    counts = list(dict.fromkeys(line for line in lines if line.startswith("streammood beat count ")))
    assert counts == [f"streammood beat count {count}" for count in range(1, 17)]
    assert lines.count("streammood beat 1") == 16
    assert lines.count("streammood downbeat 1") == 4
    assert [f"streammood mood index {number}" for number in range(4)] == list(
        dict.fromkeys(line for line in lines if line.startswith("streammood mood index "))
    )


@pytest.mark.parametrize("what", ["test", "night"])
def test_lamps_of_qlcplus_follow_a_test_and_a_night(qlcplus: QlcPlus, what: str) -> None:
    """Beat and bar flash and are let go, and the colour is that of each mood in turn."""
    target = config.load("qlcplus").osc.targets[0].model_copy(update={"hold": 0.2})
    if what == "test":
        work = threading.Thread(target=send_trial, args=(only(target), 7.0, threading.Event()))
    else:
        night = Replay(Outputs(only(target), MOODS), speed=1.5)
        work = threading.Thread(target=night.run, args=(a_night(), threading.Event()))
    seen: list[list[int]] = []
    work.start()
    while work.is_alive():
        seen.append(qlcplus.dmx())
    work.join()
    assert wait_for(lambda: qlcplus.dmx()[BEAT] == 0, 5), "nothing is held"
    whole = [dmx for dmx in seen if len(dmx) == 7]
    assert {255} <= {dmx[BEAT] for dmx in whole}
    assert {255} <= {dmx[BAR] for dmx in whole}
    colours = {tuple(dmx[RED:]) for dmx in whole}
    assert {(255, 255, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)} <= colours
