"""What is silence for the ear is silence for the gate, the levels and the onsets, whatever a meter shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.demo.synth import render, steady
from streammood.dsp.audible import SECTIONS, audible_power, fresh_state
from streammood.events import ANALYSIS_RATE, Level, Onset
from streammood.models import Models

RATE = ANALYSIS_RATE
F64 = npt.NDArray[np.float64]


def test_the_band_is_that_of_scipy() -> None:
    high = scipy.signal.ellip(4, 0.2, 60, 40, "high", output="sos", fs=RATE)
    low = scipy.signal.ellip(5, 0.1, 60, 11_000, "low", output="sos", fs=RATE)
    np.testing.assert_allclose(SECTIONS, np.concatenate([high, low]), atol=1e-12)
    sound = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    filtered = scipy.signal.sosfilt(SECTIONS, sound.astype(np.float64))
    state = fresh_state()
    ours = [audible_power(tick, 0.0, state) for tick in np.split(sound, range(256, sound.size, 256))]
    theirs = [np.mean(part**2) for part in np.split(filtered, range(256, sound.size, 256))]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def sine(hertz: float, decibels: float, seconds: float = 5.0) -> F64:
    """A tone of that RMS level."""
    times = np.arange(int(seconds * RATE)) / RATE
    tone: F64 = np.sqrt(2.0) * 10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * times)
    return tone


def offset(decibels: float) -> F64:
    return np.full(5 * RATE, 10 ** (decibels / 20))


SILENCES = {
    "an offset": offset(-60.0),
    "a large offset": offset(-20.0),
    "rumble": sine(12.0, -20.0),
    "slower rumble": sine(5.0, -20.0),
    "faster rumble": sine(16.0, -30.0),
    "a screen": sine(15_625.0, -25.0),
    "a pest repeller": sine(19_000.0, -20.0),
    "all of them": offset(-40.0) + sine(12.0, -40.0) + sine(15_734.0, -40.0),
}


@pytest.fixture(scope="module")
def analyzer() -> AnalysisChain:
    settings = config.load()
    return AnalysisChain(settings, RATE, Models.load(settings))


@pytest.mark.parametrize("name", SILENCES)
def test_silence_for_the_ear_ends_everything(analyzer: AnalysisChain, name: str) -> None:
    """Three seconds of music, then none: the gate holds for three more."""
    analyzer.reset()
    music = render(steady("aggressive", 128.0, 3.0), RATE).sound[: 3 * RATE]
    events = list(analyzer.push(np.concatenate([music, SILENCES[name]]).astype(np.float32)))
    assert sum(isinstance(event, Onset) for event in events if event.sample < 3 * RATE) > 5
    late = [event for event in events if event.sample > 3.3 * RATE]
    assert not any(isinstance(event, Onset) for event in late)
    levels = [event for event in late if isinstance(event, Level)]
    assert all((level.rms, level.low, level.mid, level.high) == (0.0, 0.0, 0.0, 0.0) for level in levels)
    assert not levels[-1].signal


@pytest.mark.parametrize("name", SILENCES)
def test_silence_from_the_start_opens_nothing(analyzer: AnalysisChain, name: str) -> None:
    analyzer.reset()
    events = list(analyzer.push(SILENCES[name][RATE * 2 :].astype(np.float32)))
    late = [event for event in events if event.sample > 0.3 * RATE]
    assert not any(isinstance(event, Onset) for event in late)
    if not name.endswith("rumble"):  # which begins with a step
        assert not any(event.signal for event in events if isinstance(event, Level))


@pytest.mark.parametrize(("hertz", "decibels"), [(45.0, -50.0), (440.0, -57.0), (10_000.0, -57.0)])
def test_what_can_be_heard_opens_the_gate(analyzer: AnalysisChain, hertz: float, decibels: float) -> None:
    analyzer.reset()
    levels = [
        event for event in analyzer.push(sine(hertz, decibels, 1.0).astype(np.float32)) if isinstance(event, Level)
    ]
    assert levels[-1].signal
    assert levels[-1].dbfs == pytest.approx(decibels, abs=1.0)  # the gain is still on its way
