"""The shipped model loads, and what is wrong with another is said in one line."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streammood import resources
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.config import MoodSettings
from streammood.errors import ModelError
from streammood.models.beat_model import BeatModel
from streammood.models.manifest import read_manifest
from streammood.models.mood_model import RESERVED, Manifest, MoodModel, check_labels
from streammood.models.network import tensors

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


def test_a_network_that_would_end_the_process_is_one_line(tmp_path: Path) -> None:
    """The index of a tensor that an operator takes, set to -1: its interpreter reads where there is nothing."""
    shipped = SHIPPED.with_name("beat.tflite")
    network = bytearray(shipped.read_bytes())
    network[382_436:382_440] = b"\xff" * 4
    manifest = json.loads(shipped.with_suffix(".json").read_text())
    own = tmp_path / "own.tflite"
    own.write_bytes(network)
    own.with_suffix(".json").write_text(json.dumps({**manifest, "sha256": hashlib.sha256(network).hexdigest()}))
    # Versions differ in whether it ends the process that tries it, or is refused there.
    with pytest.raises(ModelError, match=r"own\.tflite: is not the network that its manifest describes") as caught:
        BeatModel.load(str(own))
    assert "\n" not in str(caught.value)


def test_a_model_from_elsewhere_is_tried_and_then_used(copy: Path) -> None:
    assert MoodModel.load(str(copy)).manifest == MoodModel.load("mood").manifest


def deep(manifest: str) -> str:
    return manifest.replace('"labels":', '"labels": ' + "[" * 100_000 + ',"more":')


HOSTILE: dict[str, Callable[[str], str | bytes]] = {
    "not JSON": lambda text: "{",
    "bytes": lambda text: b"\xff\xfe\x00",
    "a list": lambda text: "[]",
    "nothing": lambda text: "",
    "nested": deep,
    "twice": lambda text: text.replace('"labels":', '"labels": [], "labels":'),
    "NaN": lambda text: text.replace('"temperature":', '"temperature": NaN, "was":'),
    "Infinity": lambda text: text.replace('"temperature":', '"temperature": Infinity, "was":'),
    "many digits": lambda text: text.replace('"slots":', f'"slots": {"9" * 6000}, "was":'),
    "as long as a name may not be": lambda text: text.replace('"name": "mood"', f'"name": "{"x" * 100_000}"'),
    "an escape sequence": lambda text: text.replace('"name": "mood"', '"na\\u001b[2Jme": "mood"'),
    "a line end in a key": lambda text: text.replace('"name": "mood"', '"a\\nb": "mood"'),
    "text for a number": lambda text: text.replace('"slots":', '"slots": "many", "was":'),
    "a list for a number": lambda text: text.replace('"slots":', '"slots": [27], "was":'),
    "larger than any": lambda text: text + " " * 5_000_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_manifest_is_one_line(copy: Path, kind: str) -> None:
    text = copy.with_suffix(".json").read_text()
    content = HOSTILE[kind](text)
    assert content != text
    copy.with_suffix(".json").write_bytes(content if isinstance(content, bytes) else content.encode())
    message = refusal(copy)
    assert message.isprintable()
    assert len(message.removeprefix(str(copy.parent))) < 300


NUMBERS = [
    ("window", "slots"), ("window", "first"), ("window", "hops"), ("statistics", "scale", 5),
    ("statistics", "offset", 5), ("axes", "slope", 0), ("axes", "intercept", 1), ("temperature",), ("sample_rate",),
    ("features", "hop"),
]  # fmt: skip


@pytest.mark.parametrize("value", [1e300, -1e300, 1e-300, 2**63, -1])
@pytest.mark.parametrize("where", NUMBERS, ids=lambda where: ".".join(map(str, where)))
def test_every_number_of_a_manifest_has_a_range(copy: Path, where: tuple[str | int, ...], value: float) -> None:
    if value == -1 and where[0] in {"statistics", "axes"} and where[1] in {"offset", "intercept"}:
        return  # below 0 they mean something
    if value == 1e-300 and where[-1] in {5, 0, 1} and where[:2] != ("statistics", "scale"):
        return  # so do numbers near 0
    manifest = json.loads(copy.with_suffix(".json").read_text())
    inner = manifest
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    copy.with_suffix(".json").write_text(json.dumps(manifest))
    assert str(where[0]) in refusal(copy)


def test_a_model_of_other_statistics_is_refused_before_it_is_asked(copy: Path) -> None:
    manifest = read_manifest(copy, Manifest)
    edit(copy, window={**manifest.window.model_dump(), "hops": 8})
    with pytest.raises(ModelError, match="other statistics"):
        MoodStream(MoodSettings(), MoodModel.load(str(copy)))


@pytest.mark.parametrize("claimed", [2**31 - 1, 2**29, 0, -1])
def test_a_network_that_lies_about_a_size_is_one_line(copy: Path, claimed: int) -> None:
    size = len(read_manifest(copy, Manifest).statistics.scale)
    true, lie = (struct.pack("<iii", 2, 1, n) for n in (size, claimed))  # a vector of two: the shape of the input
    network = copy.read_bytes()
    assert true in network
    network = network.replace(true, lie)
    copy.write_bytes(network)
    edit(copy, sha256=hashlib.sha256(network).hexdigest())
    assert "is not the network that its manifest describes" in refusal(copy)


INPUT = {"shape": (1, 3), "dtype": np.int8, "index": 0, "quantization": (0.5, 0)}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"shape": (1, 4)}, "(1, 3) was expected"),
        ({"shape": (3,)}, "(1, 3) was expected"),
        ({"shape": ()}, "(1, 3) was expected"),
        ({"dtype": np.float64}, "float64"),
        ({"dtype": np.bool_}, "bool"),
        ({"dtype": np.object_}, "object"),
        ({"quantization": (0.0, 0)}, "step"),
        ({"quantization": (float("nan"), 0)}, "step"),
        ({"quantization": (float("inf"), 0)}, "step"),
        ({"quantization": (0.5, 1000)}, "zero"),
    ],
)
def test_a_tensor_of_another_kind_is_refused(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        tensors({"rows": INPUT | changed}, {"rows": 3}, {}, "takes")


def test_tensors_are_found_by_their_names_in_the_signature() -> None:
    assert tensors({"dense_7": INPUT}, {"rows": 3}, {"rows": "dense_7"}, "takes")["rows"].name == "dense_7"
    with pytest.raises(ValueError, match="`rows` is missing"):
        tensors({"dense_7": INPUT}, {"rows": 3}, {}, "takes")
    with pytest.raises(ValueError, match="rows were expected"):
        tensors({"rows": INPUT, "more": INPUT}, {"rows": 3}, {}, "takes")
