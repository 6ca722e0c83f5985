"""Fits the model that tells music from speech, crowds and noise.

Music are the labelled clips, and drums alone, which are synthesised; the rest are recordings in a folder for each
source, joined and laid over each other at random places, since a loop of a short one would have a beat. Folds are
grouped by source and by artist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from streammood.analysis.mood.music_gate import SHORT
from streammood.analysis.mood.slots import SlotPool
from streammood.analysis.mood.statistics import Statistics
from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, F32
from streammood.models import embedding_model, music_model
from streammood.models.music_model import LIMIT, MusicModel
from streammood.training import datasets, unmusical
from streammood.training.degrade import degrade
from streammood.training.drum_solos import drums_alone
from streammood.training.folds import Ints
from streammood.training.frames import FrameCache, extract_signal, read_sound
from streammood.training.windows import pool_slots

F64 = npt.NDArray[np.float64]

_FILES = datasets.SOUND | {".g722"}
_LENGTH = 14 * ANALYSIS_RATE  # samples of a stream
_SECOND = np.arange(_LENGTH) / ANALYSIS_RATE
_WINDOWS = 5  # of each clip or stream
_DRUMS = 3  # streams of drums alone for each of a source
_STRENGTH = 0.01  # inverse of the regularisation
_FOLDS = 3

_CARD = """\
# Music model `music`

Tells music from speech, crowds, applause, noise and hum by the statistics of the newest 2 s: a logistic regression on
{size} values, asked twice a second. Written by `streammood train music`.

Music: {clips} clips of {sets}, and synthesised drums alone. Other sound: {sources}, and synthesised noise, hum, tones,
applause and voices. No sound of these is part of the model or of this project.

Folds are grouped by artist and by source, so no recording is on both sides, and what is judged there is of a kind that
the model never met (drums by models that met none alone, chants by models that met no football crowd); the model that
ships has met them all. Windows of 2 s, each judged alone:

| sound | taken for music |
|---|---|
{rows}

## Limits

- Singing, rap and drums alone are music; so is a crowd that sings. Speech over music is music where the music is about
  as loud as the voice.
