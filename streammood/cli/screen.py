"""The output of `run`, in a thread of its own, so that a terminal that is paused or gone delays nothing else."""

from __future__ import annotations

import threading
import time
from collections import deque

from rich.console import Console
from rich.live import Live

from streammood.cli import terminal
from streammood.cli.status_line import status_line
from streammood.engine.live import Engine
from streammood.lasting import LastResort
from streammood.protocol.commands import COMMANDS, Answer

_REDRAW = 0.1  # s
_PLAIN_INTERVAL = 2.0  # s between status lines where the output is no terminal
_LAST_WORDS = 2.0  # s that the output may take at the end
_PAUSE = 0.5  # s after a failure
_WAITING = 100  # lines stored for a terminal that stands still
_ECHO_INTERVAL = 0.3  # s between echoes of one command: a fader sends sixty a second


def taps_in_words(answer: Answer) -> str:
    """The answer to a tap: how many there are in a row, and the tempo that they hold."""
    count, *bpm = answer.values
    return f"tap {count}" + "".join(f": {tempo:.1f} BPM, held until auto" for tempo in bpm if isinstance(tempo, float))


class Echo:
    """The answers to commands, for people; from any thread."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_WAITING)
        self._latest: dict[str, str] = {}  # by command, the latest answer to OSC that was not shown yet
        self._shown_at: dict[str, float] = {}

    def add(self, line: str) -> None:
        """Add ``line``."""
        self._lines.append(line)

    def key(self, answer: Answer) -> None:
        """Add the answer to a key."""
        if not answer.done:
            self._lines.append(str(answer.values[0]))
        elif answer.name == "hold":
            self._lines.append("the mood is held" if answer.values[0] else "the mood is free")
        else:
            self._lines.append(COMMANDS[answer.name].title if answer.name != "tap" else taps_in_words(answer))
            self._lines += [value for value in answer.values if isinstance(value, str)]

    def osc(self, answer: Answer) -> None:
        """Add the answer to a command that came over OSC, obeyed or not; of many in a row the latest."""
        values = " ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in answer.values)
        words = f"{answer.name} {values}".rstrip() if answer.done else f"{answer.name} refused: {values}"
        self._latest[answer.name] = f"OSC: {words}"

    def take(self, now: float) -> list[str]:
        """What there is to show at host time ``now`` in s."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        for name in list(self._latest):
            if now - self._shown_at.get(name, -_ECHO_INTERVAL) >= _ECHO_INTERVAL:
                self._shown_at[name] = now
                lines.append(self._latest.pop(name))
        return lines


class Screen:
    """Shows status, notes and echoes until ``finish``; what fails is a note, and the show goes on."""

    def __init__(self, out: Console, engine: Engine, echo: Echo) -> None:
        self._out = out
        self._engine = engine
        self._echo = echo
        self._resort = LastResort("the status line", engine.report, _PAUSE)
        self._live: Live | None = None
        self._plain_at = 0.0
        self._finished = threading.Event()
        self._last = ""
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    def start(self) -> None:
        """Begin to show."""
        self._thread.start()

    def finish(self, last: str) -> None:
        """Show the notes that are left and the line ``last``, for as long as the output may take."""
        self._last = last
        self._finished.set()
        if self._thread.ident is None:
            self._thread.start()
        self._thread.join(_LAST_WORDS)

    def _run(self) -> None:
        while not self._finished.wait(_REDRAW):
            with self._resort:
                self._draw()
        with self._resort:
            if self._live is not None:
                self._live.stop()
        with self._resort:
            self._report()
            terminal.print_line(self._out, self._last)

    def _report(self) -> None:
        terminal.print_notes(self._out, self._engine)
        terminal.print_lines(self._out, self._echo.take(time.monotonic()))

    def _draw(self) -> None:
        self._report()
        engine = self._engine
        line = status_line(engine.now, engine.sample, engine.lost, self._out.width)
        if self._out.is_terminal:
            if self._live is None:
                self._live = Live(console=self._out, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(line, refresh=True)
        elif time.monotonic() >= self._plain_at:
            self._plain_at = time.monotonic() + _PLAIN_INTERVAL
            self._out.print(terminal.clock(engine.sample), line)
