"""The documentation: generated tables are those of the program, links lead somewhere, the README stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streammood.cli import commands
from streammood.config import Settings
from streammood.config.markdown import comments, renewed

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
