"""Nonsense of every kind, from files that are cut off to headers that lie: nothing but the documented errors."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streammood import resources
from streammood.capture.sound_file import SoundFile
from streammood.errors import ModelError, SourceError
from streammood.models.beat_model import BeatModel
from streammood.models.mood_model import MoodModel

MODELS: dict[str, type[MoodModel] | type[BeatModel]] = {"mood": MoodModel, "beat": BeatModel}
# The same examples on every run, and a folder that all of them share: what one leaves there the next replaces.
FUZZ = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FEW = settings(FUZZ, max_examples=25)


def paths(tree: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every section and setting."""
    found = []
    for key, value in tree.items():
        found.append((*prefix, key))
        if isinstance(value, dict):
            found += paths(value, (*prefix, key))
    return found


def one_line(error: Exception, told: str = "") -> None:
    """What a user can meet."""
    assert "\n" not in str(error)
    assert told in str(error)


def spoiled(data: bytes, cut: int, bits: list[tuple[int, int]], head: bytes) -> bytes:
    """``data`` with other bytes here and there, cut off, and with something before it."""
    changed = bytearray(data)
    for place, value in bits:
        changed[place % len(changed)] = value
    return head + bytes(changed[: len(changed) - cut % len(changed)])


SPOILING = {
    "cut": st.just(0) | st.integers(0, 1 << 20),
    "bits": st.lists(st.tuples(st.integers(0, 3000) | st.integers(0, 1 << 20), st.integers(0, 255)), max_size=12),
    "head": st.just(b"") | st.binary(max_size=30),
}


@pytest.mark.parametrize("kind", MODELS)
@settings(FUZZ, max_examples=6)  # each is tried in a process of its own
@given(**SPOILING)
def test_any_network(tmp_path: Path, kind: str, cut: int, bits: list[tuple[int, int]], head: bytes) -> None:
    """Spoiled, under a manifest that vouches for it."""
    shipped = resources.folder("models") / f"{kind}.tflite"
    network = spoiled(shipped.read_bytes(), cut, bits, head)
    manifest = json.loads(shipped.with_suffix(".json").read_text(encoding="utf-8"))
    manifest["sha256"] = hashlib.sha256(network).hexdigest()
    path = tmp_path / "own.tflite"
    path.write_bytes(network)
    path.with_suffix(".json").write_text(json.dumps(manifest), encoding="utf-8")
    opened(path, kind)


@pytest.mark.parametrize("kind", MODELS)
@FEW
@given(data=st.data())
def test_any_manifest(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    shipped = resources.folder("models") / f"{kind}.tflite"
    manifest = json.loads(shipped.with_suffix(".json").read_text(encoding="utf-8"))
    where = data.draw(st.sampled_from(paths(manifest)))
    inner = manifest
    for key in where[:-1]:
        inner = inner[key]
    odd = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(-3, 3), max_size=3)
    inner[where[-1]] = data.draw(odd)
    path = tmp_path / "own.tflite"
    path.write_bytes(shipped.read_bytes())
    path.with_suffix(".json").write_text(json.dumps(manifest), encoding="utf-8")
    opened(path, kind)


def opened(path: Path, kind: str) -> None:
    """The model, or one line that says what is wrong with it."""
    try:
        MODELS[kind].load(str(path))
    except ModelError as error:
        one_line(error)


def encoded(form: str, subtype: str | None) -> bytes:
    """A second of noise in one format."""
    sound = 0.1 * np.random.default_rng(0).standard_normal(22_050)
    file = io.BytesIO()
    soundfile.write(file, sound, 22_050, format=form, subtype=subtype)
    return file.getvalue()


SOUNDS = {
    "wav": ("WAV", None),
    "flac": ("FLAC", None),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", None),
    "w64": ("W64", None),
}


@pytest.mark.parametrize("suffix", SOUNDS)
@FUZZ
@given(**SPOILING)
@example(cut=0, bits=[(place, 255) for place in range(4, 8)], head=b"")  # a header that promises 4 GB
@example(cut=0, bits=[(place, 255) for place in range(40, 44)], head=b"")
@example(cut=0, bits=[(place, 0) for place in range(22, 24)], head=b"")  # no channels
@example(cut=0, bits=[(place, 255) for place in range(24, 28)], head=b"")  # a sample rate of 4 GHz
def test_any_sound_file(tmp_path: Path, suffix: str, cut: int, bits: list[tuple[int, int]], head: bytes) -> None:
    path = tmp_path / f"any.{suffix}"
    path.write_bytes(spoiled(encoded(*SOUNDS[suffix]), cut, bits, head))
    read = 0
    try:
        for block in SoundFile(path).blocks(4096):
            assert block.dtype == np.float32
            assert block.ndim == 1
            read += block.size
            if read > 10 * 22_050:
                break  # decoders may make up a little, and silence for what is missing
    except SourceError as error:
        one_line(error, str(path))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVE", b"fLaC", b"OggS" * 100, b"\0" * 10_000])
@pytest.mark.parametrize("suffix", SOUNDS)
def test_beginnings_of_sound_files(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"begun.{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        SoundFile(path)
