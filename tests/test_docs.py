"""The documentation: generated tables are those of the program, links lead somewhere, the README stays short."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from streammood.cli import commands
from streammood.config import Settings
from streammood.config.settings_table import comments, renewed

HERE = Path(__file__).parents[1]
DOCS = HERE / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", ["osc", "control", "settings"])
def test_generated_tables_are_those_of_the_program(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    assert renewed(text) == text, "make docs"


def test_default_yaml_says_what_each_setting_does() -> None:
    told = comments()
    for name, field in Settings.model_fields.items():
        for key, inner in type(field.default).model_fields.items():
            assert f"{name}.{inner.alias or key}" in told


@pytest.mark.parametrize("page", [*PAGES, *HERE.glob("*.md")], ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_page_is_in_the_menu() -> None:
    pages = set(re.findall(r"[\w/-]+\.md", (HERE / "mkdocs.yml").read_text(encoding="utf-8")))
    assert pages == {page.relative_to(DOCS).as_posix() for page in PAGES}


def test_the_readme_is_short_and_has_one_picture() -> None:
    text = (HERE / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert text.count("![") == 1
    assert "make test" in text


def test_every_command_has_a_line() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    for name in commands._MODULES:
        assert f"`streammood {name}" in text, name


def test_the_tree_of_the_architecture_is_that_of_the_import_rules() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    names = [name.rpartition(".")[2] for layer in contract["layers"] for name in layer.split(" | ")]
    places = [re.search(rf"^[├└]── (?:.* )?{name}(?:/|\.py)", text, re.MULTILINE) for name in names]
    starts = [place.start() if place else -1 for place in places]
    assert -1 not in starts, [name for name, at in zip(names, starts, strict=True) if at < 0]
    lines = [text.count("\n", 0, at) for at in starts]
    assert all(a <= b + 1 for a, b in pairwise(lines))  # rooms of one layer may stand in any order
