"""Where sound comes from: a device, a file or the synthesiser, interchangeable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias, runtime_checkable

from streammood.events import F32

Deliver: TypeAlias = Callable[[F32, float, float], None]
"""Takes a block (n,), the host time at which its last sample was captured, and that of its arrival, in s."""


class Source(Protocol):
    """Delivers blocks in real time, from a thread of its own."""

    name: str
    sample_rate: int
    overflows: int  # times the driver said that it had lost samples
    failure: str  # the latest error of its thread; empty without one

    def start(self, deliver: Deliver) -> None:
        """Begin to deliver; may be called again after ``stop``.

        Raises:
            SourceError: the input cannot be opened.
        """
        ...

    def stop(self) -> None:
        """Stop delivering; never fails."""
        ...

    @property
    def advice(self) -> str:
        """Warnings about its channels, for people; empty where there are none."""
        ...

    @property
    def active(self) -> bool:
        """False once the input has ended or gone."""
        ...

    @property
    def ends(self) -> bool:
        """True for an input that comes to an end by itself; False for one that can only go away."""
        ...


@runtime_checkable
class Multichannel(Protocol):
    """A source that has more than the one channel that it delivers."""

    frames: F32
    """The block that is being delivered, before it was mixed, (n, channels); valid until the delivery has returned."""


@runtime_checkable
class Playable(Protocol):
    """A source that can be heard on the default output."""

    @property
    def heard(self) -> bool:
        """Whether it is heard now."""
        ...

    def hear(self, on: bool) -> None:
        """Have it heard from now on, or not; may take as long as the driver does.

        Raises:
            SourceError: there is no output, or it refuses.
        """
        ...


class Reader(Protocol):
    """Sound that can be read as fast as wanted."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        ...

    @property
    def duration(self) -> float | None:
        """In s; None if it never ends."""
        ...

    def blocks(self, size: int) -> Iterator[F32]:
        """Yield blocks (size,) of one channel; the last may be shorter."""
        ...
