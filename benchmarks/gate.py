"""``python -m benchmarks gate DATA SOUNDS``: music or not, for every kind of sound and what a venue does to it.

DATA holds ``mood`` and ``beat``, folders of labelled sets; SOUNDS a folder for each source of recordings that are no
music. Everything goes through the live path. Drums alone are played by a sound font, which the music model never met.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.table import machine, markdown
from streammood.config import MoodSettings
from streammood.events import ANALYSIS_RATE, F32, Mood, seconds
from streammood.models import music_model
from streammood.models.mood_model import MoodModel
from streammood.training import music, unmusical
from streammood.training.arrangements import soundfont
from streammood.training.arrangements.voices import Voice
from streammood.training.degrade import low_pass
from streammood.training.drum_solos import KINDS, drums_alone
from streammood.training.frames import extract_signal, read_sound
from streammood.training.listening import Listener

RESULTS = Path(__file__).with_name("results-gate.md")
_SURE = 0.3  # confidence from which a mood is believed
_SETTLE, _AFTER = 5.0, 3.0  # s until a mood is due, and until it must be gone
_SECONDS = 14.0  # of a stream
_LEAD = 10.0  # s of music before another sound
_BEHIND = (-20.0, -10.0, -5.0, 0.0, 5.0)  # dB of music to speech
_RAP = {"Rap", "Hip-Hop", "Hip-Hop-Electronic"}

Treat = Callable[[F32], F32]
_TREATMENTS: dict[str, Treat] = {
    "as it is": lambda x: x,
    "-20 dB": lambda x: x * np.float32(0.1),
    "+20 dB, clipped": lambda x: np.clip(x * np.float32(10.0), -1.0, 1.0),
    "low-pass 8 kHz": lambda x: low_pass(x, ANALYSIS_RATE, 8_000.0),
    "low-pass 3.5 kHz": lambda x: low_pass(x, ANALYSIS_RATE, 3_500.0),
}


class Gate:
    """The shipped mood model behind a music model."""

    def __init__(self, model: Path | None) -> None:
        network = MoodModel.load(MoodSettings().model)
        if model is not None:
            network.music = music_model.parse(model.read_bytes())
        self._listener = Listener(network)

    def moods(self, sound: F32, after: float) -> list[Mood]:
        """The answers to ``sound`` (n,) from ``after`` s on."""
        heard = self._listener.listen(extract_signal(sound, ANALYSIS_RATE))
        return [mood for mood in heard.moods if seconds(mood.decided) >= after]


def sure(moods: Sequence[Mood]) -> float:
    """Share of answers with a mood that is believed."""
    return float(np.mean([bool(mood.label) and mood.confidence >= _SURE for mood in moods])) if moods else 0.0


def levelled(sound: F32, rate: int = ANALYSIS_RATE, length: float = _SECONDS) -> F32:
    """The first seconds of ``sound`` at -20 dB and the analysis rate."""
    part = music.resampled(sound[: round(length * rate)], rate)
    return part * np.float32(0.1 / (np.sqrt(np.mean(part**2)) + 1e-9))


def kits() -> Iterator[dict[str, Voice]]:
    """A kit of each kind that the sound font has."""
    rng = np.random.default_rng(0)
    for program in dict.fromkeys(soundfont.KITS):
        yield soundfont.kit(program, ANALYSIS_RATE, rng)


def drums(kind: str, count: int) -> list[F32]:
    """Streams of drums alone, by the sound font's kits in turn."""
    every = list(kits())
    made = []
    for number in range(count):
        rng = np.random.default_rng([number, KINDS.index(kind)])
        made.append(levelled(drums_alone(rng, _SECONDS, ANALYSIS_RATE, kind, every[number % len(every)])))
    return made


