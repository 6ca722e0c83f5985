"""The input's level: meter, clipping, automatic gain, gate; and music that means the same on a quiet desk."""

from __future__ import annotations

import math

import mir_eval
import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from streammood import config
from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.gain import RELIEF, Gain
from streammood.config import InputSettings, LevelSettings
from streammood.demo.synth import Rendered, render, steady
from streammood.events import ANALYSIS_RATE, F32, Beat, Event, Level, Mood, Onset, seconds
from streammood.models import Models

RATE = ANALYSIS_RATE
TICK = 256


@pytest.fixture(scope="module")
def models() -> Models:
    settings = config.load()
    return Models.load(settings)


def analyzer(models: Models, rate: float = RATE, **changed: object) -> AnalysisChain:
    settings = config.load(None, {key.replace("__", "."): value for key, value in changed.items()})
    return AnalysisChain(settings, rate, models)


def noise(seconds: float, decibels: float, seed: int = 0) -> F32:
    """White noise whose audible half, below 11 kHz, has that RMS level."""
    sound = math.sqrt(2.0) * np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return (sound * 10 ** (decibels / 20)).astype(np.float32)


def levels(events: list[Event]) -> list[Level]:
    return [event for event in events if isinstance(event, Level)]


def test_a_level_within_the_range_is_not_touched() -> None:
    gain = Gain(InputSettings(), -60.0)
    for tick in noise(5.0, -20.0)[: 800 * TICK].reshape(-1, TICK):
        before = tick.copy()
        gain.push(tick)
        np.testing.assert_array_equal(tick, before)


@pytest.mark.parametrize(("level", "amplified"), [(-55.0, -24.0), (-40.0, -24.0), (-24.5, -24.0), (-6.0, -12.0)])
def test_other_levels_are_brought_to_its_edge(level: float, amplified: float) -> None:
    gain = Gain(InputSettings(), -60.0)
    for tick in noise(8.0, level - 3.01)[: 1300 * TICK].reshape(-1, TICK):
        gain.push(tick)
    assert gain.automatic == pytest.approx(amplified - level, abs=0.5)  # of all that noise, in 256 samples


def test_the_gain_moves_slowly_and_silence_teaches_nothing() -> None:
    gain = Gain(InputSettings(), -60.0)
    for tick in noise(20.0, -20.0)[: 3400 * TICK].reshape(-1, TICK):
        gain.push(tick)
    breakdown = []
    treble = sosfilt(butter(4, 300, "high", fs=RATE, output="sos"), noise(8.0, -35.0)).astype(np.float32)
    for tick in treble[: 1300 * TICK].reshape(-1, TICK):
        gain.push(tick)
        breakdown.append(gain.automatic)
    assert breakdown[-1] < 1.0  # dB after eight seconds that were 15 dB softer
    assert np.max(np.abs(np.diff(breakdown))) < 0.05
    held = gain.automatic
    for tick in noise(10.0, -85.0)[: 1700 * TICK].reshape(-1, TICK):
        gain.push(tick)
    assert gain.automatic == held


