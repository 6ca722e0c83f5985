"""What is wrong with an input is told apart: zeros, a stuck constant, the wrong rate; and silence is none of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from streammood.capture.health import InputHealth, InputState
from streammood.events import F32

RATE = 44_100
BLOCK = 441


def push(
    health: InputHealth, blocks: Iterable[F32], rate: float = RATE, began: float = 0.0, jitter: float = 0.0
) -> float:
    """Push blocks as an input of ``rate`` delivers them; returns the host time of the last."""
    rng = np.random.default_rng(0)
    time = began
    for block in blocks:
        time += block.size / rate
        health.push(block, time + jitter * rng.random())
    return time


def blocks(seconds: float, sample: float | None = None) -> list[F32]:
    """Noise, or one value again and again."""
    rng = np.random.default_rng(1)
    count = int(seconds * RATE / BLOCK)
    if sample is None:
        return [(1e-3 * rng.standard_normal(BLOCK)).astype(np.float32) for _ in range(count)]
    return [np.full(BLOCK, sample, np.float32)] * count


@pytest.mark.parametrize(
    ("sample", "short", "long", "state", "fault"),
    [(0.0, 9.0, 12.0, InputState.ZEROS, "zeros"), (0.25, 2.0, 4.0, InputState.STUCK, "stuck at 0.25")],
)
def test_samples_that_do_not_move(sample: float, short: float, long: float, state: InputState, fault: str) -> None:
    health = InputHealth(RATE)
    now = push(health, blocks(short, sample))
    assert health.state is InputState.FINE
    assert health.fault("line") == ""
    now = push(health, blocks(long - short, sample), began=now)
    assert health.state is state
    assert fault in health.fault("line")
    assert "`line`" in health.fault("line")
    push(health, blocks(0.1), began=now)
    assert health.state is InputState.FINE


def test_a_faint_hiss_is_silence_and_no_fault() -> None:
    health = InputHealth(RATE)
    push(health, [1e-2 * block for block in blocks(15.0)])  # -100 dB
    assert health.state is InputState.FINE


@pytest.mark.parametrize("true", [48_000, 22_050, 88_200, 41_000])
def test_a_wrong_rate_is_measured(true: int) -> None:
    health = InputHealth(RATE)
    push(health, blocks(20.0), rate=true, jitter=0.01)
    assert health.state is InputState.WRONG_RATE
    assert health.measured == pytest.approx(true, rel=0.01)
    assert f"not {RATE}" in health.fault("line")
    if true != 41_000:
        assert f"delivers {true} samples" in health.fault("line")


def test_drift_jitter_stalls_and_losses_are_no_wrong_rate() -> None:
    health = InputHealth(RATE)
    now = push(health, blocks(10.0), rate=RATE * 1.001, jitter=0.03)
    assert health.state is InputState.FINE
    for lost in (0.5, 1.0, 0.2, 2.0):
        now = push(health, blocks(4.0), began=now + lost)  # samples that never come
        assert health.state is InputState.FINE
    for stall in (0.5, 1.5):  # samples that come late, all at once
        arrived = now + stall
        for block in blocks(stall):
            health.push(block, arrived)
        now = push(health, blocks(4.0), began=arrived)
        assert health.state is InputState.FINE


def test_it_is_well_again_when_the_rate_is_right() -> None:
    health = InputHealth(RATE)
    now = push(health, blocks(12.0), rate=48_000)
    assert health.measured > 0.0
    push(health, blocks(8.0), began=now)
    assert health.state is InputState.FINE
