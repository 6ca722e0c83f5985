"""The rehearsal sent to the targets of settings where no engine runs: for who sets a receiver up."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from streammood.config import Settings
from streammood.engine.rehearsal import rehearsal
from streammood.engine.scheduler import Firing
from streammood.events import ANALYSIS_RATE
from streammood.outputs.build import Outputs

LABELS = ("happy", "aggressive", "calm", "sad")


def send_trial(settings: Settings, seconds: float, stopped: threading.Event, labels: Sequence[str] = LABELS) -> None:
    """Send a bar of beats, a sweep of the levels and every mood to all targets; returns after ``seconds``.

    Raises:
        StreammoodError: an output cannot be made.
    """
    began = time.monotonic()
    firing = Firing(Outputs(settings, labels).build(lambda now: (now - began) * ANALYSIS_RATE))
    firing.start()
    try:
        for output in firing.outputs:
            firing.rehearse(output, rehearsal(0.0, labels))
        stopped.wait(seconds)
    finally:
        firing.stop()
