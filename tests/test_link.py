"""Ableton Link with a second peer, in a network namespace of its own."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streammood.config import LinkSettings
from streammood.errors import ConfigError
from streammood.outputs.link import LinkLead

ROOT = Path(__file__).resolve().parents[1]
NAMESPACE = ["unshare", "--map-root-user", "--net", "sh", "-c"]


def session(mode: str) -> Any:
    """What ``tests.link_session`` tells, run where no other Link program can be met."""
    if importlib.util.find_spec("aalink") is None:
        pytest.skip("needs aalink: pip install 'streammood[link]'")
    possible = shutil.which("unshare") and shutil.which("ip")
    if not possible or subprocess.run([*NAMESPACE, "ip link set lo up"], capture_output=True, check=False).returncode:
        pytest.skip("needs a network namespace of its own: unshare and ip, and the right to use them")
    script = f'ip link set lo up && exec "{sys.executable}" -m tests.link_session {mode}'
    done = subprocess.run([*NAMESPACE, script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_session_follows_the_tracker_when_we_lead() -> None:
    told = session("lead")
    for state, bpm in zip(told["told"], (126.0, 90.0), strict=True):
        assert state["peers"] == 1
        assert state["bpm"] == pytest.approx(bpm, abs=0.05)
        assert abs(state["error"]) < 0.03  # s; we leave 10 ms, a busy machine adds its own
    assert told["changes"] <= 20  # a session is not to be pulled about


def test_targets_follow_the_session_when_it_leads() -> None:
    told = session("follow")
    assert told["counts"] == list(range(1, len(told["counts"]) + 1))  # over both changes of who leads
    assert set(told["before"]) == {126.0}
    assert len(told["inside"]) >= 3
    np.testing.assert_allclose(told["inside"], 100.0, atol=0.1)
    assert np.median(np.abs(told["errors"])) < 0.03
    assert all(session == ours for session, ours in told["numbers"])
    assert set(told["after"]) == {126.0}


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aalink", None)
    with pytest.raises(ConfigError, match=r"pip install 'streammood\[link\]'"):
        LinkLead(LinkSettings(mode="lead"), lambda now: now)
