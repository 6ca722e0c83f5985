"""The plugin of beets, by beets itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("beets", reason="needs beets: pip install beets")
ROOT = Path(__file__).parent.parent


def test_beets_stores_what_streammood_finds(tmp_path: Path, wav: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"directory: {tmp_path / 'music'}\nlibrary: {tmp_path / 'beets.db'}\nplugins: streammood\n"
        "import: {copy: no, write: no, autotag: no}\n"
    )
    environment = os.environ | {"BEETSDIR": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def beet(*arguments: str) -> str:
        command = [sys.executable, "-m", "beets", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    beet("import", "-q", "-A", "-s", str(wav))
    beet("streammood")
    mood, bpm, key, valence = beet("ls", "-f", "$mood|$bpm|$initial_key|$valence").strip().split("|")
    assert mood in {"happy", "aggressive", "calm", "sad"}
    assert 118 <= float(bpm) <= 122
    assert key
    assert -1.0 <= float(valence) <= 1.0
