"""The show goes on whatever becomes of the output, and ends in order whatever ends it."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from streammood.cli import streams, terminal
from streammood.cli.screen import Echo
from streammood.cli.status_line import status_line
from streammood.engine.snapshot import Snapshot
from streammood.events import Beat, Level, Mood, OperatorState, Status, Tempo
from streammood.protocol.commands import Answer
from tests.receiver import Receiver
from tests.waiting import wait_for

if sys.platform == "win32":
    pytest.skip("signals and files of Unix", allow_module_level=True)

COMMAND = [sys.executable, "-P", "-m", "streammood.cli"]


@contextlib.contextmanager
def show(receiver: Receiver, *arguments: str, **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A demo that sends to ``receiver``."""
    target = ["--target", f"127.0.0.1:{receiver.port}", "--set", "control.port=0"]
    program = subprocess.Popen([*COMMAND, "run", "--input", "demo", *target, *arguments], **how)
    try:
        yield program
    finally:
        program.kill()
        program.wait()


def beats(receiver: Receiver) -> bool:
    return any(m.address == "/streammood/beat" and m.value == 1 for m in receiver.messages(0.1))


def ended_in_order(receiver: Receiver) -> bool:
    """Whether the latest of `status/alive` and of every trigger is 0."""
    latest = {m.address.removeprefix("/streammood/"): m.value for m in receiver.messages(0.3)}
    return latest["status/alive"] == 0 and all(latest.get(name, 0) == 0 for name in ("beat", "onset", "downbeat"))


