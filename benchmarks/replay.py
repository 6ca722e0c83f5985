"""A night fired again: how far from its time in the log each beat and onset reaches a receiver (kernel time stamps)."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.table import markdown, percentiles
from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.config import MapEntry, OscSettings, Settings, TargetSettings
from streammood.demo.synth import render, steady
from streammood.engine import replay
from streammood.engine.replay import Replay
from streammood.events import ANALYSIS_RATE
from streammood.log import rows
from streammood.models import Models
from streammood.outputs.build import Outputs

SECONDS = 20.0
PAIRS = 3
_TIMESTAMPS = 35  # SO_TIMESTAMPNS of Linux


def report() -> str:
    """The table: waking up as a sleeping thread does, and as it is now, in turn."""
    night = _night()
    wanted = [row["time"] for row in night if row["event"] in {"beat", "onset"}]
    before, now = [], []
    for _ in range(PAIRS):
        before += _errors(night, wanted, awake=0.0, ahead=False)
        now += _errors(night, wanted, awake=replay._AWAKE, ahead=True)
    table = markdown(
        ["from the log's time, ms", "p50", "p99", "max", "events"],
        [
            ["a thread that sleeps", *percentiles(before, 1e3, 2), str(len(before))],
            ["as it is", *percentiles(now, 1e3, 2), str(len(now))],
        ],
    )
    return (
        f"{SECONDS:.0f} s of the demo's events, {PAIRS} times each in turn, to a port of this machine; the kernel says "
        f"when each packet came. Wanted: within 2 ms.\n\n{table}"
    )


def _night() -> list[dict[str, Any]]:
    settings = config.load()
    chain = AnalysisChain(settings, ANALYSIS_RATE, Models.load(settings))
    events = chain.push(render(steady("aggressive", 128.0, SECONDS), ANALYSIS_RATE).sound)
    return [rows.header("demo", ANALYSIS_RATE), *filter(None, map(rows.line, events))]


def _errors(night: list[dict[str, Any]], wanted: Sequence[float], awake: float, ahead: bool) -> list[float]:
    """How far from their times beats and onsets come, in s, one for each."""
    replay_awake, replay._AWAKE = replay._AWAKE, awake
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        receiver.bind(("127.0.0.1", 0))
        lines = tuple(MapEntry(source=name, to="/hit") for name in ("beat", "onset"))
        target = TargetSettings(port=receiver.getsockname()[1], defaults=False, map=lines, hold=0.005)
        made = Replay(Outputs(Settings(osc=OscSettings(targets=(target,))), ("happy",)), ahead=ahead)
        made.run(night, threading.Event())
        offset = time.time() - time.monotonic()
        receiver.settimeout(0.2)
        came = []
        while True:
            try:
                packet, extra, _, _ = receiver.recvmsg(2048, 128)
            except TimeoutError:
                break
            if packet.startswith(b"/hit") and packet[-4:] == b"\0\0\0\1":
                whole, part = struct.unpack("qq", extra[0][2])
                came.append(whole + part / 1e9 - offset - made._began)
    replay._AWAKE = replay_awake
    due = sorted(wanted)
    return [min(abs(at - time_) for time_ in due) for at in came]
