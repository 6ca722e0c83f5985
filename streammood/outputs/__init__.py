"""Where events go, interchangeable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from streammood.events import Event, TargetState

SampleNow: TypeAlias = Callable[[float], float]
"""The sample on the stream clock that is captured at a host time in s."""


class Sink(Protocol):
    """Takes events at the time at which they fire. Nothing here may block."""

    def send(self, event: Event, now: float) -> None:
        """Take one event at host time ``now``, in s."""
        ...

    def poll(self, now: float) -> float:
        """Send what is due by ``now`` (releases, repeats); returns the time of the next call, in s."""
        ...

    def close(self) -> None:
        """Release every trigger, and close."""
        ...


@runtime_checkable
class Group(Sink, Protocol):
    """A sink that hands events on to others."""

    sinks: Sequence[Sink]


@runtime_checkable
class Output(Sink, Protocol):
    """A sink with a name, which an operator may correct while it runs, from any thread."""

    name: str
    beats: int  # that were sent
    offset: float  # ms; negative: early
    muted: bool

    @property
    def sent(self) -> int:
        """Messages that went out."""
        ...

    @property
    def failed(self) -> int:
        """Messages that the system would not send."""
        ...

    def panic(self) -> None:
        """Bring every trigger back to rest, now."""
        ...


@runtime_checkable
class Monitored(Protocol):
    """An output that knows what it has just sent."""

    def recent(self, now: float) -> Iterator[str]:
        """The latest message on each address, newest first: s since then by ``now``, how many there were, itself."""
        ...


def state_of(output: Output) -> TargetState:
    """How ``output`` is doing."""
    last, error = (str(getattr(output, name, ""))[:100] for name in ("last", "error"))
    return TargetState(output.name, output.sent, output.failed, output.offset, output.muted, last, error)