def clips(folder: Path, count: int, seed: int, genres: frozenset[str] = frozenset()) -> list[F32]:
    """Some clips of a labelled set, of some ``genres`` where they are given."""
    with (folder / "labels.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    if genres:
        rows = [row for row in rows if genres & set((row.get("genres") or row.get("genre") or "").split("; "))]
    picked = np.random.default_rng(seed).permutation(len(rows))[:count]
    return [levelled(*read_sound(folder / rows[number]["file"])) for number in picked]


def not_music(sounds: Path, count: int) -> Iterator[tuple[str, list[F32]]]:
    """Streams of each source of recordings, and of synthesised sound."""
    for folder in sorted(path for path in sounds.iterdir() if path.is_dir()):
        recordings = music.read_recordings(folder)
        yield folder.name, [music.joined(recordings, np.random.default_rng(1000 + k)) for k in range(count)]
    for name, make in unmusical.SOUNDS.items():
        if name != "silence":
            made = [make(np.random.default_rng(1000 + k)) for k in range(count)]
            yield f"synthesised {name}", [levelled(sound, unmusical.RATE) for sound in made]


def is_music(data: Path, count: int, seed: int) -> Iterator[tuple[str, list[F32]]]:
    """Streams of music by kind."""
    mood = data / "mood"
    yield "`mirex_mood`, never met", clips(mood / "mirex_mood", count, seed)
    yield "`4q_taffc`", clips(mood / "4q_taffc", count, seed)
    rap = clips(mood / "4q_taffc", count // 2, seed, frozenset(_RAP))
    yield "rap, of `4q_taffc` and `deam_10s`", rap + clips(mood / "deam_10s", count // 2, seed, frozenset(_RAP))
    tracks = sorted((data / "beat" / "groove_render").glob("*.opus"))
    some = [tracks[n] for n in np.random.default_rng(seed).permutation(len(tracks))[:count]]
    yield "drummers, `groove_render`, never met", [levelled(*read_sound(path)) for path in some]
    if soundfont.available():
        for kind in KINDS:
            yield f"made drums: {kind}; kits never met, figures met", drums(kind, count)


def table(gate: Gate, data: Path, sounds: Path, count: int, seed: int) -> Iterator[str]:
    """The tables, one after the other."""
    lead = [levelled(sound, length=_LEAD) for sound in clips(data / "mood" / "mirex_mood", count, seed + 1)]
    rows, speech = [], []
    for name, streams in not_music(sounds, count):
        cells = [sure([m for x in streams for m in gate.moods(treat(x), 0.0)]) for treat in _TREATMENTS.values()]
        after = [gate.moods(np.concatenate([lead[k % len(lead)], x]), _LEAD + _AFTER) for k, x in enumerate(streams)]
        rows.append([name, *(_percent(cell) for cell in [*cells, sure([m for moods in after for m in moods])])])
        if "speech" in name and "synth" not in name:
            speech += streams
    yield "Sound that is no music: share of answers with a mood of confidence ≥ 0.3 (wanted: at most 5 %).\n\n" + (
        markdown(["sound", *_TREATMENTS, "as it is, from 3 s after music"], rows)
    )
    rows = []
    for name, streams in is_music(data, count, seed):
        cells = [sure([m for x in streams for m in gate.moods(treat(x), _SETTLE)]) for treat in _TREATMENTS.values()]
        first = [next((seconds(m.decided) for m in gate.moods(x, 0.0) if m.label), np.inf) for x in streams]
        rows.append([name, *(_percent(cell) for cell in cells), f"{np.median(first):.1f}"])
    yield (
        f"Music, from {_SETTLE:g} s on: the same share (wanted: at least 95 %), and when the first mood is sent.\n\n"
        + (markdown(["music", *_TREATMENTS, "first mood s, median"], rows))
    )
    rows = []
    for decibels in _BEHIND:
        played = [10.0 ** (decibels / 20.0) * lead[k % len(lead)] for k in range(len(speech))]
        pairs = [(s[: m.size] + m[: s.size]).astype(np.float32) for s, m in zip(speech, played, strict=True)]
        moods = [mood for sound in pairs for mood in gate.moods(sound, _SETTLE)]
        taken = float(np.mean([mood.music for mood in moods])) if moods else 0.0
        rows.append([f"{decibels:+.0f} dB", _percent(taken), _percent(sure(moods))])
    yield f"Music behind speech, by its level against the voice, from {_SETTLE:g} s on.\n\n" + (
        markdown(["music", "taken for music", "confidence ≥ 0.3"], rows)
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def main(words: list[str]) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gate", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--count", type=int, default=12, help="streams or clips of each kind (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--music", type=Path, help="a music model (.npz); the shipped one by default")
    parser.add_argument("--write", type=Path, default=RESULTS, help="the results (%(default)s)")
    given = parser.parse_args(words)
    met = (
        "the one given by --music" if given.music else "the one that ships, which has met these sources and `4q_taffc`"
    )
    text = (
        f"# Music or not\n\nWritten by `python -m benchmarks gate DATA SOUNDS --count {given.count}`. {machine()}.\n"
        f"\nMusic model: {met}. A cappella is not measured: no labelled set here holds any.\n"
    )
    for part in table(Gate(given.music), given.data, given.sounds, given.count, given.seed):
        print(part, flush=True)
        text += f"\n{part}\n"
        given.write.write_text(text, encoding="utf-8")
