"""Beats on sounds made for one question each: octaves, changes of tempo, drift, a breakdown, no beat at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from streammood.config import Settings
from streammood.demo.instruments import clap, hat, kick, snare, strings
from streammood.events import ANALYSIS_RATE, F32, Beat, Tempo, seconds
from streammood.training.beat.hearing import beats_of, hear
from streammood.training.beat.scores import distance, fired

F64 = npt.NDArray[np.float64]
Events = list[Beat | Tempo]

TEMPI = (80, 100, 120, 128, 140, 174, 190)  # BPM
_SEED = 1
_RIGHT = 0.05  # s
_RATE = ANALYSIS_RATE
# Eighths of a bar of four: where the kick, the snare and the hi-hat play.
GROOVES = {
    "four on the floor": ((0, 2, 4, 6), (2, 6), (1, 3, 5, 7)),
    "rock": ((0, 4, 5), (2, 6), (0, 1, 2, 3, 4, 5, 6, 7)),
    "breakbeat": ((0, 5), (2, 6), (0, 2, 4, 6)),
}


def play(beats: F64, seconds_: float, groove: str = "rock", mute: tuple[float, float] = (0.0, 0.0)) -> F32:
    """Drums on ``beats`` (n,) in s, the first of which is a downbeat; silent between the two times of ``mute``."""
    rng = np.random.default_rng(_SEED)
    voices = tuple(gain * make(_RATE, rng) for gain, make in ((0.8, kick), (0.5, snare), (0.2, hat)))
    sound = (1e-3 * rng.standard_normal(round(seconds_ * _RATE))).astype(np.float32)
    eighths = np.interp(np.arange(2 * beats.size - 1) / 2, np.arange(beats.size), beats)
    for i, at in enumerate(eighths):
        for voice, places in zip(voices, GROOVES[groove], strict=True):
            if i % 8 in places and not mute[0] <= at < mute[1]:
                start = round(at * _RATE)
                part = sound[start : start + voice.size]
                part += voice[: part.size]
    mixed: F32 = np.clip(0.7 * sound, -1.0, 1.0).astype(np.float32)
    return mixed


def grid(bpm: float, seconds_: float, start: float = 0.1) -> F64:
    """Beats in s at a steady tempo."""
    return np.arange(start, seconds_ - 0.2, 60.0 / bpm)


def octaves(settings: Settings) -> Iterator[list[str]]:
    """For each groove and tempo: the BPM heard, changes of level after 5 s, lateness, jitter, first lock."""
    for groove in GROOVES:
        for bpm in TEMPI:
            beats = beats_of(hear(play(grid(bpm, 20.0), 20.0, groove), _RATE, settings))
            late = [beat for beat in beats if seconds(beat.sample) > 5.0]
            tempi = np.array([beat.bpm for beat in late])
            jumps = int(np.sum(np.abs(np.diff(np.log2(tempi))) > 0.3))
            times = fired(late)
            error = 1e3 * distance(times, np.sort(np.append(grid(bpm, 20.0), grid(bpm, 20.0) + 30.0 / bpm)))
            jitter = 1e3 * np.percentile(np.abs(np.diff(times, 2)), 95)
            lock = next((seconds(beat.sample) for beat in beats if beat.locked), float("nan"))
            yield [
                groove,
                str(bpm),
                f"{np.median(tempi):.1f}",
                str(jumps),
                f"{np.median(error):.0f}",
                f"{jitter:.1f}",
                f"{lock:.1f}",
            ]


def _settled(events: Events, truth: F64, change: float) -> float:
    """Seconds after ``change`` from which every beat is locked and within 50 ms of ``truth``."""
    last = change
    beats = [beat for beat in beats_of(events) if change < seconds(beat.sample) < truth[-1]]
    for beat in beats:
        if not beat.locked or abs(distance(np.array([seconds(beat.sample)]), truth)[0]) > _RIGHT:
            last = seconds(beat.sample)
    return last - change if beats and last < truth[-1] - 1.0 else float("inf")


def agility(settings: Settings) -> Iterator[list[str]]:
    """Re-lock after a change of tempo and a cut by half a bar."""
    for name, before, after, cut in (
        ("128 to 140 BPM", 128.0, 140.0, 0.0),
        ("90 to 120 BPM", 90.0, 120.0, 0.0),
        ("cut by half a beat, 128 BPM", 128.0, 128.0, 0.5),
        ("cut by half a bar, 128 BPM", 128.0, 128.0, 2.0),
    ):
        first = grid(before, 16.0)
        change = float(first[-1] + (1.0 - cut % 1.0 or 1.0) * 60.0 / before)
        second = np.arange(change, 34.0, 60.0 / after)
        start = int(cut // 1)
        whole = play(np.concatenate((first, second)), 34.5) if not start else _cut(first, second, start)
        settled = _settled(hear(whole, _RATE, settings), np.concatenate((first, second)), change)
        yield [f"re-lock after {name}", f"{settled:.1f} s"]


def _cut(first: F64, second: F64, skipped: int) -> F32:
    """Drums whose bar jumps ahead by ``skipped`` beats where ``second`` begins."""
    early = play(np.append(first, second[0]), 34.5)
    lead = second[0] - np.arange((first.size + skipped) % 4, 0, -1) * float(second[1] - second[0])
    later = play(np.append(lead, second), 34.5)
    at = round((second[0] - 0.01) * _RATE)
    return np.concatenate((early[:at], later[at:]))


def drift(settings: Settings) -> list[str]:
    """Share of locked hops, and errors, while the tempo drifts by 8 % up and down within 30 s."""
    beats = [0.1]
    while beats[-1] < 39.0:
        beats.append(beats[-1] + 0.5 / (1.0 + 0.08 * np.sin(2 * np.pi * max(0.0, beats[-1] - 8.0) / 30.0)))
    truth = np.array(beats)
    events = hear(play(truth, 40.0), _RATE, settings)
    locked = np.mean([e.locked for e in events if isinstance(e, Tempo) and seconds(e.sample) > 8.0])
    error = 1e3 * np.abs(distance(fired(b for b in beats_of(events) if seconds(b.sample) > 8.0), truth))
    return ["drift of ±8 % in 30 s", f"locked {100 * locked:.0f} %, error p95 {np.percentile(error, 95):.0f} ms"]


def breakdown(settings: Settings) -> list[str]:
    """Drums rest for 8 s over a held chord: beats counted, confidence, and the phase when they are back."""
    truth = grid(128.0, 40.0)
    rng = np.random.default_rng(_SEED)
    chord = sum(strings(_RATE, rng, pitch, 39.0) for pitch in (57.0, 60.0, 64.0))
    sound = play(truth, 40.0, mute=(16.0, 24.0))
    sound[: np.size(chord)] += 0.05 * np.asarray(chord, dtype=np.float32)[: sound.size]
    beats = beats_of(hear(sound, _RATE, settings))
    rest = [beat for beat in beats if 16.5 < seconds(beat.sample) < 24.0]
    back = fired(beat for beat in beats if 24.5 < seconds(beat.sample) < 39.0)
    error = 1e3 * float(np.max(np.abs(distance(back, truth)))) if back.size else float("nan")
    if not rest:
        return ["breakdown of 8 s", "stopped"]
    return [
        "breakdown of 8 s",
        f"{len(rest)} of 16 beats counted, confidence {rest[0].confidence:.2f} to {rest[-1].confidence:.2f}, "
        f"then at most {error:.0f} ms off",
    ]


def silence(settings: Settings) -> list[str]:
    """How long beats go on after the music has stopped, and whether the tempo is kept."""
    sound = np.concatenate((play(grid(120.0, 15.0), 15.0), np.zeros(6 * _RATE, dtype=np.float32)))
    events = hear(sound, _RATE, settings)
    last = beats_of(events)[-1]
    end = next(event for event in reversed(events) if isinstance(event, Tempo))
    return ["silence", f"last beat {seconds(last.sample) - 15.0:.1f} s after the sound, then {end.bpm:.1f} BPM shown"]


def _applause(size: int, rng: np.random.Generator) -> F32:
    sound = np.zeros(size + _RATE, dtype=np.float32)
    claps = [clap(_RATE, rng) for _ in range(8)]
    for start in rng.integers(0, size, size // _RATE * 60):
        voice = claps[rng.integers(8)]
        sound[start : start + voice.size] += rng.uniform(0.02, 0.15) * voice
    return np.clip(sound[:size], -1.0, 1.0).astype(np.float32)


def _speech(size: int, rng: np.random.Generator) -> F32:
    """Voiced syllables of uneven length with pauses, as a formant behind a buzz."""
    sound = (1e-3 * rng.standard_normal(size)).astype(np.float32)
    at = 0
    while at < size - _RATE:
        length = int(rng.uniform(0.08, 0.3) * _RATE)
        time = np.arange(length) / _RATE
        buzz = np.sign(np.sin(2 * np.pi * rng.uniform(90, 200) * time))
        formant = np.sin(2 * np.pi * rng.uniform(300, 1500) * time)
        sound[at : at + length] += (0.1 * buzz * formant * np.hanning(length)).astype(np.float32)
        at += length + int(rng.choice([rng.uniform(0, 0.08), rng.uniform(0.1, 0.6)], p=[0.75, 0.25]) * _RATE)
    return sound


def _noise(size: int, rng: np.random.Generator) -> F32:
    return (0.05 * rng.standard_normal(size)).astype(np.float32)


NO_BEAT: dict[str, Callable[[int, np.random.Generator], F32]] = {
    "noise": _noise,
    "applause": _applause,
    "syllables of uneven length": _speech,
}


def false_locks(settings: Settings) -> Iterator[list[str]]:
    """Share of the time for which lock is claimed where there is no beat: 3 x 40 s each."""
    for name, make in NO_BEAT.items():
        claimed = [
            event.locked
            for seed in range(3)
            for event in hear(make(40 * _RATE, np.random.default_rng(seed)), _RATE, settings)
            if isinstance(event, Tempo)
        ]
        yield [f"lock claimed on {name}", f"{100 * float(np.mean(claimed)):.1f} % of 120 s"]
