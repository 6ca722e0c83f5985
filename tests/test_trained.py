"""What a training run says at its end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from streammood import resources
from streammood.cli import trained


@pytest.fixture
def model(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of a shipped model, with what lies beside it."""
    for path in resources.folder("models").glob(f"{request.param}.*"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path / f"{request.param}{'.npz' if request.param == 'embedding' else '.tflite'}"


@pytest.mark.parametrize(
    ("model", "score"),
    [("mood", r"macro-F1 0\.\d{3} of clips held out, 0\.\d{3} after 5 s, R² of valence 0\.\d\d, R² of arousal 0\.\d\d"),
     ("beat", r"F 0\.\d{3} of the peaks, mean over \d+ tracks that it was not fitted to"), ("embedding", "")],
    indirect=["model"],
)  # fmt: skip
def test_a_run_ends_with_path_score_and_next_step(model: Path, score: str) -> None:
    kept = model.with_suffix(".json")
    scores = json.loads(kept.read_text(encoding="utf-8"))["scores"] if kept.exists() else {}
    lines = trained.report(model.stem, model, scores)
    assert str(model) in lines[0]
    assert f"{model.stem}.md" in lines[0]
    if score:
        assert re.fullmatch(f"Score: {score}\\.", lines[1])
        assert lines[-1] == f"Next: streammood run --set {model.stem}.model={model}"
    else:
        assert len(lines) == 2
        assert "streammood train" in lines[-1]


def test_a_mood_model_without_labels_has_a_score_too(tmp_path: Path) -> None:
    path = tmp_path / "own.tflite"
    path.touch()
    lines = trained.report("mood", path, {"valence, read off": {"r2": 0.1}, "arousal, read off": {"r2": 0.2}})
    assert lines[1] == "Score: R² of valence 0.10, R² of arousal 0.20."
    assert len(trained.report("beat", path, {})) == 2
