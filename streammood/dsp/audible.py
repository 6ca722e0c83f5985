"""The power of the audible band: a band-pass from 40 Hz to 11 kHz before the mean square.

A DC offset, rumble below 16 Hz and the whistle of a screen (15.6 kHz) are silence for the ear, and lie 40 to 70 dB
lower here. In the time domain, since a window of 46 ms would smear rumble over the lowest bands.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streammood.dsp.jit import kernel
from streammood.events import F32

F64 = npt.NDArray[np.float64]

# scipy.signal.ellip(4, 0.2, 60, 40, "high") and ellip(5, 0.1, 60, 11000, "low") at 44.1 kHz, as second-order sections.
SECTIONS: F64 = np.array(
    [
        (0.97039543451552, -1.9407903295579632, 0.97039543451552, 1.0, -1.9879668546580151, 0.9880284546662085),
        (1.0, -1.9999968911055048, 0.9999999999999998, 1.0, -1.9979725226209535, 0.9979997493199111),
        (0.06395439180270415, 0.10661114853113268, 0.06395439180270415, 1.0, -0.26089477891207735, 0.0),
        (1.0, 1.0, 0.0, 1.0, -0.2381851214309775, 0.3291575544933467),
        (1.0, 1.2768285762244718, 1.0, 1.0, 0.1347110563271655, 0.7713790660247741),
    ]
)


def fresh_state() -> F64:
    """The memory of the filter before any sound, (n_sections, 2)."""
    return np.zeros((SECTIONS.shape[0], 2))


@kernel
def audible_power(samples: F32, offset: float, state: F64) -> float:
    """Mean square of the audible part of ``samples`` (n,) less a constant ``offset``; ``state`` goes on."""
    total = 0.0
    for i in range(samples.size):
        y = samples[i] - offset
        for k in range(SECTIONS.shape[0]):
            x = y
            y = SECTIONS[k, 0] * x + state[k, 0]
            state[k, 0] = SECTIONS[k, 1] * x - SECTIONS[k, 4] * y + state[k, 1]
            state[k, 1] = SECTIONS[k, 2] * x - SECTIONS[k, 5] * y
        total += y * y
    return total / samples.size
