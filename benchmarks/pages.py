"""What is measured inside a page: how soon it follows a packet, and when it shows a beat."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from benchmarks.table import percentiles

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHANGES = 60  # of a number, and of a lamp
BEATS = 60  # on the stage
BPM = 127.0  # so that beats fall everywhere between two frames
RATE = 44_100
CLICK = 500.0  # ms from stroke to stroke of the song
STROKES = 59
FRAME = 1e3 / 60  # ms; what is painted in one frame is seen in the next
_IN_STEP = "song: beat sounds → stage shows it"
HEADER = ["", "p50 ms", "p99 ms", "max ms", "how many"]
_WATCH = """([id, attribute]) => {
  window.seen = [];
  const note = () => window.seen.push(performance.timeOrigin + performance.now());
  const lit = (change) => !attribute || change.target.hasAttribute(attribute);
  new MutationObserver((changes) => changes.some(lit) && note()).observe(document.getElementById(id), {
    subtree: true, childList: !attribute, characterData: !attribute,
    attributeFilter: attribute ? [attribute] : undefined,
  });
}"""
_STRIKES = """(id) => {
  window.strikes = [];
  document.getElementById(id).addEventListener("beat", (event) => {
    window.strikes.push({ ...event.detail, wall: performance.timeOrigin + document.timeline.currentTime });
  });
}"""


def row(name: str, delays: list[float]) -> list[str]:
    return [name, *(percentiles(delays) if delays else ["–"] * 3), str(len(delays))]


def opened(browser: Browser, address: str, until: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(address)
    page.wait_for_function(until)
    return page


def follow(browser: Browser) -> Iterator[list[str]]:
    """From a packet to the change: of a number, and of a lamp that has no prediction to go by."""
    from tests.served import Dashboard  # noqa: PLC0415  the tests' server, which needs an extra

    with Dashboard() as served:
        page = opened(browser, served.origin, "() => document.getElementById('state').dataset.state === 'waiting'")
        served.send("status/alive", 1)
        for name, watched in (("bpm", ["bpm", ""]), ("beat", ["lamps", "data-lit"])):
            page.evaluate(_WATCH, watched)
            sent = []
            for i in range(CHANGES):
                time.sleep(0.25 + 0.1 * random.random())
                sent.append(1e3 * time.time())
                served.send(name, 100.0 + i if name == "bpm" else 1)
            time.sleep(1.0)
            seen = np.array(page.evaluate("() => window.seen"))
            delays = [float(seen[seen > at][0] - at) for at in sent if (seen > at).any()]
            yield row("packet → number" if name == "bpm" else "packet → lamp, without prediction", delays)
        page.close()


def on_the_beat(browser: Browser) -> list[str]:
    """Frames of the stage against a beat that is known exactly."""
    from tests.pretended import PretendedEngine  # noqa: PLC0415
    from tests.served import Dashboard, free_port  # noqa: PLC0415

    port = free_port()
    with PretendedEngine(port, BPM) as engine, Dashboard(osc_port=port) as served:
        page = opened(browser, f"{served.origin}/stage", "() => document.getElementById('info').textContent === ''")
        time.sleep(2.0)
        page.evaluate(_STRIKES, "stage")
        time.sleep(BEATS * 60.0 / engine.bpm)
        wall = time.time() - time.monotonic()
        strikes = page.evaluate("() => window.strikes")
        page.close()
    period = 60.0 / engine.bpm
    errors = []
    for strike in strikes:
        seen = (strike["wall"] + FRAME) / 1e3 - wall
        errors.append(1e3 * (seen - engine.beat(round((seen - engine.began) / period))))
    return row("beat sounds → stage shows it", errors)


def song(browser: Browser, environment: dict[str, str]) -> list[str]:
    """A song of clicks: when the sound server hears the page's click, against when its stage strikes.

    The browser plays into the private sound server of the tests, whose monitor is recorded here.
    """
    from tests.served import Dashboard  # noqa: PLC0415  the tests' server, which needs an extra

    with tempfile.TemporaryDirectory() as folder, Dashboard() as served, _Ear(environment) as ear:
        path = Path(folder) / "clicks.wav"
        soundfile.write(path, _clicks(), RATE)
        page = opened(browser, f"{served.origin}/#songs", "() => document.getElementById('files')")
        page.set_input_files("#files", path)
        page.wait_for_selector("#player:not([hidden])", timeout=120_000)
        page.evaluate(_STRIKES, "song-stage")
        page.click("#play")
        page.wait_for_function("() => document.getElementById('audio').ended", timeout=120_000)
        strikes = page.evaluate("() => window.strikes")
        page.close()
        clicks = np.array(ear.clicks)
    if len(clicks) < 10 or not strikes:
        return row(_IN_STEP, [])
    errors = []
    for strike in strikes:
        stroke = round(1e3 * strike["time"] / CLICK)
        if stroke > STROKES:  # the tracker counts on, but there is nothing to hear
            continue
        off = 1e3 * strike["time"] - CLICK * stroke  # the tracker's own error
        seen = strike["wall"] + FRAME - off
        errors.append(float(seen - clicks[np.abs(clicks - seen).argmin()]))
    return row(_IN_STEP, errors)


class _Ear:
    """Hears strokes after silence on the monitor of a sound server, and notes the wall clock in ms."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.clicks: list[float] = []
        command = ["parec", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=5"]
        self._recorder = subprocess.Popen([*command, "-d", "rig.monitor"], stdout=subprocess.PIPE, env=environment)
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> _Ear:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._recorder.terminate()
        self._thread.join()

    def _listen(self) -> None:
        assert self._recorder.stdout is not None
        quiet = 0
        descriptor = self._recorder.stdout.fileno()
        while data := os.read(descriptor, 8192):
            now = 1e3 * time.time()
            samples = np.abs(np.frombuffer(data[: len(data) // 2 * 2], dtype=np.int16).astype(np.int32))
            loud = np.flatnonzero(samples > 1000)
            if loud.size and quiet + loud[0] > RATE // 10:
                self.clicks.append(now - 1e3 * (samples.size - int(loud[0])) / RATE)
            quiet = samples.size - 1 - int(loud[-1]) if loud.size else quiet + samples.size


def _clicks() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Strokes at 120 BPM."""
    period = round(CLICK * RATE / 1e3)
    sound = np.zeros((STROKES + 1) * period, dtype=np.float32)
    stroke = np.random.default_rng(0).standard_normal(RATE // 20) * np.exp(-np.arange(RATE // 20) / (RATE / 100))
    for at in range(period, sound.size, period):
        sound[at : at + stroke.size] += (0.25 * stroke / np.abs(stroke).max()).astype(np.float32) * 2
    return sound
