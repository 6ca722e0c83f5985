"""The terminal view: its drawing as laws, the app through textual's pilot, and a real terminal with a real engine."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.udp_client import SimpleUDPClient
from textual.pilot import Pilot

from streammood.client.engine_state import ABSENT
from streammood.client.listener import SignalListener, bind
from streammood.config import load
from streammood.errors import SourceError
from streammood.palette import colours
from streammood.protocol.commands import refused
from streammood.tui import app as monitor_app
from streammood.tui import views
from streammood.tui.app import Monitor
from streammood.tui.braille import Canvas
from tests.receiver import Receiver
from tests.test_cli import streammood
from tests.waiting import wait_for

COLOURS = load().dashboard.colors
STATE: dict[str, float | str] = {
    "status/alive": 1,
    "status/signal": 1,
    "status/input": 1,
    "status/lost": 0,
    "status/latency": 0.9,
    "status/load": 0.1,
    "bpm": 128.0,
    "beat/locked": 1,
    "beat/confidence": 0.93,
    "beat/number": 2,
    "beat/meter": 4,
    "beat/count": 41,
    "level/rms": 0.75,
    "level/low": 0.5,
    "mood/valence": 0.4,
    "mood/arousal": -0.5,
    "mood/happy": 0.1,
    "mood/aggressive": 0.0,
    "mood/calm": 0.7,
    "mood/sad": 0.2,
    "mood/confidence": 0.7,
    "target/1/name": "wall",
    "target/1/sent": 1200,
    "target/1/failed": 0,
    "target/1/offset": -20.0,
    "target/1/muted": 0,
    "target/count": 1,
}


@given(share=st.floats(-1, 2) | st.none(), width=st.integers(1, 200))
def test_a_bar_is_as_wide_as_asked_and_as_full_as_its_share(share: float | None, width: int) -> None:
    text = views.bar(share, width, "red").plain
    assert len(text) == width
    eighths = sum(8 - "█▉▊▋▌▍▎▏".index(letter) for letter in text if letter in "█▉▊▋▌▍▎▏")
    assert abs(eighths / (8 * width) - min(1.0, max(0.0, share or 0.0))) <= 1 / (16 * width) + 1e-9


@given(x=st.floats(-0.5, 1.5), y=st.floats(-0.5, 1.5), columns=st.integers(1, 60), rows=st.integers(1, 30))
def test_a_dot_lies_where_it_is_put(x: float, y: float, columns: int, rows: int) -> None:
    canvas = Canvas(columns, rows)
    canvas.dot(x, y, "red")
    lines = canvas.text().plain.split("\n")
    assert [len(line) for line in lines] == [columns] * rows
    ((row, column),) = [(r, c) for r, line in enumerate(lines) for c, letter in enumerate(line) if letter != " "]
    assert abs(column + 0.5 - min(1, max(0, x)) * columns) <= 1
    assert abs(row + 0.5 - (1 - min(1, max(0, y))) * rows) <= 1


def test_panels_say_what_the_values_say() -> None:
    tempo = views.tempo(STATE, 2, 38).plain
    assert "128.0 BPM  locked" in tempo
    assert "93 %" in tempo
    assert "○ ⬤ ○ ○" in tempo
    assert "-15.0 dB" in views.levels(STATE, 38).plain  # 0.75 of -60..0 dBFS
    assert "latency 0.9 ms" in views.health(STATE).plain
    mood = views.moods(STATE | {"control/hold": 1}, COLOURS, 38).plain
    assert mood.startswith("calm  70 %   V +0.40  A -0.50  HELD")
    assert [line.split()[0] for line in mood.split("\n")[1:]] == ["happy", "aggressive", "calm", "sad"]
    muted = STATE | {"target/1/muted": 1}
    assert views.targets(muted, 1, 38).plain == "▸1 wall  muted  -20 ms  1200 sent"
    long = views.targets(muted | {"target/1/name": "a name of many letters", "target/1/failed": 3}, 1, 50).plain
    assert long == "▸1 a name of …  muted  -20 ms  1200 sent  3 failed"
    own = STATE | {"target/1/name": "terminal"}
    assert views.targets(own, 1, 38).plain == "none but this view", "to mute it would end the view"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True))
def test_moods_differ_in_colour(names: list[str]) -> None:
    assert len(set(colours(names, "screen", {}).values())) == len(names)


def test_where_there_is_no_music_the_moods_are_grey() -> None:
    unmusical = STATE | {"music": 0, "mood/label": "", "mood/confidence": 0.0}
    text = views.moods(unmusical, COLOURS, 38)
    assert text.plain.startswith("no music  0 %")
    assert not {str(colour) for colour in COLOURS.values()} & {str(span.style) for span in text.spans}


def test_nothing_known_is_drawn_too() -> None:
    for text in (views.tempo({}, None, 38), views.levels({}, 38), views.health({}), views.moods({}, {}, 38)):
        assert text.plain
    assert views.circumplex([], 0.0, [], {}, (38, 10)).plain
    assert views.curves([], 0.0, (38, 3)).plain


def test_the_way_through_the_circumplex_ends_where_the_mood_is() -> None:
    drawn = views.circumplex([(0.0, -1.0, -1.0), (0.5, 1.0, 1.0)], 1.0, [], {}, (30, 11)).plain.split("\n")
    assert drawn[0].rstrip().endswith("◉")
    assert all(line.strip() for line in drawn)  # the way leads from the lower left to the upper right


class Engine:
    """Stands in for an engine: sends to the monitor, and takes its commands."""

    def __init__(self, port: int, commands: Receiver) -> None:
        self.client = SimpleUDPClient("127.0.0.1", port)
        self.commands = commands

    def say(self, **changes: float) -> None:
        for name, value in (STATE | {key.replace("__", "/"): value for key, value in changes.items()}).items():
            self.client.send_message(f"/streammood/{name}", value)


def on_pilot(scenario, size: tuple[int, int] = (80, 24)) -> None:  # type: ignore[no-untyped-def]
    """Run ``scenario(app, pilot, engine)`` in an app on a screen of ``size``."""

    async def run() -> None:
        with Receiver() as commands, closing(bind("127.0.0.1", 0, "--port")) as sock:
            app = Monitor(sock, ("127.0.0.1", commands.port), COLOURS)
            engine = Engine(sock.getsockname()[1], commands)
            async with app.run_test(size=size) as pilot:
                await scenario(app, pilot, engine)
            engine.client.close()

    asyncio.run(run())


def shown(app: Monitor) -> str:
    """All that is on the screen, as text."""
    return "\n".join("".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips())


async def until(app: Monitor, pilot: Pilot[None], text: str, seconds: float = 20.0) -> None:
    """Wait for ``text`` to be on the screen."""
    end = time.monotonic() + seconds
    while text not in shown(app):
        assert time.monotonic() < end, f"no {text!r} in\n{shown(app)}"
        await pilot.pause(0.05)


@pytest.mark.parametrize("size", [(80, 24), (132, 43), (200, 60), (60, 20), (40, 10)])
def test_what_the_engine_says_is_on_the_screen(size: tuple[int, int]) -> None:
    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        await until(app, pilot, "waiting on port")
        engine.say()
        await until(app, pilot, "● here")
        await until(app, pilot, "128.0 BPM")
        lines = shown(app).split("\n")
        assert [len(line) for line in lines] == [size[0]] * size[1]
        if size[1] >= 24:
            await until(app, pilot, "▸1 wall  -20 ms  1200 sent")
            for text in ("locked", "-15.0 dB", "latency 0.9 ms", "calm  70 %", "aggressive", "◉", "The engine is here"):
                await until(app, pilot, text)

    on_pilot(scenario, size)


def test_it_is_drawn_anew_for_another_size() -> None:
    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        engine.say()
        await until(app, pilot, "128.0 BPM")
        for size in ((120, 50), (50, 14), (80, 24)):
            await pilot.resize_terminal(*size)
            await until(app, pilot, "128.0 BPM")
            assert app.query_one("#right").size.width <= size[0] // 2 + 1

    on_pilot(scenario)


def test_a_beat_lights_its_lamp_at_once_and_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_app, "_FLASH", 1.0)  # long enough for a busy machine to see it

    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        engine.say()
        await until(app, pilot, "○ ● ○ ○")
        engine.client.send_message("/streammood/beat/number", 3)
        engine.client.send_message("/streammood/beat", 1)
        await until(app, pilot, "○ ○ ⬤ ○")
        engine.client.send_message("/streammood/beat", 0)
        await until(app, pilot, "○ ○ ● ○")

    on_pilot(scenario)


def test_a_lost_engine_is_shown_and_taken_up_again() -> None:
    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        engine.say()
        await until(app, pilot, "● here")
        await until(app, pilot, "engine lost", ABSENT + 20)
        engine.say(bpm=99.0)
        await until(app, pilot, "● here")
        await until(app, pilot, " 99.0 BPM")
        engine.client.send_message("/streammood/status/alive", 0)
        await until(app, pilot, "The engine has stopped")

    on_pilot(scenario)


@pytest.mark.parametrize(
    ("key", "address", "arguments"),
    [
        ("space", "tap", (1,)),
        ("t", "tap", (1,)),
        ("x", "double", (1,)),
        ("slash", "half", (1,)),
        ("1", "downbeat", (1,)),
        ("left", "nudge", (-10.0,)),
        ("right", "nudge", (10.0,)),
        ("h", "hold", (1,)),
        ("m", "mute", ("1", 1)),
        ("left_square_bracket", "offset", ("1", -25.0)),
        ("right_square_bracket", "offset", ("1", -15.0)),
        ("d", "downbeat", (1,)),
        ("p", "panic", (1,)),
    ],
)
def test_keys_reach_the_engine(key: str, address: str, arguments: tuple[object, ...]) -> None:
    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        engine.say()
        await until(app, pilot, "wall")
        await pilot.press(key)
        (message,) = await asyncio.to_thread(engine.commands.messages, 0.3)
        assert (message.address, message.arguments) == (f"/streammood/do/{address}", arguments)

    on_pilot(scenario)


def test_keys_that_come_fast_all_count() -> None:
    """The engine tells what holds once a second; a hand is quicker."""

    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        engine.say()
        await until(app, pilot, "wall")
        await pilot.press(*["left_square_bracket"] * 3, "right_square_bracket", "m", "m")
        messages = await asyncio.to_thread(engine.commands.messages, 0.5)
        assert [message.arguments for message in messages] == [
            ("1", -25.0), ("1", -30.0), ("1", -35.0), ("1", -30.0), ("1", 1), ("1", 0)
        ]  # fmt: skip

    on_pilot(scenario)


def test_answers_are_shown() -> None:
    async def scenario(app: Monitor, pilot: Pilot[None], engine: Engine) -> None:
        engine.say()
        await until(app, pilot, "wall")
        await pilot.press("x")
        await until(app, pilot, "no answer from")
        app.answered(refused("double", "256 BPM is too fast"))
        await until(app, pilot, "double: 256 BPM is")

    on_pilot(scenario)


@given(packet=st.binary(max_size=200))
def test_nonsense_changes_nothing(packet: bytes) -> None:
    with closing(bind("127.0.0.1", 0, "--port")) as sock:
        app = Monitor(sock)
        notes: list[str] = []
        listener = SignalListener(app.take, notes.append)
        for _ in range(2):
            listener.datagram_received(packet, ("127.0.0.1", 5))
        assert app.state.values == {}
        assert len(notes) == (listener.refused > 0)


def test_a_port_in_use_is_told_of() -> None:
    with closing(bind("127.0.0.1", 0, "--port")) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(SourceError, match=rf"OSC port 127.0.0.1:{port} cannot be listened on .* --port"):
            bind("127.0.0.1", port, "--port")
    with pytest.raises(SourceError, match="no address of this machine"):
        bind("no-such-host.invalid", 7072, "--port")


@pytest.mark.parametrize("command", [("monitor",), ("run", "--input", "demo", "--tui")])
def test_without_a_terminal_it_says_so(command: tuple[str, ...]) -> None:
    done = streammood(*command)
    assert done.returncode == 1
    assert "draws on a terminal" in done.stderr
    assert "Traceback" not in done.stderr


class Tmux:
    """A real terminal of 80 by 24 that nobody looks at."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")
        self._folder = folder
        self._number = 0

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", self._socket, *arguments], capture_output=True, text=True, check=False)
        return done.stdout

    def start(self) -> None:
        environment = os.environ | {"PS1": "$ "}
        subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh"],
            check=True,
            env=environment,
        )

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def run(self, *arguments: str) -> None:
        """Start a streammood command; how the terminal is before and after it goes to files."""
        command = " ".join([sys.executable, "-m", "streammood.cli", *arguments])
        folder = self._folder
        self.type(f"stty -g > {folder}/before; {command}; echo $? > {folder}/code; stty -g > {folder}/after", "Enter")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def wait(self, text: str, seconds: float = 90.0) -> None:
        assert wait_for(lambda: text in self.screen(), seconds), self.screen()

    def restored(self) -> int:
        """The exit status of the command, whose terminal must be as it was."""
        after = self._folder / "after"
        assert wait_for(lambda: after.exists() and after.read_text(), 60), self.screen()
        assert after.read_text() == (self._folder / "before").read_text()
        assert self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").split() == list(
            "010"
        )
        code = int((self._folder / "code").read_text())
        after.unlink()
        return code

    def child(self, *words: str) -> int:
        """The process that was started with ``words``, below this terminal's."""
        assert wait_for(lambda: len(self._children(words)) == 1, 20), self.screen()
        return self._children(words)[0]

    def _children(self, words: tuple[str, ...]) -> list[int]:
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        found = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in found.splitlines()]
        below = {shell}
        for _ in range(3):
            below |= {pid for pid, parent, _ in rows if parent in below}
        return [int(pid) for pid, _, arguments in rows if pid in below and all(word in arguments for word in words)]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("needs a terminal: apt-get install tmux")
    made = Tmux(tmp_path)
    made.start()
    yield made
    made.tmux("kill-server")


