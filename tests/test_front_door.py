"""The front door for Python: light to import, equal to the program, clear about what it takes; its examples run."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import streammood as sm
from streammood.demo.synth import Rendered
from streammood.dsp.layout import CONTRAST_FMIN, FMAX, FMIN, HOP, N_FFT, N_MELS
from streammood.songs.song import Song
from tests.receiver import Receiver

EXAMPLES = Path(__file__).parents[1] / "examples"


def in_a_process(program: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_nothing_and_changes_nothing() -> None:
    program = """
import os, sys
before, interval = dict(os.environ), sys.getswitchinterval()
import streammood
loaded = [name for name in ("numpy", "numba", "pydantic", "yaml") if name in sys.modules]
for name in streammood.__all__:
    getattr(streammood, name)
streammood.features, streammood.analyze, streammood.Analyzer()
print(loaded, dict(os.environ) == before, sys.getswitchinterval() == interval, "matplotlib" in sys.modules)
"""
    assert in_a_process(program) == "[] True True False\n"


def test_names_are_those_of_the_modules() -> None:
    assert set(sm.__all__) <= set(dir(sm))
    assert sm.Song is Song
    with pytest.raises(AttributeError, match="has no attribute `Analyser`; it has"):
        getattr(sm, "Analyser")  # noqa: B009  unknown to type checkers too
    assert (Path(sm.__file__).parent / "py.typed").is_file()


def test_no_thread_of_linear_algebra_works_beside_the_analysis(wav: Path) -> None:
    """OpenBLAS starts its threads when numpy is imported; none of them may compute, spin or wait busily."""
    program = """
import sys, numpy, threading
from collections import Counter
from pathlib import Path
import streammood

def ticks():
    found = Counter()
    for task in Path("/proc/self/task").iterdir():
        words = (task / "stat").read_text().rsplit(")", 1)[1].split()
        found[int(task.name)] = int(words[11]) + int(words[12])
    return found

streammood.analyze(sys.argv[1])  # what is loaded and compiled once
before = ticks()
for _ in range(3):
    streammood.analyze(sys.argv[1])
