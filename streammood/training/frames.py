"""Clips to features through the live chain, kept in a cache folder so that training can stop and go on."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from streammood import dsp
from streammood.analysis import front_end, gain, resampler
from streammood.analysis.front_end import FrontEnd
from streammood.dsp.layout import LAYOUT
from streammood.errors import DataError
from streammood.events import F32
from streammood.models.manifest import FEATURES
from streammood.training import degrade

F16 = npt.NDArray[np.float16]

_MAKERS = (degrade, front_end, gain, resampler)
_LONGEST = 600.0  # seconds of a clip that are used


@dataclass(frozen=True, slots=True)
class FrameCache:
    """Features of clips, one file for each clip and treatment."""

    folder: Path
    seed: int = 1

    def frames(self, clip: Path, variant: int = 0) -> F16:
        """Features (n_frames, n_features) of ``clip``; variant 0 is the clip as it is, others are degraded."""
        cached_at = self.file(clip, variant)
        if cached_at.is_file():
            cached: F16 = np.load(cached_at)
            return cached
        values = extract(clip, self.rng(clip, variant) if variant else None).astype(np.float16)
        keep(cached_at, values)
        return values

    def fill(self, clips: list[Path], variant: int = 0, jobs: int = 1) -> Iterator[Path]:
        """Extract what is not in the cache yet; yield each clip when it is there."""
        work = [(self, clip, variant) for clip in clips]
        if jobs == 1:
            yield from (clip for clip, _ in zip(clips, map(_fill_one, work), strict=True))
            return
        with ProcessPoolExecutor(max_workers=jobs) as pool:
            yield from (clip for clip, _ in zip(clips, pool.map(_fill_one, work, chunksize=4), strict=True))

    def rng(self, clip: Path, variant: int) -> np.random.Generator:
        """What decides what happens to this variant of ``clip``."""
        return np.random.default_rng([self.seed, variant, zlib.crc32(clip.name.encode())])

    def file(self, clip: Path, variant: int = 0) -> Path:
        """Where the features of a clip are kept."""
        try:
            size = clip.stat().st_size
        except OSError:
            raise DataError(f"{clip}: no such clip") from None
        text = f"{clip.resolve()}|{size}|{_code()}|{variant}|{self.seed if variant else 0}"
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npy"


@cache
def _code() -> str:
    """A digest of the code that makes features: after a change in it they are made anew."""
    modules = [*Path(dsp.__file__).parent.glob("*.py"), *(Path(str(module.__file__)) for module in _MAKERS)]
    digest = hashlib.sha256(f"{FEATURES.model_dump_json()}|{','.join(LAYOUT.names())}".encode())
    for path in sorted(modules):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def keep(path: Path, values: npt.NDArray[np.floating]) -> None:
    """Write ``values`` to ``path`` (.npy) at once or not at all, whenever the program is stopped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.npy")
    np.save(partial, values)
    partial.replace(path)


def _fill_one(work: tuple[FrameCache, Path, int]) -> None:
    cache, clip, variant = work
    cache.frames(clip, variant)


def extract(clip: Path, rng: np.random.Generator | None = None) -> F32:
    """Features (n_frames, n_features) of a sound file, through the live front end."""
    signal, rate = read_sound(clip)
    if rng is not None:
        signal = degrade.degrade(signal, rate, rng)
    frames = extract_signal(signal, rate)
    if frames.shape[0] == 0:
        raise DataError(f"{clip}: too short, holds {signal.size} samples")
    return frames


def extract_signal(signal: F32, rate: int) -> F32:
    """Features (n_frames, n_features) of a signal (n,) at ``rate`` Hz."""
    rows = [hops.values.copy() for _, hops in FrontEnd(rate).push(signal)]
    return np.concatenate(rows) if rows else np.zeros((0, LAYOUT.size), dtype=np.float32)


def read_sound(clip: Path) -> tuple[F32, int]:
    """The first ten minutes of a sound file, mixed down (n,), and its rate in Hz.

    Raises:
        DataError: it cannot be read as sound.
    """
    try:
        with soundfile.SoundFile(clip) as sound:
            rate: int = sound.samplerate
            signal: F32 = sound.read(int(_LONGEST * rate), dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"{clip}: cannot be read as sound: {' '.join(str(error).split())}") from None
    return np.ascontiguousarray(signal, dtype=np.float32), rate
