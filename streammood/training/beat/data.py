"""Music with known beats: sound files with a ``.beats`` file, pseudo-labels for other clips, and drum takes as MIDI."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streammood.analysis.beat.activations import STROKE_DELAY
from streammood.dsp.layout import HOP, N_MELS
from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, F32
from streammood.models.manifest import DataSet
from streammood.training.beat import patterns
from streammood.training.beat.patterns import Groove
from streammood.training.datasets import SOUND
from streammood.training.frames import FrameCache, extract, extract_signal

F16 = npt.NDArray[np.float16]
F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PATTERNS = "patterns"
_GROOVES = 12  # of each style
CHOOSING = "spcup2017_closed_challenge"  # never fitted to
_HELD_OUT = 6  # one group in so many is kept for scoring
_SURE = 0.35  # mean activation of pseudo-labels from which they are taken in full
_KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40, 48)  # General MIDI drum programs: standard, room, power, electronic, 808, …
_TAKES = 3  # one take in so many is played: there are few drummers
_LONGEST = 75.0  # seconds of a rendered take
_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"  # Debian: fluid-soundfont-gm
_TAKE = re.compile(r".*_(?P<bpm>\d+)_beat_(?P<bar>\d+)-(?P<unit>\d+)$")
_TERMS = {
    "fnf_exact_grid": "music of a game's modifications with their makers' tempo grid, research use",
    "groove_render": "CC BY 4.0 (Groove MIDI Dataset; Gillick et al., ICML 2019)",
    PATTERNS: "grooves of this project's own making",
    "arrangements": "arrangements of this project's own making, synthesised and played with FluidR3",
    "groove_midi": "CC BY 4.0 (Groove MIDI Dataset; Gillick et al., ICML 2019), played with FluidR3",
    "pop909_render": "MIT (POP909; Wang et al., ISMIR 2020)",
    "asap_render": "CC BY-NC-SA 4.0 (ASAP; Foscarin et al., ISMIR 2020)",
    "loops_cc0_tiled": "CC0",
    "pseudo": "beats heard by madmom (models CC BY-NC-SA 4.0) in the clips of the mood sets, on their terms",
}


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTrack:
    """A piece of music and its beats."""

    path: Path
    source: str  # name of the set
    group: str  # no group is both fitted to and scored
    beats: F64  # (n,) seconds
    numbers: Ints  # (n,) position in the bar, 0 where it is not known
    trust: float  # 0..1, how far the beats are to be believed
    kit: int | None = None  # for MIDI, the drum program it is played with
    groove: Groove | None = None  # where it is of our own making

    @property
    def stem(self) -> str:
        """Name of the track within its set."""
        if self.groove is not None:
            return f"{self.groove.name}_{self.groove.bpm}_{self.groove.seed}".replace(" ", "_")
        return self.path.stem if self.kit is None else f"{self.group}_kit{self.kit}"

    @property
    def held_out(self) -> bool:
        """Whether it is kept for scoring."""
        return self.source == CHOOSING or zlib.crc32(self.group.encode()) % _HELD_OUT == 0


def read(data: Path) -> list[LabelledTrack]:
    """All tracks below ``data``: ``beat/SET/NAME.beats`` beside sound, ``beat/pseudo`` and ``beat/groove_midi``.

    Raises:
        DataError: there are none, or a file of beats cannot be read.
    """
    root = data / "beat" if (data / "beat").is_dir() else data
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give one with sound files and a NAME.beats beside each NAME")
    tracks = list(_beside(root, root.name))
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folder.name == "pseudo":
            tracks += _pseudo(folder, data / "mood")
        elif folder.name == "groove_midi":
            tracks += _takes(folder)
        else:
            tracks += _beside(folder, folder.name)
    if not tracks:
        raise DataError(f"{root}: no tracks; each sound file needs a NAME.beats beside it: a time in seconds per line")
    return tracks


def grooves(seed: int) -> list[LabelledTrack]:
    """Grooves of our own, of every style."""
    return [
        LabelledTrack(Path(f"{g.name}_{g.bpm}"), PATTERNS, f"{g.name}_{g.bpm}", g.beats, g.numbers, 1.0, groove=g)
        for g in patterns.grooves(_GROOVES, seed)
    ]


def sources(tracks: list[LabelledTrack]) -> tuple[DataSet, ...]:
    """The sets that ``tracks`` come from, with their terms."""
    names = sorted({track.source for track in tracks})
    counts = {name: sum(track.source == name for track in tracks) for name in names}
    own = "the trainer's own tracks; their terms apply"
    return tuple(DataSet(name=name, clips=counts[name], licence=_TERMS.get(name, own)) for name in names)


def _beside(folder: Path, source: str) -> Iterator[LabelledTrack]:
    for sound in sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND):
        written = sound.with_suffix(".beats")
        if written.is_file():
            beats, numbers, _ = _read_beats(written)
            yield LabelledTrack(sound, source, sound.stem, beats, numbers, 1.0)


def _pseudo(folder: Path, mood: Path) -> Iterator[LabelledTrack]:
    for each in sorted(path for path in folder.iterdir() if (mood / path.name / "labels.csv").is_file()):
        with (mood / each.name / "labels.csv").open(newline="", encoding="utf-8") as lines:
            artists = {Path(row["file"]).stem: row.get("artist_group") for row in csv.DictReader(lines)}
        for written in sorted(each.glob("*.beats")):
            beats, numbers, sure = _read_beats(written)
            if beats.size > 4:
                trust = min(1.0, float(sure.mean()) / _SURE)
                sound = mood / each.name / f"{written.stem}.opus"
                group = artists.get(written.stem) or f"{each.name}/{written.stem}"
                yield LabelledTrack(sound, "pseudo", group, beats, numbers, trust)


def _takes(folder: Path) -> Iterator[LabelledTrack]:
    """Takes played to a click, each with a kit of its own; the grid follows from the tempo in the name."""
    for midi in sorted(folder.rglob("*.mid")):
        found = _TAKE.fullmatch(midi.stem)
        chance = zlib.crc32(midi.name.encode()) >> 8
        if found and int(found["unit"]) == 4 and chance % _TAKES == 0 and shutil.which("fluidsynth"):
            name = "_".join(midi.relative_to(folder).with_suffix("").parts)
            beats = np.arange(0.0, _LONGEST, 60.0 / int(found["bpm"]))
            numbers = np.arange(beats.size) % int(found["bar"]) + 1
            kit = _KITS[zlib.crc32(midi.stem.encode()) % len(_KITS)]
            yield LabelledTrack(midi, "groove_midi", name, beats, numbers, 1.0, kit)


def _read_beats(path: Path) -> tuple[F64, Ints, F64]:
    """Times, positions in the bar and certainty; columns that are not there are 0 and 1."""
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        times = np.array([float(row[0]) for row in rows])
        numbers = np.array([int(row[1]) if len(row) > 1 else 0 for row in rows], dtype=np.int64)
        sure = np.array([float(row[2]) if len(row) > 2 else 1.0 for row in rows])
    except (OSError, ValueError, IndexError) as error:
        raise DataError(
            f"{path}: a line is a time in seconds and, if known, the position in the bar: {error}"
        ) from None
    return times, numbers, sure


# ---------------------------------------------------------------- features


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """What is fitted to: log mel spectra and the places of the beats in them."""

    track: LabelledTrack
    log_mel: F16  # (n_hops, n_mels), dB
    beats: F64  # (n,) in hops, where the network shall answer
    numbers: Ints  # (n,)
    hop: int  # samples


def hops_of(seconds: F64, hop: int) -> F64:
    """The hop, with its fraction, whose answer stands for a stroke at ``seconds``."""
    return (seconds * ANALYSIS_RATE + STROKE_DELAY) / hop - 1.0


def items(tracks: list[LabelledTrack], cache: Path, jobs: int) -> Iterator[Item]:
    """Features of each track, kept in ``cache``."""
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        work = pool.map(partial(_log_mel, cache=cache), tracks, chunksize=8)
        for track, log_mel in zip(tracks, work, strict=True):
            places = hops_of(track.beats, HOP)
            inside = (places >= 0) & (places < len(log_mel))
            yield Item(track, log_mel, places[inside], track.numbers[inside], HOP)


def _log_mel(track: LabelledTrack, cache: Path) -> F16:
    if track.kit is None and track.groove is None:
        return FrameCache(cache).frames(track.path)[:, :N_MELS].copy()
    cached_at = cache / f"{track.stem}.npy"
    if not cached_at.is_file():
        frames = _made(track)[: int(_LONGEST * ANALYSIS_RATE / HOP), :N_MELS]
        cache.mkdir(parents=True, exist_ok=True)
        np.save(cached_at, frames.astype(np.float16))
    played: F16 = np.load(cached_at)
    return played


def _made(track: LabelledTrack) -> F32:
    """Features of a track that is played here first."""
    if track.groove is not None:
        return extract_signal(track.groove.sound(), ANALYSIS_RATE)
    with tempfile.TemporaryDirectory() as folder:
        return extract(_play(track, Path(folder)))


def _play(track: LabelledTrack, folder: Path) -> Path:
    """The take as a sound file, with its drum program, by fluidsynth and the system's General MIDI sounds."""
    setup, sound = folder / "setup", folder / "take.wav"
    setup.write_text(f"select 9 1 128 {track.kit}\n", encoding="utf-8")
    options = ["-niq", "-R0", "-C0", "-o", "player.reset-synth=0", "-o", "synth.dynamic-sample-loading=1"]
    command: list[str | Path] = ["fluidsynth", *options, "-f", setup, "-r", str(ANALYSIS_RATE), "-F", sound]
    subprocess.run([*command, _FONT, track.path], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return sound
