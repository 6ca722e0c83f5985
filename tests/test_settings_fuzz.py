"""Settings files of every kind, thousands: what comes is settings, or one line that can be shown, and soon."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streammood import config, resources
from streammood.cli.wiring import Overrides
from streammood.config import Settings
from streammood.errors import ConfigError

LONGEST = 300  # characters of a line
# The same examples on every run, and a folder that all of them share: what one leaves there the next replaces.
FUZZ = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DEFAULT = (resources.folder("config") / "default.yaml").read_bytes()


def names(tree: dict[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every section and setting."""
    found = []
    for key, value in tree.items():
        found.append((*prefix, key))
        inner = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        found += names(inner, (*prefix, key)) if isinstance(inner, dict) else []
    return found


NAMES = [*names(Settings().model_dump(mode="json", by_alias=True))]
NAMES += [("osc", "targets", "map", key) for key in ("from", "to", "in", "out", "curve", "value", "when", "every")]
NAMES += [("lights", kind, key) for kind in ("artnet", "sacn") for key in ("host", "port", "universe", "address")]
HOSTILE = [
    "", "~", "null", "true", "off", "no", "0", "-1", "7", "07000", "0x1f", "2:30", "1e999", ".inf", ".nan", "nan",
    "1_0", "9" * 5000, "-" + "9" * 30, "1e-400", "0." + "3" * 5000, "2026-01-31", "!!timestamp foo", "!!int x",
    "!!binary '%'", "!!set {a}", "!!python/object/apply:os.system ['true']", "!x y", '"\\uD800"', '"\\0"',
    '"\\e[2J"', '"\\u202e"', "'" + "ü" * 300 + "'", "x" * 5000, "[]", "{}", "[[]]", "[null]", "[1, 2]", "[1, 2, 3]",
    "{a: 1}", "{? [a] : b}", "{<<: {a: 1}}", "{<<: 5}", "&a [*a]", "&a {b: *a}", "*nowhere", "[x, [x, [x, {y: [x]}]]]",
    "/a", "/a b", "/#", "127.0.0.1:7000", "[::1]:7000", "a:99999", "a:" + "9" * 5000, "resolume", "default", "nowhere",
    "~nobody/x.yaml", "/", "..", "/dev/null", "/proc/self/mem", "mood/happy", "mood/index == 1",
    "mood/happy > " + "9" * 400, "bpm", "beat", "1.2.3.4/99", "0.0.0.0/0", "'#aabbcc'", "'#aabbcc\n'", '"a\\nb"',
]  # fmt: skip
WORDS = st.sampled_from(HOSTILE) | st.text(max_size=12) | st.integers().map(str) | st.floats().map(str)


