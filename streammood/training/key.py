"""Profiles of the 24 keys, fitted to songs whose keys are known.

``python -m streammood.training.key FOLDER...`` prints them as ``streammood/analysis/key.py`` holds them. A song is a
sound file beside a ``NAME.key`` (start and end in s, and a key such as ``A:min``, a line), as our own arrangements are,
or a ``NAME.mid`` beside a ``NAME.key`` and a ``NAME.chords``, as POP909 has them: that is played with a sound font,
and gets drums and a bass on the roots of its chords.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.progress import track
from scipy.optimize import minimize

from streammood.analysis.hops import F64
from streammood.analysis.key import Key, KeyProfiles, centred
from streammood.analysis.mood.slots import HOPS
from streammood.dsp.layout import HOP, LAYOUT
from streammood.errors import DataError
from streammood.events import ANALYSIS_RATE, F32
from streammood.training.arrangements import soundfont
from streammood.training.frames import extract_signal, read_sound

LONGEST = 120.0  # s of a song
_SLOT = HOPS * HOP / ANALYSIS_RATE  # s
_RATE = 44_100
_STRETCHES = (43, 86, 172, 323)  # slots, 8 to 60 s: less is known of a short stretch
_WHOLE = 3.0  # weight of a whole song against each of its lengths of stretches
_PENALTY = 0.01  # on the squares of the weights
_FOLDS = 6
_SOUNDS = (".flac", ".ogg", ".opus", ".wav", ".mid")
_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_BASSES = (32, 33, 34, 38)  # General MIDI programs
_KICK, _SNARE, _HAT = 36, 38, 42
_BEAT = 0.45  # s, about: a chord is divided into as many
_BASS_GAIN, _DRUM_GAIN, _LEVEL = 0.7, 0.7, 0.1  # RMS re the music, and of all

Message = tuple[float, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class KeyedSong:
    """What a song holds of each pitch class, slot by slot, and its keys."""

    name: str
    chroma: F64  # (n_slots, 12)
    keys: tuple[tuple[float, float, Key], ...]  # start and end in s

    def key(self, first: int, last: int) -> Key | None:
        """The key that holds for most of the slots from ``first`` to ``last``; None where none is known."""
        shares: dict[Key, float] = {}
        for start, end, key in self.keys:
            shares[key] = shares.get(key, 0.0) + max(0.0, min(last * _SLOT, end) - max(first * _SLOT, start))
        best = max(shares, key=lambda key: shares[key], default=None)
        return best if best is not None and shares[best] > 0.0 else None


def songs(folder: Path) -> Iterator[tuple[Path, F32, int]]:
    """Path, sound (n,) and rate of every song in ``folder``, its first ``LONGEST`` seconds.

    Raises:
        DataError: there are none, or fluidsynth is missing.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in _SOUNDS and path.with_suffix(".key").is_file()]
    if not paths:
        raise DataError(f"{folder}: no songs; each needs a NAME.key beside it")
    for path in paths:
        if path.suffix != ".mid":
            sound, rate = read_sound(path)
            yield path, sound[: round(LONGEST * rate)], rate
        elif soundfont.available():
            yield path, _played(path), _RATE
        else:
            raise DataError(f"{path}: playing it needs fluidsynth and {soundfont.FONT}")


def read_keys(path: Path) -> tuple[tuple[float, float, Key], ...]:
    """Start, end and key of each line of ``path``.

    Raises:
        DataError: it holds anything else.
    """
    try:
        rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return tuple((float(start), float(end), Key.parse(key.replace(":", " "))) for start, end, key in rows)
    except ValueError as error:
        raise DataError(f"{path}: a line is start and end in s, and a key such as A:min: {error}") from None


def keyed(path: Path, sound: F32, rate: int) -> KeyedSong:
    """A song with its pitch classes as the program finds them."""
    frames = extract_signal(sound, rate)[:, LAYOUT.chroma].astype(np.float64)
    count = len(frames) // HOPS
    return KeyedSong(
        path.stem, frames[: HOPS * count].reshape(count, HOPS, -1).mean(axis=1), read_keys(path.with_suffix(".key"))
    )


def _played(path: Path) -> F32:
    """A song from MIDI (n,), with a bass and drums that follow its chords."""
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    bass, drums = _backing(path.with_suffix(".chords"), int(rng.choice(_BASSES)))
    music = _rendered(path)
    sound = np.zeros(round(LONGEST * _RATE), dtype=np.float32)
    for part, gain in (
        (music, 1.0),
        (soundfont.play(bass, _RATE), _BASS_GAIN),
        (soundfont.play(drums, _RATE), _DRUM_GAIN),
    ):
        piece = part[: sound.size]
        sound[: piece.size] += piece * np.float32(gain / (_rms(piece) + 1e-9))
    mixed: F32 = np.clip(sound * np.float32(_LEVEL / (_rms(sound) + 1e-9)), -1.0, 1.0)
    return mixed


