"""Straight to lights, for those without any VJ program: a handful of DMX channels by Art-Net and sACN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streammood.config.outputs import LightsSettings
from streammood.events import Beat, Event, Level, Mood
from streammood.outputs import SampleNow
from streammood.outputs.dmx import Artnet, Sacn, Universe
from streammood.outputs.timing import Timing
from streammood.palette import lamps
from streammood.protocol.signals import BIPOLAR, UNIT, clip
from streammood.protocol.udp import Report, ignore

CHANNELS = ("intensity", "red", "green", "blue", "beat", "downbeat", "arousal", "valence")
"""In this order from the address on; the first four are those of a plain LED lamp."""

_LONG_AGO = float("-inf")


class Lights:
    """Frames at a steady rate; the beat's channel is full on the beat and falls to 0 within the decay.

    Raises:
        ConfigError: a library is not installed.
    """

    name = "lights"

    def __init__(
        self,
        settings: LightsSettings,
        labels: Sequence[str],
        sample_now: SampleNow,
        report: Report = ignore,
        unlocked: bool = False,
    ) -> None:
        """``report`` takes messages for people; ``unlocked``: beats are shown without a lock, too."""
        self.beats = 0
        self._timing = Timing(sample_now, settings.offset / 1e3, unlocked=unlocked)
        self._interval = 1.0 / settings.rate
        self._decay = settings.decay
        self._colours = np.array(lamps(labels, settings.colours))
        self._labels = labels
        self._universes: list[Universe] = []
        if settings.artnet is not None:
            self._universes.append(Artnet(settings.artnet, report))
        if settings.sacn is not None:
            self._universes.append(Sacn(settings.sacn, report))
        self._intensity = self._arousal = self._valence = 0.0
        self._rgb = np.zeros(3)
        self._beat_at = self._downbeat_at = _LONG_AGO
        self._next = 0.0  # host time of the next frame, in s
        self._muted = False

    @property
    def sent(self) -> int:
        """Packets that went out."""
        return sum(universe.wire.sent for universe in self._universes)

    @property
    def failed(self) -> int:
        """Packets that the system would not send."""
        return sum(universe.wire.failed for universe in self._universes)

    @property
    def offset(self) -> float:
        """ms by which everything is late; negative: beats are early. Any thread may set it."""
        return 1e3 * self._timing.offset

    @offset.setter
    def offset(self, milliseconds: float) -> None:
        self._timing.offset = milliseconds / 1e3

    @property
    def muted(self) -> bool:
        """True while no frames are sent; lights keep or lose their last one, as they are made."""
        return self._muted

    @muted.setter
    def muted(self, muted: bool) -> None:
        self._muted = muted

    def panic(self) -> None:
        """Let the beat's channels fall to 0 with the next frame."""
        self._beat_at = self._downbeat_at = _LONG_AGO

    def send(self, event: Event, now: float) -> None:
        """Store the values of ``event`` for the next frame; a beat has a frame of its own."""
        for own in self._timing.push(event, now):
            self._take(own, now)

    def poll(self, now: float) -> float:
        """Send a frame if one is due."""
        for event in self._timing.due(now):
            self._take(event, now)
        if self._next <= now:
            self._next = now + self._interval
            if not self._muted:
                frame = self._frame(now)
                for universe in self._universes:
                    universe.send(frame)
        return min(self._next, self._timing.next_at(now))

    def close(self) -> None:
        """Go dark, and announce the end of the stream."""
        for universe in self._universes:
            universe.send(bytes(len(CHANNELS)))
            universe.close()

    def _take(self, event: Event, now: float) -> None:
        match event:
            case Beat():
                self.beats += 1
                self._beat_at = self._next = now
                if event.number == 1:
                    self._downbeat_at = now
            case Level():
                self._intensity = clip(event.rms, UNIT)
            case Mood():
                self._arousal, self._valence = clip(event.arousal, BIPOLAR), clip(event.valence, BIPOLAR)
                likely = np.array([clip(event.probabilities.get(label, 0.0), UNIT) for label in self._labels])
                self._rgb = np.clip(likely @ self._colours, 0.0, 255.0)

    def _frame(self, now: float) -> bytes:
        flash = [clip(1.0 - (now - at) / self._decay, UNIT) for at in (self._beat_at, self._downbeat_at)]
        middle = [0.5 + 0.5 * self._arousal, 0.5 + 0.5 * self._valence]
        shares = [self._intensity, *(self._rgb / 255.0), *flash, *middle]
        return bytes(round(255.0 * float(share)) for share in shares)
