"""Laws of the synthesiser: its truth is true, and however it is cut it is the same sound."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streammood.demo.styles import STYLES, Band, Stroke
from streammood.demo.synth import (
    DEMO,
    PEAK,
    SILENCE_FADE,
    Rendered,
    Score,
    ScoreSection,
    Synth,
    render,
    silence,
    steady,
)
from streammood.events import F32

RATE = 44_100
MOODS = ("happy", "aggressive", "calm", "sad")
SHORT: Score = (
    ScoreSection("happy", 120.0, 1),
    ScoreSection("aggressive", 160.0, 1),
    silence(1.0),
    ScoreSection("sad", 90.0, 1, drums=False),
)


@pytest.fixture(scope="module")
def demo() -> Rendered:
    return render(DEMO, RATE)


@pytest.fixture(scope="module")
def short() -> Rendered:
    return render(SHORT, RATE)


def level(sound: F32) -> float:
    """RMS in dB relative to full scale."""
    return float(10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


def test_same_seed_same_sound_other_seed_other_sound(short: Rendered) -> None:
    np.testing.assert_array_equal(render(SHORT, RATE).sound, short.sound)
    other = render(SHORT, RATE, seed=1)
    assert not np.array_equal(other.sound, short.sound)
    assert other.beats == short.beats


@settings(max_examples=12)
@given(size=st.integers(1, 200_000))
def test_blocks_of_any_size_are_the_render(short: Rendered, size: int) -> None:
    blocks = list(Synth(SHORT, RATE).blocks(size))
    assert all(block.size == size and block.dtype == np.float32 for block in blocks[:-1])
    assert 0 < blocks[-1].size <= size
    np.testing.assert_array_equal(np.concatenate(blocks), short.sound)


def test_repeating_plays_the_score_over_and_over(short: Rendered) -> None:
    synth = Synth(SHORT, RATE, repeat=True)
    assert synth.duration is None
    count = 2 * short.sound.size // 1000 + 1
    sound = np.concatenate(list(islice(synth.blocks(1000), count)))
    np.testing.assert_array_equal(sound, np.tile(short.sound, 3)[: sound.size])


def test_the_first_block_needs_the_first_bar_only(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[int] = []
    calm = STYLES["calm"]

    def noted(band: Band, bar: int) -> Iterator[Stroke]:
        played.append(bar)
        return calm.music(band, bar)

    monkeypatch.setitem(STYLES, "calm", calm._replace(music=noted))
    next(Synth(DEMO, RATE).blocks(256))
    assert played == [0]


def test_duration_sections_and_beats_agree(demo: Rendered) -> None:
    assert Synth(DEMO, RATE).duration == pytest.approx(demo.sound.size / RATE, abs=1.0 / RATE)
    assert [section for _, _, section in demo.sections] == list(DEMO)
    assert demo.sections[0][0] == 0
    assert demo.sections[-1][1] == demo.sound.size
    assert all(one[1] == following[0] for one, following in pairwise(demo.sections))
    for start, end, section in demo.sections:
        beats = [beat for beat in demo.beats if start <= beat.sample < end]
        assert len(beats) == (0 if section.mood == "silence" else 4 * section.bars)
        assert [beat.number for beat in beats] == [n % 4 + 1 for n in range(len(beats))]
        assert all(beat.drums == section.drums for beat in beats)
        steps = np.diff([beat.sample for beat in beats])
        assert np.all(np.abs(steps - 60.0 * RATE / section.bpm) <= 1.0)  # rounding to whole samples


def test_the_demo_shows_what_it_should() -> None:
    assert set(MOODS) | {"silence"} == {section.mood for section in DEMO}
    assert any(not section.drums for section in DEMO)
    assert len({section.bpm for section in DEMO if section.mood != "silence"}) >= 4
    assert 90.0 <= sum(section.seconds for section in DEMO) <= 120.0


@pytest.mark.parametrize("mood", MOODS)
def test_every_drum_beat_is_a_stroke(mood: str) -> None:
    """The music is the same without the drums, and what they add rises within 5 ms after each beat, not before."""
    played, breakdown = (render(steady(mood, 100.0, 9.6, drums=drums), RATE) for drums in (True, False))
    drums = np.abs(np.arctanh(played.sound / PEAK) - np.arctanh(breakdown.sound / PEAK))  # undo the soft limit
    span = RATE * 5 // 1000
    for beat in played.beats[:-1]:
        before, after = (drums[max(0, at) : at + span] for at in (beat.sample - span, beat.sample))
        assert after.max() > 0.02
        assert before.size == 0 or after.max() > 1.5 * before.max()


@pytest.mark.parametrize("mood", MOODS)
def test_onset_strength_peaks_on_the_beats(mood: str) -> None:
    rendered = render(steady(mood, 100.0, 19.2), RATE)
    strength = librosa.onset.onset_strength(y=rendered.sound, sr=RATE, hop_length=256)
    times = librosa.times_like(strength, sr=RATE, hop_length=256)
    beats = np.array([beat.sample for beat in rendered.beats]) / RATE
    near = np.abs(times[:, None] - beats[None, :]).min(axis=1) < 0.035
    assert strength[near].mean() > 2.0 * strength[~near].mean()


@pytest.mark.parametrize(("mood", "bpm"), [("happy", 120.0), ("happy", 128.0), ("calm", 90.0)])
def test_a_beat_tracker_follows(mood: str, bpm: float) -> None:
    rendered = render(steady(mood, bpm, 20.0), RATE)
    # Not beat_track: with numpy 2.5 it ends the process (librosa 1.0, numba 0.68).
    pulse = librosa.beat.plp(y=rendered.sound, sr=RATE, tempo_min=0.7 * bpm, tempo_max=1.4 * bpm)
    found = librosa.times_like(pulse, sr=RATE)[librosa.util.localmax(pulse)]
    beats = np.array([beat.sample for beat in rendered.beats]) / RATE
    hit = np.abs(beats[:, None] - found[None, :]).min(axis=1) < 0.07  # mir_eval's window
    assert hit.mean() > 0.8
    assert abs(len(found) / len(beats) - 1.0) < 0.2


def test_silence_is_silent_after_its_fade(demo: Rendered) -> None:
    for start, end, section in demo.sections:
        if section.mood == "silence":
            assert not demo.sound[start + round(SILENCE_FADE * RATE) : end].any()
    assert not render((silence(1.0),), RATE).sound.any()


def test_sections_join_without_clicks() -> None:
    """Into a breakdown and into silence the sound goes on: no step larger than those inside the music."""
    rendered = render((ScoreSection("calm", 84.0, 2, drums=False), silence(2.0)), RATE)
    step = np.abs(np.diff(rendered.sound))
    start, end, _ = rendered.sections[1]
    assert step[start - 2 : end].max() <= step[:start].max()
    assert abs(float(rendered.sound[-1])) == 0.0


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_beats_are_at_the_same_seconds_at_every_rate(rate: int, short: Rendered) -> None:
    rendered = render(SHORT, rate)
    ours = np.array([beat.sample / rate for beat in rendered.beats])
    theirs = np.array([beat.sample / RATE for beat in short.beats])
    np.testing.assert_allclose(ours, theirs, atol=0.5 / rate + 0.5 / RATE)  # rounding to whole samples
    assert rendered.sound.dtype == np.float32
    assert np.isfinite(rendered.sound).all()
    assert level(rendered.sound) == pytest.approx(level(short.sound), abs=1.5)  # less treble at low rates


@settings(max_examples=15)
@given(
    mood=st.sampled_from(MOODS), bpm=st.floats(40.0, 240.0), key=st.integers(-6, 6), drums=st.booleans(),
    seed=st.integers(0, 2**31),
)  # fmt: skip
def test_always_bounded_finite_and_audible(mood: str, bpm: float, key: int, drums: bool, seed: int) -> None:
    sound = render((ScoreSection(mood, bpm, 1, drums, key),), 22_050, seed).sound
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= PEAK
    assert level(sound) > -30.0


def test_levels_and_timbre_tell_the_moods_apart(demo: Rendered) -> None:
    levels: dict[str, float] = {}
    bright: dict[str, float] = {}
    for start, end, section in demo.sections:
        sound = demo.sound[start:end]
        levels.setdefault(section.mood, level(sound))
        bright.setdefault(section.mood, float(librosa.feature.spectral_centroid(y=sound, sr=RATE).mean()))
    assert max(levels["calm"], levels["sad"]) < levels["happy"] < levels["aggressive"]
    assert levels["aggressive"] - min(levels["calm"], levels["sad"]) < 10.0
    assert max(bright["calm"], bright["sad"]) < bright["happy"] < bright["aggressive"]


@pytest.mark.parametrize(("bpm", "seconds"), [(120.0, 10.0), (97.3, 30.0), (60.0, 4.0)])
def test_steady_lasts_as_long_as_asked_in_whole_bars(bpm: float, seconds: float) -> None:
    (section,) = steady("calm", bpm, seconds)
    assert seconds - 1e-6 <= section.seconds < seconds + section.bar


def test_an_unknown_mood_or_an_impossible_tempo_is_refused() -> None:
    with pytest.raises(ValueError, match="happy, aggressive, calm, sad or silence, got 'joyful'"):
        ScoreSection("joyful", 120.0, 4)
    with pytest.raises(ValueError, match="above 0"):
        ScoreSection("happy", 0.0, 4)
