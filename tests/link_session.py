"""A Link session of two, run in a network namespace of its own: our sink here, aalink's peer in another thread.

Writes what happened as JSON, for ``test_link.py``.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field

from streammood.config import LinkSettings
from streammood.events import ANALYSIS_RATE, Beat, Event, Tempo
from streammood.outputs.link import LinkFollow, LinkLead, LinkSession


@dataclass
class Collect:
    """A sink that remembers."""

    got: list[tuple[float, Event]] = field(default_factory=list)

    def send(self, event: Event, now: float) -> None:
        self.got.append((now, event))

    def poll(self, now: float) -> float:
        return now + 0.01

    def close(self) -> None:
        pass


def sample_now(now: float) -> float:
    return now * ANALYSIS_RATE


def tracker(now: float, bpm: float, began: float) -> Tempo:
    """A clock whose beat 1, a downbeat, was at ``began``."""
    sample, period = round(sample_now(now)), 60.0 / bpm * ANALYSIS_RATE
    count = int((now - began) * bpm / 60.0) + 1
    anchor = sample_now(began) + (count - 1) * period
    return Tempo(sample, sample, bpm, 0.9, True, anchor, period, count, (count - 1) % 4 + 1, 4, 0.9)


def lead() -> dict[str, object]:
    """We lead at 126 BPM, later at 90: what the other peer has."""
    peer = LinkSession(4)
    ours = LinkLead(LinkSettings(mode="lead"), sample_now)
    told = []
    for bpm in (126.0, 90.0):
        began = time.monotonic()
        while time.monotonic() < began + 2.0:
            ours.send(tracker(time.monotonic(), bpm, began), time.monotonic())
            time.sleep(0.01)
        state = peer.state
        assert state is not None
        phase = ((state.time - began) * bpm / 60.0) % 4
        error = (state.beat - phase + 2.0) % 4 - 2.0
        told.append({"bpm": state.bpm, "error": error * 60.0 / bpm, "peers": state.peers})
    changes = ours.sent
    ours.close()
    peer.close()
    return {"told": told, "changes": changes}


def follow() -> dict[str, object]:
    """The other leads at 100 BPM while the tracker says 126; before and after, we are alone."""
    collect = Collect()
    ours = LinkFollow(LinkSettings(mode="follow"), sample_now, [collect])
    began = time.monotonic()
    count, joined, left = 0, 0.0, 0.0
    peer: LinkSession | None = None
    states = []
    while (now := time.monotonic()) < began + 7.0:
        tempo = tracker(now, 126.0, began)
        ours.send(tempo, now)
        if tempo.count > count:
            count = tempo.count
            ours.send(Beat(round(tempo.anchor), tempo.sample, 126.0, 0.9, True, tempo.number, count, 0.9), now)
        ours.poll(now)
        if peer is None and not joined and now > began + 1.5:
            peer = LinkSession(4, lambda at: (100.0, at * 100.0 / 60.0))
            joined = now
        if peer is not None and peer.state is not None:
            states.append(peer.state)
            if now > began + 5.5:
                peer.close()
                peer, left = None, now
        time.sleep(0.005)
    ours.close()
    beats = [(at, event) for at, event in collect.got if isinstance(event, Beat)]
    inside = [(at, beat) for at, beat in beats if joined + 1.5 < at < left - 0.1]
    errors = [(at * 100.0 / 60.0 + 0.5) % 1.0 - 0.5 for at, _ in inside]
    numbers = [(round(at * 100.0 / 60.0) % 4 + 1, beat.number) for at, beat in inside]
    return {
        "counts": [beat.count for _, beat in beats],
        "before": [beat.bpm for at, beat in beats if at < joined],
        "inside": [beat.bpm for _, beat in inside],
        "after": [beat.bpm for at, beat in beats if at > left + 0.5],
        "errors": [error * 0.6 for error in errors],
        "numbers": numbers,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"lead": lead, "follow": follow}[sys.argv[1]]()))
