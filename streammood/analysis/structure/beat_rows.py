"""Hops in, one row a beat out: what sounded in it, as levels in dB and shares that know nothing of the input's gain.

While nobody knows a tempo there are no rows. Besides the row of a beat that is over there is an early one, of its first
moments: by it a drop is known while its first kick still sounds.
"""

from __future__ import annotations

import math

import numpy as np

from streammood.analysis.hops import F64, Flags, Hops, Record, Records
from streammood.dsp.jit import exact_kernel
from streammood.dsp.layout import HOP, LAYOUT, N_MELS
from streammood.events import ANALYSIS_RATE, F32

LOW, MID, HIGH, LOUD, FLOOR, LOW_FLUX, HIGH_FLUX, FLUX, WIDTH, CENTROID = range(10)
N_SHAPE = 10
"""Columns of ``shape``: power of the three bands and of all in dB, low band that is there all the time in dB, mean rise
of the low, the high and all mel bands in dB a hop, share of the bands that are near the loudest, octaves re 1 kHz."""
N_BANDS, N_CHROMA = 16, 12
EARLY = 0.07  # s after a beat at which its early row is made

_LONGEST = 512  # hops in a beat, at most: 6 s
_DEEP = 60.0  # dB below the loudest band in which a band counts for nothing
_NEAR = 25.0  # dB below the loudest band in which a band counts as full
_LOWEST_BANDS, _HIGHEST_BANDS = 8, 24  # mel bands below 300 Hz and above 3 kHz or so
_BASS = 0.25  # quantile of the low band in a beat: a bass line is above it, single kicks are not
_SILENT = -120.0  # dB
FLOW = ANALYSIS_RATE // 10  # samples from one row of the flow to the next
_SLOW = HOP / (0.5 * ANALYSIS_RATE)  # share of a new hop in the flow

BEAT_ROW = np.dtype(
    [
        ("sample", "f8"),  # where the beat begins, on the stream clock
        ("decided", "i8"),
        ("count", "i8"),  # of the beat
        ("number", "i8"),  # in the bar, 1 = downbeat; 0 = not known
        ("meter", "i8"),
        ("bar", "f8"),  # 0..1, how sure the bar is
        ("period", "f8"),  # samples
        ("locked", "?"),
        ("early", "?"),  # only the first moments of the beat
        ("shape", "f8", (N_SHAPE,)),
        ("bands", "f8", (N_BANDS,)),  # dB, each of four mel bands
        ("chroma", "f8", (N_CHROMA,)),
    ],
    align=True,
)
FLOW_ROW = np.dtype([("sample", "i8"), ("decided", "i8"), ("sounds", "?"), ("shape", "f8", (N_SHAPE,))], align=True)
"""Ten times a second: the shape as it was on the mean of the last half second."""
_STATE = np.dtype(
    [
        ("beat", "i8"),  # count of the beat that is being heard
        ("running", "?"),  # whether there is one
        ("early", "?"),  # whether its early row is out
        ("hops", "i8"),
        ("start", "f8"),  # sample of the beat
        ("low", "f8", (_LONGEST,)),  # dB, of each hop
        ("shape", "f8", (N_SHAPE,)),  # sums
        ("bands", "f8", (N_BANDS,)),
        ("chroma", "f8", (N_CHROMA,)),
        ("last", "f8", (N_MELS,)),  # mel bands of the last hop, dB
        ("begun", "?"),  # whether there was one
        ("flow", "f8", (N_SHAPE,)),  # smoothed shape, its powers as powers
    ],
    align=True,
)
_MEL, _CHROMA, _LOW = LAYOUT.log_mel.start, LAYOUT.chroma.start, LAYOUT.bands.start
_RMS, _CENTROID = LAYOUT.rms, LAYOUT.centroid


@exact_kernel
def _power(decibels: float) -> float:
    power: float = 10.0 ** (decibels / 10.0)
    return power


@exact_kernel
def _decibels(power: float) -> float:
    return 10.0 * math.log10(max(power, 1e-12))


@exact_kernel
def describe(values: F32, last: Record, begun: bool, out: Record) -> None:
    """The shape (N_SHAPE,) of one hop into ``out``, its powers as powers; ``last`` becomes its mel bands."""
    top = _SILENT
    for j in range(N_MELS):
        top = max(top, np.float64(values[_MEL + j]))
    low = high = every = 0.0
    near = 0
    for j in range(N_MELS):
        band = max(np.float64(values[_MEL + j]), top - _DEEP)
        rise = max(0.0, band - last[j]) if begun else 0.0
        last[j] = band
        every += rise
        if j < _LOWEST_BANDS:
            low += rise
        elif j >= N_MELS - _HIGHEST_BANDS:
            high += rise
        near += band > top - _NEAR
    for k in range(3):
        out[k] = _power(np.float64(values[_LOW + k]))
    out[LOUD] = np.float64(values[_RMS]) ** 2
    out[FLOOR] = max(np.float64(values[_LOW]), top - _DEEP)
    out[LOW_FLUX], out[HIGH_FLUX], out[FLUX] = low / _LOWEST_BANDS, high / _HIGHEST_BANDS, every / N_MELS
    out[WIDTH] = near / N_MELS
    out[CENTROID] = math.log2(max(np.float64(values[_CENTROID]), 60.0) / 1000.0)


