"""The beat network: a stream that equals its batch, looks back only, ignores the level, and hears strokes in time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from streammood import resources
from streammood.analysis.beat.activations import QUIET, RISE_HOPS, BeatNetwork, beat_inputs
from streammood.analysis.front_end import FrontEnd
from streammood.demo.synth import Rendered
from streammood.dsp.layout import HOP, N_MELS
from streammood.errors import ModelError
from streammood.events import F32
from streammood.models.beat_model import BeatManifest, BeatModel
from streammood.models.manifest import read_manifest

SHIPPED = resources.folder("models") / "beat.tflite"
RATE = 44_100


@pytest.fixture(scope="module")
def model() -> BeatModel:
    return BeatModel.load("beat")


@pytest.fixture(scope="module")
def log_mel(music: Rendered) -> F32:
    return spectra(music.sound)


def spectra(sound: F32) -> F32:
    """Log mel spectra (n_hops, n_mels) by the live front end."""
    return np.concatenate([hops.values[:, :N_MELS].copy() for _, hops in FrontEnd(RATE).push(sound)])


def heard(network: BeatNetwork, log_mel: F32) -> F32:
    """Activations (n_hops - look_ahead, 2)."""
    answers = network.push(log_mel)
    assert np.isnan(answers[: network.look_ahead]).all()
    return answers[network.look_ahead :].astype(np.float32)


def batch(model: BeatModel, log_mel: F32) -> F32:
    """The same without rings: the whole past is kept in lists and looked up by its place."""
    shape = model.manifest.network
    earlier, inputs, peak = np.zeros((RISE_HOPS, N_MELS), np.float32), [], QUIET
    for row in log_mel:
        out = np.empty(2 * N_MELS, np.float32)
        peak = beat_inputs(row, peak, earlier, out)
        inputs.append(out)
    silence = np.full((len(shape.dilations), shape.width), model.past.zero, model.past.dtype)
    entered = [silence] * (2 * max(shape.dilations))
    answers = []
    for pair in range(len(inputs) // shape.pair):
        past = [entered[-age * d][k] for k, d in enumerate(shape.dilations) for age in (2, 1)]
        hops = np.concatenate(inputs[pair * shape.pair : (pair + 1) * shape.pair])
        hops = np.rint(hops * np.float32(1.0 / model.hops.step) + model.hops.zero).clip(-128, 127).astype(np.int8)
        logits, present = model.ask(hops[None], np.concatenate(past)[None])
        # what comes out and what goes in stand for the same numbers, in steps of their own
        again = model.present.dequantise(present) / model.past.step + model.past.zero
        entered.append(np.rint(again).clip(-128, 127).astype(np.int8).reshape(silence.shape))
        answers.append(1.0 / (1.0 + np.exp(-model.logits.dequantise(logits).reshape(shape.pair, 2))))
    late = model.manifest.look_ahead - shape.pair + 1
    return np.concatenate(answers)[late:].astype(np.float32)


def test_the_stream_equals_the_batch(model: BeatModel, log_mel: F32) -> None:
    stream, whole = heard(BeatNetwork(model), log_mel[:700]), batch(model, log_mel[:700])
    n = min(len(stream), len(whole))
    assert n > 690
    np.testing.assert_allclose(stream[:n], whole[:n], atol=1e-6)  # float32


def test_later_sound_does_not_change_earlier_answers(model: BeatModel, log_mel: F32) -> None:
    other = log_mel[:400].copy()
    other[300:] = 0.0
    before = 300 - model.manifest.look_ahead
    one, two = heard(BeatNetwork(model), log_mel[:400]), heard(BeatNetwork(model), other)
    np.testing.assert_array_equal(one[:before], two[:before])
    assert (one[before:] != two[before:]).any()


def test_reset_equals_new(model: BeatModel, log_mel: F32) -> None:
    network = BeatNetwork(model)
    first = heard(network, log_mel[:301])
    network.reset()
    np.testing.assert_array_equal(heard(network, log_mel[:301]), first)


@pytest.mark.parametrize("gain", [-20.0, 20.0])
def test_the_level_does_not_matter(model: BeatModel, log_mel: F32, gain: float) -> None:
    one, two = heard(BeatNetwork(model), log_mel), heard(BeatNetwork(model), log_mel + np.float32(gain))
    np.testing.assert_allclose(one, two, atol=0.12)  # one step of an int8 input; 0.02 seen
    assert float(np.mean(np.abs(one - two))) < 0.01


@pytest.mark.parametrize("level", [-100.0, -1000.0, 60.0])
def test_silence_and_a_steady_roar_hold_no_beats(model: BeatModel, level: float) -> None:
    answers = heard(BeatNetwork(model), np.full((900, N_MELS), level, np.float32))
    assert np.isfinite(answers).all()
    assert (answers[100:] < 0.3).all()


def test_beats_are_heard_where_they_are(model: BeatModel, music: Rendered, log_mel: F32) -> None:
    """Peaks lie on the strokes: 120 BPM on an exact grid, after five seconds."""
    beat = heard(BeatNetwork(model), log_mel)[:, 0]
    peaks = np.flatnonzero((beat[1:-1] > beat[:-2]) & (beat[1:-1] >= beat[2:]) & (beat[1:-1] > 0.3)) + 1
    at = (peaks + 1) * HOP - model.manifest.stroke_delay
    true = np.array([b.sample for b in music.beats])
    true = true[(true > 5 * RATE) & (true < at.max())]
    error = [at[np.abs(at - t).argmin()] - t for t in true]
    assert abs(float(np.median(error))) < 0.012 * RATE  # a hop
    assert np.mean(np.abs(error) < 0.035 * RATE) > 0.9


def test_the_shipped_model_is_small_and_names_its_data() -> None:
    manifest = read_manifest(SHIPPED, BeatManifest)
    assert SHIPPED.stat().st_size <= 500_000
    assert manifest.training
    assert all(data.licence for data in manifest.training)
    assert "spcup2017_closed_challenge" not in {data.name for data in manifest.training}


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        BeatModel.load(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_model_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.tflite"
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED.with_suffix(suffix), own.with_suffix(suffix))
    manifest = json.loads(own.with_suffix(".json").read_text())
    manifest["features"]["hop"] = 256
    own.with_suffix(".json").write_text(json.dumps(manifest))
    assert "features.hop 256" in refusal(own)
    manifest["features"]["hop"] = HOP
    manifest["network"]["width"] += 1
    own.with_suffix(".json").write_text(json.dumps(manifest))
    assert "was expected" in refusal(own)
    own.write_bytes(own.read_bytes()[:-1] + b"?")
    assert "sha256" in refusal(own)


def test_a_mood_model_is_no_beat_model() -> None:
    assert "mood.json" in refusal(resources.folder("models") / "mood.tflite")
