"""Crops of music for the beat network, varied as tempi, rooms, lines, mixes and DJs vary them.

Everything happens on log mel spectra in dB, so that a crop costs about a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter1d
from scipy.signal import lfilter

from streammood.events import F32
from streammood.training.beat.data import F64, Item

HOPS_A_SECOND = 44_100 / 512
_SLOWEST, _FASTEST = 57.0, 208.0  # BPM; no crop is stretched beyond
_FLOOR = -100.0  # dB
_SOFT = 0.75  # hops, standard deviation of a target
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A stretch of music with its beats in hops."""

    log_mel: F32  # (n_hops, n_mels), dB
    beats: F64  # (n,)
    downbeats: Bools  # (n,)
    bar: bool  # whether the downbeats are known
    trust: float
    end: int  # hop at which the music ends


def targets(crop: Crop) -> tuple[F32, F32]:
    """Beat and downbeat (n_hops, 2) that the network shall say, and the weight (n_hops, 2) of each."""
    n = len(crop.log_mel)
    wanted, weight = np.zeros((n, 2), dtype=np.float32), np.full((n, 2), crop.trust, dtype=np.float32)
    weight[:, 1] *= 0.5 * crop.bar
    weight *= np.minimum(1.0, 0.3 + np.arange(n) / (2.0 * HOPS_A_SECOND)).astype(np.float32)[:, None]
    for shift in range(-2, 4):
        hop = np.floor(crop.beats).astype(int) + shift
        near = np.exp(-0.5 * ((hop - crop.beats) / _SOFT) ** 2)
        inside = (hop >= 0) & (hop < n)
        np.maximum.at(wanted[:, 0], hop[inside], near[inside])
        inside &= crop.downbeats
        np.maximum.at(wanted[:, 1], hop[inside], near[inside])
    return wanted, weight


def cut(item: Item, n: int, rng: np.random.Generator, extreme: float = 0.2) -> Crop:
    """``n`` hops from anywhere in the item, at another tempo."""
    ratio = _ratio(item.beats, rng, extreme)
    reach = n * ratio
    start = rng.uniform(0.0, max(0.0, len(item.log_mel) - 1 - reach))
    beats = (item.beats - start) / ratio
    inside = (beats > -3) & (beats < n + 3)
    place = start + ratio * np.arange(n, dtype=np.float64)
    log_mel = sample(item.log_mel, place)
    bar = bool((item.numbers[inside] > 0).all()) and bool(inside.any())
    end = min(n, int((len(item.log_mel) - 1 - start) / ratio))
    return Crop(log_mel, beats[inside], item.numbers[inside] == 1, bar, item.track.trust, end)


def _ratio(beats: F64, rng: np.random.Generator, extreme: float) -> float:
    """How many hops of the item go into one of the crop."""
    bpm = 60.0 * HOPS_A_SECOND / float(np.median(np.diff(beats))) if beats.size > 2 else 120.0
    for _ in range(8):
        wide = 0.75 if rng.random() < extreme else 0.4
        ratio = 2.0 ** rng.uniform(-wide, wide)
        if _SLOWEST < bpm * ratio < _FASTEST:
            return float(ratio)
    return 1.0


def sample(log_mel: npt.NDArray[np.floating], place: F64) -> F32:
    """Spectra at fractional hops ``place`` (n,), silence outside."""
    low = np.floor(place).astype(int)
    part = (place - low).astype(np.float32)[:, None]
    last = len(log_mel) - 1
    first, second = (log_mel[np.clip(low + k, 0, last)].astype(np.float32) for k in (0, 1))
    out: F32 = first + part * (second - first)
    out[(place < 0) | (place > last)] = _FLOOR
    return out


