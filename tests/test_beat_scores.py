"""Scores of beats, against mir_eval and against beats whose errors are known."""

from __future__ import annotations

from pathlib import Path

import mir_eval
import numpy as np
import pytest

from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, Beat
from streammood.training.beat.scores import Truth, distance, fired, interval, read_truth, reliability, score


def handed_out(times: np.ndarray, early: float = 0.05, confidence: float = 0.9) -> list[Beat]:
    """Beats at ``times`` in s, decided ``early`` s before; numbered in bars of four."""
    return [
        Beat(
            round(time * ANALYSIS_RATE),
            round((time - early) * ANALYSIS_RATE),
            120.0,
            confidence,
            i > 3,
            i % 4 + 1,
            i + 1,
            0.5,
        )
        for i, time in enumerate(times)
    ]


def known(seconds: float = 30.0) -> Truth:
    beats = np.arange(0.5, seconds, 0.5)
    return Truth(beats, np.arange(beats.size) % 4 + 1)


def test_right_beats_are_right() -> None:
    truth = known()
    heard = score("x", truth, handed_out(truth.beats))
    assert (heard.f, heard.cmlt, heard.amlt, heard.downbeat) == (1.0, 1.0, 1.0, 1.0)
    assert heard.lock == pytest.approx(truth.beats[4], abs=1e-4)
    assert np.abs(heard.late).max() < 1e-4


def test_a_beat_counts_when_it_fires() -> None:
    truth = known()
    heard = score("x", truth, handed_out(truth.beats, early=-0.03))
    np.testing.assert_allclose(heard.late, 0.03, atol=1e-4)
    assert score("x", truth, handed_out(truth.beats, early=-0.2)).f == 0.0


def test_f_is_that_of_mir_eval() -> None:
    truth = known()
    rng = np.random.default_rng(0)
    times = np.sort(truth.beats + 0.05 * rng.standard_normal(truth.beats.size))
    beats = handed_out(times)
    trimmed = [mir_eval.beat.trim_beats(x) for x in (truth.beats, fired(beats))]
    assert score("x", truth, beats).f == mir_eval.beat.f_measure(*trimmed)
    assert 0.3 < score("x", truth, beats).f < 1.0


def test_no_beats_score_nothing() -> None:
    heard = score("x", known(), handed_out(np.array([2.0])))
    assert heard.f == 0.0
    assert heard.lock == float("inf")
    assert heard.late.size == 0


def test_reliability_is_the_share_of_right_beats() -> None:
    truth = known()
    half = truth.beats + np.where(np.arange(truth.beats.size) % 2, 0.0, 0.2)
    rows = reliability([score("x", truth, handed_out(half, confidence=0.5))])
    stated, right, count = rows[2]
    assert (stated, count) == (0.5, sum(row[2] for row in rows))
    assert right == pytest.approx(0.5, abs=0.02)


def test_distance_is_to_the_nearest() -> None:
    np.testing.assert_allclose(distance(np.array([0.9, 2.6]), np.array([1.0, 2.0, 3.0])), [-0.1, -0.4])
    assert np.isinf(distance(np.array([1.0]), np.array([]))).all()


def test_the_interval_holds_the_mean() -> None:
    mean, low, high = interval([0.2, 0.4, 0.9, 0.7])
    assert mean == pytest.approx(0.55)
    assert low < mean < high


def test_files_of_beats_are_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "x.beats"
    path.write_text("0.5 1\n1.0 2\n")
    truth = read_truth(path)
    assert truth.beats.tolist() == [0.5, 1.0]
    assert truth.numbers.tolist() == [1, 2]
    path.write_text("soon\n")
    with pytest.raises(DataError, match=r"x\.beats"):
        read_truth(path)
