"""What `make run` does where packages are missing: it says what to ask for, and hides no failure."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "packages.sh"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="for Debian and Ubuntu")


def run(folder: Path, *names: str, **programs: str) -> subprocess.CompletedProcess[str]:
    """The script where there are no other programs than ``programs``, each a line of shell."""
    for name, line in programs.items():
        made = folder / name.replace("_", "-")
        made.write_text(f"#!/bin/sh\n{line}\n")
        made.chmod(0o755)
    for name in ("sh", "env"):
        (folder / name).symlink_to(shutil.which(name) or "")
    return subprocess.run(
        [folder / "sh", SCRIPT, *names], env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


MISSING = "case $* in *there*) echo installed ;; *) exit 1 ;; esac"


def test_nothing_is_done_where_all_are_there(tmp_path: Path) -> None:
    done = run(tmp_path, "there", "there2", apt_get="exit 9", dpkg_query="echo installed")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_sudo_the_packages_to_ask_for_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path, "there", "gcc", "g++", apt_get="exit 9", dpkg_query=MISSING, id="echo 1000")
    assert done.returncode == 1
    assert "apt-get install --no-install-recommends gcc g++" in done.stdout
    assert "there" not in done.stdout.replace("there is no sudo", "")


@pytest.mark.parametrize("update", [0, 100])
@pytest.mark.parametrize("install", [0, 100])
def test_what_fails_is_not_hidden(tmp_path: Path, update: int, install: int) -> None:
    apt = f"case $* in *update*) exit {update} ;; *) exit {install} ;; esac"
    done = run(tmp_path, "gcc", apt_get=apt, dpkg_query=MISSING, id="echo 0")
    assert done.returncode == (1 if install else 0)
    assert ("apt-get update failed" in done.stderr) == bool(update)
    assert ("Not all of these could be installed" in done.stderr) == bool(install)


def test_another_system_is_referred_to_the_readme(tmp_path: Path) -> None:
    done = run(tmp_path, "gcc")
    assert done.returncode == 0
    assert "README" in done.stdout


def test_what_this_release_lacks_is_left_out_where_it_may_be(tmp_path: Path) -> None:
    policy = "case $* in *ola*) echo '  Candidate: (none)' ;; *nowhere*) ;; *) echo '  Candidate: 1.0' ;; esac"
    asked = tmp_path / "asked"
    done = run(
        tmp_path, "--if-offered", "tmux", "ola", "nowhere",
        apt_get=f'echo "$*" >> {asked}', apt_cache=policy, dpkg_query=MISSING, id="echo 0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no package ola" in done.stdout
    assert "no package nowhere" in done.stdout
    assert asked.read_text().splitlines()[-1].endswith("--no-install-recommends tmux")
