"""Features of sound as a table, hop by hop: those of the analysis, and others that are computed from them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streammood.analysis.front_end import FrontEnd
from streammood.api.stream_analyzer import check_rate, check_sound
from streammood.dsp import mel, tempogram, tonnetz
from streammood.dsp.layout import HOP, LAYOUT, N_MELS, N_MFCC
from streammood.dsp.onset import onset_strength
from streammood.events import ANALYSIS_RATE, F32

_PIECE = 1 << 20  # samples


def _mfcc(values: F32) -> F32:
    dct = mel.dct_matrix(N_MFCC, N_MELS)
    out = np.empty((len(values), N_MFCC), dtype=np.float32)
    for row, coefficients in zip(values[:, LAYOUT.log_mel], out, strict=True):
        mel.mfcc(row, dct, coefficients)
    return out


def _onset_strength(values: F32) -> F32:
    rows = np.ascontiguousarray(values[:, LAYOUT.log_mel])
    out = np.zeros((len(values), 1), dtype=np.float32)
    for i in range(1, len(values)):
        out[i] = onset_strength(rows[i], rows[i - 1])
    return out


def _tempogram(values: F32) -> F32:
    return tempogram.tempogram(_onset_strength(values)[:, 0])


def _tonnetz(values: F32) -> F32:
    return tonnetz.tonnetz(values[:, LAYOUT.chroma])


_COMPUTED: dict[str, Callable[[F32], F32]] = {
    "mfcc": _mfcc,
    "tonnetz": _tonnetz,
    "onset_strength": _onset_strength,
    "tempogram": _tempogram,
}
KINDS = (*(field for field in LAYOUT.__slots__ if field != "size"), *_COMPUTED)
"""What `features` can give, in the order of its columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A table of features: a row a hop, a column a value.

    Attributes:
        values: The table (n_hops, n_values), float32.
        names: A name for each column: the kind, and the number in it from 0 where it has several, as in ``mfcc_3``.
        times: When the frame of each row ends, (n_hops,), in s. A frame is 2048 samples of 44.1 kHz long (46 ms).
    """

    values: F32
    names: tuple[str, ...]
    times: npt.NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int]:
        """Hops and values."""
        return self.values.shape[0], self.values.shape[1]

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.values, dtype=dtype) if copy else np.asarray(self.values, dtype=dtype)

    def __getitem__(self, kind: str) -> F32:
        """The columns (n_hops, n) of a ``kind`` such as ``mfcc``, or the one column (n_hops,) of a name.

        Raises:
            KeyError: There is no such kind or name.
        """
        if kind in self.names:
            return self.values[:, self.names.index(kind)]
        columns = [i for i, name in enumerate(self.names) if name.rpartition("_")[0] == kind]
        if not columns:
            kinds = ", ".join(dict.fromkeys(_kind(name) for name in self.names))
            raise KeyError(f"`{kind}` is not among the features; there are {kinds}")
        return self.values[:, columns[0] : columns[-1] + 1]


def _kind(name: str) -> str:
    return name if name in KINDS else name.rpartition("_")[0]


def features(y: npt.NDArray[Any], sr: float, kinds: Collection[str] | None = None) -> Features:
    """Features of a whole sound, as the analysis and its models take them, and others computed from them.

    Sound of another rate than 44.1 kHz is resampled; nothing amplifies it. Frames of 2048 samples begin every 512, and
    frame k ends with sample ``(k + 1) * 512``: no frame looks ahead. Equal to librosa's with ``center=False``
    and ``top_db=None``; contrast and chroma look below 11,025 Hz.

    Args:
        y: Samples (n,) or (n, channels), float32 in -1..1 or int16. Channels are mixed with equal weight.
        sr: Sample rate in Hz, 8,000 to 384,000.
        kinds: Which features, all by default: ``log_mel`` (64 bands, dB), ``contrast`` (7, dB), ``chroma`` (12, 0..1),
            ``centroid`` and ``rolloff`` (Hz), ``flatness`` (0..1), ``zero_crossing_rate`` (a sample), ``rms``
            (of 40 Hz to 11 kHz), ``bands`` (low, mid, high, dB), ``mfcc`` (20), ``tonnetz`` (6), ``onset_strength``
            (dB), ``tempogram`` (384 lags, 0..1; looks 2.2 s ahead).

    Returns:
        The table (n_hops, n_values), the names of its columns, and the times of its rows.

    Raises:
        ValueError: The sound is of another type or shape, the rate is not right, or there is no such kind.

    Examples:
        >>> import numpy as np
        >>> import streammood as sm
        >>> y = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
        >>> x = sm.features(y, 44_100, kinds=["mfcc", "chroma", "tonnetz"])
        >>> x.shape, x.names[0], x.names[-1]
        ((86, 38), 'chroma_0', 'tonnetz_5')
        >>> int(x["chroma"][20].argmax())  # 0 is C, 9 is A
        9
    """
    rate = check_rate(sr)
    frames = check_sound(y, "y")
    wanted = KINDS if kinds is None else tuple(kinds)
    unknown = [kind for kind in wanted if kind not in KINDS]
    if isinstance(kinds, str) or unknown:
        raise ValueError(f"kinds must be a list of {', '.join(KINDS)}, got {kinds!r}")
    values = _analysed(frames.mean(axis=1, dtype=np.float32) if frames.shape[1] > 1 else frames[:, 0], rate)
    columns, names = [], []
    for kind in KINDS:
        if kind in wanted:
            block = _COMPUTED[kind](values) if kind in _COMPUTED else values[:, getattr(LAYOUT, kind)]
            columns.append(block if block.ndim == 2 else block[:, None])
            width = columns[-1].shape[1]
            names += [kind] if width == 1 else [f"{kind}_{i}" for i in range(width)]
    table = np.concatenate(columns, axis=1) if columns else np.zeros((len(values), 0), dtype=np.float32)
    return Features(table, tuple(names), np.arange(1.0, len(values) + 1.0) * HOP / ANALYSIS_RATE)


def _analysed(sound: F32, sample_rate: float) -> F32:
    """The features (n_hops, LAYOUT.size) of the front end."""
    front = FrontEnd(sample_rate)
    rows = [np.zeros((0, LAYOUT.size), dtype=np.float32)]
    for start in range(0, sound.size, _PIECE):
        rows += [hops.values.copy() for _, hops in front.push(sound[start : start + _PIECE])]
    return np.concatenate(rows)
