"""First run: questions in, a settings file that runs out; and what is said about a level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from streammood import config
from streammood.capture.advice import ADVICE, advise
from streammood.capture.meter import Meter
from streammood.cli import setup_command
from streammood.cli.commands import application
from tests.receiver import Receiver


def setup(*arguments: str, answers: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(application("setup"), ["setup", *arguments], input=answers)
    return done.exit_code, done.output


def test_answers_make_a_file_that_runs(tmp_path: Path) -> None:
    out = tmp_path / "venue.yaml"
    code, said = setup("--out", str(out), "--input", 'Line "A": #1', "--no-test", answers="resolume\n10.0.0.2\n\n")
    assert code == 0, said
    settings = config.load(str(out))
    assert settings.input.device == 'Line "A": #1'
    (target,) = settings.osc.targets
    assert (target.preset, target.host, target.port) == ("resolume", "10.0.0.2", 7000)
    assert f"streammood run --config {out} --dashboard" in said
    assert setup("--out", str(out), "--no-test")[0] == 1, "a file that is there is not written over"


def test_the_test_reaches_the_receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup_command, "_TESTED", 2.0)
    with Receiver() as receiver:
        code, said = setup(
            "--out", str(tmp_path / "v.yaml"), "--input", "demo", "--receiver", "osc", "--host", "127.0.0.1",
            "--port", str(receiver.port), answers="n\nn\n",
        )  # fmt: skip
        got = receiver.messages(0.1)
    assert code == 0, said
    assert "docs/receivers.md" in said
    assert "--input demo --dashboard" in said
    beats = [message.value for message in got if message.address == "/streammood/beat"]
    assert beats.count(1) == 4
    assert beats[-1] == 0


def test_what_is_wrong_leaves_no_file(tmp_path: Path) -> None:
    out = tmp_path / "venue.yaml"
    code, said = setup("--out", str(out), "--input", "demo", "--no-test", "--receiver", "resolum", answers="\n")
    assert code == 1, said
    assert not out.exists()


PEAKS = {0.0: "nothing", 0.001: "nothing", 0.01: "too low", 0.3: "good", 0.9: "too loud", 1.0: "clipped"}


@pytest.mark.parametrize(("peak", "word"), PEAKS.items())
def test_advice_follows_the_peaks(peak: float, word: str) -> None:
    meter = Meter()
    for _ in range(4):
        meter.take(np.full(256, peak, dtype=np.float32), 0.0, 0.0)
    assert advise(meter.peak, meter.clipped).word == word
    assert [advice.below for advice in ADVICE] == sorted(advice.below for advice in ADVICE)
