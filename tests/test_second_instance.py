"""A second program beside the first: it says which port is taken, and what can go on goes on."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.served import free_port

COMMAND = [sys.executable, "-P", "-m", "streammood.cli"]


@pytest.fixture
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A setting, and the port that another program has already."""
    kind = socket.SOCK_STREAM if request.param == "port" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        yield request.param, int(other.getsockname()[1])


def ports(setting: str, port: int) -> list[str]:
    """The ports of a dashboard, ``setting`` being that which is taken."""
    given = {"port": free_port(), "osc_port": free_port(socket.SOCK_DGRAM), setting: port}
    return [part for name, value in given.items() for part in ("--set", f"dashboard.{name}={value}")]


@pytest.mark.parametrize("taken", ["port", "osc_port"], indirect=True)
def test_a_dashboard_without_its_port_ends_with_one_line(taken: tuple[str, int]) -> None:
    """Also beside an engine: there a thread waits for the standard input when the interpreter ends."""
    program = subprocess.Popen(
        [*COMMAND, "dashboard", "--attached", *ports(*taken)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        code = program.wait(60)  # while its input is open
    finally:
        program.kill()
        out, errors = program.communicate()
    assert code == 1
    assert out == ""
    assert len(errors.splitlines()) == 1, errors
    assert str(taken[1]) in errors


@pytest.mark.parametrize("taken", ["port", "osc_port"], indirect=True)
def test_a_show_without_its_dashboard_goes_on(taken: tuple[str, int]) -> None:
    done = subprocess.run(
        [*COMMAND, "run", "--input", "demo", "--duration", "1", "--dashboard", "--target", "127.0.0.1:9",
         "--set", "control.port=0", *ports(*taken)],
        stdin=subprocess.PIPE, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"no dashboard: port {taken[1]} on 127.0.0.1 cannot be had" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Listened for 00:")
    assert "Fatal" not in done.stderr
    assert "Traceback" not in done.stderr
