"""Training of the beat network: what it is fitted to, how that is varied, and that the step which ships is the network
that was fitted. What needs TensorFlow is skipped where the extra `train` is not installed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streammood.analysis.beat.activations import STROKE_DELAY, BeatNetwork
from streammood.dsp.layout import HOP, N_MELS
from streammood.errors import DataError, ModelError
from streammood.events import ANALYSIS_RATE, F32
from streammood.models.beat_model import BeatManifest, BeatModel, Shape
from streammood.training.beat import augment, data, patterns
from streammood.training.beat.augment import Crop
from streammood.training.beat.data import Item, Track
from streammood.training.frames import extract_signal


def item(period: float, n: int = 1500, seed: int = 0) -> Item:
    """Strokes every ``period`` hops over noise, and what is known of them."""
    rng = np.random.default_rng(seed)
    beats = np.arange(10.0, n, period)
    log_mel = augment.noise(n, N_MELS, rng) - 30.0
    for beat in np.rint(beats).astype(int):
        log_mel[beat : beat + 3] += np.float32(40.0)
    numbers = np.arange(beats.size) % 4 + 1
    track = Track(Path(f"{period}.wav"), "own", str(period), beats, numbers, 1.0)
    return Item(track, log_mel.astype(np.float16), beats, numbers, HOP)


def rise_at(log_mel: F32, beats: np.ndarray) -> float:
    """Mean rise of the spectrum at the beats, less that half way between them."""
    rise = np.maximum(np.diff(log_mel, axis=0, prepend=log_mel[:1]), 0.0).mean(axis=1)
    here = [rise[max(0, int(b) - 1) : int(b) + 3].max() for b in beats[1:-1]]
    between = [rise[int(b) : int(b) + 2].max() for b in 0.5 * (beats[1:] + beats[:-1])]
    return float(np.mean(here) - np.mean(between))


def test_groove_beats_lie_on_the_strokes() -> None:
    """Every kick is on a beat; out of silence a spectrum in dB rises up to two hops before it does in music."""
    groove = patterns.Groove("kick alone", 123.0, 5)
    log_mel = extract_signal(groove.sound(), ANALYSIS_RATE)[:, :N_MELS]
    places = data.hops_of(groove.beats, HOP)
    rise = np.maximum(np.diff(log_mel, axis=0, prepend=log_mel[:1]), 0.0).mean(axis=1)
    late = [np.argmax(rise[int(p) - 8 : int(p) + 9]) + int(p) - 8 - p for p in places[3:-3]]
    assert -2.0 <= float(np.median(late)) <= 0.5
    assert float(np.ptp(late)) <= 2.5  # the player's 2 ms, and whole hops
    assert (STROKE_DELAY // HOP) in (1, 2)
    assert groove.numbers[:5].tolist() == [1, 2, 3, 4, 1]


def test_every_style_has_rows_of_one_length_and_plausible_tempi() -> None:
    for style in patterns.STYLES.values():
        assert len(style.kick) == len(style.snare) == len(style.hat)
        assert len(style.hat) in (12, 16)
        assert 55 <= style.slowest < style.fastest <= 210
    made = patterns.grooves(3, seed=1)
    assert len({g.seed for g in made}) == len(made) == 3 * len(patterns.STYLES)


def test_beats_stay_on_their_strokes_at_any_tempo() -> None:
    rng = np.random.default_rng(1)
    given = item(41.3)
    for _ in range(10):
        crop = augment.cut(given, 600, rng)
        assert rise_at(crop.log_mel, crop.beats[(crop.beats > 4) & (crop.beats < 590)]) > 3.0


def test_drums_follow_the_song() -> None:
    rng = np.random.default_rng(2)
    n = 600
    beats = 20.0 + 38.0 * np.arange(15, dtype=np.float64)
    quiet = np.full((n, N_MELS), -60.0, np.float32)
    song = Crop(quiet, beats, np.arange(15) % 4 == 2, True, 1.0, n)
    found = [rise_at(augment.drums_over(song, item(44.0), rng).log_mel, beats) for _ in range(12)]
    assert min(found) > 0.0
    assert max(found) > 3.0  # where they are loud, and stay


def test_a_splice_has_the_beats_of_either_side() -> None:
    rng = np.random.default_rng(3)
    first, second = augment.cut(item(40.0), 600, rng), augment.cut(item(50.0), 600, rng)
    both = augment.splice(first, second, 300, rng)
    early = both.beats < 299
    np.testing.assert_array_equal(both.beats[early], first.beats[first.beats < 299])
    np.testing.assert_array_equal(both.beats[~early], second.beats[second.beats > 300])


def test_another_pitch_moves_bands_and_no_beats() -> None:
    rng = np.random.default_rng(5)
    crop = augment.cut(item(40.0), 200, rng)
    np.testing.assert_array_equal(augment.pitch(crop.log_mel, 3)[:, 3:], crop.log_mel[:, :-3])
    np.testing.assert_array_equal(augment.pitch(crop.log_mel, -2)[:, :-2], crop.log_mel[:, 2:])


def test_varied_spectra_stay_finite() -> None:
    rng = np.random.default_rng(4)
    crop = augment.cut(item(40.0), 300, rng)
    for _ in range(60):
        varied = augment.vary(crop.log_mel, rng)
        assert varied.shape == crop.log_mel.shape
        assert np.isfinite(varied).all()
    for _ in range(9):
        none = augment.beatless(300, N_MELS, rng)
        assert np.isfinite(none.log_mel).all()
        assert not augment.targets(none)[0].any()


def test_targets_peak_where_the_beats_are() -> None:
    beats = np.array([100.0, 150.5, 200.25])
    crop = Crop(np.zeros((300, 4), np.float32), beats, np.array([True, False, False]), True, 0.5, 300)
    wanted, weight = augment.targets(crop)
    at = [np.average(np.arange(int(b) - 5, int(b) + 7), weights=wanted[int(b) - 5 : int(b) + 7, 0]) for b in beats]
    np.testing.assert_allclose(at, beats, atol=0.05)  # targets end two hops away
    assert wanted[100, 1] == 1.0
    assert not wanted[120:, 1].any()
    assert weight.max() == 0.5


def test_a_folder_of_ones_own_is_read_and_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no tracks"):
        data.read(tmp_path)
    soundfile.write(tmp_path / "one.wav", np.zeros(4410, np.float32), 44_100)
    (tmp_path / "one.beats").write_text("0.5 1\n1.0 2\n\n")
    (track,) = data.read(tmp_path)
    assert track.beats.tolist() == [0.5, 1.0]
    assert track.numbers.tolist() == [1, 2]
    (tmp_path / "one.beats").write_text("half past one\n")
    with pytest.raises(DataError, match=r"one\.beats: a line is a time"):
        data.read(tmp_path)


def test_the_shipped_step_is_the_network_that_was_fitted(tmp_path: Path) -> None:
    """A fit of a few steps, streamed in float32 and in int8, against the whole stretch at once."""
    pytest.importorskip("tf_keras", reason="TensorFlow comes with the extra `train`")
    import tensorflow as tf  # noqa: PLC0415

    from streammood.training.beat import fit, quantise, restore  # noqa: PLC0415
    from streammood.training.beat.network import LATE, LOOK_AHEAD, PAIR, WIDTH, BeatNet  # noqa: PLC0415

    items = [item(period, 900, seed) for seed, period in enumerate((36.0, 43.0, 50.0))]
    stage = fit.Stage((1, 2, 4), 3, 1e-3, 2, 400, 0.9)
    network, averaged = BeatNet(2 * N_MELS, 1), BeatNet(2 * N_MELS, 1)
    for each in (network, averaged):
        each.deepen(stage.dilations)
    losses = [loss for _, loss in fit.fit(network, averaged, items, stage, seed=1)]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    inputs = fit.inputs_of(items[0].log_mel[:600])
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
    pytest.importorskip("tf_keras", reason="TensorFlow comes with the extra `train`")
    from rich.progress import Progress  # noqa: PLC0415

    from streammood.training.beat import train  # noqa: PLC0415
    from streammood.training.beat.fit import Stage  # noqa: PLC0415

    items = [item(period, 900, seed) for seed, period in enumerate((36.0, 43.0))]
    stages = tuple(Stage(dilations, 2, 1e-3, 2, 400, 0.9) for dilations in ((1,), (1, 2), (1, 2)))
    network = train.fit_stages(items, tmp_path, 1, stages, Progress(disable=True), None)
    kept = [dict(np.load(file)) for file in sorted(tmp_path.glob("beat-stage-*.npz"))]
    assert [len(weights) for weights in kept[:1]] < [len(weights) for weights in kept[1:2]]
    for name, weights in zip(kept[1], network.arrays(), strict=True):
        assert not np.array_equal(kept[1][name], kept[2][name])
        np.testing.assert_allclose(weights, (kept[1][name] + kept[2][name]) / 2, atol=1e-6)
    times = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
    again = train.fit_stages(items, tmp_path, 1, stages, Progress(disable=True), None)
    assert times == {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.npz")}
    for weights, before in zip(again.arrays(), network.arrays(), strict=True):
        np.testing.assert_array_equal(weights, before)
