"""``check`` builds what ``run`` builds: it says ok where that starts, and wrong where it would not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from streammood import config, resources
from streammood.cli import preflight, wiring
from streammood.errors import StreammoodError
from streammood.outputs.build import Outputs

PRESETS = resources.names("config", ".yaml")
LABELS = {
    "of the shipped model": ("happy", "aggressive", "calm", "sad"),
    "others": ("wild", "tender"),
    "none": (),
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A mood model with other labels than the shipped one."""
    for suffix in (".tflite", ".json"):
        shutil.copy(resources.folder("models") / f"mood{suffix}", tmp_path / f"own{suffix}")
    manifest = json.loads((tmp_path / "own.json").read_text())
    (tmp_path / "own.json").write_text(json.dumps(manifest | {"labels": ["wild", "tender", "calm", "bright"]}))
    return tmp_path / "own.tflite"


def starts(settings: config.Settings, labels: tuple[str, ...], notes: list[str]) -> bool:
    """Whether ``run`` would have its outputs."""
    try:
        for sink in Outputs(settings, labels).build(float, notes.append):
            sink.close()
    except StreammoodError:
        return False
    return True


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("way", ["the settings", "of a target"])
def test_a_preset_starts_with_any_moods_and_says_what_it_leaves_out(
    name: str, way: str, labels: tuple[str, ...]
) -> None:
    settings = config.load(name) if way == "the settings" else config.load(None, {"osc.targets": [{"preset": name}]})
    notes: list[str] = []
    assert starts(settings, labels, notes)
    asked = [line.source.removeprefix("mood/") for line in settings.osc.targets[0].map if line.optional]
    missing = [mood for mood in LABELS["of the shipped model"] if mood in asked and mood not in labels]
    assert len(notes) == bool(missing)
    for part in [settings.osc.targets[0].title, *missing, *labels] if missing else []:
        assert part in notes[0]
    findings = list(preflight._outputs(settings, labels))
    assert all(finding.ok for finding in findings)
    assert [finding.found for finding in findings if finding.what == "target"] == notes


CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "a mood that there is not": ({"osc.targets": [{"map": [{"from": "mood/merry", "to": "/x"}]}]}, False),
    "a condition on such a mood": (
        {"osc.targets": [{"map": [{"from": "beat", "to": "/x", "when": "mood/merry > 0.5"}]}]},
        False,
    ),
    "an optional line": ({"osc.targets": [{"map": [{"from": "mood/merry", "to": "/x", "optional": "yes"}]}]}, True),
    "its own control port": ({"osc.targets": ["127.0.0.1:7071"]}, False),
    "the usual control port of another": ({"osc.targets": ["127.0.0.1:7071"], "control.port": "7081"}, True),
    "its own control port, another": ({"osc.targets": ["127.0.0.1:7081"], "control.port": "7081"}, False),
    "a MIDI port that there is not": ({"midi.port": "nowhere at all"}, False),
    "Art-Net": ({"lights.artnet": {"host": "127.0.0.1"}}, True),
}


@pytest.mark.parametrize("case", CASES)
def test_check_says_what_run_would_do(case: str) -> None:
    overrides, good = CASES[case]
    settings = config.load(None, overrides)
    labels = LABELS["of the shipped model"]
    assert starts(settings, labels, []) == good
    findings = [*preflight._targets(settings), *preflight._outputs(settings, labels)]
    assert all(finding.ok for finding in findings) == good


def test_an_own_model_and_a_preset_that_names_other_moods(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From settings to the rehearsal; ``run`` exited with 1 where all of this was ok."""
    monkeypatch.setattr(preflight, "_LISTEN", 0.2)
    monkeypatch.setattr(preflight, "_REHEARSE", 0.5)
    overrides = wiring.Overrides(values=(f"mood.model={own}", "control.port=0"))
    findings = {finding.found: finding for finding in preflight.preflight(overrides, "qlcplus", "demo")}
    assert all(finding.ok for finding in findings.values() if finding.what not in {"input", "latency"})
    (note,) = [found for found in findings if "left out" in found]
    assert note == (
        "target 127.0.0.1:7700: 3 lines of its map are left out: they ask for happy, aggressive, sad, "
        "and this model has the moods wild, tender, calm, bright"
    )
    assert starts(overrides.load("qlcplus"), ("wild", "tender", "calm", "bright"), [])
