"""From settings to outputs: all of them at the start, and the OSC targets anew when the settings were read again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from streammood.config import Settings, TargetSettings
from streammood.errors import ConfigError, ControlError
from streammood.outputs import SampleNow, Sink
from streammood.outputs.details import DetailedReport
from streammood.outputs.lights import Lights
from streammood.outputs.link import LinkFollow, LinkLead
from streammood.outputs.midi import MidiClock, open_port
from streammood.outputs.osc_target import OscTarget
from streammood.protocol.udp import Report, comes_back, ignore

_TARGETS = "osc."
INPUT = ("input.device", "input.host_api", "input.channels")
"""Settings that choose another input."""
_LIVE = ("beat.bpm_min", "beat.bpm_max", "input.gain", *INPUT, _TARGETS)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Settings as they were read again, with new OSC targets where those have changed."""

    settings: Settings
    changed: tuple[str, ...]  # paths of settings that take effect now
    restart: tuple[str, ...]  # paths of those that do when the program is started again
    targets: list[Sink] | None = None

    def close(self) -> None:
        """Close the new targets, where they are not taken after all."""
        for sink in self.targets or ():
            sink.close()

    def __str__(self) -> str:
        parts = [f"changed: {', '.join(self.changed)}"] if self.changed else []
        parts += [f"after a restart: {', '.join(self.restart)}"] if self.restart else []
        return "; ".join(parts) or "nothing has changed"


class Outputs:
    """Makes the outputs that settings ask for, once the stream clock is there."""

    def __init__(
        self,
        settings: Settings,
        labels: Sequence[str],
        read: Callable[[], Settings] | None = None,
        views: Sequence[TargetSettings] = (),
    ) -> None:
        """``labels`` are the model's; ``read`` reads the settings again, where they come from a file.

        ``views`` are targets beside those of the settings: the screens that this program has started.
        """
        self._settings = settings
        self._labels = labels
        self._read = read
        self._views = views

    def build(self, sample_now: SampleNow, report: Report = ignore) -> list[Sink]:
        """One sink for each target and each other output; ``report`` takes messages for people.

        Raises:
            ConfigError: a target is this program's own control port, a map asks for a mood that the model does not
                know, or what an output needs is not installed.
            SinkError: an output cannot be opened.
        """
        settings = self._settings
        with _closed_if_one_fails() as sinks:
            sinks.extend(self._targets(settings, sample_now, report))
            if settings.lights.artnet is not None or settings.lights.sacn is not None:
                sinks.append(Lights(settings.lights, self._labels, sample_now, report, settings.beat.unlocked))
            if settings.midi.port is not None or settings.midi.virtual:
                sinks.append(MidiClock(settings.midi, sample_now, open_port(settings.midi), report))
            if settings.link.mode == "lead":
                sinks.append(LinkLead(settings.link, sample_now, report))
            return [LinkFollow(settings.link, sample_now, sinks, report)] if settings.link.mode == "follow" else sinks

    def rebuild(self, old: Settings, sample_now: SampleNow, report: Report = ignore) -> Rebuilt:
        """Read the settings again, compare them with ``old``, and make new OSC targets if those have changed.

        Raises:
            ControlError: the settings do not come from a file.
            StreammoodError: they are not right; see ``build``.
        """
        if self._read is None:
            raise ControlError("these settings do not come from a file")
        new = self._read()
        before, after = dict(_leaves(old)), dict(_leaves(new))
        paths = [path for path in after if path not in before or before[path] != after[path]]
        changed = tuple(path for path in paths if path.startswith(_LIVE))
        restart = tuple(path for path in paths if not path.startswith(_LIVE))
        renewed = any(path.startswith(_TARGETS) for path in changed)
        targets = self._targets(new, sample_now, report) if renewed else None
        return Rebuilt(new, changed, restart, targets)

    def _targets(self, settings: Settings, sample_now: SampleNow, report: Report) -> list[Sink]:
        own = settings.osc.targets
        taken = {(target.host, target.port) for target in own}
        targets = [*own, *(view for view in self._views if (view.host, view.port) not in taken)]
        for target in targets:
            refuse_own_control_port(target, settings)
        with _closed_if_one_fails() as sinks:
            for target in targets:
                sinks.append(OscTarget(target, self._labels, sample_now, report, settings.beat.unlocked))
            for target in targets:
                if target.details:
                    sinks.append(DetailedReport(target))
            return sinks


@contextlib.contextmanager
def _closed_if_one_fails() -> Iterator[list[Sink]]:
    """A list of sinks; where the next one cannot be made, those that are in it are closed."""
    sinks: list[Sink] = []
    try:
        yield sinks
    except BaseException:
        for sink in sinks:
            sink.close()
        raise


def refuse_own_control_port(target: TargetSettings, settings: Settings) -> None:
    """Refuse a target at the program's own control port, or it would command itself.

    Raises:
        ConfigError: packets for ``target`` come to the control port.
    """
    control = settings.control
    if control.enabled and target.port == control.port and comes_back(target.host):
        raise ConfigError(
            f"target {target.title}: packets to {target.place} come to this program's own control port; "
            "give the target another port, or set control.port to another"
        )


def is_target(sink: Sink) -> bool:
    """Whether ``sink`` belongs to an OSC target, and is replaced when these are made anew."""
    return isinstance(sink, OscTarget | DetailedReport)


def _leaves(settings: BaseModel, path: str = "") -> Iterator[tuple[str, object]]:
    """Path and value of every setting; lists count as one."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
