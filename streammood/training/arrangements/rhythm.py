"""Drum figures: a row of sixteenths (or of triplets) an instrument; ``x`` a stroke, ``o`` one by chance, ``.`` a rest.

A row is repeated, or cut, to the length of the bar.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A drum figure, and the tempi at which it is played."""

    slowest: float  # BPM
    fastest: float
    rows: dict[str, str]  # by instrument
    meter: int = 4  # beats in a bar
    grid: int = 4  # strokes in a beat
    swing: float = 0.0  # most that the second half of a beat is late, as a share of the beat


QUARTERS = "x...x...x...x..."
BACK = "....x.......x..."
OFF = "..x...x...x...x."
EIGHTHS = "x.x.x.x.x.x.x.x."
SIXTEENTHS = "xxxxxxxxxxxxxxxx"
THREE = "........x......."  # the third beat alone

CLUB = {
    "house": Figure(118, 130, {"kick": QUARTERS, "clap": BACK, "open": OFF, "hat": "ooxoooxoooxoooxo"}),
    "garage house": Figure(
        120,
        132,
        {"kick": QUARTERS, "clap": BACK, "open": OFF, "hat": "x.xxx.xx", "rim": "...o..o..o....o."},
        swing=0.12,
    ),
    "techno": Figure(124, 140, {"kick": QUARTERS, "open": OFF, "hat": EIGHTHS, "ride": "..o."}),
    "minimal": Figure(120, 132, {"kick": QUARTERS, "hat": OFF, "rim": "...x..o....x..o.", "clap": "............x..."}),
    "trance": Figure(130, 140, {"kick": QUARTERS, "clap": BACK, "open": OFF, "hat": SIXTEENTHS, "ride": OFF}),
    "big room": Figure(124, 132, {"kick": QUARTERS, "snare": BACK, "clap": BACK, "crash": "o..............."}),
    "disco": Figure(118, 128, {"kick": QUARTERS, "snare": BACK, "open": OFF, "hat": "xxx.", "shaker": SIXTEENTHS}),
    "electro pop": Figure(118, 134, {"kick": QUARTERS, "clap": BACK, "hat": EIGHTHS, "shaker": "oxox"}),
    "hard dance": Figure(132, 140, {"kick": QUARTERS, "open": OFF, "clap": "....o.......o...", "shaker": SIXTEENTHS}),
}

BROKEN = {
    "two step": Figure(160, 176, {"kick": "x.........x.....", "snare": BACK, "hat": EIGHTHS}),
    "jungle": Figure(
        156, 176, {"kick": "x.x.......x.o...", "snare": "....x..o.o..x..o", "hat": EIGHTHS, "ride": "o...o...o...o..."}
    ),
    "roller": Figure(166, 176, {"kick": "x.....o...x.....", "snare": BACK, "hat": SIXTEENTHS, "open": "......x."}),
    "breaks": Figure(140, 152, {"kick": "x.o...o...x.o...", "snare": BACK, "hat": EIGHTHS, "open": "..............x."}),
    "uk garage": Figure(
        140,
        146,
        {"kick": "x.........x...o.", "snare": BACK, "hat": "..x.o.x...x.o.xx", "rim": "......o..o......"},
        swing=0.12,
    ),
    "big beat": Figure(140, 150, {"kick": "x.....x.x.......", "snare": BACK, "open": EIGHTHS}),
    "half time": Figure(140, 148, {"kick": "x.....o......o..", "snare": THREE, "hat": "x.x.x.xxx.x.xoxx"}),
}

ROCK = {
    "rock": Figure(85, 150, {"kick": "x.......x.o.....", "snare": BACK, "hat": EIGHTHS}),
    "hard rock": Figure(90, 150, {"kick": "x.o...o.x.x...o.", "snare": BACK, "open": QUARTERS, "ride": "o..."}),
    "punk": Figure(150, 205, {"kick": "x...o.x.x...o.x.", "snare": BACK, "ride": EIGHTHS}),
    "skank beat": Figure(92, 112, {"kick": QUARTERS, "snare": OFF, "hat": EIGHTHS}),
    "shuffle": Figure(85, 150, {"kick": "x.....x..o..", "snare": "...x.....x..", "hat": "x.x"}, grid=3),
    "blues in twelve": Figure(48, 84, {"kick": "x.....x.....", "snare": "...x.....x..", "hat": "xxx"}, grid=3),
    "slow rock": Figure(48, 84, {"kick": "x.......x.o.....", "snare": BACK, "hat": EIGHTHS}),
    "tom groove": Figure(85, 130, {"kick": "x.......x.......", "tom": OFF, "snare": "....o.......x..."}),
    "half time rock": Figure(120, 150, {"kick": "x.....x...o...o.", "snare": THREE, "open": QUARTERS}),
}

POP = {
    "pop": Figure(85, 118, {"kick": "x.....x.x.......", "snare": BACK, "hat": EIGHTHS}),
    "dance pop": Figure(100, 118, {"kick": QUARTERS, "clap": BACK, "hat": OFF}),
    "ballad": Figure(56, 92, {"kick": "x.....o.x.....o.", "rim": BACK, "hat": "xoxo"}),
    "hip hop": Figure(72, 106, {"kick": "x......ox.x...o.", "snare": BACK, "hat": "x.x.x.x.x.x.x.xo"}, swing=0.12),
    "sixteenths": Figure(70, 112, {"kick": "x.o...o...x..o..", "snare": BACK, "hat": SIXTEENTHS}),
    "funk": Figure(88, 118, {"kick": "x.o...o...x..o..", "snare": "....x..o.o..x..o", "hat": "x.xo"}, swing=0.08),
    "dembow": Figure(85, 108, {"kick": QUARTERS, "snare": "...x..x.", "hat": EIGHTHS}),
    "one drop": Figure(64, 98, {"kick": THREE, "rim": THREE, "hat": "x.x.x.x.x.x.x.xo"}, swing=0.12),
    "rocksteady": Figure(64, 98, {"kick": BACK, "rim": BACK, "hat": EIGHTHS}, swing=0.12),
    "steppers": Figure(66, 90, {"kick": QUARTERS, "rim": THREE, "hat": OFF}),
    "ska": Figure(100, 150, {"kick": "x...o...", "snare": BACK, "hat": OFF}),
    "waltz": Figure(84, 180, {"kick": "x...........", "snare": "....x...x...", "hat": "x..."}, meter=3),
    "slow three": Figure(60, 110, {"kick": "x.......o...", "rim": "....x...x...", "hat": "x."}, meter=3),
    "six eight": Figure(46, 84, {"kick": "x..o..", "snare": "...x..", "hat": "xxx"}, grid=3),
    "slow six": Figure(
        96, 150, {"kick": "x...............o.......", "snare": "............x...........", "hat": "x."}, meter=6
    ),
    "swing": Figure(100, 200, {"ride": "x..x.x", "hat": "...x..", "kick": "o..o.."}, grid=3),
    "bossa": Figure(100, 150, {"kick": "x..xx..x", "rim": "x..x..x...x..x..", "shaker": SIXTEENTHS}),
    "five": Figure(90, 160, {"kick": "x.....x...x.........", "snare": "....x.......x.......", "hat": "x."}, meter=5),
}
