"""The sound of a song as a picture needs it: outline and chroma in as many columns as a wide page has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streammood.analysis.front_end import FrontEnd
from streammood.capture import Reader
from streammood.dsp.chroma import N_CHROMA
from streammood.dsp.layout import HOP, LAYOUT
from streammood.errors import SourceError
from streammood.events import ANALYSIS_RATE, F32

COLUMNS = 1600
_BLOCK = 8192  # samples


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """Columns of equal length from the start of a song to its end."""

    low: F32  # (n,) lowest sample
    high: F32  # (n,) highest sample
    rms: F32  # (n,)
    chroma: F32  # (12, n), 0..1, the first row is C; 0 where it is silent


class _Columns:
    """Gathers frames into columns."""

    def __init__(self, count: int) -> None:
        self.low, self.high = np.zeros((2, count), dtype=np.float32)
        self.square, self.loud = np.zeros((2, count))
        self.frames = np.zeros(count, dtype=np.int64)
        self.chroma = np.zeros((N_CHROMA, count))

    def add(self, column: int, hop: F32, chroma: F32) -> None:
        """Add one hop (n,) and the chroma (12,) of its frame, which counts by its loudness."""
        square = float(np.mean(hop.astype(np.float64) ** 2))
        self.low[column] = min(self.low[column], hop.min())
        self.high[column] = max(self.high[column], hop.max())
        self.square[column] += square
        self.loud[column] += square
        self.frames[column] += 1
        self.chroma[:, column] += square * chroma

    def sketch(self) -> Sketch:
        rms = np.sqrt(self.square / np.maximum(1, self.frames))
        chroma = np.divide(self.chroma, self.loud, out=np.zeros_like(self.chroma), where=self.loud > 0)
        return Sketch(self.low, self.high, _f32(rms), _f32(chroma))


def _f32(values: npt.NDArray[np.float64]) -> F32:
    return values.astype(np.float32)


def sketch(reader: Reader, duration: float) -> Sketch:
    """Run ``reader`` to its end, or to where it is damaged; columns span ``duration`` s."""
    front = FrontEnd(reader.sample_rate)
    total = max(1, int(duration * ANALYSIS_RATE) // HOP)  # hops
    columns = _Columns(min(COLUMNS, total))
    count = columns.frames.size
    try:
        for block in reader.blocks(_BLOCK):
            for _, hops in front.push(block):
                for number, (sound, values) in enumerate(zip(hops.sound, hops.values, strict=True)):
                    column = min(count - 1, (hops.sample // HOP - 1 + number) * count // total)
                    columns.add(column, sound, values[LAYOUT.chroma])
    except SourceError:  # the analysis has told of it already
        pass
    return columns.sketch()
