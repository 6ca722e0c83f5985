"""One file in, its description for the library out; onsets and levels are not computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from streammood.analysis.analyzer import AnalysisChain
from streammood.analysis.key import estimate_key
from streammood.analysis.mood.mood_stream import MoodStream
from streammood.capture.sound_file import SoundFile
from streammood.config import Settings
from streammood.errors import SourceError
from streammood.events import F32, Beat, Mood, seconds
from streammood.events import Section as Boundary
from streammood.library.track import Description, SongSection
from streammood.models import Models
from streammood.models.mood_model import LIMIT

FORMAT = 3  # of descriptions: raised when their content or its computation changes
INTERVAL = 2.0  # s between answers of the mood model: four times fewer than live, with the same mood of the whole
_BLOCK = 8192  # samples
_POINTS = 120  # of a curve, at most
_ABSOLUTE, _RELATIVE = 1e-7, 0.1  # gates of loudness as in ITU-R BS.1770: -70 dB, and 10 dB below the mean of the rest
_QUIET, _LOUD = -36.0, -8.0  # dB re full scale: mean level of the quietest and of the loudest recordings
_CALM, _BUSY = 0.35, 1.6  # dB by which a mel band rises in a hop, on average: in still and in busy music


def for_library(settings: Settings) -> Settings:
    """``settings`` with which a library is analysed."""
    interval = max(settings.mood.interval, INTERVAL)
    return settings.model_copy(update={"mood": settings.mood.model_copy(update={"interval": interval})})


def version(models: Models) -> str:
    """The version of descriptions and models in one word: with another one, the description of a file may differ."""
    beat = models.beat.manifest.sha256[:8] if models.beat is not None else "aubio"
    mood = models.mood.manifest
    return f"{FORMAT}-{mood.sha256[:8]}-{mood.embedding[:8]}-{beat}-{models.structure.digest[:8]}"


def describe(
    file: SoundFile, settings: Settings, models: Models, progress: Callable[[float], None] = lambda share: None
) -> Description:
    """Analyse ``file`` to its end.

    Args:
        file: A sound file; one that is damaged gives what can be read, and the reason in ``damage``.
        settings: As ``for_library`` makes them.
        models: Those of ``settings``.
        progress: Is given the shares of the file that are done.

    Returns:
        Everything that a library stores of it.

    Raises:
        SourceError: nothing of it can be read.
    """
    analyzer = AnalysisChain(settings, file.sample_rate, models, (Beat, Mood, Boundary))
    beats: list[Beat] = []
    moods: list[Mood] = []
    boundaries: list[Boundary] = []
    powers: list[float] = []
    samples, damage = 0, ""
    length = (file.duration or 0.0) * file.sample_rate
    try:
        for block in file.blocks(_BLOCK):
            samples += block.size
            powers.append(float(np.dot(block, block)) / block.size)
            for event in analyzer.push(block):
                if isinstance(event, Beat):
                    beats.append(event)
                elif isinstance(event, Mood):
                    moods.append(event)
                elif isinstance(event, Boundary):
                    boundaries.append(event)
            if length:
                progress(block.size / length)
    except SourceError as problem:
        damage = str(problem)
    if samples == 0:
        raise SourceError(damage or f"{file.name}: holds no sound")
    stream = analyzer.moods
    key = estimate_key(stream.totals.mean[stream.layout.chroma]) if stream.totals.count else None
    mood = analyzer.summary()
    return Description(
        duration=samples / file.sample_rate,
        bpm=float(np.median([beat.bpm for beat in beats])) if beats else 0.0,
        bpm_confidence=float(np.mean([beat.confidence * beat.locked for beat in beats])) if beats else 0.0,
        key=key[0].name if key else "",
        key_confidence=key[1] if key else 0.0,
        energy=energy(np.array(powers), float(stream.totals.mean[stream.layout.flux].mean())),
        valence=mood.valence if mood else None,
        arousal=mood.arousal if mood else None,
        mood=mood.label if mood else "",
        mood_confidence=mood.confidence if mood else 0.0,
        moods=mood.probabilities if mood else {},
        curve=curve(moods),
        sections=sections(boundaries, samples / file.sample_rate),
        vector=likeness_vector(stream, models) if mood else np.zeros(0, dtype=np.float32),
        models=version(models),
        damage=damage,
    )


def energy(powers: npt.NDArray[np.float64], rise: float) -> float:
    """How energetic a recording is, 0..1: half from how loud it is, half from how much goes on in it.

    It compares recordings. The energy of ``analysis.structure`` compares the moments of one song with its own loudest:
    on 120 clips each of two labelled sets its mean goes with the arousal that listeners gave by r = 0.40 and 0.42, this
    one by 0.59 and 0.45.

    Args:
        powers: Mean squares (n,) of its blocks; non-finite and silent ones do not count.
        rise: dB by which a mel band rises from hop to hop, on average.
    """
    audible = powers[np.isfinite(powers) & (powers > _ABSOLUTE)]
    if audible.size == 0:
        return 0.0
    level = 10.0 * math.log10(float(audible[audible > _RELATIVE * audible.mean()].mean()))
    loud = min(1.0, max(0.0, (level - _QUIET) / (_LOUD - _QUIET)))
    busy = min(1.0, max(0.0, (rise - _CALM) / (_BUSY - _CALM)))
    return 0.5 * (loud + busy)


def curve(moods: Sequence[Mood]) -> F32:
    """Valence and arousal (n, 2), thinned out to ``_POINTS`` at most."""
    step = max(1, -(-len(moods) // _POINTS))
    points: F32 = np.array([[mood.valence, mood.arousal] for mood in moods[::step]], dtype=np.float32).reshape(-1, 2)
    return points


def sections(boundaries: Sequence[Boundary], duration: float) -> tuple[SongSection, ...]:
    """The parts of a song that lasts ``duration`` s, each called after what began it: `start`, `drop` and so on."""
    begun = [(0.0, "start"), *sorted((seconds(found.sample), found.kind) for found in boundaries)]
    ends = [*(start for start, _ in begun[1:]), duration]
    found = (
        SongSection(round(start, 3), round(end, 3), label) for (start, label), end in zip(begun, ends, strict=True)
    )
    return tuple(part for part in found if part.end > part.start)


def likeness_vector(stream: MoodStream, models: Models) -> F32:
    """What the embedding found on average (n,), each value on the scale that the mood model has for it; length 1."""
    mean = stream.totals.mean[stream.layout.embedding_mean]
    scaling = models.mood.manifest.statistics
    size = mean.size
    offset, scale = np.array(scaling.offset[-2 * size : -size]), np.array(scaling.scale[-2 * size : -size])
    scaled = np.clip((mean - offset) / scale, -LIMIT, LIMIT)
    unit: F32 = (scaled / max(float(np.linalg.norm(scaled)), 1e-9)).astype(np.float32)
    return unit