- A single steady tone, hum and engines are no music.
"""


@dataclass(frozen=True, slots=True)
class _Examples:
    values: F32  # (n, n_statistics)
    music: Ints  # (n,) 1 for music
    group: list[str]
    source: list[str]


def train_music(
    data: Path, other: Path, out: Path, cache: Path = Path(".cache/features"), seed: int = 1, streams: int = 30
) -> MusicModel:
    """Fit to the clips in ``data`` and to the folders in ``other``; write ``out`` (.npz) and its card (.md).

    So many ``streams`` are made of each source.

    Raises:
        DataError: there is nothing to fit to, or a file cannot be read.
    """
    corpus = datasets.read(data)
    sources = sorted(path for path in other.iterdir() if path.is_dir()) if other.is_dir() else []
    if len(sources) < _FOLDS:
        raise DataError(
            f"{other}: needs at least {_FOLDS} folders of recordings that are no music, one for each source"
        )
    rng = np.random.default_rng(seed)
    examples = _Examples(*_collected(corpus, FrameCache(cache, seed), sources, streams, rng))
    taken = _held_out(examples)
    model = _fit(examples.values, examples.music)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(music_model.write(model))
    names = np.array(examples.source)
    rows = [f"| {name} | {100 * taken[names == name].mean():.1f} % |" for name in dict.fromkeys(examples.source)]
    card = _CARD.format(
        size=model.weights.size, clips=len(corpus.clips), sets=", ".join(f"`{s.name}`" for s in corpus.sources),
        sources=", ".join(f"`{path.name}`" for path in sources), rows="\n".join(rows),
    )  # fmt: skip
    out.with_suffix(".md").write_text(card, encoding="utf-8")
    return model


def _collected(
    corpus: datasets.Corpus, frame_cache: FrameCache, sources: list[Path], streams: int, rng: np.random.Generator
) -> tuple[F32, Ints, list[str], list[str]]:
    statistics = Statistics(SlotPool(embedding_model.shipped()).layout)
    values: list[F32] = []
    rows: list[tuple[int, str, str]] = []

    def add(slots: F32, music: int, group: str, source: str) -> None:
        for start in np.unique(rng.integers(0, max(1, len(slots) - SHORT + 1), _WINDOWS)).tolist():
            if len(slots) - start >= SHORT:
                values.append(statistics(slots[start : start + SHORT]))
                rows.append((music, group, source))

    for clip in corpus.clips:
        for variant in (0, 1) if clip.scored else (0,):
            add(pool_slots(frame_cache.frames(clip.path, variant)), 1, clip.group, clip.source)
    for number in range(_DRUMS * streams):
        drums = drums_alone(rng, _LENGTH / ANALYSIS_RATE, ANALYSIS_RATE)
        add(_slots(_levelled(drums), number, rng), 1, "drums", "synthesised drums")
    for source in sources:
        recordings = read_recordings(source)
        for number in range(streams):
            add(_slots(joined(recordings, rng), number, rng), 0, source.name, source.name)
    for name, make in _SYNTHESISED.items():
        for number in range(max(2, streams // 2)):
            add(_slots(_levelled(make(rng)), number, rng), 0, name, f"synthesised {name}")
    music, group, names = zip(*rows, strict=True)
    return np.stack(values), np.array(music), list(group), list(names)


def _noise(rng: np.random.Generator) -> F64:
    """Noise of any colour, in a band of any width, steady or swelling."""
    spectrum = np.fft.rfft(rng.standard_normal(_LENGTH))
    hertz = np.maximum(np.arange(spectrum.size) * ANALYSIS_RATE / _LENGTH, 20.0)
    spectrum *= hertz ** -rng.uniform(0.0, 1.2)
    if rng.random() < 0.5:
        spectrum *= np.exp(-0.5 * (np.log2(hertz / 2.0 ** rng.uniform(7.0, 12.5)) / rng.uniform(0.2, 2.0)) ** 2)
    swell = rng.uniform(0.0, 0.8) * np.sin(2.0 * np.pi * rng.uniform(0.05, 0.5) * _SECOND + rng.uniform(0.0, 6.0))
    swelling: F64 = np.fft.irfft(spectrum, _LENGTH) * (1.0 + swell)
    return swelling


def _hum(rng: np.random.Generator) -> F64:
    """The mains with overtones of any strength, and some noise."""
    base = 2.0 * np.pi * rng.choice([50.0, 60.0]) * rng.uniform(0.998, 1.002)
    hum = np.zeros(_LENGTH)
    for number in range(1, int(rng.integers(3, 30))):
        hum += rng.uniform(0.0, 1.0) / number * np.sin(base * number * _SECOND + rng.uniform(0.0, 6.0))
    noisy: F64 = hum + 10.0 ** rng.uniform(-4.0, -1.0) * rng.standard_normal(_LENGTH)
    return noisy


def _tone(rng: np.random.Generator) -> F64:
    """A steady tone, and some noise."""
    tone = np.sin(2.0 * np.pi * 2.0 ** rng.uniform(6.0, 12.5) * _SECOND)
    steady: F64 = tone + 10.0 ** rng.uniform(-4.0, -2.0) * rng.standard_normal(_LENGTH)
    return steady


_SYNTHESISED: dict[str, Callable[[np.random.Generator], npt.NDArray[np.floating]]] = {
    "noise": _noise,
    "hum": _hum,
    "tone": _tone,
    "applause": unmusical.applause,
    "voice": unmusical.speech,
}


def _levelled(signal: npt.NDArray[np.floating]) -> F32:
    """``signal`` at -20 dB RMS."""
    scaled: F32 = (0.1 * signal / np.sqrt(np.mean(signal**2))).astype(np.float32)
    return scaled


def _slots(signal: F32, number: int, rng: np.random.Generator) -> F32:
    """Slots of a signal at the analysis rate, every second one degraded as a venue would."""
    return pool_slots(extract_signal(degrade(signal, ANALYSIS_RATE, rng) if number % 2 else signal, ANALYSIS_RATE))


def read_recordings(folder: Path) -> list[F32]:
    """All recordings in ``folder`` and below, each (n,) at the analysis rate."""
    return [_read(path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in _FILES]


def _read(path: Path) -> F32:
    """A recording, mixed down to the analysis rate."""
    if path.suffix.lower() != ".g722":
        signal, rate = read_sound(path)
    else:
        with av.open(str(path), format="g722") as file:
            blocks = [frame.to_ndarray().astype(np.float32).ravel() / 2**15 for frame in file.decode(audio=0)]
        signal, rate = np.concatenate([np.zeros(0, np.float32), *blocks]), 16_000
    return resampled(signal, rate)


def resampled(signal: F32, rate: int) -> F32:
    """``signal`` (n,) at the analysis rate."""
    common = gcd(rate, ANALYSIS_RATE)
    resampled: F32 = resample_poly(signal, ANALYSIS_RATE // common, rate // common).astype(np.float32)
    return resampled


def joined(recordings: list[F32], rng: np.random.Generator) -> F32:
    """Recordings after each other, with pauses or overlaps, at slightly other speeds, in one to six layers."""
    length = _LENGTH
    out = np.zeros(length, dtype=np.float32)
    usable = [x for x in recordings if x.size > ANALYSIS_RATE // 4 and np.abs(x).max() > 1e-3]
    if not usable:
        raise DataError("a source holds no recording of a quarter of a second or more")
    for _ in range(int(rng.choice([1, 1, 2, 3, 6]))):
        at = int(rng.integers(-ANALYSIS_RATE, 0))
        loudness = 10.0 ** rng.uniform(-0.5, 0.0)
        overlap = rng.uniform(-0.3, 0.5)  # of a recording; negative: a pause
        while at < length:
            piece = usable[int(rng.integers(len(usable)))][: 7 * ANALYSIS_RATE]
            piece = resampled(piece, int(ANALYSIS_RATE * rng.uniform(0.87, 1.15)) // 100 * 100)
            edge = min(piece.size // 4, ANALYSIS_RATE // 4)
            shape = np.ones(piece.size, dtype=np.float32)
            shape[:edge] = np.linspace(0.0, 1.0, edge)
            shape[piece.size - edge :] = shape[:edge][::-1]
            piece = piece * shape * (loudness / np.sqrt(np.mean(piece**2)))
            first, last = max(0, at), min(length, at + piece.size)
            if last > first:
                out[first:last] += piece[first - at : last - at]
            at += max(ANALYSIS_RATE // 10, int(piece.size * (1.0 - overlap)))
    return _levelled(out)


def _fit(values: F32, music: Ints) -> MusicModel:
    offset, spread = values.mean(axis=0), values.std(axis=0) + 1e-3
    scaled = np.clip((values - offset) / spread, -LIMIT, LIMIT)
    fitted = LogisticRegression(C=_STRENGTH, max_iter=500, class_weight="balanced").fit(scaled, music)
    arrays = offset, 1.0 / spread, fitted.coef_[0], fitted.intercept_
    return MusicModel(*(array.astype(np.float32) for array in arrays))


def _held_out(examples: _Examples) -> Ints:
    """Whether each example (n,) is taken for music by a model that knows neither its artist nor its source."""
    taken = np.zeros(len(examples.music), dtype=np.int64)
    for wanted in (0, 1):  # each fold leaves out a part of either kind
        rows = np.flatnonzero(examples.music == wanted)
        groups = [examples.group[row] for row in rows]
        for _, test in GroupKFold(_FOLDS).split(rows, groups=groups):
            train = np.setdiff1d(np.arange(len(taken)), rows[test])
            model = _fit(examples.values[train], examples.music[train])
            taken[rows[test]] = [model(row) > 0.5 for row in examples.values[rows[test]]]
    return taken
