"""Ring, clock, framer and front end: laws that hold for every way of cutting the signal."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import samplerate
from hypothesis import given, settings
from hypothesis import strategies as st

from streammood.analysis.features import extract, tables
from streammood.analysis.front_end import FrontEnd
from streammood.analysis.hops import TICK
from streammood.analysis.resampler import Resampler
from streammood.capture.ring import Ring
from streammood.capture.sample_clock import LossDetector, SampleClock
from streammood.dsp.layout import HOP, LAYOUT, N_FFT
from streammood.events import ANALYSIS_RATE, F32

CUTS = st.lists(st.integers(1, 5000), min_size=1, max_size=12)


def noise(n: int, seed: int = 0) -> F32:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def cut_up(sound: F32, cuts: list[int]) -> list[F32]:
    """``sound`` in blocks of the given lengths, over and over."""
    ends = np.cumsum(np.resize(cuts, sound.size // min(cuts) + 1))
    return np.split(sound, ends[ends < sound.size])


@pytest.mark.parametrize("rate", [22_050, 32_000, 44_100, 48_000, 96_000])
def test_resampling_keeps_time_and_pitch(rate: int) -> None:
    t = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    resampler = Resampler(rate)
    out = np.concatenate([resampler.push(block) for block in np.split(tone, range(256, rate, 256))])
    ideal = np.sin(2 * np.pi * 1000 * np.arange(out.size) / ANALYSIS_RATE)
    np.testing.assert_allclose(out[500:], ideal[500:], atol=2e-3)  # 97 dB converter; -54 dB allowed
    assert ANALYSIS_RATE - out.size == pytest.approx(resampler.delay, abs=2)


@given(cuts=CUTS, rate=st.sampled_from([22_050, 44_100, 48_000]))
@settings(max_examples=20)
def test_features_do_not_depend_on_block_sizes(cuts: list[int], rate: int) -> None:
    sound = noise(rate // 2)

    def run(blocks: list[F32]) -> tuple[list[tuple[int, bytes, float]], list[tuple[int, bytes, bytes]]]:
        """Every tick: where it ends, its sound and its level; every hop: where it ends, its features and sound."""
        front = FrontEnd(rate)
        ticks, hops = [], []
        for some, others in (pair for block in blocks for pair in front.push(block)):
            for i in range(len(some.sound)):
                ticks.append((some.sample + some.delay + i * TICK, some.sound[i].tobytes(), float(some.level[i])))
            for i in range(len(others)):
                hops.append((others.sample + i * HOP, others.values[i].tobytes(), others.sound[i].tobytes()))
        return ticks, hops

    assert run(cut_up(sound, cuts)) == run([sound])


def test_frames_are_the_last_samples_and_hops_their_ends() -> None:
    sound = noise(20_000)
    padded = np.concatenate([np.zeros(N_FFT - HOP, dtype=np.float32), sound])
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    made = [(hops.values.copy(), hops.sound.ravel().copy()) for _, hops in FrontEnd(ANALYSIS_RATE).push(sound)]
    values, sounds = (np.concatenate(parts) for parts in zip(*made, strict=True))
    expected = np.empty((len(frames), LAYOUT.size), dtype=np.float32)
    ready = tables()
    for frame, row in zip(frames, expected, strict=True):
        extract(np.ascontiguousarray(frame), ready, True, row)
    expected[:, LAYOUT.rms] = values[:, LAYOUT.rms]
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-5)  # compiled twice, so rounded in two orders
    np.testing.assert_array_equal(sounds, sound[: len(frames) * HOP])


def test_features_mean_the_same_at_every_rate() -> None:
    """The same music at 44.1 and 48 kHz: log mel within 0.5 dB where there is sound."""
    rng = np.random.default_rng(5)
    tones = [(f, rng.uniform(0, 6), rng.uniform(0.01, 0.1)) for f in rng.uniform(60, 9000, 60)]
    rows = []
    for rate in (44_100, 48_000):
        t = np.arange(rate) / rate
        sound = sum(a * np.sin(2 * np.pi * f * t + p) for f, p, a in tones).astype(np.float32)
        rows.append(np.concatenate([hops.values.copy() for _, hops in FrontEnd(rate).push(sound)]))
    at = LAYOUT
    for x, y in list(zip(*rows, strict=False))[5:]:
        heard = x[at.log_mel] > x[at.log_mel].max() - 40
        np.testing.assert_allclose(x[at.log_mel][heard], y[at.log_mel][heard], atol=0.5)
        np.testing.assert_allclose(x[at.chroma], y[at.chroma], atol=0.02)
        np.testing.assert_allclose(x[at.centroid], y[at.centroid], rtol=0.01)
        np.testing.assert_allclose(x[at.bands], y[at.bands], atol=0.1)


def test_reset_equals_new_and_skip_moves_the_clock() -> None:
    sound = noise(30_000)
    used, new = FrontEnd(48_000), FrontEnd(48_000)
    list(used.push(noise(7777, seed=3)))
    used.reset()
    for (ticks, hops), (others, theirs) in zip(used.push(sound), new.push(sound), strict=True):
        assert (ticks.sample, hops.sample) == (others.sample, theirs.sample)
        np.testing.assert_array_equal(ticks.sound, others.sound)
        np.testing.assert_array_equal(hops.values, theirs.values)
    used.skip(48_000)
    after, _ = next(iter(used.push(sound)))
    assert after.sample == round(78_000 * ANALYSIS_RATE / 48_000) + TICK


@settings(max_examples=20)
@given(cuts=CUTS, rate=st.sampled_from([8000, 16_000, 22_050, 32_000, 47_999, 48_000, 96_000, 192_000]))
def test_the_resampler_gives_what_libsamplerate_gives(cuts: list[int], rate: int) -> None:
    sound = noise(min(rate, 40_000))
    ours = Resampler(rate)
    made = np.concatenate([ours.push(block) for block in cut_up(sound, cuts)])
    theirs = samplerate.Resampler("sinc_fastest", channels=1).process(sound, ANALYSIS_RATE / rate)
    np.testing.assert_array_equal(made, theirs[: made.size])
    assert abs(theirs.size - made.size) <= 1


@given(sizes=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3)), min_size=1, max_size=60))
def test_ring_gives_back_what_fits_and_counts_the_rest(sizes: list[tuple[int, int]]) -> None:
    ring = Ring(1000, min_block=50)
    clock = seen = 0
    sent: dict[int, F32] = {}
    for size, reads in sizes:
        block = np.arange(clock, clock + size, dtype=np.float32)
        sent[clock] = block
        ring.write(block, float(clock), float(clock) + 0.5)
        clock += size
        for _ in range(reads):
            got = ring.read()
            if got is None:
                break
            np.testing.assert_array_equal(got.samples, sent[got.start])
            assert (got.captured, got.arrived) == (got.start, got.start + 0.5)
            seen += got.samples.size
    while (got := ring.read()) is not None:
        np.testing.assert_array_equal(got.samples, sent[got.start])
        seen += got.samples.size
    assert seen + ring.dropped == clock


def test_ring_between_two_threads() -> None:
    ring = Ring(4096)
    blocks, size = 5000, 64

    def write() -> None:
        for i in range(blocks):
            ring.write(np.full(size, i, dtype=np.float32), 0.0, 0.0)

    writer = threading.Thread(target=write)
    writer.start()
    got = 0
    while writer.is_alive() or got + ring.dropped < blocks * size:
        block = ring.read()
        if block is not None:
            assert np.all(block.samples == block.start // size)
            got += block.samples.size
    writer.join()
    assert got + ring.dropped == blocks * size


def test_clock_filters_jitter_and_finds_drift() -> None:
    rng = np.random.default_rng(1)
    rate, ppm, block = 48_000, 80.0, 256
    clock = SampleClock(rate)

    def true(sample: int) -> float:
        return 100.0 + sample / (rate * (1 + ppm * 1e-6))

    n = block * np.arange(1, 60 * rate // block)
    for sample in n:
        clock.update(int(sample), true(int(sample)) + 0.002 * rng.standard_normal())
    assert clock.time(n[-1]) == pytest.approx(true(int(n[-1])), abs=5e-4)
    assert clock.sample(clock.time(12_345.0)) == pytest.approx(12_345.0, abs=1e-3)
    assert clock.drift == pytest.approx(ppm, abs=40)  # 2 ms of jitter leave this much in a loop of 0.1 Hz
    assert clock.jitter == pytest.approx(0.002 * np.sqrt(2 / np.pi), rel=0.4)


def test_losses_are_found_and_stalls_are_not() -> None:
    rate, block = 48_000, 256
    detector = LossDetector(rate)
    sample, found = 0, 0
    lost_at, lost = 5 * rate, 9600  # 0.2 s never come
    stall_from, stall_to = 9 * rate, 9 * rate + rate // 2  # these come late, and then catch up
    for _ in range(15 * rate // block):
        sample += block
        time = (sample + (lost if sample > lost_at else 0)) / rate
        if stall_from < sample < stall_to:
            time = (stall_to + lost) / rate
        found += detector.update(sample + found, time)
    assert found == pytest.approx(lost, abs=0.005 * rate)
