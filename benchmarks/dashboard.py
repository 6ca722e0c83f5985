"""The dashboard in a browser: how soon it follows, how well it keeps the beat, and what the engine feels of it."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.pages import FRAME, HEADER, RATE, follow, on_the_beat, opened, song
from benchmarks.table import markdown, percentiles
from streammood import config
from streammood.capture.paced import Paced
from streammood.client.child import view_target
from streammood.config import TargetSettings
from streammood.demo.synth import DEMO, render
from streammood.dsp.layout import HOP
from streammood.engine.control_server import ControlServer
from streammood.engine.live import Engine
from streammood.log.event_log import EventLog
from streammood.models import Models
from streammood.outputs.build import Outputs
from streammood.outputs.osc_target import OscTarget
from tests.outputs import Made

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium")
SMOOTH = 60.0  # s of the stage
BESIDE = 25.0  # s of the engine, each time
DESK, DESK_PAIRS = 10.0, 3  # the same of each of so many times
_FRAMES = """(seconds) => new Promise((resolve) => {
  const times = [];
  const note = (time) => {
    times.push(time);
    if (time - times[0] < 1000 * seconds) requestAnimationFrame(note);
    else resolve(times);
  };
  requestAnimationFrame(note);
})"""


def report() -> str:
    """The tables, or what is missing for them."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  of the extra `test`
    except ModuleNotFoundError:
        return "Not measured: needs playwright."
    if CHROMIUM is None:
        return "Not measured: needs chromium."
    load = os.getloadavg()[0]
    with sync_playwright() as driver:
        with _launched(driver) as browser:
            rows = [*follow(browser), on_the_beat(browser)]
            smooth = _smooth(browser)
        rows += _song_on_the_rig(driver)
    return (
        f"Chromium, headless, software rendering; load of this machine when it began: {load:.1f}. From an OSC packet "
        "to the change in the page; and for beats, from when one sounds to when the frame that shows it is seen "
        f"(negative: early).\n\n{markdown(HEADER, rows)}\n\n"
        f"The stage at 1280 × 720 for a minute beside an engine on the demo:\n\n{smooth}"
    )


def beside_report() -> str:
    """What the engine feels of all that watches it."""
    if importlib.util.find_spec("playwright") is None or CHROMIUM is None:
        return "Not measured: needs playwright and chromium."
    cores = os.cpu_count()
    return (
        f"{BESIDE:.0f} s on the demo each, from the arrival of a block to its packets; engine, dashboard and browsers, "
        f"which paint without a graphics card, share the {cores} cores of this machine.\n\n{_engine()}"
    )


def desk_report() -> str:
    """What the engine feels of an operator's page: closed and open in turn, with the messages of a target live."""
    if importlib.util.find_spec("playwright") is None or CHROMIUM is None:
        return "Not measured: needs playwright and chromium."
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  of the extra `test`

    from tests.served import free_port  # noqa: PLC0415

    port, osc_port, control_port = free_port(), free_port(), free_port()
    values = {"osc.targets": [{"name": "wall", "port": 9}], "control.port": control_port}
    settings = config.load(None, values)
    models = Models.load(settings)
    outputs = Outputs(settings, models.labels, views=[view_target("dashboard", "127.0.0.1", osc_port, 30.0)])
    engine = Engine(settings, Paced(render(DEMO, RATE), settings.input.block), models, outputs, EventLog())
    control = ControlServer(settings.control, engine.command, engine.report)
    engine.start()
    control.start()
    latencies: dict[bool, list[float]] = {False: [], True: []}
    given = {"port": port, "osc_port": osc_port, "control": f"127.0.0.1:{control_port}"}
    arguments = [part for name, value in given.items() for part in ("--set", f"dashboard.{name}={value}")]
    command = [sys.executable, "-m", "streammood.cli", "dashboard", "--attached", *arguments]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as dashboard,
        sync_playwright() as driver,
    ):
        _wait(port)
        for _ in range(DESK_PAIRS):
            for watched in latencies:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) if watched else None
                if browser is not None:
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    page.goto(f"http://127.0.0.1:{port}/")
                    page.click("[data-watch=wall]")
                    page.wait_for_selector("#watch-list tr")
                time.sleep(2.0)
                for _ in range(round(DESK / 5.0)):
                    time.sleep(5.0)
                    latencies[watched] += engine.latencies[-int(5.0 * RATE / HOP) :]
                if browser is not None:
                    browser.close()
        assert dashboard.stdin is not None
        dashboard.stdin.close()
    control.stop()
    engine.stop()
    names = {False: "no page open", True: "the page open, the messages of a target live"}
    rows = [[names[watched], *percentiles(got, 1e3, 2)] for watched, got in latencies.items()]
    table = markdown(["block to packets", "p50 ms", "p99 ms", "max ms"], rows)
    return (
        f"One engine on the demo; the page closed and open in turn, {DESK_PAIRS} × {DESK:.0f} s each. "
        f"{engine.lost} samples lost; load {os.getloadavg()[0]:.1f}.\n\n{table}"
    )


@contextmanager
def _launched(driver: Playwright, environment: dict[str, str] | None = None) -> Iterator[Browser]:
    """A browser; with an ``environment`` it is heard there."""
    browser = driver.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        ignore_default_args=["--mute-audio"] if environment else None,
        env=dict(environment) if environment else None,
    )
    yield browser
    browser.close()


