"""The shipped model loads, and what is wrong with another is said in one line."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from streammood import resources
from streammood.errors import ModelError
from streammood.models.manifest import read_manifest
from streammood.models.mood_model import RESERVED, Manifest, MoodModel, check_labels

SHIPPED = resources.folder("models") / "mood.tflite"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model that a test may spoil."""
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED.with_suffix(suffix), tmp_path / f"own{suffix}")
    return tmp_path / "own.tflite"


def edit(model: Path, **changes: object) -> None:
    manifest = model.with_suffix(".json")
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))


def refusal(model: Path | str) -> str:
    with pytest.raises(ModelError) as caught:
        MoodModel.load(
            str(model),
        )
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_model_answers_within_its_ranges() -> None:
    model = MoodModel.load("mood")
    manifest = model.manifest
    answer = model(np.array(manifest.statistics.offset, dtype=np.float32))
    assert answer.logits.shape == (len(manifest.labels),)
    assert np.isfinite(answer.logits).all()
    assert -1.0 <= answer.valence <= 1.0
    assert -1.0 <= answer.arousal <= 1.0


def test_absurd_values_stay_within_the_ranges() -> None:
    model = MoodModel.load("mood")
    manifest = model.manifest
    answer = model(np.full(len(manifest.statistics.scale), -1e6, dtype=np.float32))
    assert np.isfinite(answer.logits).all()


def test_a_model_answers_as_its_manifest_says_of_temperature_and_axes(copy: Path) -> None:
    plain = {"intercept": (0.0, 0.0), "slope": (1.0, 1.0)}
    statistics = np.array(read_manifest(copy.with_suffix(".tflite"), Manifest).statistics.offset, dtype=np.float32)
    edit(copy, temperature=1.0, axes=plain)
    before = MoodModel.load(str(copy))(statistics)
    edit(copy, temperature=2.0, axes={"intercept": (0.1, -0.1), "slope": (0.5, 2.0)})
    after = MoodModel.load(str(copy))(statistics)
    np.testing.assert_allclose(after.logits, before.logits / 2.0, rtol=1e-6)
    assert after.valence == pytest.approx(0.1 + 0.5 * before.valence)
    assert after.arousal == pytest.approx(-0.1 + 2.0 * before.arousal)


def test_the_shipped_model_is_small_and_names_its_data() -> None:
    manifest = read_manifest(SHIPPED, Manifest)
    assert SHIPPED.stat().st_size <= 300_000
    assert manifest.labels == ("happy", "aggressive", "calm", "sad")
    assert manifest.training
    assert all(data.licence for data in manifest.training)
    assert manifest.scores


def test_a_missing_model_is_named_and_the_shipped_ones_are_listed() -> None:
    assert "no such file" in refusal("nowhere.tflite")
    assert "beat, mood" in refusal("nowhere.tflite")


def test_a_model_without_manifest_is_refused(copy: Path) -> None:
    copy.with_suffix(".json").unlink()
    assert "own.json: no such file" in refusal(copy)


def test_a_changed_file_is_refused(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    assert "sha256" in refusal(copy)


def test_a_file_that_is_not_tflite_is_refused(copy: Path) -> None:
    copy.write_bytes(b"not a network")
    edit(copy, sha256=hashlib.sha256(b"not a network").hexdigest())
    assert "is not the network that its manifest describes" in refusal(copy)


def test_a_model_for_other_features_names_the_setting_and_both_values(copy: Path) -> None:
    features = json.loads(copy.with_suffix(".json").read_text())["features"]
    edit(copy, features={**features, "hop": 256})
    message = refusal(copy)
    assert "features.hop 256" in message
    assert "512" in message


def test_a_model_with_another_number_of_labels_is_refused(copy: Path) -> None:
    edit(copy, labels=["a", "b", "c"])
    assert "(1, 3) was expected" in refusal(copy)


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"sha256": "no"}, {"extra": 1}, {"temperature": 0}, {"axes": {"slope": (0, 1)}}]
)
def test_a_manifest_that_says_something_wrong_is_refused(copy: Path, change: dict[str, object]) -> None:
    edit(copy, **change)
    assert next(iter(change)) in refusal(copy)


@pytest.mark.parametrize("label", [*sorted(RESERVED), "", "two words", "a/b"])
def test_labels_that_would_break_the_event_log_or_an_address_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="label"):
        check_labels(["fine", label])


def test_any_other_names_in_any_number_are_labels() -> None:
    check_labels(["uplifting"])
    check_labels([f"mood-{k}" for k in range(30)])
    check_labels(["zornig", "fröhlich"])
