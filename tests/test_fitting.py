"""Fitting, quantising and scoring with TensorFlow, on sound that the tests make: few clips, small networks, few steps.

All of it is in this file, so that one worker imports TensorFlow; without the extra `train` it is skipped.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from rich.progress import Progress
from scipy.signal import correlate

from streammood.analysis.beat.activations import STROKE_DELAY, BeatNetwork
from streammood.analysis.hops import Hops
from streammood.analysis.mood.embedding import BANDS, POWER, Embedding, compress
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.config import MoodSettings
from streammood.dsp.layout import N_MELS
from streammood.errors import DataError, ModelError
from streammood.events import F32
from streammood.models import embedding_model
from streammood.models.beat_model import BeatManifest, BeatModel, Shape
from streammood.models.embedding_model import LAYERS, RHYTHM
from streammood.models.mood_model import MoodModel
from streammood.protocol.signals import values as signal_values
from tests.test_beat_training import item
from tests.test_embedding import LATE as LATER
from tests.test_embedding import heard, sound
from tests.test_training import RATE, refusal, tone, votes_of, write_csv

pytest.importorskip(
    "tf_keras", reason="needs TensorFlow, which comes with the extra `train`; it has no wheels for Python 3.14 yet"
)

import tensorflow as tf
import tf_keras as keras

from streammood.training import datasets
from streammood.training.beat import fit as beat_fit
from streammood.training.beat import quantise, restore
from streammood.training.beat import train as beat_train
from streammood.training.beat.fit import Stage
from streammood.training.beat.network import LATE, LOOK_AHEAD, PAIR, WIDTH, BeatNet
from streammood.training.embedding import musicnn
from streammood.training.embedding.musicnn import PATCH, OriginalNetwork
from streammood.training.embedding.network import Stretch
from streammood.training.embedding.taggers import MOST, pieces
from streammood.training.evaluate import evaluate
from streammood.training.fit import Examples, Schedule, corners_of, fit, pick_windows, takes_of
from streammood.training.frames import extract_signal
from streammood.training.network import Networks, shipped
from streammood.training.train import Effort, train
from streammood.training.votes import Votes

F64 = npt.NDArray[np.float64]
KINDS = ("drone", "noise", "strokes")
QUICK = Effort(Schedule(least_steps=100, networks=1), folds=2, robust=0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each of three moods, seven clips in each: as few as ratings need."""
    folder = tmp_path_factory.mktemp("clips")
    for kind in KINDS:
        (folder / kind).mkdir()
        for seed in range(7):
            soundfile.write(folder / kind / f"{seed}.wav", tone(kind, seed, 4.0), RATE)
    return folder


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the features of these clips, which all tests share."""
    return tmp_path_factory.mktemp("features")


def table_of(clips: Path, columns: str, cells: dict[str, str]) -> str:
    """A table of the clips, with the same cells for each clip of a kind."""
    rows = [f"{clips / kind / f'{k}.wav'},{cells[kind]}" for kind in KINDS for k in range(7)]
    return "\n".join([f"file,{columns}", *rows])


def test_a_network_is_given_any_number_of_windows_of_one_take() -> None:
    clip, variant = np.array([3, 3, 3, 5, 3, 3]), np.array([0, 0, 0, 0, 1, 1])
    takes = takes_of(clip, variant)
    assert {number: [take.tolist() for take in of] for number, of in takes.items()} == {
        3: [[0, 1, 2], [4, 5]],
        5: [[3]],
    }
    rng = np.random.default_rng(0)
    seen = {tuple(sorted(pick_windows(takes[3], rng).tolist())) for _ in range(300)}
    assert seen == {(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), (4,), (5,), (4, 5)}


def test_what_ships_answers_with_the_means_of_the_networks_and_of_the_votes() -> None:
    values = np.random.default_rng(0).normal(size=(30, 10)).astype(np.float32)
    networks = Networks(3, 10, 3, 8, lean=True)
    answers = networks(values)
    labels, axes = answers.labels.numpy(), answers.axes.numpy().mean(axis=0)
    assert np.ptp(labels, axis=0).min() > 0.0, "networks with the same weights would be no more than one"
    votes = Votes.of(values, np.arange(30), values, np.eye(3, dtype=np.float32)[np.arange(30) % 3], seed=1)
    told, placed = shipped(networks, votes, lean=0.5)(values)
    np.testing.assert_allclose(told, (labels.mean(axis=0) + votes_of(votes, values)) / 2.0, atol=1e-4)
    np.testing.assert_allclose(placed, np.stack([axes[:, 0] - 0.5 * axes[:, 1], axes[:, 1]], axis=1), atol=1e-5)
    (axes,) = shipped(Networks(1, 10, 0, 8, lean=False), None).outputs
    assert axes.shape[-1] == 2


def test_raters_may_lean_where_labels_say_what_the_axes_are() -> None:
    keras.utils.set_random_seed(6)
    rng = np.random.default_rng(6)
    values = rng.normal(size=(400, 6)).astype(np.float32)
    true = values[:, :2]  # valence and arousal
    quick = Schedule(networks=1, width=16, epochs=20)
    signs = corners_of(datasets.LABELS)
    assert signs is not None
    label = np.eye(4, dtype=np.float32)[((true[:, None] > 0) == (signs > 0)).all(axis=2).argmax(axis=1)]
    label[200:] = np.nan
    ratings = np.stack([0.5 * true.sum(axis=1), true[:, 1]], axis=1)  # both lean to arousal
    ratings[:200] = np.nan
    ones = np.zeros(400, np.int64)
    networks = fit(Examples(values, np.arange(400), ones, datasets.LABELS, label, ratings), quick, 1)
    answers = networks(values)
    axes, read = answers.axes.numpy()[0], answers.ratings.numpy()[0]
    plain = fit(Examples(values, np.arange(400), ones, (), label[:, :0], ratings), quick, 1)(values)
    np.testing.assert_array_equal(plain.axes, plain.ratings)

    def alike(found: F32, true: F32) -> float:
        return float(np.corrcoef(found, true)[0, 1])

    for k in (0, 1):
        assert alike(axes[:, k], true[:, k]) > 0.6
        assert alike(read[200:, k], ratings[200:, k]) > 0.6
    assert alike(axes[:, 0], true[:, 1]) < alike(plain.axes.numpy()[0, :, 0], true[:, 1]) - 0.1


def test_own_clips_give_a_model_that_tells_them_apart(clips: Path, features: Path, tmp_path: Path) -> None:
    out = tmp_path / "own" / "own.tflite"
    manifest = train(
        clips, out, features, seed=1, effort=Effort(Schedule(least_steps=100, networks=1), folds=2, robust=1)
    )
    assert manifest.labels == KINDS
    assert manifest.scores["labels"]["macro_f1"] > 0.6  # chance is 0.33
    assert "shipped model" in manifest.circumplex
    assert MoodModel.load(str(out)).manifest == manifest
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    for heading in ("drone", "## Soon and steady", "## Robust", "## Confidence"):
        assert heading in card
    scores = evaluate(clips, out, features, out=tmp_path / "scores")
    assert scores["labels"]["macro_f1"] > 0.8
    assert (tmp_path / "scores" / "scores.png").is_file()


def test_labels_that_name_quadrants_need_no_ratings(clips: Path, features: Path, tmp_path: Path) -> None:
    table = table_of(clips, "label", {"drone": "sad", "noise": "aggressive", "strokes": "happy"})
    out = tmp_path / "own.tflite"
    manifest = train(write_csv(tmp_path, table), out, features, seed=1, effort=QUICK)
    assert set(manifest.labels) == {"sad", "aggressive", "happy"}
    stream = MoodStream(MoodSettings(unmusical="ignore"), MoodModel.load(str(out)))
    for kind, quadrant in (("drone", (-1, -1)), ("noise", (-1, 1)), ("strokes", (1, 1))):
        stream.reset()
        hops = Hops.of(extract_signal(tone(kind, 9, seconds=8.0), RATE))
        mood = stream.push(hops, np.ones(len(hops), dtype=bool))[-1]
        assert (mood.valence > 0, mood.arousal > 0) == (quadrant[0] > 0, quadrant[1] > 0)


def test_a_clip_that_is_too_short_for_a_mood_is_named(clips: Path, features: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "blip.wav", tone("drone", 1, seconds=0.8), RATE)
    table = table_of(clips, "label", {kind: kind for kind in KINDS}) + f"\n{tmp_path / 'blip.wav'},drone"
    with pytest.raises(DataError, match=r"blip\.wav: too short for a mood"):
        train(write_csv(tmp_path, table), tmp_path / "own.tflite", features, seed=1, effort=QUICK)


def test_clips_with_valence_and_arousal_alone_give_a_model_without_labels(
    clips: Path, features: Path, tmp_path: Path
) -> None:
    table = table_of(clips, "valence,arousal", {"drone": "-0.5,-0.6", "noise": "-0.4,0.7", "strokes": "0.6,0.1"})
    few = "\n".join(table.splitlines()[: datasets.LEAST_RATED])
    assert f"{datasets.LEAST_RATED} are needed" in refusal(write_csv(tmp_path, few))
    out = tmp_path / "plane" / "plane.tflite"
    manifest = train(write_csv(tmp_path, table), out, features, seed=1, effort=QUICK)
    assert manifest.labels == ()
    model = MoodModel.load(str(out))
    stream = MoodStream(MoodSettings(unmusical="ignore"), model)
    hops = Hops.of(extract_signal(tone("noise", 9, seconds=8.0), RATE))
    moods = stream.push(hops, np.ones(len(hops), dtype=bool))
    assert moods[-1].arousal > 0.0
    sent = {name: value for _, name, value in signal_values(moods[-1])}
    assert sent["mood/index"] == -1
    assert sent["mood/label"] == ""
    assert {name for name in sent if name.startswith("mood/")} >= {"mood/valence", "mood/arousal", "mood/confidence"}


def test_the_shipped_step_is_the_network_that_was_fitted(tmp_path: Path) -> None:
    """A fit of a few steps, streamed in float32 and in int8, against the whole stretch at once."""
    items = [item(period, 900, seed) for seed, period in enumerate((36.0, 43.0, 50.0))]
    stage = Stage((1, 2, 4), 3, 1e-3, 2, 400, 0.9)
    network, averaged = BeatNet(2 * N_MELS, 1), BeatNet(2 * N_MELS, 1)
    for each in (network, averaged):
        each.deepen(stage.dilations)
    losses = [loss for _, loss in beat_fit.fit(network, averaged, items, stage, seed=1)]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    inputs = beat_fit.inputs_of(items[0].log_mel[:600])
    before = averaged(tf.constant(inputs[None])).numpy()
    averaged.deepen((1, 2, 4, 8))
    np.testing.assert_array_equal(averaged(tf.constant(inputs[None])).numpy(), before)  # a new layer changes nothing
    whole = tf.sigmoid(before)[0].numpy()[LATE:]
    for int8, apart in ((False, 1e-5), (True, 0.03)):
        made = quantise.to_tflite(averaged, [inputs], seed=1, int8=int8)
        manifest = BeatManifest(
            format=1,
            kind="beat",
            name="own",
            sha256=hashlib.sha256(made).hexdigest(),
            look_ahead=LOOK_AHEAD,
            stroke_delay=STROKE_DELAY,
            network=Shape(pair=PAIR, width=WIDTH, dilations=tuple(averaged.dilations)),
        )
        stream = BeatNetwork(BeatModel(manifest, made))
        rows = items[0].log_mel[:600].astype(np.float32)
        heard = stream.push(rows)[LOOK_AHEAD:]
        n = min(len(heard), len(whole))
        np.testing.assert_allclose(heard[:n], whole[:n], atol=apart)
        path = tmp_path / "own.tflite"
        path.write_bytes(made)
        path.with_suffix(".json").write_text(manifest.model_dump_json())
        for again, weights in zip(restore.dequantised(path, seed=2).arrays(), averaged.arrays(), strict=True):
            exact = np.abs(weights).max(axis=0) / 254 if int8 and weights.ndim == 2 else 0.0  # half a step of int8
            assert (np.abs(again - weights) <= exact + 1e-3).all()
    path.write_bytes(b"no network")
    with pytest.raises(ModelError, match="cannot be fitted further"):
        restore.dequantised(path, seed=2)


def test_the_mean_over_stages_of_one_depth_is_what_ships_and_a_run_goes_on_from_its_stages(tmp_path: Path) -> None:
    items = [item(period, 900, seed) for seed, period in enumerate((36.0, 43.0))]
    stages = tuple(Stage(dilations, 2, 1e-3, 2, 400, 0.9) for dilations in ((1,), (1, 2), (1, 2)))
    network = beat_train.fit_stages(items, tmp_path, 1, stages, Progress(disable=True), None)
    kept = [dict(np.load(file)) for file in sorted(tmp_path.glob("beat-stage-*.npz"))]
    assert [len(weights) for weights in kept[:1]] < [len(weights) for weights in kept[1:2]]
    for name, weights in zip(kept[1], network.arrays(), strict=True):
        assert not np.array_equal(kept[1][name], kept[2][name])
        np.testing.assert_allclose(weights, (kept[1][name] + kept[2][name]) / 2, atol=1e-6)
    times = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
    again = beat_train.fit_stages(items, tmp_path, 1, stages, Progress(disable=True), None)
    assert times == {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
    for weights, before in zip(again.arrays(), network.arrays(), strict=True):
        np.testing.assert_array_equal(weights, before)


def test_the_network_that_is_fitted_is_the_one_that_plays() -> None:
    weights = embedding_model.shipped()
    long = weights.layers[RHYTHM].kernel.shape[0]
    network = OriginalNetwork(weights.layers, weights.gain, weights.offset, weights.joined, BANDS, long // 2)
    spectra = sound(30)
    given = Stretch(network, causal=True)(compress(spectra)[None])[0].numpy()
    played = heard(Embedding(weights), spectra)
    at, scale = 0, np.abs(given).max()
    for number, name in enumerate(LAYERS):  # live, each layer is later than the one before it
        late = LATER * max(1, number - 1)
        columns = slice(at, at + weights.layers[name].size)
        np.testing.assert_allclose(played[late:, columns][20:], given[:-late, columns][20:], atol=2e-3 * scale)
        at = columns.stop


def test_what_is_no_wheel_of_musicnn_is_refused(tmp_path: Path) -> None:
    (tmp_path / "musicnn.whl").write_bytes(b"no")
    with pytest.raises(DataError, match="pip download --no-deps musicnn"):
        musicnn.read(tmp_path / "musicnn.whl")


def test_the_original_does_not_hear_how_loud_a_file_is() -> None:
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
    spectra = np.random.default_rng(2).uniform(0.0, 4.0, (150, musicnn.N_MELS))
    frames = whole_tagger(values_by_chance(), spectra)
    network = musicnn.read(wheel_by_chance(tmp_path / "musicnn.whl"))
    given = Stretch(network, causal=False)(spectra[None].astype(np.float32))[0].numpy()
    alive = [0, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, *range(16, 38)]
    np.testing.assert_allclose(given[20:-20], frames[20:-20, alive], rtol=1e-3, atol=1e-3)


def test_pieces_cover_a_clip_and_are_never_many() -> None:
    assert pieces(10).tolist() == [0]
    for length in (PATCH, 3 * PATCH, 1875, 40_000):
        starts = pieces(length)
        assert 1 <= starts.size <= MOST
        assert starts[0] == 0
        assert starts[-1] <= length - PATCH