def _song_on_the_rig(driver: Playwright) -> list[list[str]]:
    """The song's row, where there is a sound server to hear it by."""
    from tests.rig import Rig, missing  # noqa: PLC0415  the tests' sound server

    if missing():
        return []
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder), RATE)
        rig.up()
        try:
            with _launched(driver, rig.environment) as browser:
                return [song(browser, rig.environment)]
        finally:
            rig.kill()


def _smooth(browser: Browser) -> str:
    """How evenly the stage moves for a minute."""
    with _programs() as origin:
        listening = "() => document.getElementById('info').textContent === ''"
        page = opened(browser, f"{origin}/stage", listening)
        time.sleep(5.0)
        times = np.array(page.evaluate(_FRAMES, SMOOTH))
        page.close()
    steps = np.diff(times)
    rate = 1e3 * steps.size / (times[-1] - times[0])
    late = f"{100 * float(np.mean(steps > 1.5 * FRAME)):.2f} %"
    header = ["frames a second", "a frame p50 ms", "p99 ms", "max ms", "frames that came late", "load"]
    return markdown(header, [[f"{rate:.1f}", *percentiles(steps), late, f"{os.getloadavg()[0]:.1f}"]])


@contextmanager
def _programs() -> Iterator[str]:
    """An engine on the demo and a dashboard, as a user starts them."""
    from tests.served import free_port  # noqa: PLC0415

    port, osc_port = free_port(), free_port()
    values = [f"dashboard.port={port}", f"dashboard.osc_port={osc_port}", "control.enabled=false"]
    settings = [part for value in values for part in ("--set", value)]
    command = [sys.executable, "-m", "streammood.cli", "run", "--input", "demo", "--target", "127.0.0.1:9"]
    with subprocess.Popen([*command, "--dashboard", *settings], stdout=subprocess.DEVNULL) as program:
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            program.terminate()


def _wait(port: int) -> None:
    from tests.served import Served  # noqa: PLC0415

    for _ in range(600):
        try:
            Served(port, 0).ask("GET", "/")
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the dashboard did not start")


def _engine() -> str:
    """The engine alone, and beside all that watches it."""
    from tests.served import free_port  # noqa: PLC0415

    port, osc_port = free_port(), free_port()
    rows = [_latency("alone", osc_port)]
    with _terminal(osc_port) as shown:
        rows.append(_latency("beside the terminal view", osc_port, shown.pid))
    arguments = ["--set", f"dashboard.port={port}", "--set", f"dashboard.osc_port={osc_port}"]
    command = [sys.executable, "-m", "streammood.cli", "dashboard", "--attached", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as dashboard:
        _wait(port)
        rows.append(_latency("beside the dashboard", osc_port, dashboard.pid))
        for name, watchers in (("and three browsers", "3"), ("and three browsers and the stage", "4")):
            with subprocess.Popen(
                [sys.executable, "-m", "benchmarks.dashboard", str(port), watchers],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            ) as watching:
                assert watching.stdout is not None
                watching.stdout.readline()
                rows.append(_latency(name, osc_port, dashboard.pid))
                watching.communicate(b"\n")
        assert dashboard.stdin is not None
        dashboard.stdin.close()
    return markdown(["", "p50 ms", "p99 ms", "max ms", "samples lost", "load", "the view takes of a core"], rows)


@contextmanager
def _terminal(osc_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The view in a terminal, 80 × 24, that somebody reads."""
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "streammood.cli", "monitor", "--host", "127.0.0.1", "--port", str(osc_port)]
    with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True) as shown:
        os.close(inner)
        drawn = threading.Event()
        threading.Thread(target=_read, args=(outer, drawn), daemon=True).start()
        drawn.wait(60.0)
        try:
            yield shown
        finally:
            shown.terminate()


def _read(terminal: int, drawn: threading.Event) -> None:
    with contextlib.suppress(OSError):  # when the program has ended
        while os.read(terminal, 65_536):
            drawn.set()


def _busy(pid: int) -> float:
    """Processor time in s that a process has taken so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _latency(name: str, osc_port: int, view: int | None = None) -> list[str]:
    """A row of the table; ``view`` is the process whose share of a core is told."""
    settings = config.load()
    models = Models.load(settings)
    targets = [TargetSettings(port=9), TargetSettings(port=osc_port, label=True, rate=30.0)]
    source = Paced(render(DEMO, RATE), settings.input.block)
    engine = Engine(
        settings, source, models, Made(lambda now: [OscTarget(t, models.labels, now) for t in targets]), EventLog()
    )
    engine.start()
    time.sleep(3.0)
    began, busy = time.monotonic(), _busy(view) if view else 0.0
    latencies: list[float] = []
    for _ in range(int(BESIDE / 5)):  # the engine keeps the latest dozen seconds
        time.sleep(5.0)
        latencies += engine.latencies[-int(5 * 2.5 * RATE / HOP) :]
    share = f"{100 * (_busy(view) - busy) / (time.monotonic() - began):.1f} %" if view else ""
    engine.stop()
    return [name, *percentiles(latencies, 1e3, 2), str(engine.lost), f"{os.getloadavg()[0]:.1f}", share]


def _watch(port: str, count: int) -> None:
    """In a process of its own: open pages, and keep them open until told to end."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as driver:
        browsers = []
        for i in range(count):  # browsers of their own, as if each were on a screen of its own
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"http://127.0.0.1:{port}/{'stage' if i == 3 else ''}")
            browsers.append(browser)
        print("ready", flush=True)
        sys.stdin.readline()
        for browser in browsers:
            browser.close()


if __name__ == "__main__":
    _watch(sys.argv[1], int(sys.argv[2]))
