"""Laws of the embedding: slot by slot it gives what an independent computation gives at once, from nothing on."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import correlate

from streammood.analysis.mood.embedding import BANDS, FRAMES, REACH, Embedding, compress
from streammood.dsp.layout import LAYOUT
from streammood.errors import ModelError
from streammood.events import F32
from streammood.models import embedding_model
from streammood.models.embedding_model import LAYERS, MIDDLE, RHYTHM, TIMBRE, Layer, Weights
from streammood.models.mood_model import Manifest, MoodModel
from streammood.training.windows import opening

F64 = npt.NDArray[np.float64]

LATE = REACH // 2  # frames after its centre at which a filter of the front answers


@pytest.fixture(scope="module")
def weights() -> Weights:
    return embedding_model.shipped()


def sound(slots: int, seed: int = 0) -> F32:
    """Spectra (slots * FRAMES, BANDS) in dB that rise and fall as those of music do."""
    rng = np.random.default_rng(seed)
    slow = rng.normal(0.0, 8.0, (slots * FRAMES, 1)) + rng.normal(0.0, 6.0, (1, BANDS)) - 10.0
    return (slow + rng.normal(0.0, 5.0, (slots * FRAMES, BANDS))).astype(np.float32)


def heard(stream: Embedding, spectra: F32) -> F32:
    return np.concatenate([stream.push(slot) for slot in spectra.reshape(-1, FRAMES, BANDS)])


def finished(layer: Layer, answers: F64, number: int) -> F64:
    answered: F64 = np.maximum(0.0, answers + layer.bias[number]) * float(layer.gain[number])
    return answered + float(layer.offset[number])


def at_once(weights: Weights, spectra: F32) -> F64:
    """The same by scipy, filter by filter, over the whole stretch in double precision."""
    x = weights.gain * np.log10(1.0 + 1e4 * 0.38 * 10.0 ** (spectra.astype(np.float64) / 10.0)) + weights.offset
    front = []
    for name in TIMBRE:
        layer = weights.layers[name]
        padded = np.pad(x, ((REACH - 1, 0), (0, 0)))
        for k in range(layer.size):
            answers = correlate(padded, layer.kernel[:, :, k].astype(np.float64), "valid")
            front.append(finished(layer, answers, k).max(axis=1))
    layer = weights.layers[RHYTHM]
    padded = np.pad(x, ((layer.kernel.shape[0] - 1, 0), (0, 0)))
    for k in range(layer.size):
        front.append(
            finished(layer, correlate(padded, layer.kernel[:, :, k].astype(np.float64), "valid"), k).max(axis=1)
        )
    values = [np.stack(front, axis=1)]
    for name, joined in zip(MIDDLE, (None, weights.joined, slice(None)), strict=True):
        layer, given = weights.layers[name], np.pad(values[-1], ((REACH - 1, 0), (0, 0)))
        answers = np.stack(
            [
                finished(layer, correlate(given, layer.kernel[:, :, k].astype(np.float64), "valid")[:, 0], k)
                for k in range(layer.size)
            ],
            axis=1,
        )
        if joined is not None:
            answers[:, joined] += given[LATE:-LATE]
        values.append(answers)
    return np.concatenate(values, axis=1)


def test_slot_by_slot_is_what_scipy_gives_at_once(weights: Weights) -> None:
    spectra = sound(30)
    expected = at_once(weights, spectra)
    np.testing.assert_allclose(heard(Embedding(weights), spectra), expected, atol=2e-3 * np.abs(expected).max())
    assert (expected.std(axis=0) > 0.0).mean() > 0.9, "most filters must answer for this test to mean anything"


def test_reset_equals_new(weights: Weights) -> None:
    stream = Embedding(weights)
    first = heard(stream, sound(20, seed=1))
    heard(stream, sound(9, seed=2))
    stream.reset()
    np.testing.assert_array_equal(heard(stream, sound(20, seed=1)), first)


def test_no_other_core_is_kept_busy(weights: Weights) -> None:
    """numpy's BLAS, where it loaded before us with a thread for every core, would let them spin for every slot."""
    stream, spectra = Embedding(weights), sound(40)
    heard(stream, spectra)
    here, everywhere = time.thread_time(), time.process_time()
    heard(stream, spectra)
    here, everywhere = time.thread_time() - here, time.process_time() - everywhere
    assert everywhere < 1.3 * here + 0.01


def test_what_is_written_is_read(weights: Weights) -> None:
    content = embedding_model.write(weights.layers, weights.gain, weights.offset, weights.joined)
    again = embedding_model.parse(content)
    assert again.sha256 == hashlib.sha256(content).hexdigest()
    assert again.size == weights.size == sum(weights.layers[name].size for name in LAYERS)
    np.testing.assert_allclose(
        heard(Embedding(again), sound(5)), heard(Embedding(weights), sound(5)), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_holds_something_else_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="install streammood again") as caught:
        embedding_model.parse(content)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_embedding_is_refused(tmp_path: Path) -> None:
    from streammood import resources  # noqa: PLC0415

    path = resources.find("models", "mood", ".tflite")
    (tmp_path / "mine.tflite").write_bytes(path.read_bytes())
    manifest = Manifest.model_validate_json(path.with_suffix(".json").read_bytes())
    other = manifest.model_copy(update={"embedding": "0" * 64})
    (tmp_path / "mine.json").write_text(other.model_dump_json(), encoding="utf-8")
    with pytest.raises(ModelError, match="train it again"):
        MoodModel.load(str(tmp_path / "mine.tflite"))


def test_compression_follows_power_where_there_is_some() -> None:
    assert np.diff(compress(np.array([0.0, 10.0, 20.0], dtype=np.float32))) == pytest.approx([1.0, 1.0], abs=1e-3)
    assert compress(np.array([-100.0], dtype=np.float32))[0] == pytest.approx(0.0, abs=1e-3)


def test_music_opens_where_the_gate_does() -> None:
    quiet, loud = np.zeros((2, LAYOUT.size), dtype=np.float32)
    loud[LAYOUT.rms] = 0.3
    assert opening(np.stack([quiet] * 9 + [loud] * 5)) == 9
    assert opening(np.stack([quiet] * 9)) == 0
