"""The wheel, installed in a clean environment: presets and models are inside, and it works there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

QUICK = os.environ | {"NUMBA_OPT": "0"}  # nothing is compiled there yet, and it has little to do
ROOT = Path(__file__).resolve().parents[1]


def call(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=QUICK, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what it asks for, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    probe = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), "hatchling"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no package index can be reached from here, so nothing can be installed")
    call(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("streammood-*.whl")
    venv.create(folder / "env", with_pip=True)
    programs = folder / "env" / "bin"
    call(programs / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return programs


def test_presets_and_models_are_inside(clean: Path) -> None:
    script = (
        "import json; from streammood import resources as r; "
        "print(json.dumps([str(r.folder('config')), r.names('config', '.yaml'), r.names('models', '.tflite')]))"
    )
    folder, presets, models = json.loads(call(clean / "python", "-c", script, cwd=clean))
    assert folder.startswith(str(clean.parent))
    assert {"default", "resolume", "touchdesigner"} <= set(presets)
    assert "mood" in models


def test_it_listens_there(clean: Path, wav: Path, tmp_path: Path) -> None:
    call(clean / "streammood", "analyze", wav, "--out", tmp_path, cwd=tmp_path)
    last = json.loads((tmp_path / "steady.jsonl").read_text().splitlines()[-1])
    assert last["bpm"] == pytest.approx(120.0, abs=2)
    assert last["label"] is not None