def free_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_run_with_its_view_in_a_real_terminal(terminal: Tmux) -> None:
    terminal.run("run", "--input", "demo", "--tui", "--set", f"control.port={free_port()}")
    terminal.wait("● here")
    terminal.wait("BPM  locked")
    for text in ("level ", "latency", "happy", "aggressive", "calm", "sad", "◉", "q quit"):
        terminal.wait(text)
    terminal.type("h")
    terminal.wait("HELD")
    terminal.type("q")
    assert terminal.restored() == 0


@pytest.mark.parametrize("victim", ["view", "engine"])
def test_the_terminal_is_restored_whoever_is_killed(terminal: Tmux, victim: str) -> None:
    terminal.run("run", "--input", "demo", "--tui", "--set", f"control.port={free_port()}")
    terminal.wait("● here")
    if victim == "view":
        os.kill(terminal.child("monitor", "--parent"), signal.SIGKILL)
        assert terminal.restored() == 0
    else:
        os.kill(terminal.child("run", "--tui"), signal.SIGTERM)
        assert terminal.restored() == 128 + signal.SIGTERM


@contextmanager
def engine(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A real engine that plays the demo and sends to ``port``."""
    arguments = ["run", "--input", "demo", "--target", f"127.0.0.1:{port}", "--set", f"control.port={free_port()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "streammood.cli", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_monitor_loses_an_engine_and_finds_it_again(terminal: Tmux) -> None:
    port = free_port()
    terminal.run("monitor", "--port", str(port), "--host", "127.0.0.1")
    terminal.wait(f"waiting on port {port}")
    with engine(port):
        terminal.wait("● here")
    terminal.wait("engine lost")
    with engine(port):
        terminal.wait("● here")
        terminal.type("C-c")
        assert terminal.restored() == 0
