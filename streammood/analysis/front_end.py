"""The first half of the analysis, shared by live, files and training: from blocks of the input to features."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from streammood.analysis.features import Tables, extract, tables
from streammood.analysis.gain import Gain, amplify, decibels, gated
from streammood.analysis.hops import F64, METER, TICK, Hops, Records, Ticks
from streammood.analysis.resampler import Resampler
from streammood.config import InputSettings
from streammood.dsp.jit import exact_kernel, kernel
from streammood.dsp.layout import HOP, LAYOUT, N_FFT
from streammood.dsp.spectrum import sanitize
from streammood.events import ANALYSIS_RATE, F32

_PIECE = 8192  # samples of the analysis rate, at most, that are worked on at a time
_FRAME, _EACH = N_FFT // TICK, HOP // TICK  # ticks in a frame and in a hop
_RMS = LAYOUT.rms
_STATE = np.dtype(
    [
        ("end", "i8"),  # one past the newest sample in the buffer
        ("done", "i8"),  # one past the newest tick
        ("tick", "i8"),  # ticks since frames began
        ("powers", "f8", (_FRAME,)),  # audible mean squares of the last ticks, in turn
    ],
    align=True,
)


@exact_kernel
def _audible_rms(powers: F64, oldest: int) -> float:
    """RMS of the audible band over the last ticks, from their mean squares."""
    total = 0.0
    for i in range(powers.size):
        total += powers[(oldest + i) % powers.size]
    return math.sqrt(total / powers.size)


@kernel
def _advance(
    piece: F32, state: Records, gain: Records, fader: Records, buffer: F32, tables: Tables, everything: bool,
    level: F64, values: F32, meters: Records,
) -> tuple[int, int]:  # fmt: skip
    """Append ``piece`` to ``buffer`` and amplify every tick that it completes.

    The level of each tick goes to ``level``, features and meter of each hop to ``values`` and ``meters``. Returns how
    many ticks and hops there are.
    """
    s, g = state[0], gain[0]
    for i in range(piece.size):
        buffer[s.end + i] = piece[i]
    s.end += piece.size
    ticks = hops = 0
    while s.end - s.done >= TICK:
        s.done += TICK
        s.powers[s.tick % _FRAME] = amplify(buffer[s.done - TICK : s.done], gain, fader)
        s.tick += 1
        rms = _audible_rms(s.powers, s.tick)
        level[ticks] = gated(decibels(rms), g.automatic)
        ticks += 1
        if s.tick % _EACH == 0:
            extract(buffer[s.done - N_FFT : s.done], tables, everything, values[hops])
            values[hops, _RMS] = rms
            meters[hops].gain, meters[hops].peak, meters[hops].clips = g.automatic, g.peak, g.clips
            g.peak = g.clips = 0.0
            hops += 1
    return ticks, hops


class FrontEnd:
    """Sanitises, resamples, amplifies by ``gain`` (by default not at all), frames, and extracts features.

    Without ``everything`` only the features that levels are made of; the others are 0 then.
    Before the stream began there was silence, so frame k ends with sample (k + 1) * HOP.
    """

    def __init__(self, sample_rate: float, gain: Gain | None = None, everything: bool = True) -> None:
        self._rate = sample_rate
        self._gain = gain or Gain(InputSettings(agc=False), 0.0)
        self._resampler = Resampler(sample_rate)
        self._tables = tables()
        self._everything = everything
        self._state = np.zeros(1, dtype=_STATE)
        self._buffer = np.zeros(N_FFT + 3 * _PIECE, dtype=np.float32)
        self._level = np.empty(2 * _PIECE // TICK)
        self._values = np.zeros((2 * _PIECE // HOP, LAYOUT.size), dtype=np.float32)
        self._meters = np.empty(2 * _PIECE // HOP, dtype=METER)
        self.reset()

    def reset(self) -> None:
        """Begin a new stream."""
        self._clear()
        self._base = 0  # stream clock at which the present rate of the input began
        self._input = 0  # samples of the input since then
        self._sample = 0  # stream clock at the end of the last tick
        self.not_finite = 0  # samples that were NaN or infinite

    def _clear(self) -> None:
        self._resampler.reset()
        self._gain.restart()
        self._state[:] = np.zeros(1, dtype=_STATE)
        self._end = self._done = N_FFT
        self._tick = 0
        self._state["end"] = self._state["done"] = N_FFT
        self._buffer[:N_FFT] = 0.0

    @property
    def sample(self) -> int:
        """Stream clock at the end of the last tick."""
        return self._sample

    def skip(self, samples: int) -> None:
        """Account for ``samples`` of the input that were lost: the clock moves on, frames begin anew."""
        self._clear()
        self._input += samples
        self._sample = self._base + round(self._input * ANALYSIS_RATE / self._rate)

    def jump(self, sample: int, sample_rate: float) -> None:
        """Go on at ``sample`` of the stream clock with an input of ``sample_rate``; frames begin anew."""
        if sample_rate != self._rate:
            self._rate = sample_rate
            self._resampler = Resampler(sample_rate)
        self._clear()
        self._base = self._sample = sample
        self._input = 0

    def push(self, block: F32) -> Iterator[tuple[Ticks, Hops]]:
        """Yield the ticks, and the hops that end in them, which ``block`` (n,) completes."""
        size = max(1, int(_PIECE * self._rate / ANALYSIS_RATE))
        for start in range(0, block.size, size):
            piece = block[start : start + size]
            clean = np.empty(piece.size, dtype=np.float32)
            self.not_finite += sanitize(piece, clean)
            self._input += piece.size
            yield from self._take(self._resampler.push(clean))

    def _take(self, sound: F32) -> Iterator[tuple[Ticks, Hops]]:
        if self._end + sound.size > self._buffer.size:
            self._make_room()
        began, first = self._done, self._tick
        n_ticks, n_hops = _advance(
            sound, self._state, self._gain.state, self._gain.fader, self._buffer, self._tables, self._everything,
            self._level, self._values, self._meters,
        )  # fmt: skip
        self._end += sound.size
        self._done += n_ticks * TICK
        self._tick += n_ticks
        if n_ticks == 0:
            return
        delay, sample = self._resampler.delay, self._sample + TICK
        self._sample += n_ticks * TICK
        ticks = self._buffer[began : began + n_ticks * TICK].reshape(n_ticks, TICK)
        until_hop = (-first - 1) % _EACH * TICK  # from the end of the first tick to that of the first hop
        hop_began = began + TICK + until_hop - HOP
        hops = self._buffer[hop_began : hop_began + n_hops * HOP].reshape(n_hops, HOP)
        yield (
            Ticks(sample, delay, ticks, self._level[:n_ticks]),
            Hops(sample + until_hop, delay, self._values[:n_hops], hops, self._meters[:n_hops]),
        )

    def _make_room(self) -> None:
        """Move the last frame, and what comes after the last tick, to the beginning of the buffer."""
        rest = self._end - self._done
        self._buffer[: N_FFT + rest] = self._buffer[self._done - N_FFT : self._end]
        self._done, self._end = N_FFT, N_FFT + rest
        self._state["done"], self._state["end"] = (
            self._done,
            self._end,
        )  # as the kernel counts; a record is slow to read
