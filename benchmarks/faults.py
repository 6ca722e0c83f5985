"""What can go wrong in a night, drawn by chance with a seed, and set going while music is pushed through the engine."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.pushed import Pushed
from streammood.events import F32, Event

PAUSE = (5.0, 40.0)  # s between the end of a fault and the next one
SPELL = (0.5, 12.0)  # s that one lasts


class Refusing:
    """A sink that at times refuses everything."""

    def __init__(self) -> None:
        self.refuses = False

    def send(self, event: Event, now: float) -> None:
        """Take an event, or do not."""
        if self.refuses:
            raise OSError("refused")

    def poll(self, now: float) -> float:
        """Nothing to do, or no way to do it."""
        if self.refuses:
            raise OSError("refused")
        return now + 1.0

    def close(self) -> None:
        """Nothing to let go."""


class Faults:
    """One fault after the other: every kind once, in an order drawn by chance, then all in another.

    Each has a beginning and an end, on the clock of the sound.
    """

    def __init__(self, seed: int, refusing: Refusing, reload: Callable[[], None], until: float) -> None:
        """None begins after ``until``, in s of host time; ``reload`` asks for the configuration anew."""
        self.counts: Counter[str] = Counter()
        self._rng = np.random.default_rng(seed)
        self._refusing = refusing
        self._reload = reload
        self._until = until
        self._next = 0.0
        self._drawn: list[str] = []  # kinds that are still to come before each may come again
        self._end: Callable[[Pushed], None] | None = None
        self._resolve: Any = socket.getaddrinfo
        self._kinds = {
            "input gone": self._gone,
            "samples lost": self._lose,
            "capture times early": self._early,
            "NaN": self._nan,
            "zeros": lambda source: _spoiled(source, np.zeros_like),
            "stuck": lambda source: _spoiled(source, lambda block: np.full_like(block, 0.25)),
            "output refusing": self._refuse,
            "no DNS, reload": self._no_names,
            "reload": self._read_again,
            "wall clock set back": self._set_back,
        }

    @property
    def kinds(self) -> list[str]:
        """Names of all faults that there are."""
        return list(self._kinds)

    def __call__(self, source: Pushed) -> None:
        """To be called before each block."""
        now = source.clock.now
        if self._next == 0.0:
            self._next = now + self._rng.uniform(*PAUSE)
        if now < self._next:
            return
        if self._end is not None:
            self._end(source)
            self._end = None
            self._next = now + self._rng.uniform(*PAUSE)
        elif now < self._until:
            if not self._drawn:
                self._drawn = [str(kind) for kind in self._rng.permutation(list(self._kinds))]
            kind = self._drawn.pop()
            self.counts[kind] += 1
            self._end = self._kinds[kind](source)
            self._next = now + self._rng.uniform(*SPELL)

    def _gone(self, source: Pushed) -> Callable[[Pushed], None]:
        source.gone = True

        def back(source: Pushed) -> None:
            source.gone = False

        return back

    def _lose(self, source: Pushed) -> Callable[[Pushed], None]:
        """Time jumps ahead of the samples: the driver lost some without a word."""
        source.clock.now += 0.5
        return _nothing

    def _early(self, source: Pushed) -> Callable[[Pushed], None]:
        """Capture times jump back, as those of a driver that changes its mind about its latency."""
        source.shift = -0.2

        def mend(source: Pushed) -> None:
            source.shift = 0.0

        return mend

    def _nan(self, source: Pushed) -> Callable[[Pushed], None]:
        def spoil(block: F32) -> F32:
            return np.where(self._rng.random(block.size) < 0.1, np.float32(np.nan), block).astype(np.float32)

        return _spoiled(source, spoil)

    def _refuse(self, source: Pushed) -> Callable[[Pushed], None]:
        self._refusing.refuses = True

        def mend(source: Pushed) -> None:
            self._refusing.refuses = False

        return mend

    def _read_again(self, source: Pushed) -> Callable[[Pushed], None]:
        self._reload()
        return _nothing

    def _no_names(self, source: Pushed) -> Callable[[Pushed], None]:
        """No name resolves, and just then the configuration is read again."""

        def fail(*_: object, **__: object) -> None:
            raise socket.gaierror(-3, "Temporary failure in name resolution")

        def mend(source: Pushed) -> None:
            socket.getaddrinfo = self._resolve

        socket.getaddrinfo = fail  # type: ignore[assignment]
        self._reload()
        return mend

    def _set_back(self, source: Pushed) -> Callable[[Pushed], None]:
        source.clock.wall -= 3600.0
        return _nothing


def _nothing(source: Pushed) -> None:
    """What happened is over at once."""


def _spoiled(source: Pushed, spoil: Callable[[F32], F32]) -> Callable[[Pushed], None]:
    source.spoil = spoil

    def mend(source: Pushed) -> None:
        source.spoil = None

    return mend