ticks = ticks() - before
print(ticks.pop(threading.main_thread().native_id), sum(ticks.values()))
"""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("the CPU time of each thread is read from /proc, which is Linux's")
    main, others = map(int, in_a_process(program, str(wav)).split())
    assert others <= max(5, main // 10)


def test_analyze_gives_what_the_program_writes(wav: Path, tmp_path: Path) -> None:
    song = sm.analyze(str(wav))
    assert song.bpm == pytest.approx(120.0, abs=1.0)
    assert song.beats
    assert song.moods
    assert song.onsets
    command = [sys.executable, "-m", "streammood", "analyze", str(wav), "--beats", str(tmp_path / "x.json")]
    subprocess.run(command, check=True, capture_output=True)
    assert json.loads((tmp_path / "x.json").read_text()) == json.loads(json.dumps(song.to_dict()))


def test_a_frame_has_a_row_for_each_beat(wav: Path) -> None:
    pytest.importorskip("pandas", reason="pip install pandas")
    song = sm.analyze(wav)
    frame = song.to_frame()
    assert len(frame) == len(song.beats)
    assert list(frame["number"]) == [beat.number for beat in song.beats]
    assert frame[list(song.labels)].dropna().sum(axis=1).to_numpy() == pytest.approx(1.0, abs=1e-5)


def test_blocks_of_every_form_give_the_same_events(music: Rendered) -> None:
    whole = (music.sound[: 4 * 44_100] * 32_767).astype(np.int16)
    as_floats = whole.astype(np.float32) / 32_768
    events = sm.Analyzer().push(whole)
    assert isinstance(events, list)
    assert events == sm.Analyzer(sample_rate=44_100).push(as_floats)
    stereo = sm.Analyzer()
    pieces = np.array_split(np.stack([whole, whole], axis=1), 7)
    assert [event for piece in pieces for event in stereo.push(piece)] == events
    stereo.reset()
    assert stereo.push(whole) == events


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ([0.0, 0.1], "block must be a numpy array of float32 or int16, got list"),
        (np.zeros(8), "block must be float32 .* or int16, got float64; convert it"),
        (np.zeros(8, dtype=np.int32), "got int32"),
        (np.zeros((2, 2, 2), dtype=np.float32), r"of shape \(n,\) or \(n, channels\), got \(2, 2, 2\)"),
        (np.zeros((2, 512), dtype=np.float32), "transpose it with .T"),
        (np.zeros((8, 0), dtype=np.float32), "1 to 64 channels"),
    ],
)
def test_blocks_that_are_not_sound_are_refused(block: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sm.Analyzer().push(block)
    with pytest.raises(ValueError, match=reason.replace("block", "y")):
        sm.features(block, 44_100)


@pytest.mark.parametrize("rate", [0, -44_100, 4_000, 400_000, float("nan"), "44100", None, True])
def test_rates_that_are_none_are_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match=r"sample_rate must be a number in 8000\.\.384000 Hz, got"):
        sm.Analyzer(sample_rate=rate)


def test_the_number_of_channels_stays() -> None:
    tracker = sm.Analyzer()
    tracker.push(np.zeros((64, 2), dtype=np.float32))
    with pytest.raises(ValueError, match=r"2 channels as the first one had, got 1; call reset\(\)"):
        tracker.push(np.zeros(64, dtype=np.float32))
    with pytest.raises(ValueError, match=r"3 channels or more \(input\.channels\), got 2"):
        sm.Analyzer(settings=sm.load_settings(overrides={"input.channels": 3})).push(np.zeros((4, 2), np.float32))


def test_errors_name_the_file() -> None:
    with pytest.raises(sm.SourceError, match=r"absent\.flac: no such file"):
        sm.analyze("absent.flac")


def test_a_file_that_is_played_comes_event_by_event(music: Rendered, tmp_path: Path) -> None:
    interval, short = sys.getswitchinterval(), tmp_path / "short.wav"
    soundfile.write(short, music.sound[: 5 * 44_100], 44_100)
    events = sm.listen(str(short))
    found = [event for event in events if not isinstance(event, sm.Level | sm.Tempo)]
    assert {type(event) for event in found} >= {sm.Beat, sm.Mood, sm.Onset, sm.Status}
    assert sys.getswitchinterval() == interval
    with pytest.raises(sm.SourceError, match="no such file"):
        sm.listen("./absent.wav")


@pytest.fixture(scope="module")
def chord() -> npt.NDArray[np.float32]:
    """Three seconds of a chord that is struck twice a second, with some noise."""
    t = np.arange(3 * 44_100) / 44_100
    tones = sum(np.sin(2 * np.pi * hertz * t) for hertz in (261.6, 329.6, 392.0))
    noise = np.random.default_rng(3).standard_normal(t.size)
    return (0.2 * tones * np.exp(-8 * (t % 0.5)) + 0.01 * noise).astype(np.float32)


def test_features_are_those_of_librosa(chord: npt.NDArray[np.float32]) -> None:
    ours = sm.features(chord, 44_100)
    assert ours.shape == (len(ours), len(ours.names))
    assert np.asarray(ours) is ours.values
    assert ours.times == pytest.approx(np.arange(1, len(ours) + 1) * HOP / 44_100)
    before = np.concatenate([np.zeros(N_FFT - HOP, dtype=np.float32), chord])  # silence, before the stream began
    power = np.abs(librosa.stft(before, n_fft=N_FFT, hop_length=HOP, center=False))[:, : len(ours)] ** 2
    mel = librosa.feature.melspectrogram(S=power, sr=44_100, n_mels=N_MELS, fmin=FMIN, fmax=FMAX)
    log_mel = librosa.power_to_db(mel, top_db=None)
    below = np.fft.rfftfreq(N_FFT, 1 / 44_100) <= 11_025
    rows = slice(4, None)  # from here on no frame holds the silence before the stream
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=20)
    contrast = librosa.feature.spectral_contrast(
        S=np.sqrt(power[below]), freq=np.fft.rfftfreq(N_FFT, 1 / 44_100)[below], fmin=CONTRAST_FMIN
    )
    np.testing.assert_allclose(ours["contrast"][rows], contrast.T[rows], atol=5e-2)  # valleys of float32 power
    np.testing.assert_allclose(ours["log_mel"][rows], log_mel.T[rows], atol=2e-3)  # float32 over a range of 100 dB
    np.testing.assert_allclose(ours["mfcc"][rows], mfcc.T[rows], atol=1e-2)  # sums of 64 of those
    chroma = ours["chroma"].T
    np.testing.assert_allclose(ours["tonnetz"], librosa.feature.tonnetz(chroma=chroma).T, atol=1e-6)
    strength = librosa.onset.onset_strength(S=ours["log_mel"].T, sr=44_100, center=False)
    np.testing.assert_allclose(ours["onset_strength"], strength, atol=1e-4)
    tempogram = librosa.feature.tempogram(onset_envelope=ours["onset_strength"], win_length=384)
    np.testing.assert_allclose(ours["tempogram"], tempogram.T, atol=1e-6)


def test_silence_is_finite() -> None:
    assert np.isfinite(sm.features(np.zeros(44_100, dtype=np.int16), 48_000).values).all()
    assert sm.features(np.zeros(0, dtype=np.float32), 44_100).shape == (
        0,
        len(sm.features(np.zeros(0, np.int16), 8000).names),
    )


def test_some_kinds_or_one() -> None:
    x = sm.features(np.zeros((4_410, 2), dtype=np.float32), 44_100, kinds=["rms", "bands"])
    assert x.names == ("rms", "bands_0", "bands_1", "bands_2")
    assert x["rms"].shape == (8,)
    assert x["bands"].shape == (8, 3)
    with pytest.raises(KeyError, match="`mfcc` is not among the features; there are rms, bands"):
        x["mfcc"]
    with pytest.raises(ValueError, match=r"kinds must be a list of log_mel, contrast, .*, got 'mfcc'"):
        sm.features(np.zeros(8, np.float32), 44_100, kinds="mfcc")


@pytest.mark.parametrize("module", ["api.stream_analyzer", "api.feature_table", "api.live_events"])
def test_examples_in_docstrings_run(
    module: str, music: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write("demo.wav", music.sound, 44_100)
    failed, tried = doctest.testmod(importlib.import_module(f"streammood.{module}"))
    assert tried > 0
    assert failed == 0


def test_the_example_of_a_file(wav: Path) -> None:
    shown = subprocess.run([sys.executable, EXAMPLES / "a_file.py", wav], capture_output=True, text=True, check=True)
    assert "BPM" in shown.stdout
    assert "downbeat at" in shown.stdout


def test_the_example_of_a_live_device() -> None:
    """With the built-in demo in the place of a device."""
    command = [sys.executable, str(EXAMPLES / "a_live_device.py"), "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "80"}) as program:
        assert program.stdout is not None
        lines = [program.stdout.readline() for _ in range(3)]
        program.kill()
    assert any("BPM" in line for line in lines)


def test_the_example_of_a_script_chop(music: Rendered) -> None:
    class Chop:
        """As much of TouchDesigner's Script CHOP as the callback touches."""

        def __init__(self) -> None:
            self.values: dict[str, list[float]] = {}
            self.sound = np.zeros((2, 0), dtype=np.float32)

        @property
        def inputs(self) -> list[Chop]:
            return [self]

        def numpyArray(self) -> npt.NDArray[np.float32]:  # noqa: N802
            return self.sound

        def clear(self) -> None:
            self.values = {}

        def appendChan(self, name: str) -> list[float]:  # noqa: N802
            return self.values.setdefault(name, [0.0])

    callbacks, chop = runpy.run_path(str(EXAMPLES / "touchdesigner_script_chop.py")), Chop()
    beats = 0.0
    for piece in np.array_split(music.sound[: 8 * 44_100], 480):
        chop.sound = np.stack([piece, piece])
        callbacks["onCook"](chop)
        beats += chop.values["beat"][0]
    assert beats > 6
    assert chop.values["bpm"][0] == pytest.approx(120.0, abs=2.0)


def test_the_example_of_an_own_feature(wav: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    sound, rate = soundfile.read(wav, frames=22_050)
    soundfile.write(short, sound, rate)
    with Receiver() as receiver:
        program = (EXAMPLES / "own_feature_to_osc.py").read_text().replace("9000", str(receiver.port))
        in_a_process(program, str(short))
        messages = receiver.messages()
    assert {message.address for message in messages} == {"/my/noisiness"}
    assert all(0.0 <= float(message.value) <= 1.0 for message in messages)
