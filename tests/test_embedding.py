"""Laws of the embedding: slot by slot it gives what an independent computation gives at once, from nothing on."""

from __future__ import annotations

import hashlib
import time
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import correlate

from streammood.analysis.mood.embedding import BANDS, FRAMES, POWER, REACH, Embedding, compress
from streammood.dsp.layout import LAYOUT
from streammood.errors import DataError, ModelError
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


def test_the_network_that_is_fitted_is_the_one_that_plays(weights: Weights) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the extra `train`")
    from streammood.training.embedding.musicnn import OriginalNetwork  # noqa: PLC0415
    from streammood.training.embedding.network import Stretch  # noqa: PLC0415

    long = weights.layers[RHYTHM].kernel.shape[0]
    network = OriginalNetwork(weights.layers, weights.gain, weights.offset, weights.joined, BANDS, long // 2)
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
    quiet, loud = np.zeros((2, LAYOUT.size), dtype=np.float32)
    loud[LAYOUT.rms] = 0.3
    assert opening(np.stack([quiet] * 9 + [loud] * 5)) == 9
    assert opening(np.stack([quiet] * 9)) == 0


def values_by_chance() -> dict[str, F32]:
    """A small network that is laid out as musicnn's, was never fitted, and has filters that are zero."""
    rng = np.random.default_rng(3)
    kernels = [(7, 86, 4), (7, 38, 3), (64, 1, 3), (32, 1, 2), (16, 1, 2), (7, 14, 8), (7, 8, 8), (7, 8, 8)]
    sizes = [1, *(n for _, _, n in kernels)]
    values = {}
    for number, n in enumerate(sizes):
        suffix = f"_{number}" if number else ""
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            values[f"batch_normalization{suffix}/{part}"] = rng.uniform(0.5, 1.5, n)
    for number, (frames, bands, n) in enumerate(kernels):
        kernel = rng.normal(0.0, (frames * bands) ** -0.5, (frames, bands, 1, n))
        kernel[..., 1] *= number not in (0, 3, 5)
        suffix = f"_{number}" if number else ""
        values |= {f"conv2d{suffix}/kernel": kernel, f"conv2d{suffix}/bias": rng.normal(0.0, 0.3, n)}
    values["conv2d_5/kernel"][:, 5] = 0.0  # what nobody in the middle listens to
    return {name: value.astype(np.float32) for name, value in values.items()}


def wheel_by_chance(path: Path) -> Path:
    """A wheel with such a network."""
    import tensorflow as tf  # noqa: PLC0415

    values = values_by_chance()
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("MSD_musicnn", "MTT_musicnn"):
            prefix = path.with_name(name)
            tf.raw_ops.SaveV2(
                prefix=str(prefix), tensor_names=list(values), shape_and_slices=[""] * len(values),
                tensors=list(values.values()),
            )  # fmt: skip
            for suffix in (".index", ".data-00000-of-00001"):
                archive.write(f"{prefix}{suffix}", f"musicnn/{name}/{suffix}")
    return path


def normalised(values: dict[str, F32], suffix: str, x: F64) -> F64:
    gamma, beta, mean, variance = (
        values[f"batch_normalization{suffix}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    normal: F64 = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    return normal


def whole_tagger(values: dict[str, F32], spectra: F64) -> F64:
    """All layers (n_frames, n) as they made it."""

    def layer(x: F64, number: int) -> F64:
        suffix = f"_{number}" if number else ""
        kernel = values[f"conv2d{suffix}/kernel"].astype(np.float64)
        reach = kernel.shape[0] - 1
        places = np.pad(x, ((reach // 2, reach - reach // 2), (0, 0)))
        found = np.stack([correlate(places, kernel[:, :, 0, k], "valid") for k in range(kernel.shape[3])], axis=2)
        rectified = np.maximum(found + values[f"conv2d{suffix}/bias"], 0.0)
        answered: F64 = normalised(values, f"_{number + 1}", rectified).max(axis=1)
        return answered

    x = normalised(values, "", spectra)
    front = np.concatenate([layer(x, number) for number in range(5)], axis=1)
    first = layer(front, 5)
    second = layer(first, 6) + first
    return np.concatenate([front, first, second, layer(second, 7) + second], axis=1)


def test_a_tagger_without_its_empty_filters_is_the_whole_one(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the extra `train`")
    from streammood.training.embedding import musicnn  # noqa: PLC0415
    from streammood.training.embedding.network import Stretch  # noqa: PLC0415

    spectra = np.random.default_rng(2).uniform(0.0, 4.0, (150, musicnn.N_MELS))
    frames = whole_tagger(values_by_chance(), spectra)
    network = musicnn.read(wheel_by_chance(tmp_path / "musicnn.whl"))
    given = Stretch(network, causal=False)(spectra[None].astype(np.float32))[0].numpy()
    alive = [0, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, *range(16, 38)]
    np.testing.assert_allclose(given[20:-20], frames[20:-20, alive], rtol=1e-3, atol=1e-3)


def test_pieces_cover_a_clip_and_are_never_many() -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow comes with the extra `train`")
    from streammood.training.embedding.musicnn import PATCH  # noqa: PLC0415
    from streammood.training.embedding.taggers import MOST, pieces  # noqa: PLC0415

    assert pieces(10).tolist() == [0]
    for length in (PATCH, 3 * PATCH, 1875, 40_000):
        starts = pieces(length)
        assert 1 <= starts.size <= MOST
        assert starts[0] == 0
        assert starts[-1] <= length - PATCH
