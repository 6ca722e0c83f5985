"""Sound, browsers and dashboards that the tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
import soundfile

from streammood.demo.synth import Rendered, render, steady
from tests import rig as rig_module
from tests.rig import Rig

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import Open
    from tests.pretended import PretendedEngine
    from tests.served import Served

RATE = 44_100

# A busy machine is no fault of the program: examples have no deadline, and slow ones are no failure.
hypothesis.settings.register_profile(
    "streammood", deadline=None, print_blob=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("streammood")

_LONGEST = ("test_rig", "test_wheel")  # files that take a minute and more, mostly waiting


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: at the end, one worker would wait for the other."""
    items.sort(key=lambda item: item.path.stem not in _LONGEST)


@pytest.fixture(scope="session")
def music() -> Rendered:
    """Fourteen seconds of the synthesiser at a steady 120 BPM."""
    return render(steady("happy", 120.0, 14.0), RATE)


@pytest.fixture(scope="session")
def wav(tmp_path_factory: pytest.TempPathFactory, music: Rendered) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("sound") / "steady.wav"
    soundfile.write(path, music.sound, RATE)
    return path


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A sound server of its own, or a skip that says what to install."""
    absent = rig_module.missing()
    if absent:
        pytest.skip(f"the rig needs {', '.join(absent)}: apt-get install pulseaudio pulseaudio-utils liblo-tools")
    folder = tmp_path / "rig"
    folder.mkdir()
    server = Rig(folder, getattr(request, "param", RATE))
    server.up()
    yield server
    server.close()


# What pages need is imported where a test asks for it: most tests do without a browser.
# ruff: noqa: PLC0415


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of a file."""
    from tests.browser import browsing

    with browsing() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Open]:
    """A function that opens an address in a fresh profile; see ``tests.browser``."""
    from tests.browser import visiting

    with visiting(chromium) as go:
        yield go


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[PretendedEngine, Served]]:
    """A pretended engine, and the dashboard that shows it."""
    from tests.pretended import PretendedEngine
    from tests.served import Dashboard, free_port

    osc_port = free_port()
    with (
        PretendedEngine(osc_port) as pretended,
        Dashboard(osc_port=osc_port, control=f"127.0.0.1:{pretended.control_port}", songs=20) as served,
    ):
        yield pretended, served
