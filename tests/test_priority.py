"""The engine goes ahead of other programs where the system lets it, says so where not, and cannot lock a machine up."""

from __future__ import annotations

import configparser
import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from streammood.cli import live_commands, preflight
from streammood.engine import priority
from streammood.engine.priority import Priority, allowed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems are left as they are")
needs_real_time = pytest.mark.skipif(
    sys.platform != "linux" or allowed() != "real-time", reason="this system allows no real-time schedule"
)
_POLICY = "import os; print(os.sched_getscheduler(0))"


def policies() -> set[int]:
    """How the threads of this process are scheduled."""
    return {os.sched_getscheduler(int(task.name)) & 0xFF for task in Path("/proc/self/task").iterdir()}


@needs_real_time
def test_every_thread_goes_ahead_and_none_does_afterwards() -> None:
    let = threading.Event()
    first, later = (threading.Thread(target=let.wait) for _ in range(2))
    first.start()
    held = Priority()
    held.take()
    try:
        assert held.granted == "real-time"
        assert policies() == {os.SCHED_RR}
        later.start()
        held.extend()
        assert policies() == {os.SCHED_RR}
        child = subprocess.run([sys.executable, "-c", _POLICY], capture_output=True, text=True, check=True)
        assert int(child.stdout) == os.SCHED_OTHER  # a view or a browser that is begun must not go ahead too
    finally:
        held.give_back()
        let.set()
        first.join()
        later.join()
    assert policies() == {os.SCHED_OTHER}


def test_where_the_system_refuses_the_program_goes_on_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    held = Priority()
    held.take()
    assert (held.granted, held.refused) == ("normal", True)
    held.extend()
    held.give_back()
    finding = preflight.priority("high")
    assert finding.ok  # a machine with nothing else to do needs none
    assert "docs/startup.md" in finding.found


def test_a_nicer_place_is_taken_where_no_real_time_schedule_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def no_real_time(_thread: int, policy: int, _param: object) -> None:
        if policy & 0xFF == os.SCHED_RR:
            raise PermissionError

    def at_most(_which: int, _thread: int, nice: int) -> None:
        if nice < -5:
            raise PermissionError
        given.append(nice)

    monkeypatch.setattr(os, "sched_setscheduler", no_real_time)
    monkeypatch.setattr(os, "setpriority", at_most)
    monkeypatch.setattr("resource.getrlimit", lambda _: (25, 25))  # of RLIMIT_NICE: down to -5
    assert priority.allowed() == "nice"
    assert given == [-5]


_RUNAWAY = """
import os, threading, time
from streammood.engine import priority
priority._LONGEST = 200_000
held = priority.Priority()
def compute():
    while True:
        pass
threading.Thread(target=compute, daemon=True).start()
held.take()
end = time.monotonic() + 60
while not held.withdrawn and time.monotonic() < end:
    time.sleep(1.0)
policies = {os.sched_getscheduler(int(task)) & 0xFF for task in os.listdir("/proc/self/task")}
print(held.withdrawn, held.granted, *policies, flush=True)
os._exit(0)
"""


@needs_real_time
def test_a_thread_that_computes_without_a_pause_loses_its_priority() -> None:
    done = subprocess.run([sys.executable, "-c", _RUNAWAY], capture_output=True, text=True, check=False, timeout=100)
    assert done.stdout.split() == ["True", "normal", "0"], done.stderr


def test_the_service_starts_what_there_is_and_asks_for_enough() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(Path(__file__).parents[1] / "docs" / "streammood.service", encoding="utf-8")
    _, command, *arguments = unit["Service"]["ExecStart"].split()
    known = inspect.signature({"run": live_commands.run}[command]).parameters
    assert {argument.removeprefix("--") for argument in arguments if argument.startswith("--")} <= set(known)
    assert int(unit["Service"]["LimitRTPRIO"]) >= priority._LEVEL
    assert int(unit["Service"]["LimitNICE"]) <= priority._NICE


def test_the_kernel_watches_only_while_it_is_taken() -> None:
    import resource  # noqa: PLC0415  not on Windows

    before = resource.getrlimit(resource.RLIMIT_RTTIME)
    held = Priority()
    held.take()
    assert 0 < resource.getrlimit(resource.RLIMIT_RTTIME)[0] <= priority._LONGEST
    held.give_back()
    assert resource.getrlimit(resource.RLIMIT_RTTIME) == before
