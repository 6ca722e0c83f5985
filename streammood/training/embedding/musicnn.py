"""musicnn, from the wheel in which its makers publish it: its filters, and what it takes in.

J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", 2019; ISC licence.
Weight decay has set most filters of `MSD_musicnn` to zero: what is left, small, answers as the whole does.
"""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import resample_poly

from streammood.analysis.mood.embedding import BANDS, POWER
from streammood.dsp import mel
from streammood.errors import DataError
from streammood.events import F32
from streammood.models.embedding_model import LAYERS, RHYTHM, TIMBRE, Layer

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

RATE, N_FFT, HOP, N_MELS = 16_000, 512, 256, 96
PATCH = 187  # frames that the network was fitted to at a time, 3 s
EMBEDDED = "MSD_musicnn"  # fitted to the tags of the Million Song Dataset: the embedding follows it
_ZERO = 1e-3  # what a filter that weight decay has emptied does not reach
_TIMBRE, _RHYTHM, _MIDDLE = (0, 1), (2, 3, 4), (5, 6, 7)  # numbers of its convolutions
_EPSILON = 1e-3  # of its batch normalisation
_SILENCE = np.float32(1e-7)  # mean power of a band, 65 dB below the usual, that is nothing


@dataclass(frozen=True, slots=True, eq=False)
class OriginalNetwork:
    """Its layers as ours, on some grid of bands and frames; each filter of rhythm is centred at ``centre``."""

    layers: dict[str, Layer]
    gain: float
    offset: float
    joined: Ints
    bands: int
    centre: int


