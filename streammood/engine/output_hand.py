"""The operator's hand on the outputs."""

from __future__ import annotations

from streammood.engine.scheduler import Firing
from streammood.errors import ControlError
from streammood.outputs import Output, Sink
from streammood.outputs.details import DetailedReport
from streammood.outputs.osc_target import OscTarget
from streammood.protocol.commands import Mute, Offset, OutputCommand, Panic, Target, Value


class OutputHand:
    """Carries out what is told about outputs, and carries it over to others that take their place."""

    def __init__(self, firing: Firing) -> None:
        self._firing = firing

    @property
    def muted(self) -> tuple[str, ...]:
        """Names of those that send nothing."""
        return tuple(output.name for output in self._firing.outputs if output.muted)

    def obey(self, command: OutputCommand) -> tuple[Value, ...]:
        """Do it; returns what holds now.

        Raises:
            ControlError: there is no such output.
        """
        values: tuple[Value, ...] = ()
        match command:
            case Offset(target, ms):
                output = self._find(target)
                output.offset = ms
                values = output.name, ms
            case Mute(target, on):
                output = self._find(target)
                output.muted = on
                values = output.name, int(on)
            case Panic():
                for output in self._firing.outputs:
                    output.panic()
        self._firing.wake()
        return values

    def replace(self, targets: list[Sink]) -> None:
        """Serve these in place of the OSC targets; one that has the name of a muted one is muted too."""
        muted = self.muted
        for sink in targets:
            if isinstance(sink, Output):
                sink.muted = sink.name in muted
        others = [sink for sink in self._firing.served if not isinstance(sink, OscTarget | DetailedReport)]
        self._firing.replace(targets + others)

    def _find(self, target: Target) -> Output:
        outputs = self._firing.outputs
        for number, output in enumerate(outputs, 1):
            if target in (output.name, number, str(number)):
                return output
        known = ", ".join(f"{number} {output.name}" for number, output in enumerate(outputs, 1))
        raise ControlError(f"no target `{str(target)[:40]}`; there are {known or 'none'}")