@pytest.mark.parametrize("change", [-20.0, 20.0])
@pytest.mark.parametrize("style", ["happy", "aggressive", "calm", "sad"])
def test_a_fader_is_followed_within_eight_seconds(style: str, change: float) -> None:
    """Eight seconds after it, what comes out is about as loud as it would be if the fader had not been moved."""
    sound = render(steady(style, 110.0, 40.0), RATE).sound
    sound = sound * 10 ** ((-18.0 - 10 * math.log10(float(np.mean(sound**2)))) / 20)
    before, after = (0.0, change) if change < 0 else (-change, 0.0)
    half = 20 * RATE // TICK * TICK
    moved = np.concatenate((10 ** (before / 20) * sound[:half], 10 ** (after / 20) * sound[half:])).astype(np.float32)
    other = (10 ** (before / 20) * sound).astype(np.float32)
    gain, unmoved = Gain(InputSettings(), -60.0), Gain(InputSettings(), -60.0)
    for tick, as_was in zip(*(y[: 28 * RATE // TICK * TICK].reshape(-1, TICK) for y in (moved, other)), strict=True):
        gain.push(tick)
        unmoved.push(as_was)
    assert abs(gain.automatic - unmoved.automatic + change) < 6.0


def test_levels_before_the_gain_follow_a_fader_that_is_drawn_down(models: Models) -> None:
    sound = np.concatenate((noise(6.0, -30.0), noise(6.0, -45.0)))
    for where, off in (("after", 0.0), ("before", -15.0)):
        heard = levels(analyzer(models, level__gain=where).push(sound))
        at = {round(seconds(level.sample), 2): level.rms for level in heard}
        five, twelve = at[min(at, key=lambda t: abs(t - 5.5))], at[min(at, key=lambda t: abs(t - 11.9))]
        assert 60.0 * (twelve - five) == pytest.approx(off, abs=1.0)


def test_fixed_gain_lies_on_top_and_may_change_while_it_runs() -> None:
    gain = Gain(InputSettings(gain=6.0, agc=False), -60.0)
    tick = np.full(TICK, 0.1, np.float32)
    gain.push(tick)
    np.testing.assert_allclose(tick, 0.1 * 10 ** (6 / 20), rtol=1e-6)
    gain.fixed = -6.0
    tick = np.full(TICK, 0.1, np.float32)
    gain.push(tick)
    assert np.all(np.diff(tick) < 0)  # without a step
    assert tick[-1] == pytest.approx(0.1 * 10 ** (-6 / 20), rel=1e-6)


def test_the_meter_shows_the_input_as_it_is(models: Models) -> None:
    sound = noise(3.0, -50.0)
    sound[RATE : RATE + 8] = 1.0
    heard = levels(list(analyzer(models).push(sound)))
    assert max(level.peak for level in heard) == pytest.approx(0.0, abs=0.01)
    clipping = [seconds(level.sample) for level in heard if level.clipping]
    assert clipping[0] == pytest.approx(1.0, abs=0.02)
    assert clipping[-1] == pytest.approx(2.0, abs=0.03)  # told for a second
    assert heard[-1].dbfs == pytest.approx(-50.0, abs=1.0)
    assert heard[-1].gain > 10.0
    amplified = heard[-1].dbfs + heard[-1].gain
    assert heard[-1].rms == pytest.approx(1.0 + amplified / 60.0, abs=0.01)  # what lights get is that after the gain
    loud = noise(1.0, -15.0)
    loud[1000] = 1.0  # one sample is no clipping
    assert not any(level.clipping for level in levels(list(analyzer(models).push(loud))))


def test_the_gate_opens_above_and_closes_below(models: Models) -> None:
    steps = (-66.0, -57.0, -63.0, -90.0)  # too soft to open; opens; soft, but holds; closes
    sound = np.concatenate([noise(5.0, level) for level in steps])
    heard = levels(list(analyzer(models, input__agc=False).push(sound)))
    signal = {int(seconds(level.sample)): level.signal for level in heard}
    assert [signal[4], signal[6], signal[14], signal[15], signal[19]] == [False, True, True, True, False]
    without = levels(list(analyzer(models, input__agc=False, level__hysteresis=0.0).push(sound)))
    assert not {int(seconds(level.sample)): level.signal for level in without}[14]


def test_the_gate_follows_a_quiet_desk_but_not_into_its_noise(models: Models) -> None:
    quiet = LevelSettings().silence - LevelSettings().hysteresis - RELIEF
    for level, signal in ((quiet + 3.0, True), (quiet - 3.0, False)):
        heard = levels(list(analyzer(models).push(np.concatenate([noise(6.0, -55.0), noise(6.0, level)]))))
        assert heard[-1].signal is signal


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_gain_and_meter_do_not_depend_on_block_sizes(models: Models, rate: int) -> None:
    sound = (0.02 * render(steady("happy", 120.0, 4.0), rate).sound).astype(np.float32)
    sound[rate : rate + 50] = 1.0
    whole = list(analyzer(models, rate).push(sound))
    cut = analyzer(models, rate)
    sizes = np.random.default_rng(0).integers(1, 4000, 400)
    parts = np.split(sound, np.cumsum(sizes)[np.cumsum(sizes) < sound.size])
    assert [event for part in parts for event in cut.push(part)] == whole


@pytest.fixture(scope="module")
def song() -> Rendered:
    return render(steady("aggressive", 128.0, 24.0), RATE)


@pytest.mark.parametrize("decibels", [-20.0, -40.0])
def test_music_means_the_same_forty_decibels_down(models: Models, song: Rendered, decibels: float) -> None:
    """As a 16-bit converter with dither delivers it."""
    rng = np.random.default_rng(0)
    loud = list(analyzer(models).push(song.sound))
    soft = song.sound * 10 ** (decibels / 20) * 32_768
    dithered = (np.round(soft + rng.uniform(-0.5, 0.5, soft.size) + rng.uniform(-0.5, 0.5, soft.size)) / 32_768).astype(
        np.float32
    )
    quiet = list(analyzer(models).push(dithered))

    def beats(events: list[Event]) -> list[float]:
        return [seconds(event.sample) for event in events if isinstance(event, Beat)]

    truth = np.array([beat.sample / RATE for beat in song.beats])
    known = truth[truth > 8.0]
    scores = [
        mir_eval.beat.f_measure(known, np.array(beats(events))[np.array(beats(events)) > 7.9])
        for events in (loud, quiet)
    ]
    assert scores[1] >= scores[0] - 0.05
    last = [[event for event in events if isinstance(event, Mood)][-1] for events in (loud, quiet)]
    assert last[0].label == last[1].label
    assert last[0].valence == pytest.approx(last[1].valence, abs=0.1)
    assert last[0].arousal == pytest.approx(last[1].arousal, abs=0.1)
    onsets = [[seconds(event.sample) for event in events if isinstance(event, Onset)] for events in (loud, quiet)]
    assert mir_eval.onset.f_measure(np.array(onsets[0]), np.array(onsets[1]), window=0.02)[0] > 0.85
    rms = [np.mean([level.rms for level in levels(events)[-800:]]) for events in (loud, quiet)]
    assert rms[0] == pytest.approx(rms[1], abs=0.21)  # the range in which a level is left alone
