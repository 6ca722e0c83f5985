"""Keys through a pseudo-terminal: what they do to a real `streammood run`, and that the terminal is put back."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.waiting import wait_for

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

import fcntl
import pty
import struct
import termios

RUN = ["-m", "streammood.cli", "run", "--input", "demo", "--target", "127.0.0.1:9"]
RUN += ["--set", "control.port=0", "--set", "beat.bpm_min=50"]
RAISING = """
import sys
from streammood.cli.keys import Keys
with Keys(lambda key, at: print("got", key, flush=True)) as keys:
    print("there" if keys.there else "nobody", flush=True)
    sys.stdin.isatty() and keys._thread.join(3.0)
    raise SystemExit("oh")
"""
BACKGROUND = "sys.exit(subprocess.run([sys.executable, '-c', sys.argv[1]], process_group=0).returncode)"


class Screen:
    """A terminal with a program in it."""

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.text = ""
        self.before = self.mode
        self.program: subprocess.Popen[bytes] | None = None

    @property
    def mode(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._theirs)

    @mode.setter
    def mode(self, mode: list[Any]) -> None:
        termios.tcsetattr(self._theirs, termios.TCSANOW, mode)

    def start(self, *command: str) -> None:
        def own() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        end = self._theirs
        environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "200"}
        self.program = subprocess.Popen(
            [sys.executable, *command], stdin=end, stdout=end, stderr=end, env=environment,
            start_new_session=True, preexec_fn=own,  # noqa: PLW1509  one system call, no lock
        )  # fmt: skip

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def shows(self, pattern: str, seconds: float = 20.0) -> bool:
        """Whether ``pattern`` comes in what is written from now on."""
        self.text = ""

        def found() -> object:
            while select.select([self._ours], [], [], 0.0)[0]:
                try:
                    self.text += os.read(self._ours, 65_536).decode(errors="replace")
                except OSError:  # the program has gone, and the terminal with it
                    break
            return re.search(pattern, re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self.text))

        return wait_for(found, seconds)

    def ended(self) -> int:
        """The exit status."""
        assert self.program is not None
        wait_for(lambda: self.shows("no such text", 0.05) or (self.program and self.program.poll() is not None), 20)
        return self.program.wait(1)

    def close(self) -> None:
        if self.program is not None and self.program.poll() is None:
            self.program.kill()
            self.program.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.close()


def test_keys_of_a_running_show(screen: Screen) -> None:
    screen.start(*RUN)
    assert screen.shows(r"\? for keys, q or Ctrl-C to stop", 60), screen.text
    assert screen.mode != screen.before
    assert screen.shows(r"\d\d\.\d BPM")
    for key, told in (("?", "four set the tempo"), ("h", "the mood is held"), ("H", "the mood is free")):
        screen.type(key)
        assert screen.shows(told), screen.text

    def tapped() -> bool:
        screen.type(" ")
        return screen.shows(r"1[12]\d\.\d BPM locked", 0.5)

    assert wait_for(tapped, 60), screen.text  # four in a row, where the machine lets this hand be steady
    for key, told in (
        ("d", "this is the one"),
        ("/", "half"),
        ("x", "twice"),
        ("a", "tempo of the music again"),
        ("p", "all triggers 0"),
    ):
        screen.type(key)
        assert screen.shows(re.escape(told)), screen.text
    screen.type("\x1b[A")  # an arrow is no key of ours
    screen.type("q")
    assert screen.ended() == 0
    assert screen.mode == screen.before


def test_the_terminal_is_put_back_after_a_signal(screen: Screen) -> None:
    screen.start(*RUN)
    assert screen.shows(r"\? for keys", 60)
    assert screen.mode != screen.before
    screen.type("\x03")  # Ctrl-C, through the terminal
    assert screen.ended() == 128 + signal.SIGINT
    assert screen.mode == screen.before


def test_the_terminal_is_put_back_after_an_exception(screen: Screen) -> None:
    screen.start("-c", RAISING)
    assert screen.shows("there")
    screen.type("t")
    assert screen.shows("got t")
    screen.mode = screen.before  # as a shell does when it brings a program back to the foreground
    assert wait_for(lambda: screen.mode != screen.before)
    screen.type("x")
    assert screen.shows("got x")
    assert screen.ended() == 1
    assert screen.mode == screen.before


def test_a_program_in_the_background_leaves_the_terminal_alone(screen: Screen) -> None:
    screen.start("-c", f"import subprocess, sys; {BACKGROUND}", RAISING)
    assert screen.shows("nobody")
    assert screen.ended() == 1
    assert screen.mode == screen.before


def test_no_terminal_no_keys() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RAISING], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.stdout == "nobody\n"
