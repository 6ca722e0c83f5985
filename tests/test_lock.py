"""The lock file holds every dependency, in a version that is allowed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("views", "link", "lights")  # what `make run` installs
NEEDED = [*PROJECT["dependencies"], *(line for extra in EXTRAS for line in PROJECT["optional-dependencies"][extra])]
LOCKED = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("line", NEEDED)
def test_each_is_locked_to_a_version_that_is_allowed(line: str) -> None:
    needed = Requirement(line)
    name = canonicalize_name(needed.name)
    assert name in LOCKED, "make lock"
    assert needed.specifier.contains(LOCKED[name]), "make lock"


def test_all_files_have_their_hash() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) > len(NEEDED)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