@exact_kernel
def _write(state: Record, tempo: Record, decided: int, early: bool, out: Record) -> None:
    """The row of what was summed up so far."""
    n = max(1, state.hops)
    out.sample, out.decided, out.count = state.start, decided, state.beat
    out.number, out.meter, out.bar = 0, tempo.meter, tempo.bar_confidence
    if tempo.number > 0 and tempo.meter > 0:
        out.number = (tempo.number - 1 + state.beat - tempo.count) % tempo.meter + 1
    out.period, out.locked, out.early = tempo.period, tempo.locked, early
    for k in range(N_SHAPE):
        out.shape[k] = state.shape[k] / n
    for k in range(4):
        out.shape[k] = _decibels(out.shape[k])
    lowest = np.sort(state.low[: min(n, _LONGEST)])
    out.shape[FLOOR] = lowest[int(_BASS * (lowest.size - 1))]
    for k in range(N_BANDS):
        out.bands[k] = _decibels(state.bands[k] / n)
    for k in range(N_CHROMA):
        out.chroma[k] = state.chroma[k] / n


@exact_kernel
def _begin(state: Record, beat: int, start: float) -> None:
    state.running, state.early, state.hops, state.beat, state.start = True, False, 0, beat, start
    state.shape[:] = 0.0
    state.bands[:] = 0.0
    state.chroma[:] = 0.0


@exact_kernel
def _add(state: Record, values: F32, shape: F64) -> None:
    """Add a hop to the sums of the beat."""
    if state.hops < _LONGEST:
        state.low[state.hops] = np.float64(values[_LOW])
    state.hops += 1
    for k in range(N_SHAPE):
        state.shape[k] += shape[k]
    for j in range(N_MELS):
        state.bands[j * N_BANDS // N_MELS] += _power(state.last[j]) * N_BANDS / N_MELS
    for k in range(N_CHROMA):
        state.chroma[k] += np.float64(values[_CHROMA + k])


@exact_kernel
def _write_flow(state: Record, sample: int, decided: int, sounds: bool, out: Record) -> None:
    out.sample, out.decided, out.sounds = sample, decided, sounds
    for k in range(N_SHAPE):
        out.shape[k] = state.flow[k]
    for k in range(4):
        out.shape[k] = _decibels(out.shape[k])


@exact_kernel
def _push(
    sample: int, delay: int, values: F32, signal: Flags, tempi: Records, memory: Records, rows: Records, flows: Records
) -> tuple[int, int]:
    """Rows of all that became known in these hops, the first of which ends at ``sample``; returns how many."""
    s, found, flowed = memory[0], 0, 0
    shape = np.zeros(N_SHAPE)
    for i in range(signal.size):
        tempo = tempi[i]
        if not signal[i] or tempo.period <= 0.0:
            s.running = False
        else:
            beat = math.floor(tempo.count + (sample - tempo.anchor) / tempo.period)
            if not s.running or beat > s.beat:
                if s.running and s.hops > 0:
                    _write(s, tempo, sample + delay, False, rows[found])
                    found += 1
                _begin(s, beat, tempo.anchor + (beat - tempo.count) * tempo.period)
        describe(values[i], s.last, s.begun, shape)
        share = _SLOW if s.begun else 1.0
        s.begun = True
        for k in range(N_SHAPE):
            s.flow[k] += share * (shape[k] - s.flow[k])
        if sample // FLOW > (sample - HOP) // FLOW:
            _write_flow(s, sample, sample + delay, signal[i], flows[flowed])
            flowed += 1
        if s.running:
            _add(s, values[i], shape)
            if not s.early and sample >= s.start + EARLY * ANALYSIS_RATE:
                s.early = True
                _write(s, tempo, sample + delay, True, rows[found])
                found += 1
        sample += HOP
    return found, flowed


class BeatRows:
    """Sums hops up to beats."""

    def __init__(self) -> None:
        self._state = np.zeros(1, dtype=_STATE)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._state[:] = np.zeros(1, dtype=_STATE)

    def push(self, hops: Hops, signal: Flags, tempi: Records) -> tuple[Records, Records]:
        """What becomes known with ``hops``: records of ``BEAT_ROW``, and records of ``FLOW_ROW``.

        ``signal`` (n,): whether the silence gate is open; ``tempi`` (n,): the beat clock after each hop.
        """
        n = len(hops)
        rows, flows = np.empty(2 * n, dtype=BEAT_ROW), np.empty(n, dtype=FLOW_ROW)
        found, flowed = _push(hops.sample, hops.delay, hops.values, signal, tempi, self._state, rows, flows)
        return rows[:found], flows[:flowed]
