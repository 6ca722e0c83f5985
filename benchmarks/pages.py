"""What is measured inside a page: how soon it follows a packet, and when it shows a beat."""

from __future__ import annotations

import random
import tempfile
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
BEATS = 40  # on the stage
RATE = 44_100
FRAME = 1e3 / 60  # ms; what is painted in one frame is seen in the next
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
_LISTEN = """() => {
  window.clicks = [];
  const audio = document.getElementById("audio");
  const context = new AudioContext();
  const ear = context.createScriptProcessor(256, 2, 2);
  let quiet = 0;
  ear.onaudioprocess = (event) => {
    const samples = event.inputBuffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) {
      if (Math.abs(samples[i]) < 0.05) { quiet++; continue; }
      if (quiet > 4000) {
        const { contextTime, performanceTime } = context.getOutputTimestamp();
        const at = event.playbackTime - event.inputBuffer.duration + i / context.sampleRate;
        window.clicks.push(performance.timeOrigin + performanceTime + 1000 * (at - contextTime));
      }
      quiet = 0;
    }
  };
  context.createMediaElementSource(audio).connect(ear).connect(context.destination);
}"""


def _row(name: str, delays: list[float]) -> list[str]:
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
            yield _row("packet → number" if name == "bpm" else "packet → lamp, without prediction", delays)
        page.close()


def on_the_beat(browser: Browser) -> list[str]:
    """Frames of the stage against a beat that is known exactly."""
    from tests.pretended import PretendedEngine  # noqa: PLC0415
    from tests.served import Dashboard, free_port  # noqa: PLC0415

    port = free_port()
    with PretendedEngine(port) as engine, Dashboard(osc_port=port) as served:
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
    return _row("beat sounds → stage shows it", errors)


def song(browser: Browser) -> Iterator[list[str]]:
    """A song of clicks: when the page's own sound clicks, against when the stage of the song strikes."""
    from tests.served import Dashboard  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, Dashboard() as served:
        path = Path(folder) / "clicks.wav"
        soundfile.write(path, _clicks(), RATE)
        page = opened(browser, f"{served.origin}/#songs", "() => document.getElementById('files')")
        page.set_input_files("#files", path)
        page.wait_for_selector("#player:not([hidden])", timeout=120_000)
        page.evaluate(_LISTEN)
        page.evaluate(_STRIKES, "song-stage")
        page.click("#play")
        page.wait_for_function("() => document.getElementById('audio').ended", timeout=120_000)
        clicks, strikes = np.array(page.evaluate("() => window.clicks")), page.evaluate("() => window.strikes")
        page.close()
    if len(clicks) < 10 or not strikes:
        yield _row("song: beat sounds → stage shows it", [])
        return
    # Clicks come every half second from 0.5 s: where the song's time 0 lies on the wall clock, by what was heard.
    counts = np.round((clicks - clicks[0]) / 500.0)
    zero = float(np.median(clicks - 500.0 * counts)) - 500.0
    yield _row(
        "song: beat sounds → stage shows it",
        [strike["wall"] + FRAME - (zero + 1e3 * strike["time"]) for strike in strikes],
    )


def _clicks() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Thirty seconds of strokes at 120 BPM."""
    sound = np.zeros(30 * RATE, dtype=np.float32)
    stroke = np.random.default_rng(0).standard_normal(RATE // 20) * np.exp(-np.arange(RATE // 20) / (RATE / 100))
    for at in range(RATE // 2, sound.size - RATE, RATE // 2):
        sound[at : at + stroke.size] += (0.25 * stroke / np.abs(stroke).max()).astype(np.float32) * 2
    return sound