def flow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Lists and sections of what is given."""
    key = st.sampled_from([name[-1] for name in NAMES]) | WORDS
    pairs = st.lists(st.tuples(key, inner).map(": ".join), max_size=4)
    return pairs.map(lambda parts: "{" + ", ".join(parts) + "}") | st.lists(inner, max_size=4).map(
        lambda parts: "[" + ", ".join(parts) + "]"
    )


VALUES = st.recursive(WORDS, flow, max_leaves=8)


def written(where: tuple[str, ...], value: str, as_list: bool) -> str:
    """A file in which the setting at ``where`` holds ``value``."""
    for key in reversed(where):
        value = f"{{{key}: {value}}}"
        if as_list and key in ("map", "to"):
            value = f"[{value}]"
    return value


def one_line(message: str, folder: Path) -> None:
    """What a user can meet."""
    assert message
    assert message.isprintable()
    assert len(message.replace(str(folder), "")) <= LONGEST


def loads(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogatepass"))
    try:
        config.load(str(path))
    except ConfigError as error:
        one_line(str(error), path.parent)


@FUZZ
@given(where=st.sampled_from(NAMES), value=VALUES, as_list=st.booleans())
def test_any_value_in_any_place(tmp_path: Path, where: tuple[str, ...], value: str, as_list: bool) -> None:
    loads(tmp_path / "x.yaml", written(where, value, as_list))


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_in_many_places(tmp_path: Path, value: str) -> None:
    for where in NAMES[HOSTILE.index(value) % 3 :: 3]:
        loads(tmp_path / "x.yaml", written(where, value, False))


@settings(FUZZ, max_examples=80)
@given(
    bits=st.lists(st.tuples(st.integers(0, len(DEFAULT) - 1), st.binary(max_size=3)), max_size=6),
    cut=st.integers(0, len(DEFAULT)),
)
def test_any_spoiled_file(tmp_path: Path, bits: list[tuple[int, bytes]], cut: int) -> None:
    content = bytearray(DEFAULT)
    for place, change in bits:
        content[place : place + len(change)] = change
    loads(tmp_path / "x.yaml", bytes(content[: len(content) - cut // 4]))


@FUZZ
@given(content=st.text(max_size=80) | st.binary(max_size=80) | st.lists(WORDS, max_size=8).map("\n".join))
def test_any_text(tmp_path: Path, content: str | bytes) -> None:
    loads(tmp_path / "x.yaml", content)


@FUZZ
@given(path=st.sampled_from([".".join(name) for name in NAMES]) | st.text(max_size=20), value=WORDS | VALUES)
def test_any_value_on_the_command_line(tmp_path: Path, path: str, value: str) -> None:
    try:
        Overrides(values=(f"{path}={value}",)).load(None)
    except ConfigError as error:
        one_line(str(error), tmp_path)


def aliases(n: int) -> str:
    """Each alias stands for twice what the one before it stands for."""
    return "input: {device: [&a0 [x,x]" + "".join(f", &a{k} [*a{k - 1},*a{k - 1}]" for k in range(1, n)) + "]}"


def merges(n: int) -> str:
    return "a0: &a0 {x: 1}\n" + "".join(f"a{k}: &a{k} {{<<: [*a{k - 1}, *a{k - 1}]}}\n" for k in range(1, n))


GROWING: dict[str, Callable[[int], str]] = {
    "aliases": aliases,
    "merges": merges,
    "sections": lambda n: "{a: " * n + "}" * n,
    "lists": lambda n: "[" * n + "]" * n,
    "entries": lambda n: "- " * n,
    "keys": lambda n: "".join(f"k{k}: 1\n" for k in range(n)),
    "targets": lambda n: "osc: {targets: [" + "127.0.0.1:1, " * n + "]}",
    "digits": lambda n: "beat: {bpm_min: " + "9" * n + "}",
    "spaces": lambda n: "input: {block: 7" + " " * n + "}",
    "lines": lambda n: "- 1\n" * n,
    "text": lambda n: "osc: {targets: [{map: [{from: bpm, to: " + "x" * n + "}]}]}",
}


@pytest.mark.parametrize("kind", GROWING)
@pytest.mark.parametrize("n", [25, 1000, 60_000])
def test_what_grows_is_refused_by_its_size(tmp_path: Path, kind: str, n: int) -> None:
    loads(tmp_path / "x.yaml", GROWING[kind](n))


def test_places_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large").write_bytes(b"# " * 200_000)
    wanted = ["", ".", "x" * 300, "x/" * 3000, "a\0b", "a\nb\x1b[2J", "\udcff", "~nobody/x", "/dev/zero"]
    wanted += ["/proc/self/mem", str(tmp_path), *(str(tmp_path / name) for name in ("file/x", "loop", "fifo", "large"))]
    for name in wanted:
        for load in (config.load, lambda name: config.load(None, {"osc.targets": [{"preset": name}]})):
            with pytest.raises(ConfigError) as caught:
                load(name)
            one_line(str(caught.value), tmp_path)


def test_a_folder_that_may_not_be_entered_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "venue.yaml").touch()

    def refuse(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # tests may run as a user whom nothing stops
    with pytest.raises(ConfigError, match=r"venue\.yaml: cannot be read: Permission denied"):
        config.load(str(tmp_path / "venue.yaml"))