def powers(signal: F32, rate: int) -> F32:
    """Mel spectra (n_frames, N_MELS) of a signal (n,) before they are compressed."""
    divisor = gcd(RATE, rate)
    sound = np.pad(resample_poly(signal, RATE // divisor, rate // divisor), N_FFT // 2)
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    frames = sliding_window_view(sound, N_FFT)[::HOP] * window
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands: F32 = (power @ mel.mel_filters(RATE, N_FFT, N_MELS, 0.0, RATE / 2).T).astype(np.float32)
    return bands


def levelled(bands: F32, constant: float) -> F32:
    """Compressed spectra of ``bands`` (n_frames, N_MELS), as the network takes them in, as if all music were as loud.

    Loud is what it was over the last frames, with a time ``constant`` in frames, as in ``SlotPool``: a network that
    hears the level of a file cannot be followed by one that must not.
    """
    level, levels = 0.0, np.empty((bands.shape[0], 1), dtype=np.float32)
    for number, total in enumerate(bands.mean(axis=1), 1):
        level += (float(total) - level) / min(number, constant)
        levels[number - 1] = level
    compressed: F32 = np.log10(1.0 + np.float32(1e4 * POWER) * bands / (levels + _SILENCE))
    return compressed


def read(wheel: Path) -> OriginalNetwork:
    """The network in ``wheel`` that the embedding follows, less the filters that are zero or that nothing hears.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
            for suffix in (".index", ".data-00000-of-00001"):
                (Path(folder) / f"model{suffix}").write_bytes(archive.read(f"musicnn/{EMBEDDED}/{suffix}"))
            checkpoint = tf.train.load_checkpoint(str(Path(folder) / "model"))
            names = [name for name in checkpoint.get_variable_to_shape_map() if "dam" not in name]
            return _network({name: checkpoint.get_tensor(name) for name in names})
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        text = " ".join(str(error).split())
        raise DataError(
            f"{wheel}: is not the wheel of musicnn ({text}); get it with: pip download --no-deps musicnn"
        ) from None


def _alive(layer: Layer) -> npt.NDArray[np.bool_]:
    alive: npt.NDArray[np.bool_] = np.abs(layer.kernel).max(axis=(0, 1)) > _ZERO
    return alive


def _quiet(layer: Layer) -> Floats:
    """What the filters of a layer give where they hear nothing."""
    quiet: Floats = np.maximum(layer.bias, 0.0) * layer.gain + layer.offset
    return quiet


def _network(values: dict[str, Floats]) -> OriginalNetwork:
    """The network, less the filters that are zero and those that the middle does not hear."""
    layers = [_layer(values, number) for number in range(8)]
    alive = [_alive(layer) for layer in layers]
    middle = layers[5]
    listened = np.abs(middle.kernel).max(axis=(0, 2)) > _ZERO
    starts = np.cumsum([0] + [layer.bias.size for layer in layers[:5]])
    live_rows = [live & listened[start : start + live.size] for live, start in zip(alive[:5], starts[:-1], strict=True)]
    front = np.concatenate(live_rows)
    silent = np.concatenate([_quiet(layer) for layer in layers[:5]])
    first = Layer(
        middle.kernel[:, front],
        middle.bias + middle.kernel[:, ~front].sum(axis=0).T @ silent[~front],
        middle.gain,
        middle.offset,
    )
    second, third = layers[6], layers[7]
    mute = _quiet(first)
    on = alive[5]
    second = Layer(
        second.kernel[:, on],
        (second.bias + second.kernel[:, ~on].sum(axis=0).T @ mute[~on]).astype(np.float32),
        second.gain,
        second.offset + np.where(on, 0.0, mute),
    )
    rhythm = _rhythm([_chosen(layers[number], live_rows[number]) for number in _RHYTHM])
    named = (
        *(_chosen(layers[number], live_rows[number]) for number in _TIMBRE), rhythm, _chosen(first, on), second, third,
    )  # fmt: skip
    gain, offset = (float(value.item()) for value in _normalisation(values, ""))
    centre = (rhythm.kernel.shape[0] - 1) // 2
    named_layers = dict(zip(LAYERS, named, strict=True))
    return OriginalNetwork(named_layers, gain, offset, np.flatnonzero(on), N_MELS, centre)


def _layer(values: dict[str, Floats], number: int) -> Layer:
    suffix = f"_{number}" if number else ""
    kernel = values[f"conv2d{suffix}/kernel"]
    kernel = kernel[:, :, 0]  # of one channel; the middle takes channels where others take bands
    gain, offset = _normalisation(values, f"_{number + 1}")
    return Layer(kernel, values[f"conv2d{suffix}/bias"], gain, offset)


def _normalisation(values: dict[str, Floats], suffix: str) -> tuple[Floats, Floats]:
    """Gain and offset of a batch normalisation that no longer learns."""
    gamma, beta, mean, variance = (
        values[f"batch_normalization{suffix}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    gain = gamma / np.sqrt(variance + _EPSILON)
    return gain, beta - gain * mean


def _chosen(layer: Layer, chosen: npt.NDArray[np.bool_]) -> Layer:
    return Layer(layer.kernel[:, :, chosen], layer.bias[chosen], layer.gain[chosen], layer.offset[chosen])


def _rhythm(layers: list[Layer]) -> Layer:
    """Filters of several lengths as one layer, with zeros where the shorter ones end."""
    longest = max(layer.kernel.shape[0] for layer in layers)
    kernels = []
    for layer in layers:
        before = (longest - 1) // 2 - (layer.kernel.shape[0] - 1) // 2
        after = longest - before - layer.kernel.shape[0]
        kernels.append(np.pad(layer.kernel, ((before, after), (0, 0), (0, 0))))
    return Layer(
        np.concatenate(kernels, axis=2),
        *(np.concatenate([getattr(layer, part) for layer in layers]) for part in ("bias", "gain", "offset")),
    )


def carried_over(theirs: OriginalNetwork, frame: float, band: float, reach: int) -> OriginalNetwork:
    """The network on another grid: ``frame`` and ``band`` are our steps as multiples of its own."""
    long = 2 * int(theirs.centre / frame) + 3
    layers = {}
    for name, layer in theirs.layers.items():
        if name in TIMBRE:
            taps = int(np.ceil(layer.kernel.shape[1] / band))
            kernel = _resampled(layer.kernel, 1, band, taps + 1 - taps % 2, (layer.kernel.shape[1] - 1) / 2)
            kernel = _resampled(kernel, 0, frame, reach, (kernel.shape[0] - 1) / 2)
        elif name == RHYTHM:
            kernel = _resampled(layer.kernel, 0, frame, long, theirs.centre)
        else:
            kernel = _resampled(layer.kernel, 0, frame, reach, (layer.kernel.shape[0] - 1) / 2)
        layers[name] = Layer(kernel, layer.bias, layer.gain, layer.offset)
    return OriginalNetwork(layers, theirs.gain, theirs.offset, theirs.joined, BANDS, long // 2)


def _resampled(kernel: Floats, axis: int, step: float, taps: int, centre: float) -> Floats:
    """A kernel for inputs ``step`` as far apart, of which its own are interpolations; ends are folded in."""
    reach = (taps - 1) / 2
    at = np.clip((np.arange(kernel.shape[axis]) - centre) / step, -reach, reach)
    shares = np.maximum(0.0, 1.0 - np.abs(np.arange(taps)[:, None] - reach - at))
    resampled: Floats = np.moveaxis(np.tensordot(shares / shares.sum(axis=0), kernel, (1, axis)), 0, axis)
    return resampled