def _rms(sound: F32) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _rendered(path: Path) -> F32:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "music.wav"
        options = ["-niq", "-R0", "-C0", "-g", "0.5", "-o", "synth.dynamic-sample-loading=1", "-r", str(_RATE)]
        command = ["fluidsynth", *options, "-F", str(out), str(soundfont.FONT), str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sound, _ = soundfile.read(out, dtype="float32", always_2d=True)
    mono: F32 = sound.mean(axis=1)
    return mono


def _backing(path: Path, program: int) -> tuple[list[Message], list[Message]]:
    """MIDI messages of a bass and of drums, for chords in ``path`` (start, end, name a line)."""
    bass: list[Message] = [(0.0, bytes((0xC1, program)))]
    drums: list[Message] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        start, end, name = line.split()
        length = float(end) - float(start)
        beats = max(1, round(length / _BEAT))
        beat = length / beats
        for number in range(beats):
            at = float(start) + number * beat
            if at > LONGEST:
                return bass, drums
            if name != "N":
                bass += _note(0x91, 28 + (_pitch(name) - 4) % 12, 100, at, 0.9 * beat)
            drums += _note(0x99, _SNARE if number % 2 else _KICK, 100, at, 0.05)
            drums += _note(0x99, _HAT, 60, at, 0.05) + _note(0x99, _HAT, 50, at + beat / 2, 0.05)
    return bass, drums


def _note(status: int, pitch: int, velocity: int, at: float, length: float) -> list[Message]:
    return [(at, bytes((status, pitch, velocity))), (at + length, bytes((status - 0x10, pitch, 0)))]


def _pitch(chord: str) -> int:
    """Pitch class of the root of a chord such as ``Eb:min7/b3``."""
    root = chord.partition(":")[0].partition("/")[0]
    return (_PITCHES[root[0]] + root.count("#") - root.count("b")) % 12


def fit(found: Sequence[KeyedSong]) -> KeyProfiles:
    """Profiles of the keys: a multinomial model whose weights are the same for all tonics, but for their place.

    Its confidence is that of songs that it was not fitted to: the weights are multiplied by the factor with the least
    log loss over ``_FOLDS`` folds of songs.
    """
    profiles = _fit(found)
    parts = [found[k::_FOLDS] for k in range(_FOLDS) if found[k::_FOLDS]]
    scores, truths, weights = [], [], []
    for part in parts:
        names = {song.name for song in part}
        others = [song for song in found if song.name not in names]
        if others:
            rotated, truth, weight = _examples(part)
            scores.append(_scores(_flat(_fit(others)), rotated))
            truths.append(truth)
            weights.append(weight)
    if not scores:
        return profiles
    score, truth, weight = np.concatenate(scores), np.concatenate(truths), np.concatenate(weights)
    factors = np.geomspace(0.5, 4.0, 61)
    losses = [_loss(factor * score, truth, weight) for factor in factors]
    return _profiles(float(factors[int(np.argmin(losses))]) * _flat(profiles))


def _fit(found: Sequence[KeyedSong]) -> KeyProfiles:
    rotated, truth, weight = _examples(found)
    share = weight / weight.sum()

    def objective(flat: F64) -> tuple[float, F64]:
        scores = _scores(flat, rotated)
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely /= likely.sum(axis=1, keepdims=True)
        wrong = share[:, None] * likely
        wrong[np.arange(len(truth)), truth] -= share
        slope = np.concatenate(
            [
                np.einsum("nt,ntc->c", wrong[:, :12], rotated),
                np.einsum("nt,ntc->c", wrong[:, 12:], rotated),
                [wrong[:, 12:].sum()],
            ]
        )
        return _loss(scores, truth, weight) + _PENALTY * float(flat @ flat), slope + 2.0 * _PENALTY * flat

    flat: F64 = minimize(objective, np.zeros(25), jac=True, method="L-BFGS-B").x
    return _profiles(flat)


def _loss(scores: F64, truth: F64, weight: F64) -> float:
    top = scores.max(axis=1)
    total = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
    return float(weight @ (total - scores[np.arange(len(truth)), truth]) / weight.sum())


def _scores(flat: F64, rotated: F64) -> F64:
    """Log odds (n, 24) of every key, major ones first, for profiles turned to each tonic (n, 12, 12)."""
    return np.concatenate([rotated @ flat[:12], rotated @ flat[12:24] + flat[24]], axis=1)


def _flat(profiles: KeyProfiles) -> F64:
    return np.concatenate([profiles.major, profiles.minor, [profiles.offset]])


def _profiles(flat: F64) -> KeyProfiles:
    return KeyProfiles(tuple(flat[:12].tolist()), tuple(flat[12:24].tolist()), float(flat[24]))


def _examples(found: Sequence[KeyedSong]) -> tuple[F64, F64, F64]:
    """Profiles turned to each tonic (n, 12, 12), places of the right keys (n,) and weights (n,)."""
    rotated, truth, weight = [], [], []
    for song in found:
        for asked in (*_STRETCHES, len(song.chroma)):
            length = min(asked, len(song.chroma))
            starts = range(0, len(song.chroma) - length + 1, max(1, length // 2))
            for first in starts:
                key = song.key(first, first + length)
                profile = centred(song.chroma[first : first + length].mean(axis=0))
                if key is not None and profile is not None:
                    rotated.append(np.stack([np.roll(profile, -tonic) for tonic in range(12)]))
                    truth.append(key.tonic + 12 * key.minor)
                    weight.append((_WHOLE if length == len(song.chroma) else 1.0) / len(starts))
    if not rotated:
        raise DataError("no song with a known key is long enough")
    return np.stack(rotated), np.array(truth), np.array(weight)


def main() -> None:
    """Fit to the songs of all folders, and print the profiles."""
    parser = argparse.ArgumentParser(prog="python -m streammood.training.key", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+")
    asked = parser.parse_args()
    found = [keyed(*song) for folder in asked.folder for song in track(songs(folder), description=folder.name)]
    profiles = fit(found)
    for name in ("major", "minor"):
        print(f"_{name.upper()} = ({', '.join(f'{value:.2f}' for value in getattr(profiles, name))})")  # noqa: T201
    print(f"_OFFSET = {profiles.offset:.2f}  # log odds of minor")  # noqa: T201


if __name__ == "__main__":
    main()