def test_an_output_that_nobody_reads_holds_up_neither_the_show_nor_its_end() -> None:
    """A pipe that is full: not even SIGTERM ended it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    with Receiver() as receiver, show(receiver, stdout=writing, stderr=writing) as program:
        assert wait_for(lambda: beats(receiver), 60)
        program.send_signal(signal.SIGTERM)
        assert program.wait(15) == 128 + signal.SIGTERM
        assert ended_in_order(receiver)
    os.close(reading)
    os.close(writing)


def test_a_closed_terminal_ends_the_show_in_order() -> None:
    with Receiver() as receiver, show(receiver, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        assert wait_for(lambda: beats(receiver), 60)
        program.send_signal(signal.SIGHUP)
        out, _ = program.communicate(timeout=15)
        assert program.returncode == 128 + signal.SIGHUP
        assert ended_in_order(receiver)
    assert b"Traceback" not in out
    assert out.splitlines()[-1].startswith(b"Listened for 00:")


def test_every_deadly_signal_asks_for_an_end() -> None:
    """All that end a process if nobody catches them, but for those that cannot be caught or tell of a fault in it."""
    harmless = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    stopping = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
    of_itself = {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV,
                 signal.SIGSYS, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGKILL}  # fmt: skip
    usual = {number for number in signal.Signals if not signal.SIGRTMIN <= number <= signal.SIGRTMAX}
    deadly = sorted(usual - harmless - stopping - of_itself)
    code = (
        "import os; from streammood.cli.ending import Ending\n"
        f"for number in {[int(number) for number in deadly]}:\n"
        "    ending = Ending(); ending.begin(); os.kill(os.getpid(), number)\n"
        "    assert ending.asked.wait(5) and ending.code == 128 + number, number\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("closed", ["full", "gone", "none"])
def test_an_output_that_fails_is_a_note(closed: str, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    command = " ".join([*COMMAND, "run", "--input", "demo", "--duration", "1.2", "--set", "control.port=0"])
    command += f" --target 127.0.0.1:9 --events {log}"
    shell = {"full": f"{command} > /dev/full 2> /dev/full", "gone": f"{command} | true", "none": f"{command} >&- 2>&-"}
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell[closed]}"], capture_output=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr
    lines = log.read_text().splitlines()
    assert '"event": "summary"' in lines[-1]
    assert sum("the status line failed" in line for line in lines) == (closed != "none")


def test_an_encoding_without_the_characters_shows_others() -> None:
    done = subprocess.run(
        [*COMMAND, "run", "--input", "demo", "--duration", "2.5", "--target", "127.0.0.1:9", "--set", "control.port=0"],
        capture_output=True, check=False, timeout=90, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == b""
    assert b" * " in done.stdout or b" o " in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp850", "cp932", "koi8-r"])
def test_every_character_has_another_one(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    streams.prepare()
    print("█░●○→–−×÷·…≤≥ é 日 caf\udce9 \ud800 \U0001f600", flush=True)  # noqa: T201
    shown = written.getvalue().decode(encoding)
    assert shown[0] in "█#"
    assert "caf\\xe9" in shown


@pytest.mark.parametrize("wait", [0.0, 0.5, 1.5])
def test_ctrl_c_in_the_first_moments_says_nothing(wait: float) -> None:
    """While the program is still importing, and while it warms up."""
    main = "print('begun', flush=True); from streammood.cli import main; main()"
    program = subprocess.Popen(
        [sys.executable, "-P", "-c", main, "run", "--input", "demo", "--target", "127.0.0.1:9"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert program.stdout is not None
    assert program.stdout.readline() == b"begun\n"
    caught = Path(f"/proc/{program.pid}/status")
    assert wait_for(lambda: _catches(caught.read_text(), signal.SIGTERM))  # ours, for Python itself does not
    time.sleep(wait)  # at no moment that could be waited for
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=30)
    assert program.returncode == 128 + signal.SIGINT
    assert b"Traceback" not in out


def _catches(status: str, number: int) -> bool:
    (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_processes_that_are_started_run_no_code_of_the_current_folder(tmp_path: Path) -> None:
    for name in ("html", "pickle", "yaml", "multiprocessing", "streammood"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w').close()\n")
    program = Path(sys.executable).parent / "streammood"
    done = subprocess.run([program, "doctor", "--out", "-"], cwd=tmp_path, capture_output=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    reading, writing = os.pipe()
    dashboard = subprocess.Popen(
        [program, "run", "--input", "demo", "--dashboard", "--target", "127.0.0.1:9", "--set", "control.port=0",
         "--set", "dashboard.port=21973", "--set", "dashboard.osc_port=21972"],
        cwd=tmp_path, stdout=writing, stderr=subprocess.STDOUT,
    )  # fmt: skip
    text = b""

    def served() -> bool:
        nonlocal text
        if select.select([reading], [], [], 0.1)[0]:
            text += os.read(reading, 4096)
        return b"Dashboard at" in text

    try:
        assert wait_for(served, 60), text
    finally:
        dashboard.terminate()
        dashboard.wait(20)
        os.close(reading)
        os.close(writing)
    assert not list(tmp_path.glob("ran-*"))


LEVEL = Level(0, 0, 0.7, 0.5, 0.5, 0.5, 0.5, -18.2, True, peak=-6.1, clipping=False)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("busy", [False, True])
def test_the_status_line_fits_with_what_is_lost(width: int, busy: bool) -> None:
    mood = Mood(0, 0, -0.12, 0.55, {"aggressive": 1.0}, "aggressive", 0.87, False)
    tempo, beat = Tempo(0, 0, 128.0, 1.0, True, 0.0, 1.0), Beat(0, 0, 128.0, 1.0, True, 1, 15_341)
    status = Status(0, 0, True, 44_100, 0.0123, load=0.9 if busy else 0.1, drift=-12.3, jitter=0.0004)
    state = OperatorState(hold=busy, gain=6.0 if busy else 0.0, muted=("front of house",) if busy else ())
    now = Snapshot(LEVEL, tempo, beat, mood, status, connected=not busy, operator=state)
    line = status_line(now, 0.0, 1_234_567, width)
    assert line.cell_len <= width - 1
    assert line.plain.endswith("lost 1234567")
    if busy:
        assert "input gone" in line.plain
    else:
        assert "128.0 BPM locked" in line.plain
        assert "aggressive" in line.plain
        assert ("drift" in line.plain) == (width >= 200)
    assert status_line(Snapshot(), 0.0, 0, width).plain.endswith("lost 0")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_terminal_gets_whole_words_and_a_file_one_line(width: int) -> None:
    line = "Listening to USB Audio CODEC at 48000 Hz, sending OSC to 127.0.0.1:7000, commands on 127.0.0.1:7071."
    for is_terminal in (True, False):
        out = io.StringIO()
        shown = Console(
            file=out, width=width, height=25, force_terminal=is_terminal, no_color=True, highlight=False, soft_wrap=True
        )
        terminal.print_line(shown, line)
        lines = out.getvalue().splitlines()
        assert " ".join(part.strip() for part in lines) == line
        assert max(map(len, lines)) <= width or not is_terminal
        assert len(lines) == 1 or is_terminal


def test_commands_over_osc_are_echoed_and_a_fader_is_one_line() -> None:
    echo = Echo()
    for number in range(50):
        echo.osc(Answer("nudge", True, (float(number),)))
    echo.osc(Answer("tap", True))
    echo.osc(Answer("bpm", False, ("takes one number",)))
    assert echo.take(0.0) == ["OSC: nudge 49", "OSC: tap", "OSC: bpm refused: takes one number"]
    echo.osc(Answer("nudge", True, (50.0,)))
    assert echo.take(0.1) == []
    assert echo.take(0.5) == ["OSC: nudge 50"]
