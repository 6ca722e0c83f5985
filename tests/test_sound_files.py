"""Strangers' sound files: all that can be read of them is read, and what is missing is said."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from streammood.capture.sound_file import SUFFIXES, SoundFile
from streammood.errors import SourceError
from streammood.events import F32
from tests import sounds

CODEC_DELAY = 0.075  # s that encoders without a note of their delay add, at both ends together
FUZZ = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def read(path: Path, size: int = 8192) -> tuple[F32, int]:
    """All of a file, and its rate."""
    file = SoundFile(path)
    return np.concatenate(list(file.blocks(size))), file.sample_rate


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / f"x.{name}"
    path.write_bytes(content)
    return path


def envelope(sound: F32, rate: int) -> F32:
    """Power, 100 times a second, without its mean."""
    step = rate // 100
    power = (sound[: sound.size // step * step].reshape(-1, step) ** 2).mean(axis=1)
    centred: F32 = power - power.mean()
    return centred


def assert_is_bursts(sound: F32, rate: int, times: int = 1) -> None:
    """The sound that was encoded, as long as it was, at its time."""
    assert sound.dtype == np.float32
    assert sound.size / rate == pytest.approx(times * sounds.SECONDS, abs=times * CODEC_DELAY)
    expected = np.tile(envelope(sounds.bursts(), sounds.RATE), times)
    got = envelope(sound, rate)
    likeness = correlate(got, expected, "full")
    lag = int(np.argmax(likeness)) - (expected.size - 1)
    assert abs(lag) <= 100 * CODEC_DELAY
    # 0.83 is the least seen, for two AAC streams in one: each begins with 23 ms of the encoder's own.
    assert likeness.max() > 0.8 * np.sqrt((got**2).sum() * (expected**2).sum())


@pytest.mark.parametrize("kind", sounds.WHOLE)
def test_every_kind_is_read_whole(tmp_path: Path, kind: str) -> None:
    assert_is_bursts(*read(saved(tmp_path, kind, sounds.made(kind))))


@pytest.mark.parametrize("kind", sounds.UNKNOWN)
def test_a_length_in_a_header_is_a_claim(tmp_path: Path, kind: str) -> None:
    assert_is_bursts(*read(saved(tmp_path, kind, sounds.made(kind))))


@pytest.mark.parametrize("kind", sounds.JOINED)
def test_files_that_were_joined_are_read_to_the_end_of_the_last(tmp_path: Path, kind: str) -> None:
    assert_is_bursts(*read(saved(tmp_path, kind, sounds.JOINED[kind]())), times=2)


def test_what_is_read_does_not_depend_on_the_name(tmp_path: Path) -> None:
    content = sounds.made("m4a")
    expected, _ = read(saved(tmp_path, "m4a", content))
    for name in ("mp3", "wav", "txt", "http:", "concat:a|b"):
        np.testing.assert_array_equal(read(saved(tmp_path, name, content))[0], expected)


@pytest.mark.parametrize("kind", ["wav", "24.wav", "flac", "24.flac", "aiff", "caf", "w64", "alac.m4a", "mkv"])
def test_what_loses_nothing_is_read_bit_for_bit(tmp_path: Path, kind: str) -> None:
    bits = 24 if kind in {"24.wav", "24.flac", "alac.m4a"} else 16
    sound, _ = read(saved(tmp_path, kind, sounds.made(kind)))
    scaled = sound * 2.0 ** (bits - 1)
    np.testing.assert_array_equal(scaled, np.round(scaled))
    np.testing.assert_allclose(sound, sounds.bursts(), atol=1.01 * 2.0 ** (1 - bits))


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "m4a"])
@pytest.mark.parametrize("size", [1000, 44_100])
def test_blocks_have_the_size_that_was_asked_for(tmp_path: Path, kind: str, size: int) -> None:
    path = saved(tmp_path, kind, sounds.made(kind))
    blocks = list(SoundFile(path).blocks(size))
    assert {block.size for block in blocks[:-1]} == {size}
    np.testing.assert_array_equal(np.concatenate(blocks), read(path, 777)[0])


CLAIMED = [
    kind for kind in sounds.WHOLE
    if kind not in {"voc", "mp2", "aac", "ac3", "eac3", "mts", "mpg", "amr"}  # say nowhere how long they are
    and kind not in {"mkv", "wmv", "mp4", "mov", "flv"}  # videos: pictures may end seconds after the sound
]  # fmt: skip


@pytest.mark.parametrize("ending", ["snd", "au", "vox", "gsm", "wav", "mp3", "raw"])
@pytest.mark.parametrize(
    "content", [b"This is no sound. " * 1000, sounds.made("snd")[:11], bytes(5000)], ids=["text", "beginning", "zeros"]
)
def test_a_name_makes_no_sound(tmp_path: Path, ending: str, content: bytes) -> None:
    with pytest.raises(SourceError):
        read(saved(tmp_path, ending, content))


@FUZZ
@given(kind=st.sampled_from(CLAIMED), share=st.floats(0.0, 0.85))
def test_a_file_that_is_cut_says_so_after_all_that_is_there(tmp_path: Path, kind: str, share: float) -> None:
    content = sounds.made(kind)
    path = saved(tmp_path, kind, content[: round(share * len(content))])
    with pytest.raises(SourceError, match=r"ends early|do(es)? not decode|cannot be read|is empty|holds no sound"):
        read(path)


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "mp3", "ogg", "opus", "webm"])
def test_what_is_there_of_a_file_that_was_cut_is_read(tmp_path: Path, kind: str) -> None:
    content = sounds.made(kind)
    path = saved(tmp_path, kind, content[: len(content) // 2])
    blocks: list[F32] = []
    file = SoundFile(path)
    with pytest.raises(SourceError, match="ends early"):
        blocks.extend(file.blocks(100))
    least = 0.45 if kind not in {"ogg", "opus"} else 0.2  # a page of Ogg holds a second
    assert sum(block.size for block in blocks) / file.sample_rate > least * sounds.SECONDS


@FUZZ
@given(
    kind=st.sampled_from([*sounds.WHOLE, *sounds.UNKNOWN]),
    cut=st.just(0) | st.integers(0, 1 << 20),
    changes=st.lists(st.tuples(st.integers(0, 300) | st.integers(0, 1 << 20), st.integers(0, 255)), max_size=12),
    head=st.just(b"") | st.binary(max_size=30),
)
def test_any_damage_ends_in_sound_or_one_line(
    tmp_path: Path, kind: str, cut: int, changes: list[tuple[int, int]], head: bytes
) -> None:
    content = bytearray(sounds.made(kind))
    for place, value in changes:
        content[place % len(content)] = value
    path = saved(tmp_path, kind, head + bytes(content[: len(content) - cut % len(content)]))
    told = ""
    try:
        file = SoundFile(path)
        for number, block in enumerate(file.blocks(file.sample_rate)):
            assert block.dtype == np.float32
            if number == 60:
                break  # a decoder may make silence of what a header claims
    except SourceError as error:
        told = str(error)
    assert told == "" or (told.startswith(f"{path}: ") and "\n" not in told)


def test_a_gap_in_the_middle_is_said_and_the_rest_read(tmp_path: Path) -> None:
    content = bytearray(sounds.made("flac"))
    content[len(content) // 2 : len(content) // 2 + 20_000] = bytes(20_000)
    file = SoundFile(saved(tmp_path, "flac", bytes(content)))
    blocks: list[F32] = []
    with pytest.raises(SourceError, match="do not decode"):
        blocks.extend(file.blocks(100))
    assert (
        100 * len(blocks) / file.sample_rate > 0.7 * sounds.SECONDS
    )  # how far a decoder falls behind depends on its version


@pytest.mark.parametrize("rate", [1, 4_000, 7_999, 384_001, 4_000_000_000])
def test_rates_that_are_not_taken(tmp_path: Path, rate: int) -> None:
    content = bytearray(sounds.made("wav"))
    struct.pack_into("<I", content, 24, rate)
    with pytest.raises(SourceError, match=r"sample rate must be in 8000\.\.384000 Hz|cannot be read as sound"):
        SoundFile(saved(tmp_path, "wav", bytes(content)))


@pytest.mark.parametrize("rate", [8_000, 11_025, 96_000, 192_000, 352_800, 384_000])
def test_rates_that_are_taken(tmp_path: Path, rate: int) -> None:
    for kind in ("WAV", "FLAC"):
        sound, found = read(saved(tmp_path, "x", sounds.write(kind, rate=rate)))
        assert found == rate
        assert_is_bursts(sound, found)


@pytest.mark.parametrize("channels", [2, 6, 64])
def test_many_channels_become_one(tmp_path: Path, channels: int) -> None:
    path = saved(tmp_path, "wav", sounds.write("WAV", channels=channels))
    np.testing.assert_allclose(read(path)[0], sounds.bursts(), atol=1e-4)  # 16 bits
    assert sum(block.size for block in SoundFile(path, (channels,)).blocks(999)) == sounds.bursts().size


def test_a_channel_that_ends_before_the_file_does(tmp_path: Path) -> None:
    content = sounds.write("OGG", "VORBIS", channels=2) + sounds.write("OGG", "VORBIS")
    with pytest.raises(SourceError, match="channel 2 was asked for, a part of it has 1"):
        list(SoundFile(saved(tmp_path, "ogg", content), (2,)).blocks(8192))


@pytest.mark.parametrize(
    "kind", [".m4a", ".aac", ".mp4", ".wma", ".webm", ".aifc", ".wave", ".bwf", ".mp2", ".snd", ".rf64"]
)
def test_names_that_are_taken_from_a_folder(kind: str) -> None:
    assert kind in SUFFIXES


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as each:
        each.bind(str(path))


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_fifo, "is a pipe or a device; save the sound as a file first"),
        (_socket, "is a pipe or a device"),
        (_loop, "is a link that leads back to itself"),
        (_dangling, r"no such file \(a link that leads nowhere\)"),
        (Path.mkdir, "is a folder, not a sound file"),
        (Path.touch, "the file is empty"),
    ],
)
def test_what_is_no_file(
    tmp_path: Path, make: Callable[[Path], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the names of sockets must be short
    make(Path("odd"))
    with pytest.raises(SourceError, match=f"^odd: {told}"):
        SoundFile(Path("odd"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("-", "sound is not read from the standard input; save it as a file first"),
        ("http://example.org/a.mp3", "is an address, not a file; download it first"),
        ("rtsp://example.org/a", "is an address, not a file"),
        ("file:///home/me/a.mp3", "is an address; name the file by its path"),
        ("missing.wav", "no such file"),
        ("a" * 300 + ".wav", "cannot be opened"),
        ("a\0b.wav", "cannot be opened"),
    ],
)
def test_what_is_no_name_of_a_file(name: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        SoundFile(Path(name))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("kind", ["wav", "flac", "m4a"])
@pytest.mark.parametrize("name", [b"caf\xe9", b"-", b"-rf", b"\x1b[31mred", b"new\nline", b"file:x", b"x" * 250])
def test_any_name_that_a_system_takes(tmp_path: Path, kind: str, name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    path.write_bytes(sounds.made(kind))
    assert_is_bursts(*read(path))


def test_a_file_that_names_others_opens_none_of_them(tmp_path: Path) -> None:
    secret = saved(tmp_path, "wav", sounds.made("wav"))
    playlists = {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    }
    for name, text in playlists.items():
        with pytest.raises(SourceError, match="cannot be read as sound"):
            SoundFile(saved(tmp_path, name, text.encode()))
