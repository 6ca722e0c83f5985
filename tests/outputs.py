"""Outputs that a test makes itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streammood.config import OscSettings, Settings
from streammood.outputs import SampleNow, Sink
from streammood.outputs.build import Outputs
from streammood.protocol.udp import Report, ignore

NOBODY = Settings(osc=OscSettings(targets=()))


class Made(Outputs):
    """What ``make`` makes, beside the outputs of ``settings``; for the rest see ``Outputs``."""

    def __init__(
        self,
        make: Callable[[SampleNow], Sequence[Sink]],
        settings: Settings = NOBODY,
        labels: Sequence[str] = (),
        read: Callable[[], Settings] | None = None,
    ) -> None:
        super().__init__(settings, labels, read)
        self._make = make

    def build(self, sample_now: SampleNow, report: Report = ignore) -> list[Sink]:
        """One sink for each target and each other output, and what ``make`` makes."""
        return [*super().build(sample_now, report), *self._make(sample_now)]
