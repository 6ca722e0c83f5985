"""Fitted models kept in the cache folder, so that a run that was stopped goes on and a second one only listens."""

from __future__ import annotations

import hashlib
from pathlib import Path

from streammood.models import mood_model
from streammood.models.manifest import FEATURES
from streammood.models.mood_model import Manifest
from streammood.training import ensemble, fit, kernel, network, quantise, votes, windows
from streammood.training.datasets import Corpus
from streammood.training.ensemble import Fitted, build
from streammood.training.fit import Schedule
from streammood.training.windows import Windows

_SOURCES = (ensemble, fit, kernel, mood_model, network, quantise, votes, windows)  # what a fit depends on


def build_once(folder: Path, corpus: Corpus, pieces: Windows, schedule: Schedule, name: str, seed: int) -> Fitted:
    """``ensemble.build``, or what it gave the last time."""
    path = folder / f"fit-{_key(corpus, pieces, schedule, seed)}"
    files = [path.with_suffix(suffix) for suffix in (".tflite", ".float", ".json")]
    if all(file.is_file() for file in files):
        manifest = Manifest.model_validate_json(files[2].read_bytes()).model_copy(update={"name": name})
        return Fitted(files[0].read_bytes(), files[1].read_bytes(), manifest)
    fitted = build(corpus, pieces, schedule, name, seed)
    contents = fitted.quantised, fitted.floating, fitted.manifest.model_dump_json().encode()
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    return fitted


def _key(corpus: Corpus, pieces: Windows, schedule: Schedule, seed: int) -> str:
    digest = hashlib.sha256()
    for module in _SOURCES:
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(repr((schedule, seed, FEATURES, corpus.labels, corpus.tasks, corpus.circumplex)).encode())
    digest.update(repr([(clip.path.name, clip.targets) for clip in corpus.clips]).encode())
    for values in (pieces.clip, pieces.variant, pieces.statistics, corpus.heard):
        digest.update(b"" if values is None else values.tobytes())
    return digest.hexdigest()[:24]