def drums_over(song: Crop, drums: Item, rng: np.random.Generator) -> Crop:
    """The song with drums that follow its beats; as it was where their tempi do not fit."""
    n = len(song.log_mel)
    if song.beats.size < 4 or drums.beats.size < 16:
        return song
    step = 4 if song.bar and (drums.numbers > 0).all() and drums.numbers.max() == 4 else 1
    first = int(rng.integers(0, max(1, drums.beats.size - song.beats.size - 4)))
    if step == 4 and song.downbeats.any():
        first = first // 4 * 4 + int((drums.numbers == 1).argmax()) - int(song.downbeats.argmax()) % 4
    index = np.arange(song.beats.size) + first
    usable = (index >= 0) & (index < drums.beats.size)
    if usable.sum() < 4:
        return song
    at, there = song.beats[usable], drums.beats[index[usable]]
    ratio = np.median(np.diff(there)) / np.median(np.diff(at))
    if not 0.65 < ratio < 1.5:
        return song
    hops = np.arange(n, dtype=np.float64)
    place = np.interp(hops, at, there)
    before, after = hops < at[0], hops > at[-1]
    place[before] = there[0] + (hops[before] - at[0]) * ratio
    place[after] = there[-1] + (hops[after] - at[-1]) * ratio
    beat = sample(drums.log_mel, place)
    beat += song.log_mel.max() - beat.max() + rng.uniform(-12.0, 9.0)
    if rng.random() < 0.3:  # they enter, or leave
        edge = int(rng.integers(n // 5, n))
        beat[slice(0, edge) if rng.random() < 0.5 else slice(edge, n)] = _FLOOR
    beat[song.end :] = _FLOOR
    return Crop(add(song.log_mel, beat), song.beats, song.downbeats, song.bar, song.trust, song.end)


def splice(first: Crop, second: Crop, edge: int, rng: np.random.Generator) -> Crop:
    """One crop until hop ``edge``, then the other, as at a cut of the music."""
    level = second.log_mel + (first.log_mel.max() - second.log_mel.max()) + np.float32(rng.normal(0.0, 3.0))
    log_mel = np.concatenate([first.log_mel[:edge], level[edge:]])
    early, late = first.beats < edge - 1, second.beats > edge
    beats = np.concatenate([first.beats[early], second.beats[late]])
    down = np.concatenate([first.downbeats[early], second.downbeats[late]])
    return Crop(log_mel, beats, down, first.bar and second.bar, min(first.trust, second.trust), second.end)


def add(one: F32, other: F32) -> F32:
    """Sum of two spectra's powers."""
    high = np.maximum(one, other)
    total: F32 = high + np.float32(4.342945) * np.log1p(np.exp(np.float32(-0.2302585) * np.abs(one - other)))
    return total


def vary(log_mel: F32, rng: np.random.Generator) -> F32:
    """A random choice of pitch, equaliser, low-pass, noise, room, gain changes, masked bands and moments of silence."""
    n, bands = log_mel.shape
    if rng.random() < 0.3:
        log_mel = pitch(log_mel, int(rng.integers(-4, 5)))
    if rng.random() < 0.6:
        knots = rng.normal(0.0, rng.uniform(1.0, 5.0), 7)
        log_mel = log_mel + np.interp(np.linspace(0, 6, bands), np.arange(7), knots).astype(np.float32)
    if rng.random() < 0.2:
        log_mel = log_mel - (np.maximum(0, np.arange(bands) - rng.integers(20, bands)) * rng.uniform(1, 6)).astype("f")
    if rng.random() < 0.15:  # a loudspeaker without bass, or a telephone
        log_mel = log_mel - (np.maximum(0, rng.integers(2, 14) - np.arange(bands)) * rng.uniform(1, 6)).astype("f")
    if rng.random() < 0.25:
        log_mel = room(log_mel, rng.uniform(0.15, 1.2), rng.uniform(-14.0, -3.0))
    if rng.random() < 0.4:
        log_mel = add(log_mel, noise(n, bands, rng) + log_mel.max() - np.float32(rng.uniform(15.0, 60.0)))
    if rng.random() < 0.25:
        knots = rng.normal(0.0, 4.0, 5)
        log_mel = log_mel + np.interp(np.linspace(0, 4, n), np.arange(5), knots).astype(np.float32)[:, None]
    if rng.random() < 0.15:
        low = int(rng.integers(0, bands - 8))
        log_mel = log_mel.copy()
        log_mel[:, low : low + int(rng.integers(4, 20))] -= np.float32(rng.uniform(10, 60))
    if rng.random() < 0.12:  # a filter sweeps, as in a breakdown
        cutoff = np.interp(np.arange(n), np.linspace(0, n, 4), rng.uniform(8, 90, 4))
        log_mel = log_mel - np.maximum(0.0, np.arange(bands) - cutoff[:, None]).astype(np.float32) * np.float32(2.5)
    if rng.random() < 0.08:
        at, length = int(rng.integers(0, n - 90)), int(rng.integers(20, 170))
        log_mel = log_mel.copy()
        log_mel[at : at + length] = add(log_mel[at : at + length] - 60.0, noise(n, bands, rng)[at : at + length] - 50)
    return np.maximum(log_mel, np.float32(_FLOOR))


def pitch(log_mel: F32, steps: int) -> F32:
    """The spectra ``steps`` bands higher; the outermost band that is left is repeated."""
    bands = log_mel.shape[1]
    return log_mel[:, np.clip(np.arange(bands) - steps, 0, bands - 1)]


def room(log_mel: F32, reverberation: float, level: float) -> F32:
    """Power that falls by 60 dB within ``reverberation`` seconds, ``level`` dB below the direct sound."""
    keep = 10.0 ** (-6.0 / (reverberation * HOPS_A_SECOND))
    power = 10.0 ** (0.1 * log_mel.astype(np.float64))
    tail = lfilter([0.0, (1.0 - keep) * 10.0 ** (0.1 * level) * 6.0], [1.0, -keep], power, axis=0)
    wet: F32 = (10.0 * np.log10(power + tail + 1e-10)).astype(np.float32)
    return wet


def noise(n: int, bands: int, rng: np.random.Generator) -> F32:
    """Steady noise (n, bands) of a random colour, peak about 0 dB."""
    tilt = np.linspace(0.0, rng.uniform(-25.0, 10.0), bands)
    grain = rng.gamma(rng.uniform(1.5, 6.0), size=(n, bands))
    spectrum: F32 = (10.0 * np.log10(grain + 1e-6) + tilt).astype(np.float32)
    spectrum -= spectrum.max()
    return spectrum


def beatless(n: int, bands: int, rng: np.random.Generator) -> Crop:
    """Noise, applause, or something like speech: no beats."""
    kind = rng.integers(3)
    log_mel = noise(n, bands, rng)
    if kind == 1:  # many hands
        claps = uniform_filter1d((rng.random((n, 1)) < rng.uniform(0.1, 0.6)) * rng.gamma(1.0, 8.0, (n, 1)), 2, axis=0)
        log_mel = log_mel + claps.astype(np.float32)
    elif kind == 2:  # syllables of uneven length
        lengths = 1 + np.round(rng.lognormal(np.log(rng.uniform(9.0, 22.0)), 0.5, n)).astype(int)
        owner = np.repeat(np.arange(n), lengths)[:n]
        shape = uniform_filter1d(rng.normal(0.0, 14.0, (n, bands)), 7, axis=1) * 2.0
        loud = np.where(rng.random(n) < 0.2, -60.0, rng.normal(0.0, 6.0, n))
        log_mel = log_mel + uniform_filter1d((shape + loud[:, None])[owner], 3, axis=0).astype(np.float32)
    none = np.zeros(0)
    return Crop(log_mel + np.float32(rng.uniform(-40.0, 10.0)), none, none.astype(bool), True, 1.0, n)
