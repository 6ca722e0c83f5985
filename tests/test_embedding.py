"""Laws of the embedding: slot by slot it gives what an independent computation gives at once, from nothing on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import correlate

from streammood import embedding_model
from streammood.config import FeatureSettings
from streammood.embedding_model import LAYERS, MIDDLE, RHYTHM, TIMBRE, Layer, Weights
from streammood.errors import DataError, ModelError
from streammood.events import F32
from streammood.model import Manifest, MoodModel
from streammood.stream.embedding import BANDS, FRAMES, POWER, REACH, Embedding, compress
from streammood.stream.features import Layout
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
        MoodModel.load(str(tmp_path / "mine.tflite"), FeatureSettings())


def test_compression_follows_power_where_there_is_some() -> None:
    assert np.diff(compress(np.array([0.0, 10.0, 20.0], dtype=np.float32))) == pytest.approx([1.0, 1.0], abs=1e-3)
    assert compress(np.array([-100.0], dtype=np.float32))[0] == pytest.approx(0.0, abs=1e-3)


def test_the_network_that_is_fitted_is_the_one_that_plays(weights: Weights) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the extra `train`")
    from streammood.training.embedding.musicnn import Network  # noqa: PLC0415
    from streammood.training.embedding.network import Stretch  # noqa: PLC0415

    long = weights.layers[RHYTHM].kernel.shape[0]
    network = Network(weights.layers, weights.gain, weights.offset, weights.joined, BANDS, long // 2)
    spectra = sound(30)
    given = Stretch(network, causal=True)(compress(spectra)[None])[0].numpy()
    played = heard(Embedding(weights), spectra)
    at, scale = 0, np.abs(given).max()
    for number, name in enumerate(LAYERS):  # live, each layer is later than the one before it
        late = LATE * max(1, number - 1)
        columns = slice(at, at + weights.layers[name].size)
        np.testing.assert_allclose(played[late:, columns][20:], given[:-late, columns][20:], atol=2e-3 * scale)
        at = columns.stop


def test_what_is_no_wheel_of_musicnn_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the extra `train`")
    from streammood.training.embedding import musicnn  # noqa: PLC0415

    (tmp_path / "musicnn.whl").write_bytes(b"no")
    with pytest.raises(DataError, match="pip download --no-deps musicnn"):
        musicnn.read(tmp_path / "musicnn.whl")


def test_the_original_does_not_hear_how_loud_a_file_is() -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the extra `train`")
    from streammood.training.embedding import musicnn  # noqa: PLC0415

    music = np.random.default_rng(1).gamma(0.5, 1.0, (400, musicnn.N_MELS)).astype(np.float32)
    constant = 300.0
    levelled = musicnn.levelled(music, constant)
    np.testing.assert_allclose(musicnn.levelled(100.0 * music, constant), levelled, rtol=1e-3, atol=1e-3)
    steady = musicnn.levelled(np.full_like(music, 7.0), constant)
    np.testing.assert_allclose(steady, np.log10(1.0 + 1e4 * POWER), rtol=1e-4)
    changed = np.concatenate([music, 100.0 * music])
    followed = musicnn.levelled(changed, constant)[400:]
    assert followed[0].mean() > levelled[0].mean() + 0.5, "a sudden change of level must be heard"
    assert abs(followed[-50:].mean() - levelled[-50:].mean()) < 0.2, "and be forgotten"


def test_music_opens_where_the_gate_does() -> None:
    layout = Layout.of(FeatureSettings())
    quiet, loud = np.zeros((2, layout.size), dtype=np.float32)
    loud[layout.rms] = 0.3
    assert opening(np.stack([quiet] * 9 + [loud] * 5), layout) == 9
    assert opening(np.stack([quiet] * 9), layout) == 0
