"""A cold start says that it compiles; a user without a home can start too."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from streammood import config, resources
from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.warmup import warm_up
from streammood.cli import first_start
from streammood.cli.options import app
from streammood.demo.synth import Rendered
from streammood.dsp import jit
from streammood.log.last_run import LastRun, default_path
from streammood.models import Models


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), width=200)


def shown(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many kernels were compiled, and waits until that was looked at."""
    now, looked = [3], threading.Event()

    def compiled() -> int:
        looked.set()
        return now[0]

    monkeypatch.setattr(jit, "compiled", compiled)
    monkeypatch.setattr(first_start, "_REDRAW", 0.001)

    def become(count: int) -> None:
        looked.clear()
        assert looked.wait(10.0)
        now[0] = count
        for _ in range(2):
            looked.clear()
            assert looked.wait(10.0)

    return become


def test_nothing_is_said_where_nothing_is_compiled(screen: Console, counted: Callable[[int], None]) -> None:
    with first_start.preparing(screen):
        counted(3)
    assert shown(screen) == ""


def test_what_is_compiled_is_said_at_once_and_when_it_is_done(
    screen: Console, counted: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with first_start.preparing(screen):
        counted(4)
        assert "First start: compiling the analysis" in shown(screen)
    assert "Compiled in 0 s." in shown(screen)
    monkeypatch.setattr(jit, "stored", lambda: False)
    with first_start.preparing(screen):
        counted(5)
    assert "at each start: set NUMBA_CACHE_DIR" in shown(screen)


def test_an_error_meanwhile_is_raised_and_the_thread_ends(screen: Console) -> None:
    before = threading.active_count()
    with pytest.raises(KeyError), first_start.preparing(screen):
        raise KeyError
    assert threading.active_count() == before


def test_warmup_compiles_what_a_start_needs() -> None:
    result = CliRunner().invoke(app, ["warmup"])
    assert result.exit_code == 0, result.output
    assert "Ready after" in result.output
    assert jit.loaded() > 20
    assert jit.stored()


@pytest.mark.parametrize("tracker", ["network", "aubio"])
def test_nothing_is_compiled_after_the_start(music: Rendered, tracker: str) -> None:
    """However the sound is cut into blocks, and whatever the operator does: compiling would hold up the show."""
    settings = config.load(None, {"beat.tracker": tracker})
    analyzer = AnalysisChain(settings, 44_100, Models.load(settings))
    warm_up(analyzer, 44_100)
    before = [len(kernel.signatures) for kernel in jit._KERNELS]
    sound = music.sound[:88_200]
    for size in (1, 256, 512, 513, 1024, 8192):
        analyzer.reset()
        for at in range(0, sound.size if size > 1 else 2000, size):
            analyzer.push(sound[at : at + size])
    beats = analyzer.beats
    for act in (lambda: beats.set_bpm(120.0), beats.double, beats.half, lambda: beats.downbeat(90_000.0),
                lambda: beats.bounds(60.0, 200.0), lambda: beats.nudge(100.0), lambda: beats.tap(95_000.0),
                lambda: beats.count_on(100), beats.release, beats.restart):  # fmt: skip
        act()
        analyzer.push(sound[:8192])
    assert [len(kernel.signatures) for kernel in jit._KERNELS] == before


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, and no entry of this user, as in a container with a number for a user."""
    pwd = pytest.importorskip("pwd")

    def refuse(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "XDG_STATE_HOME", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", refuse)
    assert os.path.expanduser("~") == "~"  # noqa: PTH111


@pytest.mark.usefixtures("homeless")
def test_a_user_without_a_home_has_no_last_run_and_no_folder_called_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert resources.home() is None
    assert default_path() is None
    last = LastRun(default_path())
    last.write({"event": "status", "time": 1.0, "notes": []})
    last.close()
    assert resources.find("config", "~/mine.yaml", ".yaml") == Path("~/mine.yaml")

    @jit.kernel
    def double(x: float) -> float:
        return 2.0 * x

    assert double(2.0) == 4.0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("homeless")
def test_the_state_folder_that_is_given_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "streammood" / "last-run.json"
