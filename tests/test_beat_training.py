"""Training of the beat network: what it is fitted to, and how that is varied; ``test_fitting`` fits it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from streammood.analysis.beat.activations import STROKE_DELAY
from streammood.dsp.layout import HOP, N_MELS
from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, F32
from streammood.training.beat import augment, data, patterns
from streammood.training.beat.augment import Crop
from streammood.training.beat.data import Item, LabelledTrack
from streammood.training.frames import extract_signal


def item(period: float, n: int = 1500, seed: int = 0) -> Item:
    """Strokes every ``period`` hops over noise, and what is known of them."""
    rng = np.random.default_rng(seed)
    beats = np.arange(10.0, n, period)
    log_mel = augment.noise(n, N_MELS, rng) - 30.0
    for beat in np.rint(beats).astype(int):
        log_mel[beat : beat + 3] += np.float32(40.0)
    numbers = np.arange(beats.size) % 4 + 1
    track = LabelledTrack(Path(f"{period}.wav"), "own", str(period), beats, numbers, 1.0)
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
