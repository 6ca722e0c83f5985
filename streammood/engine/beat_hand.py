"""The operator's hand on the beats."""

from __future__ import annotations

from streammood.analysis.analyzer import Analyzer
from streammood.errors import ControlError
from streammood.events import ANALYSIS_RATE
from streammood.protocol.commands import BeatCommand, BpmMax, BpmMin, Double, Downbeat, Half, Nudge, SetBpm, Tap, Value


class BeatHand:
    """Carries out what is told about beats; all raise a StreammoodError where it cannot be."""

    def __init__(self, analyzer: Analyzer, bpm_min: float, bpm_max: float) -> None:
        self._analyzer = analyzer
        self._bounds = bpm_min, bpm_max
        self._nudged = 0.0  # ms

    def obey(self, command: BeatCommand, sample: float | None) -> tuple[Value, ...]:
        """Do it; ``sample`` is when it was told, None before any sound. Returns what holds now."""
        match command:
            case Tap() | Downbeat():
                self._mark(command, sample)
            case Double():
                self._analyzer.double()
            case Half():
                self._analyzer.half()
            case SetBpm(bpm):
                self._analyzer.set_bpm(bpm)
                return (bpm,)
            case BpmMin() | BpmMax():
                return (self._bound(command),)
            case Nudge(ms):
                self._analyzer.nudge(ms * ANALYSIS_RATE / 1e3)
                self._nudged += ms
                return (self._nudged,)
        return ()

    def bound(self, bpm_min: float, bpm_max: float) -> None:
        """Keep the tempo within these."""
        self._analyzer.bounds(bpm_min, bpm_max)
        self._bounds = bpm_min, bpm_max

    def _mark(self, command: Tap | Downbeat, sample: float | None) -> None:
        if sample is None:
            raise ControlError("nothing has been heard yet")
        if isinstance(command, Tap):
            self._analyzer.tap(sample)
        else:
            self._analyzer.downbeat(sample)

    def _bound(self, command: BpmMin | BpmMax) -> float:
        low, high = self._bounds
        self.bound(*((command.bpm, high) if isinstance(command, BpmMin) else (low, command.bpm)))
        return command.bpm
