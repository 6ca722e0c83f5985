"""An arrangement played by fluidsynth with the system's General MIDI sounds: for training and benchmarks only."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from streammood.events import F32
from streammood.training.arrangements.form import Arrangement, Note
from streammood.training.arrangements.voices import Voice

Rng = np.random.Generator
FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")  # Debian: fluid-soundfont-gm
KITS = (0, 0, 0, 8, 16, 24, 25, 32, 40)  # standard, room, power, electronic, 808, jazz, brush

TICKS = 960  # a second, which keeps any grid: 480 a quarter at 120 BPM
_KEYS = {  # General MIDI percussion
    "kick": (36, 35), "snare": (38, 40), "clap": (39,), "hat": (42, 44), "open": (46,), "ride": (51, 59),
    "crash": (49, 57), "shaker": (70, 54), "rim": (37,), "tom": (45, 47),
}  # fmt: skip
_PROGRAMS = {
    "bass": (32, 33, 34, 35, 38, 39), "pad": (48, 49, 50, 52, 89, 90),
    "chords": (0, 1, 2, 4, 5, 16, 18, 24, 25, 27, 62),
    "lead": (26, 40, 53, 56, 65, 73, 80, 81), "arp": (8, 11, 12, 24, 45, 46), "guitar": (29, 30),
}  # fmt: skip


def available() -> bool:
    """Whether fluidsynth and its sounds are here."""
    return shutil.which("fluidsynth") is not None and FONT.is_file()


def played(arrangement: Arrangement, rate: int, size: int, gains: dict[str, float], rng: Rng) -> tuple[F32, F32]:
    """Drums and music (``size``,) each."""
    kit = int(rng.choice(KITS))
    keys = {part: int(rng.choice(kinds)) for part, kinds in _KEYS.items()}
    programs = {part: int(rng.choice(kinds)) for part, kinds in _PROGRAMS.items()}
    loose = float(rng.uniform(0.0, 0.008)) if arrangement.form in ("rock", "pop") else 0.0
    drums, music = [], []
    for number, (part, notes) in enumerate(sorted(arrangement.notes.items())):
        tune = part in _PROGRAMS
        channel = number if number < 9 else number + 1
        if tune:
            music.append(_program(channel, programs[part]))
            music += _events(arrangement, notes, channel, None, gains[part], loose, rng)
        else:
            drums += _events(arrangement, notes, 9, keys[part], gains[part], loose, rng)
    stems = []
    for events in ([_program(9, kit), *drums], music):
        sound = play(events, rate)
        stem = np.zeros(size, dtype=np.float32)
        stem[: min(size, sound.size)] = sound[:size]
        stems.append(stem)
    return stems[0], stems[1]


def kit(program: int, rate: int, rng: Rng) -> dict[str, Voice]:
    """One stroke of each drum of a kit (one of ``KITS``), without the silence around it."""

    def stroke(key: int) -> Voice:
        sound = play([_program(9, program), (0.05, bytes((0x99, key, 110))), (0.6, bytes((0x89, key, 0)))], rate)
        loud = np.flatnonzero(np.abs(sound) > 1e-3 * np.abs(sound).max())
        trimmed = sound[loud[0] : loud[-1] + 1] / np.abs(sound).max()
        return Voice(lambda _pitch, _seconds: trimmed)

    return {part: stroke(int(rng.choice(kinds))) for part, kinds in _KEYS.items()}


def _program(channel: int, program: int) -> tuple[float, bytes]:
    return 0.0, bytes((0xC0 | channel, program))


def _events(
    arrangement: Arrangement, notes: list[Note], channel: int, key: int | None, gain: float, loose: float, rng: Rng
) -> list[tuple[float, bytes]]:
    """Seconds and MIDI messages."""
    made: list[tuple[float, bytes]] = []
    starts = arrangement.seconds(np.array([note.beat for note in notes])) + rng.normal(0.0, loose + 1e-9, len(notes))
    ends = arrangement.seconds(np.array([note.beat + note.beats for note in notes]))
    for note, start, end in zip(notes, starts.tolist(), ends.tolist(), strict=True):
        pitch = (key if key is not None else note.pitch) & 127
        loud = int(
            np.clip(round(127.0 * (gain * note.gain * 1.4) ** 0.5), 1, 127)
        )  # its loudness grows with the square
        at = max(0.0, start)
        made.append((at, bytes((0x90 | channel, pitch, loud))))
        made.append((max(at + 0.03, end), bytes((0x80 | channel, pitch, 0))))
    return made


def play(events: list[tuple[float, bytes]], rate: int) -> F32:
    """MIDI messages at seconds, as sound, mixed down (n,)."""
    with tempfile.TemporaryDirectory() as folder:
        score, sound = Path(folder) / "score.mid", Path(folder) / "sound.wav"
        score.write_bytes(standard_midi(events))
        options = [
            "-niq",
            "-R0",
            "-C0",
            "-g",
            "0.5",
            "-o",
            "synth.dynamic-sample-loading=1",
            "-o",
            "player.reset-synth=0",
        ]
        command: list[str | Path] = ["fluidsynth", *options, "-r", str(rate), "-F", sound, FONT, score]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        played_, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    mono: F32 = played_.mean(axis=1)
    return mono


def standard_midi(events: list[tuple[float, bytes]]) -> bytes:
    """A MIDI file of one track at ``TICKS`` a second."""
    track, now = bytearray(b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big")), 0
    for second, message in sorted(events, key=lambda event: (event[0], -event[1][0])):
        tick = round(second * TICKS)
        track += _variable(tick - now) + message
        now = tick
    track += b"\x00\xff\x2f\x00"
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS // 2)
    return head + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def _variable(number: int) -> bytes:
    """A number in groups of seven bits."""
    out = [number & 127]
    while number := number >> 7:
        out.append(number & 127 | 128)
    return bytes(reversed(out))
