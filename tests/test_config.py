"""Settings: what is shipped is right, and what is wrong is refused in one line that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from streammood import config, resources
from streammood.config import Settings
from streammood.errors import ConfigError

PRESETS = resources.names("config", ".yaml")


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_default_yaml_names_every_setting_with_its_default() -> None:
    shipped = yaml.safe_load((resources.folder("config") / "default.yaml").read_text(encoding="utf-8"))
    defaults = Settings().model_dump(mode="json", by_alias=True)
    assert shipped == defaults


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid(preset: str) -> None:
    assert config.load(preset).osc.targets


def test_no_file_means_defaults() -> None:
    assert config.load() == Settings() == config.load("default")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("beat: {bpm_mx: 3}", ["beat.bpm_mx", "bpm_max"]),
        ("beets: {}", ["beets", "beat"]),
        ('"two\\nlines": 1', ["two\\nlines"]),
        ("osc: {targets: [{hots: a}]}", ["osc.targets[0].hots", "host"]),
        ("osc: {targets: [{map: [{form: bpm, to: /x}]}]}", ["osc.targets[0].map[0].form", "from"]),
        ("input: {block: 7}", ["input.block", "32", "7"]),
        ("input: {block: many}", ["input.block", "integer", "many"]),
        ("input: {channels: [1, 2, 3]}", ["input.channels", "pair"]),
        ("features: {hop: 512}", ["features", "no longer", "section"]),
        ("beat: {bpm_min: 150, bpm_max: 140}", ["bpm_max", "150"]),
        ("beat: {tracker: magic}", ["beat.tracker", "aubio", "magic"]),
        ("mood: {interval: .nan}", ["mood.interval", "finite"]),
        ("osc: {targets: ['localhost']}", ["osc.targets[0]", "HOST:PORT", "localhost"]),
        ("osc: {targets: ['localhost:99999']}", ["1..65535", "99999"]),
        ("osc: {targets: [{map: [{from: bmp, to: /x}]}]}", ["bmp", "bpm"]),
        ("osc: {targets: [{map: [{from: bpm, to: x y}]}]}", ["OSC address", "x y"]),
        ("osc: {targets: [{map: [{from: bpm, to: /x, when: 'a ~ 3'}]}]}", ["SIGNAL", "a ~ 3"]),
        ("osc: {targets: [{map: [{from: bpm, to: /x, every: 2}]}]}", ["every", "bpm"]),
        ("osc: {targets: [{prefix: no slash}]}", ["prefix", "no slash"]),
        ("lights: {artnet: {hst: 10.0.0.1}}", ["lights.artnet.hst", "`host`"]),
        ("lights: {sacn: {universe: 0}}", ["lights.sacn.universe", "1", "0"]),
        ("link: {mode: up}", ["link.mode", "follow", "up"]),
        ("midi: {offset: -500}", ["midi.offset", "-200"]),
        ("[1, 2]", ["name: value", "list"]),
        ("beat: [", ["YAML"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(written(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    for part in ["mine.yaml", *told]:
        assert part in message


def test_a_missing_file_names_the_presets() -> None:
    with pytest.raises(ConfigError, match=r"nothing.yaml.*default.*resolume.*touchdesigner"):
        config.load("nothing.yaml")


def test_overrides_lie_on_top(tmp_path: Path) -> None:
    settings = config.load(written(tmp_path, "beat: {bpm_max: 180}"), {"beat.bpm_min": 70, "input.block": 128})
    assert (settings.beat.bpm_min, settings.beat.bpm_max, settings.input.block) == (70, 180, 128)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().input.block = 64  # type: ignore[misc]
