"""Channels: those that cancel are told and one is taken; the decision does not depend on how the sound is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streammood.capture.mixer import Mixer
from streammood.demo.synth import render, steady
from streammood.events import F32

RATE = 16_000


def noise(seconds: float, seed: int = 0) -> F32:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(seconds * RATE))).astype(np.float32)


def stereo(left: F32, right: F32) -> F32:
    return np.stack([left, right], axis=1)


def push(mixer: Mixer, frames: F32, size: int = 256) -> F32:
    return np.concatenate([mixer.push(part).copy() for part in np.split(frames, range(size, len(frames), size))])


@pytest.mark.parametrize("gain", [-1.0, -0.95, -1.05])
def test_channels_that_cancel_are_told_and_the_louder_is_taken(gain: float) -> None:
    sound = noise(2.0)
    mixer = Mixer((1, 2), RATE)
    mixed = push(mixer, stereo(sound, np.float32(gain) * sound))
    louder = sound if abs(gain) <= 1.0 else np.float32(gain) * sound
    np.testing.assert_array_equal(mixed[RATE // 2 :], louder[RATE // 2 :])
    assert "balanced plug" in mixer.advice
    assert f"input.channels to {1 if abs(gain) <= 1.0 else 2}" in mixer.advice
    together = push(mixer, stereo(sound, sound))
    np.testing.assert_allclose(together[-100:], sound[-100:], atol=1e-6)
    push(mixer, stereo(sound, noise(2.0, 1)))
    assert mixer.advice == ""


def test_music_in_stereo_and_silence_never_cancel() -> None:
    left = render(steady("happy", 120.0, 4.0), RATE).sound
    delayed = np.concatenate([np.zeros(200, np.float32), left[:-200]])
    for right in (left, noise(10.0)[: left.size], np.zeros_like(left), delayed, -delayed, np.float32(-0.5) * left):
        mixer = Mixer((1, 2), RATE)
        np.testing.assert_allclose(push(mixer, stereo(left, right)), (left + right) / 2, atol=1e-7)
        assert mixer.advice == ""
    hiss = 1e-4 * noise(2.0)  # -80 dB, as of an open cable
    mixer = Mixer((1, 2), RATE)
    push(mixer, stereo(hiss, -hiss))
    assert mixer.alone == 0


@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=8))
@settings(deadline=None, max_examples=30)
def test_no_cut_changes_the_mix(sizes: list[int]) -> None:
    sound = noise(3.0)
    right = np.where(np.arange(sound.size) < RATE, -sound, sound).astype(np.float32)
    frames = stereo(sound, right)
    ends = np.cumsum(np.resize(sizes, len(frames)))
    mixer = Mixer((1, 2), RATE)
    cut = np.concatenate([mixer.push(part).copy() for part in np.split(frames, ends[ends < len(frames)])])
    np.testing.assert_array_equal(cut, push(Mixer((1, 2), RATE), frames))


def test_sound_on_other_channels_is_told() -> None:
    frames = np.zeros((4 * RATE, 12), dtype=np.float32)
    frames[:, 8] = frames[:, 10] = noise(4.0)
    mixer = Mixer((3,), RATE)
    push(mixer, frames[: 2 * RATE])
    assert mixer.advice == ""
    push(mixer, frames[2 * RATE :])
    assert mixer.advice == "channel 3 delivers only zeros, while sound comes on 9, 11: choose one with input.channels"
    frames[:, 2] = frames[:, 8]
    push(mixer, frames[:RATE])
    assert mixer.advice == ""
