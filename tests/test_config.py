"""Settings: what is shipped is right, and what is wrong is refused in one line that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from streammood import config, resources
from streammood.cli.wiring import Overrides
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
        ("input: {block: many}", ["input.block", "a whole number", "many"]),
        ("input: {channels: [1, 2, 3]}", ["input.channels", "pair"]),
        ("features: {hop: 256}", ["features", "no longer", "remove this section"]),
        ("beat: {bpm_min: 150, bpm_max: 140}", ["bpm_max", "150"]),
        ("beat: {tracker: magic}", ["beat.tracker", "aubio", "magic"]),
        ("mood: {interval: .nan}", ["mood.interval", "a number", ".nan"]),
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


def test_a_setting_that_stands_there_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    text = "osc: {targets: ['127.0.0.1:1']}\ninput: {block: 128}\nosc: {targets: ['127.0.0.1:2']}\n"
    with pytest.raises(ConfigError, match=r"mine.yaml: `osc` stands in line 1 and again in line 3; keep one of them"):
        config.load(written(tmp_path, text))
    with pytest.raises(ConfigError, match=r"`block` stands in line 1 and again in line 1"):
        config.load(written(tmp_path, "input: {block: 128, block: 256}"))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_section_is_its_defaults(tmp_path: Path, name: str) -> None:
    assert config.load(written(tmp_path, f"{name}:\n# nothing: here\n")) == Settings()


def test_an_empty_setting_is_its_default(tmp_path: Path) -> None:
    text = "beat: {bpm_max: , model: }\nosc: {targets: }\ncontrol: {allow: }\nmidi: {port: }"
    assert config.load(written(tmp_path, text)) == Settings()


def test_one_stands_for_a_list_of_one(tmp_path: Path) -> None:
    settings = config.load(
        written(
            tmp_path,
            "control: {host: 0.0.0.0, allow: 10.0.0.0/24}\n"
            "osc: {targets: {host: 10.0.0.1, map: {from: bpm, to: /x}}}\ninput: {channels: 3}",
        )
    )
    assert settings.control.allow == ("10.0.0.0/24",)
    assert [target.host for target in settings.osc.targets] == ["10.0.0.1"]
    assert [line.to for line in settings.osc.targets[0].map] == ["/x"]
    assert settings.input.channels == (3,)
    assert config.load(written(tmp_path, "osc: {targets: 10.0.0.1:9}")).osc.targets[0].port == 9


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("control: {port: 07000}", "control.port", 7000),
        ("control: {port: '7000'}", "control.port", 7000),
        ("control: {enabled: no}", "control.enabled", False),
        ("control: {enabled: Off}", "control.enabled", False),
        ("control: {enabled: true}", "control.enabled", True),
        ("link: {mode: off}", "link.mode", "off"),
        ("input: {device: Yes}", "input.device", "Yes"),
        ("input: {device: 2}", "input.device", 2),
        ("input: {device: 12:30}", "input.device", "12:30"),
        ("input: {device: 2026-01-31}", "input.device", "2026-01-31"),
        ("input: {device: 1.10}", "input.device", "1.10"),
        ("midi: {port: 007}", "midi.port", "007"),
        ("beat: {bpm_max: 1.8e2}", "beat.bpm_max", 180.0),
        ("input: {channels: [3, 4]}", "input.channels", (3, 4)),
        ("input: {<<: {block: 128}, gain: 3}", "input.block", 128),
    ],
)
def test_the_setting_decides_what_a_word_means(tmp_path: Path, text: str, path: str, value: object) -> None:
    section, name = path.split(".")
    found = getattr(getattr(config.load(written(tmp_path, text)), section), name)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("input: {channels: stereo}", "input.channels: must be `all`, one channel or a pair such as [1, 2]"),
        ("input: {channels: 3-4}", "one channel or a pair such as [1, 2], counted from 1, got `3-4`"),
        ("dashboard: {keep: 2:30}", "dashboard.keep: must be a number, got `2:30`"),
        ("control: {port: 0o7071}", "control.port: must be a whole number, got `0o7071`"),
        ("input: {block: true}", "input.block: must be a whole number, got `true`"),
        ("input: {device: [1, 2]}", "input.device: must be a whole number or text, got a list"),
        ("beat: fast", "beat: must be settings as `name: value`, got `fast`"),
        ("level: {hold: .inf}", "level.hold: must be a number, got `.inf`"),
        ("osc: {targets: [{range: 5}]}", "osc.targets[0].range: must be two numbers such as [0, 1], got `5`"),
        ("osc: {targets: [{map: [{from: bpm, to: [/a, /b]}]}]}", "osc.targets[0].map[0].to: must be text, got a list"),
        ("lights: {colours: {sad: blue}}", "lights.colours.sad: must be red, green and blue in 0..255"),
        ("midi: {port: ''}", "midi.port: must be text that is not empty"),
        ("dashboard: {osc_port: [7072, x]}", "dashboard.osc_port[1]: must be a whole number, got `x`"),
    ],
)
def test_what_is_allowed_is_told_in_words_of_a_user(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(written(tmp_path, text))
    assert told in str(caught.value)
    for word in ("tuple", "valid", "dict", "instance", "Input"):
        assert word not in str(caught.value)


def test_a_token_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dashboard.token: must be of 16 characters or more$"):
        config.load(written(tmp_path, "dashboard: {token: secret}"))


TEXT = "lights:\nmidi: {port: Bühne}\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_as_windows_saves_them_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(TEXT.replace("\n", "\r\n").encode(encoding))
    assert config.load(str(tmp_path / "mine.yaml")).midi.port == "Bühne"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (TEXT.encode("latin-1"), "line 2: `ü` is written as in Latin-1 (Windows); save the file as UTF-8"),
        (TEXT.encode("utf-16-le"), "it seems to be UTF-16 without a mark; save it as UTF-8"),
        (TEXT.encode("utf-16")[:-1], "it begins as UTF-16 does, and is damaged"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 1: it is no text in UTF-8"),
        (b"input: \x07", "line 1: the character U+0007 cannot be used"),
    ],
)
def test_other_encodings_are_told_apart_from_what_is_broken(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.yaml: ") as caught:
        config.load(str(tmp_path / "mine.yaml"))
    assert told in str(caught.value)


def test_a_preset_does_not_begin_as_another(tmp_path: Path) -> None:
    mine = written(tmp_path, "osc: {targets: [{preset: resolume, port: 7001}]}")
    assert config.load(mine).osc.targets[0].port == 7001
    with pytest.raises(ConfigError, match="begins as a preset itself"):
        config.load(None, {"osc.targets": [{"preset": mine}]})


def test_a_name_of_a_device_may_hold_anything_on_the_command_line() -> None:
    for name in ("USB Audio: - (hw:1,0)", "Line (2- USB)", "#1", "50 %", "a: b"):
        assert Overrides(values=(f"input.device={name}",)).load(None).input.device == name
    settings = Overrides(values=("osc.targets=[10.0.0.1:9]", "input.channels=1,2", "midi.port='1'")).load(None)
    assert (settings.osc.targets[0].port, settings.input.channels, settings.midi.port) == (9, (1, 2), "1")


@pytest.mark.parametrize("section", ["", "{}", "{hop: 512, fmax: 11000.0}", "{n_fft: 2048, fmin: 30}"])
def test_a_section_that_is_gone_and_says_what_holds_is_no_fault_but_a_note(tmp_path: Path, section: str) -> None:
    settings = config.load(written(tmp_path, f"features: {section}\nbeat: {{bpm_max: 180}}"))
    assert settings.beat.bpm_max == 180
    (note,) = settings.notes
    assert "mine.yaml: `features` is no longer a setting" in note
    assert config.load().notes == ()


@pytest.mark.parametrize("section", ["{hop: 256}", "{hops: 512}", "5", "[1]", "{hop: [512]}", "{hop: x}"])
def test_one_that_says_something_else_is_refused(tmp_path: Path, section: str) -> None:
    with pytest.raises(ConfigError, match=r"`features` is no longer a setting.*remove this section"):
        config.load(written(tmp_path, f"features: {section}"))
