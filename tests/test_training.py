"""Training and scoring: clear refusals, honest folds, treatments that do what they say, and a model of one's own.

Everything here is synthesised; what needs TensorFlow is in ``test_fitting``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from streammood.analysis.mood.mood_stream import softmax
from streammood.analysis.mood.slots import SlotPool
from streammood.analysis.mood.statistics import Statistics
from streammood.errors import DataError
from streammood.events import F32, QUADRANTS
from streammood.models import embedding_model
from streammood.models.mood_model import Line

if TYPE_CHECKING:
    pass

pytest.importorskip("sklearn", reason="scikit-learn comes with the extra `train`")

from streammood.training import datasets, degrade, folds, measures
from streammood.training.calibrate import Calibration, HeldOutAnswer, calibrate, of_each_fold
from streammood.training.frames import FrameCache, extract_signal
from streammood.training.votes import Votes
from streammood.training.windows import FIRST, LENGTH, cut, pool_slots

RATE = 22_050


def tone(kind: str, seed: int, seconds: float = 6.0) -> F32:
    """Three kinds of sound that any listener can tell apart."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    if kind == "drone":
        return (0.2 * np.sin(2 * np.pi * rng.uniform(80, 120) * t)).astype(np.float32)
    if kind == "noise":
        return (0.1 * rng.standard_normal(t.size)).astype(np.float32)
    strokes = np.exp(-(t % rng.uniform(0.3, 0.4)) / 0.03)
    return (0.3 * strokes * np.sin(2 * np.pi * 800 * t)).astype(np.float32)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A folder for each of three moods, six clips in each."""
    for kind in ("drone", "noise", "strokes"):
        (tmp_path / kind).mkdir()
        for seed in range(6):
            soundfile.write(tmp_path / kind / f"{seed}.wav", tone(kind, seed), RATE)
    return tmp_path


def refusal(data: Path) -> str:
    with pytest.raises(DataError) as caught:
        datasets.read(data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_csv(folder: Path, text: str) -> Path:
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_for_each_mood_gives_the_labels(folders: Path) -> None:
    corpus = datasets.read(folders)
    assert corpus.labels == ("drone", "noise", "strokes")
    assert len(corpus.clips) == 18


def test_a_table_gives_labels_groups_and_the_circumplex(tmp_path: Path) -> None:
    lines = [f"{k}.wav,{'up' if k % 2 else 'down'},band{k},0.5,-0.25" for k in range(8)]
    corpus = datasets.read(write_csv(tmp_path, "file,label,artist,valence,arousal\n" + "\n".join(lines)))
    assert corpus.labels == ("down", "up")
    assert corpus.clips[3].group == "band3"
    assert corpus.clips[3].targets["circumplex"] == (0.5, -0.25)


def test_what_is_wrong_with_the_data_is_said_in_one_line(tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere")
    assert "no labelled clips" in refusal(tmp_path)
    assert "column `file`" in refusal(write_csv(tmp_path, "name\nx.wav\n"))
    assert "valence and arousal" in refusal(write_csv(tmp_path, "file\nx.wav\n"))
    assert "no clip has a label" in refusal(write_csv(tmp_path, "file,mood\nx.wav,\n"))
    assert "only one label" in refusal(write_csv(tmp_path, "file,mood\nx.wav,a\ny.wav,a\n"))
    assert "4 are needed" in refusal(write_csv(tmp_path, "file,mood\nx.wav,a\ny.wav,b\n"))
    assert "is a name of the event log" in refusal(write_csv(tmp_path, "file,mood\nx.wav,time\ny.wav,b\n"))
    assert "in -1..1" in refusal(write_csv(tmp_path, "file,mood,valence,arousal\nx.wav,a,3,0\n"))


def test_a_clip_that_is_not_sound_is_named(tmp_path: Path) -> None:
    clip = tmp_path / "broken.wav"
    clip.write_bytes(b"no sound at all")
    with pytest.raises(DataError, match=r"broken\.wav: cannot be read as sound"):
        FrameCache(tmp_path / "cache").frames(clip)


def test_the_cache_gives_what_was_extracted_and_extracts_once(folders: Path, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path / "cache")
    clip = folders / "noise" / "0.wav"
    first = cache.frames(clip)
    kept = list((tmp_path / "cache").iterdir())
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    np.testing.assert_array_equal(cache.frames(clip), first)
    assert kept[0].stat().st_mtime_ns == stamp
    expected = extract_signal(soundfile.read(clip, dtype="float32")[0], RATE)
    np.testing.assert_array_equal(first, expected.astype(np.float16))


def test_no_artist_lies_on_both_sides_of_a_fold() -> None:
    rng = np.random.default_rng(0)
    clips = [
        datasets.Clip(Path(f"{k}.wav"), f"artist{rng.integers(20)}", "own", {"label": datasets.one_hot(k % 3, 3)})
        for k in range(120)
    ]
    fold = folds.assign(clips, 5, seed=1)
    for artist in {clip.group for clip in clips}:
        assert len({int(f) for f, clip in zip(fold, clips, strict=True) if clip.group == artist}) == 1
    assert set(fold.tolist()) == set(range(5))


def test_there_are_no_more_folds_than_a_label_has_artists() -> None:
    clips = [
        datasets.Clip(Path(f"{k}.wav"), f"artist{k}", "own", {"label": datasets.one_hot(int(k < 4), 2)})
        for k in range(12)
    ]
    fold = folds.assign(clips, 5, seed=1)
    assert sorted(set(fold.tolist())) == [0, 1, 2, 3]
    assert sorted(fold[:4].tolist()) == [0, 1, 2, 3], "each fold holds out one of those that are few"


def test_noise_has_the_level_that_was_asked_for() -> None:
    signal = tone("strokes", 0)
    added = degrade.noise(signal, 20.0, np.random.default_rng(0)) - signal
    ratio = 10 * np.log10(np.mean(signal**2) / np.mean(added**2))
    assert ratio == pytest.approx(20.0, abs=0.1)


def test_the_low_pass_takes_the_high_and_leaves_the_low() -> None:
    signal = tone("noise", 0)
    power = [np.abs(np.fft.rfft(x)) ** 2 for x in (signal, degrade.low_pass(signal, RATE, 4_000.0))]
    hz = np.fft.rfftfreq(signal.size, 1 / RATE)
    gain = 10 * np.log10(power[1] / power[0])
    assert gain[hz < 2_000].min() > -0.1
    assert gain[hz > 8_000].max() < -40.0


def test_degrading_keeps_the_length_and_follows_its_seed() -> None:
    signal = tone("strokes", 1)
    first, again = (degrade.degrade(signal, RATE, np.random.default_rng(7)) for _ in range(2))
    assert first.shape == signal.shape
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)


def test_axis_scores_are_those_of_their_definitions() -> None:
    true = np.linspace(-1.0, 1.0, 50)
    perfect = measures.AxisScore.of(true, true)
    assert (perfect.r2, perfect.ccc, perfect.rmse, perfect.spearman) == pytest.approx((1.0, 1.0, 0.0, 1.0))
    mean = measures.AxisScore.of(true, np.full(50, true.mean()) + 1e-9 * true)
    assert mean.r2 == pytest.approx(0.0, abs=1e-6)
    shifted = measures.AxisScore.of(true, true + 0.5)
    assert shifted.ccc < shifted.spearman == pytest.approx(1.0)


def test_a_clip_without_prediction_counts_as_wrong() -> None:
    true = np.array([0, 0, 1, 1])
    assert measures.macro_f1(true, true, 2) == 1.0
    assert measures.macro_f1(true, np.array([0, -1, 1, -1]), 2) == pytest.approx(2 / 3)


def test_slots_are_those_of_the_sound_whatever_silence_lies_before_it() -> None:
    frames = extract_signal(tone("strokes", 1), RATE)
    silence = extract_signal(np.zeros(RATE, np.float32), RATE)
    slots = pool_slots(frames)
    np.testing.assert_array_equal(pool_slots(np.concatenate([silence, frames])), slots)
    late = pool_slots(np.concatenate([silence, frames]), 5)
    np.testing.assert_array_equal(late, pool_slots(frames[5:]))
    assert np.abs(late[3] - slots[3]).max() > 0.0
    short = frames[: FIRST * 16 + 2]
    np.testing.assert_array_equal(pool_slots(short, 15), pool_slots(short[2:]))


@pytest.mark.parametrize("seconds", [2.0, 6.0, 30.0])
def test_a_clip_is_cut_into_windows_as_long_as_those_heard_live(seconds: float) -> None:
    slots = pool_slots(extract_signal(tone("strokes", 1, seconds), RATE))
    given = cut([slots, slots[:FIRST]], [7, 8], [0, 1], seed=1)
    again = cut([slots, slots[:FIRST]], [7, 8], [0, 1], seed=1)
    np.testing.assert_array_equal(given.statistics, again.statistics)
    assert (given.clip[-1], given.variant[-1]) == (8, 1)
    assert np.isfinite(given.statistics).all()
    of_clip = given.statistics[given.clip == 7]
    full = 1 + max(0, slots.shape[0] - LENGTH) // 13
    assert of_clip.shape[0] == (full + max(1, full // 4) if slots.shape[0] > LENGTH else 1)
    assert np.unique(of_clip, axis=0).shape[0] == of_clip.shape[0], "no window comes twice"
    np.testing.assert_array_equal(of_clip[0], Statistics(SlotPool(embedding_model.shipped()).layout)(slots[:LENGTH]))


def votes_of(votes: Votes, statistics: F32) -> F32:
    """What the layers of ``votes`` give, as their docstring says."""

    def through(affine: list[F32], x: F32) -> F32:
        answers: F32 = x @ affine[0] + affine[1]
        return answers

    x = through(votes.placed, statistics)
    near = np.maximum(through(votes.near, x), 0.0) - (x**2).sum(axis=1, keepdims=True)
    alike = np.exp(np.maximum(near, 0.0))
    return through(votes.counted, np.tanh(through(votes.pairs, alike)))


def test_votes_on_means_are_those_of_kernel_ridge_regression_between_every_two_labels() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: PLC0415
    from sklearn.gaussian_process.kernels import RBF  # noqa: PLC0415

    rng = np.random.default_rng(0)
    label = np.arange(60) % 3
    means = (rng.uniform(0.0, 6.0, (60, 7)) + 2.0 * np.eye(3, 7)[label]).astype(np.float32)
    asked = rng.uniform(1.0, 5.0, (9, 7)).astype(np.float32)  # none farther from any clip than counts
    offset, scale = means.mean(axis=0), means.std(axis=0)
    expected = np.zeros((9, 3))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        rows = (label == one) | (label == other)
        side = np.where(label[rows] == one, 1.0, -1.0)
        # by another name, as above; all seven components of seven statistics leave distances as they are
        process = GaussianProcessRegressor(RBF(3.5**0.5), alpha=0.3, optimizer=None)
        process.fit((means[rows] - offset) / scale, side - side.mean())
        cast = np.tanh(2.0 * (side.mean() + process.predict((asked - offset) / scale)))
        expected[:, one] += 1.5 * cast
        expected[:, other] -= 1.5 * cast
    # asked of each clip's mean alone, functions about these means are those of kernel ridge regression
    votes = Votes.of(means, np.arange(60), means, np.eye(3, dtype=np.float32)[label], seed=1)
    np.testing.assert_allclose(votes_of(votes, asked), expected, atol=2e-2)


@pytest.mark.parametrize("n_labels", [2, 4, 12])
def test_votes_are_as_loud_for_any_number_of_labels_and_keep_no_more_clips_than_they_may(n_labels: int) -> None:
    rng = np.random.default_rng(1)
    label = np.arange(1200) % n_labels
    means = (rng.normal(0.0, 0.1, (1200, 20)) + 5.0 * np.eye(n_labels, 20)[label]).astype(np.float32)
    votes = Votes.of(means, np.arange(1200), means, np.eye(n_labels, dtype=np.float32)[label], seed=1)
    assert votes.near[1].size == 1000
    said = votes_of(votes, means)
    assert (said.argmax(axis=1) == label).all()
    assert np.median(said.max(axis=1)) == pytest.approx(3.0, abs=0.3)


def test_each_clip_has_as_much_of_a_say_in_votes_however_many_windows_it_has() -> None:
    rng = np.random.default_rng(3)
    windows = rng.normal(size=(40, 6)).astype(np.float32)
    clip = np.arange(40) // 4
    means = np.stack([windows[clip == number].mean(axis=0) for number in range(10)])
    labels = np.eye(2, dtype=np.float32)[np.arange(10) % 2]
    twice = np.flatnonzero(clip < 3)  # of three clips, every window once more
    more, whose = np.concatenate([windows, windows[twice]]), np.concatenate([clip, clip[twice]])
    given = votes_of(Votes.of(windows, clip, means, labels, seed=1), windows)
    again = votes_of(Votes.of(more, whose, means, labels, seed=1), windows)
    np.testing.assert_allclose(given, again, atol=1e-3)
    whole = votes_of(Votes.of(means, np.arange(10), means, labels, seed=1), windows)
    assert np.abs(given - whole).max() > 0.1, "windows are not their mean"


def test_votes_stand_a_label_that_no_clip_of_a_fold_has() -> None:
    means = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    votes = Votes.of(means, np.arange(6), means, np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 1, 1]], seed=1)
    said = votes_of(votes, means)
    assert np.isfinite(said).all()
    assert set(said.argmax(axis=1).tolist()) <= {0, 1}


def held(seed: int, labels: tuple[str, ...], temperature: float, line: Line) -> list[HeldOutAnswer]:
    """Clips of which a model says just what a calibration with these values would put right, but for noise."""
    rng = np.random.default_rng(seed)
    answers = []
    for _ in range(4000):
        logits = rng.normal(0.0, 2.0, len(labels))
        shares = softmax((logits / temperature).astype(np.float32)).astype(np.float64)
        axes = rng.normal(0.0, 0.2, 2)
        true = np.array(line.intercept) + np.array(line.slope) * axes
        valence, arousal = (true + rng.normal(0.0, 0.1, 2)).tolist()
        label = int(rng.choice(len(labels), p=shares / shares.sum()))
        answers.append(HeldOutAnswer(logits.astype(np.float32), (axes[0], axes[1]), label, (valence, arousal)))
    return answers


@pytest.mark.parametrize("temperature", [0.5, 1.7])
def test_calibration_finds_the_temperature_and_the_lines(temperature: float) -> None:
    line = Line(intercept=(-0.1, 0.05), slope=(1.4, 0.9))
    found = calibrate(held(3, ("uplifting", "dark"), temperature, line), ("uplifting", "dark"))
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    assert found.axes is not None
    np.testing.assert_allclose(found.axes.intercept, line.intercept, atol=0.02)
    np.testing.assert_allclose(found.axes.slope, line.slope, rtol=0.05)


def test_axes_of_quadrants_are_zero_between_the_labels_and_use_their_range() -> None:
    rng = np.random.default_rng(5)
    labels = datasets.LABELS
    sides = np.array([QUADRANTS[label] for label in labels])
    answers = []
    for number in np.arange(2000) % 4:
        valence, arousal = 0.5 + 2.0 * sides[number] + rng.normal(0.0, 2.0, 2)
        answers.append(HeldOutAnswer(np.zeros(4, np.float32), (valence, 0.1 * arousal), int(number), None))
    line = calibrate(answers, labels).axes
    assert line is not None
    axes = np.array(line.intercept) + np.array(line.slope) * np.array([one.axes for one in answers])
    for places, side in zip(axes.T, sides[np.arange(2000) % 4].T, strict=True):
        assert np.mean(places[side > 0] > 0) == pytest.approx(np.mean(places[side < 0] < 0), abs=0.03)
        np.testing.assert_allclose(np.abs(np.quantile(places, [0.05, 0.95])), 0.75, atol=0.05)


def test_calibration_leaves_alone_what_too_little_is_known_of() -> None:
    assert calibrate(held(3, ("a", "b"), 2.0, Line(slope=(2.0, 2.0)))[:15], ("a", "b")) == Calibration()


def test_calibration_never_lets_the_axes_stand_still_or_turn_round() -> None:
    rng = np.random.default_rng(4)
    axes = rng.normal(size=(100, 2)).tolist()
    line = calibrate([HeldOutAnswer(np.zeros(0, np.float32), (x, 0.0), None, (-x, y)) for x, y in axes], ()).axes
    assert line is not None
    assert min(line.slope) > 0.0


def test_the_calibration_of_a_fold_does_not_know_the_fold() -> None:
    said = [held(seed, ("a", "b"), 1.0, Line())[:50] for seed in range(3)]
    other = held(9, ("a", "b"), 3.0, Line(slope=(2.0, 2.0)))[:50]
    before, after = of_each_fold(said, ("a", "b")), of_each_fold([said[0], other, said[2]], ("a", "b"))
    assert before[1] == after[1]
    assert before[0] != after[0]
    assert before[2] != after[2]


def test_the_music_model_tells_what_it_was_shown_apart(folders: Path, tmp_path: Path) -> None:
    from streammood.models import music_model  # noqa: PLC0415
    from streammood.training.music import train_music  # noqa: PLC0415  needs the extra

    other = tmp_path / "other"
    for number, kind in enumerate(("noise", "drone", "noise")):
        (other / f"source{number}").mkdir(parents=True)
        for seed in range(3):
            path = other / f"source{number}" / f"{seed}.wav"
            soundfile.write(path, tone(kind, 20 + 3 * number + seed, seconds=2.0), RATE)
    data = tmp_path / "data"
    for name in ("a", "b"):
        (data / name).mkdir(parents=True)
        for seed in range(4):
            soundfile.write(data / name / f"{seed}.wav", tone("strokes", seed + 10 * (name == "b")), RATE)
    with pytest.raises(DataError, match="at least 3 folders"):
        train_music(data, tmp_path / "nowhere", tmp_path / "x.npz", tmp_path / "cache")
    model = train_music(data, other, tmp_path / "music.npz", tmp_path / "cache", streams=3)
    again = music_model.parse((tmp_path / "music.npz").read_bytes())
    assert "taken for music" in (tmp_path / "music.md").read_text(encoding="utf-8")
    statistics = Statistics(SlotPool(embedding_model.shipped()).layout)
    for kind, music in (("strokes", True), ("noise", False), ("drone", False)):
        values = statistics(pool_slots(extract_signal(tone(kind, 77), RATE))[:11])
        assert (model(values) > 0.5) == music
        assert again(values) == pytest.approx(model(values), abs=1e-6)


def test_drums_alone_sound_and_follow_from_their_seed() -> None:
    from streammood.training.drum_solos import KINDS, drums_alone  # noqa: PLC0415

    for kind in ("", *KINDS):
        sound, again = (drums_alone(np.random.default_rng(3), 3.0, RATE, kind) for _ in range(2))
        assert sound.shape == (3 * RATE,)
        assert np.isfinite(sound).all()
        assert float(np.abs(sound).max()) > 0.05
        np.testing.assert_array_equal(sound, again)
