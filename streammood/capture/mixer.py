"""From the channels of an input to one; where they cancel each other, one of them is taken alone.

Left and right of a balanced plug in a stereo socket are the same with opposite signs: their mix is silence. Music never
cancels as far as that for half a second. The decision falls at fixed places of the stream, so it does not depend on how
the sound is cut into blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import F32

_WINDOW = 0.25  # s over which powers are compared
_LEAST = 1e-7  # mean square, -70 dB: softer blocks are not judged
_CANCELS, _ADDS = 0.01, 0.1  # power of the mix over that of a channel: below, and above which it counts as one of them
_SURE, _CALM = 2, 8  # windows in a row until one channel is taken, and until all are mixed again
_SILENT = 3.0  # s of zeros on the chosen channels before the others are reported
_ALONE, _COUNT, _MIX, _RUN, _CALM_RUN = 0, 1, 2, 3, 4  # places in the state


@kernel
def _mix(frames: F32, picked: npt.NDArray[np.int64], window: int, state: npt.NDArray[np.float64],
         powers: npt.NDArray[np.float64], out: F32) -> None:  # fmt: skip
    """Mix ``frames`` (n, channels) into ``out`` (n,); ``state`` and ``powers`` (n_picked,) go on."""
    share = np.float32(1.0 / picked.size)
    for i in range(frames.shape[0]):
        total = np.float32(0.0)
        for k in range(picked.size):
            x = frames[i, picked[k]]
            total += x
            powers[k] += x * x
        total *= share
        state[_MIX] += total * total
        alone = int(state[_ALONE])
        out[i] = total if alone < 0 else frames[i, picked[alone]]
        state[_COUNT] += 1.0
        if state[_COUNT] < window:
            continue
        mean = np.mean(powers)
        loud = mean / window > _LEAST
        state[_RUN] = state[_RUN] + 1.0 if loud and state[_MIX] < _CANCELS * mean else 0.0
        state[_CALM_RUN] = state[_CALM_RUN] + 1.0 if loud and state[_MIX] > _ADDS * mean else 0.0
        if alone < 0 and state[_RUN] >= _SURE:
            state[_ALONE] = np.argmax(powers)
        elif alone >= 0 and state[_CALM_RUN] >= _CALM:
            state[_ALONE] = -1.0
        state[_COUNT] = state[_MIX] = 0.0
        powers[:] = 0.0


class Mixer:
    """Mixes chosen channels with equal weight; compiled when made, so that a capture thread may call it."""

    def __init__(self, channels: Sequence[int], sample_rate: int, block: int = 256) -> None:
        """``channels`` are counted from 1; ``block``: as many frames as are usually pushed."""
        self._picked = np.array([channel - 1 for channel in channels], dtype=np.int64)
        self._rate = sample_rate
        self._window = max(1, round(_WINDOW * sample_rate))
        self._state = np.array([-1.0, 0.0, 0.0, 0.0, 0.0])
        self._powers = np.zeros(len(channels))
        self._out = np.zeros(block, dtype=np.float32)
        self._zeros = 0  # samples since the chosen channels were anything else
        self._elsewhere = np.zeros(0, dtype=np.bool_)  # channels that were not zero meanwhile
        self.push(np.zeros((0, max(channels)), dtype=np.float32))

    @property
    def alone(self) -> int:
        """The channel, counted from 1, that is taken alone because the mix would cancel; 0 while all are mixed."""
        index = int(self._state[_ALONE])
        return int(self._picked[index]) + 1 if index >= 0 else 0

    @property
    def advice(self) -> str:
        """Warnings about the channels, for people; empty where there are none."""
        if self.alone:
            return (
                "its channels cancel each other, as with a balanced plug in a stereo socket: "
                f"channel {self.alone} alone is taken; set input.channels to {self.alone}"
            )
        if self._zeros < _SILENT * self._rate or not self._elsewhere.any():
            return ""
        chosen = " and ".join(str(channel + 1) for channel in self._picked.tolist())
        others = ", ".join(str(channel + 1) for channel in np.flatnonzero(self._elsewhere).tolist())
        return f"channel {chosen} delivers only zeros, while sound comes on {others}: choose one with input.channels"

    def push(self, frames: F32) -> F32:
        """One channel (n,) of ``frames`` (n, channels); the array is reused, copy to keep."""
        if frames.shape[0] > self._out.size:
            self._out = np.zeros(frames.shape[0], dtype=np.float32)
        out = self._out[: frames.shape[0]]
        if self._picked.size == 1:
            np.copyto(out, frames[:, self._picked[0]])
        else:
            _mix(frames, self._picked, self._window, self._state, self._powers, out)
        if out.any():
            self._zeros = 0
        else:
            self._look_elsewhere(frames)
        return out

    def _look_elsewhere(self, frames: F32) -> None:
        """Some sound servers number channels in their own way: remember which ones are not zero."""
        if self._zeros == 0 or self._elsewhere.size != frames.shape[1]:
            self._elsewhere = np.zeros(frames.shape[1], dtype=np.bool_)
        self._zeros += frames.shape[0]
        self._elsewhere |= frames.any(axis=0)
