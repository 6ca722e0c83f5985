"""Onsets of bursts at known places; aubio does not hear clicks of 5 ms, so these last 50 ms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from streammood.analysis.aubio import AubioOnsets
from streammood.analysis.hops import TICK, Ticks
from streammood.analysis.onsets import OnsetStream
from streammood.analysis.spectral_flux import FluxOnsets
from streammood.config import LevelSettings, OnsetSettings
from streammood.demo.synth import DEMO, render
from streammood.events import ANALYSIS_RATE, F32, Onset


def bursts(kind: str, seconds: float = 12.0) -> tuple[F32, npt.NDArray[np.int64]]:
    """Bursts of 50 ms of noise or a tone, 0.2..0.6 s apart and unequally loud, over a noise floor; and their places."""
    rng = np.random.default_rng(11)
    sound = 1e-3 * rng.standard_normal(int(seconds * ANALYSIS_RATE))
    t = np.arange(2205) / ANALYSIS_RATE
    fade = np.minimum(1.0, (0.05 - t) / 0.01)
    places = np.cumsum(rng.uniform(0.2, 0.6, int(seconds / 0.4) - 3) * ANALYSIS_RATE).astype(np.int64)
    for place in places:
        body = rng.standard_normal(t.size) / 3 if kind == "noise" else np.sin(2 * np.pi * 880 * t)
        sound[place : place + t.size] += rng.uniform(0.2, 0.8) * body * fade
    return sound.astype(np.float32), places


def listen(sound: F32, stream: OnsetStream | None = None, first: int = 0) -> list[Onset]:
    stream = stream or OnsetStream(OnsetSettings(), LevelSettings())
    n = sound.size // TICK
    return stream.push(Ticks(first + TICK, 0, sound[: n * TICK].reshape(n, TICK), np.zeros(n)))


@pytest.mark.parametrize("kind", ["noise", "tone"])
def test_bursts_are_found_where_they_are_and_soon(kind: str) -> None:
    sound, places = bursts(kind)
    onsets = listen(sound)
    errors, waits = [], []
    for place in places:
        near = [onset for onset in onsets if abs(onset.sample - place) < 0.02 * ANALYSIS_RATE]
        if near:
            errors.append((near[0].sample - place) / ANALYSIS_RATE)
            waits.append((near[0].decided - place) / ANALYSIS_RATE)
    assert len(errors) >= 0.95 * len(places)
    assert len(onsets) <= 1.1 * len(places)
    assert abs(float(np.median(errors))) < 0.003
    assert np.percentile(np.abs(errors), 95) < 0.006  # a hop is 5.8 ms
    assert np.median(waits) < 0.020
    assert np.percentile(waits, 95) < 0.025


def test_strength_is_relative_and_in_range() -> None:
    sound, _ = bursts("noise")
    onsets, quiet = listen(sound), listen(0.25 * sound)
    assert all(0.0 < onset.strength <= 1.0 for onset in onsets)
    assert len({round(onset.strength, 3) for onset in onsets}) > 5
    assert abs(len(quiet) - len(onsets)) <= 0.1 * len(onsets)


def test_onsets_come_in_order_and_keep_their_distance() -> None:
    settings = OnsetSettings(interval=0.3)
    onsets = listen(bursts("noise")[0], OnsetStream(settings, LevelSettings()))
    assert len(onsets) > 10
    assert np.diff([onset.sample for onset in onsets]).min() >= 0.3 * ANALYSIS_RATE
    assert all(onset.sample <= onset.decided for onset in onsets)


def test_silence_and_sound_below_the_gate_have_none() -> None:
    assert listen(np.zeros(2 * ANALYSIS_RATE, dtype=np.float32)) == []
    assert listen(3e-4 * bursts("noise")[0]) == []


def test_reset_equals_a_new_object() -> None:
    stream = OnsetStream(OnsetSettings(), LevelSettings())
    listen(bursts("tone")[0], stream)
    stream.reset()
    sound = bursts("noise")[0]
    assert listen(sound, stream) == listen(sound)


def test_a_shift_of_the_clock_shifts_the_onsets() -> None:
    sound, _ = bursts("noise")
    shift = 3 * 2**32  # past what aubio can count
    moved = [(onset.sample - shift, onset.strength) for onset in listen(sound, first=shift)]
    assert moved == [(onset.sample, onset.strength) for onset in listen(sound)]


@pytest.mark.parametrize(
    "method", ["default", "energy", "hfc", "complex", "phase", "specdiff", "kl", "mkl", "specflux"]
)
def test_every_method_has_its_delay_taken_out(method: str) -> None:
    sound, places = bursts("noise")
    settings = OnsetSettings.model_validate({"method": method, "threshold": 0.3})
    onsets = listen(sound, OnsetStream(settings, LevelSettings()))
    errors = [onset.sample - places[np.abs(places - onset.sample).argmin()] for onset in onsets]
    assert abs(float(np.median(errors))) < 0.005 * ANALYSIS_RATE


@pytest.mark.parametrize("kind", ["noise", "tone", "music"])
@pytest.mark.parametrize("threshold", [0.1, 0.5])
def test_the_flux_is_that_of_aubio(kind: str, threshold: float) -> None:
    """The same ticks, places and sizes, but for the rounding of aubio's float32."""
    sound = render(DEMO[:8], ANALYSIS_RATE).sound if kind == "music" else bursts(kind)[0]
    sound[: ANALYSIS_RATE // 3] *= 0.0
    ticks = sound[: sound.size // TICK * TICK].reshape(-1, TICK)
    settings = OnsetSettings(threshold=threshold)
    ours = np.array(FluxOnsets(threshold, -60.0, settings.interval).push(ticks))
    aubios = np.array(AubioOnsets(settings, TICK, -60.0).push(ticks))
    assert len(ours) > 20
    assert ours[:, 0].tolist() == aubios[:, 0].tolist()
    np.testing.assert_allclose(ours[:, 1], aubios[:, 1], atol=1e-3)  # a quarter of a sample
    np.testing.assert_allclose(ours[:, 2], aubios[:, 2], rtol=1e-5, atol=2e-4)


def test_the_flux_does_not_depend_on_how_ticks_are_cut() -> None:
    ticks = bursts("noise")[0].reshape(-1)[: 512 * TICK].reshape(-1, TICK)
    whole, parts = FluxOnsets(0.5, -60.0, 0.05), FluxOnsets(0.5, -60.0, 0.05)
    found = [(i + start, *rest) for start in range(0, 512, 3) for i, *rest in parts.push(ticks[start : start + 3])]
    assert found == whole.push(ticks)
