"""End to end on real sound: PulseAudio → PyAudio → analysis → UDP → liblo's oscdump."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streammood.demo.synth import render, steady
from tests.operator import Operator
from tests.receiver import Receiver
from tests.rig import OscDump, Rig
from tests.waiting import wait_for

pytestmark = pytest.mark.rig


def free_port() -> int:
    with Receiver() as receiver:
        return receiver.port


def play_once(rig: Rig, wav: Path, log: Path) -> OscDump:
    """Play ``wav`` into the program and stop it; what a receiver got."""
    port = free_port()
    dump = rig.dump(port)
    program = rig.run("--input", "rig", "--target", f"127.0.0.1:{port}", "--events", str(log))
    assert wait_for(lambda: dump.values("/streammood/status/alive"), 30), "nothing came"
    player = rig.play(wav)
    player.wait(30)
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=10)
    time.sleep(0.2)
    dump.stop()
    assert program.returncode == 128 + signal.SIGTERM, output
    assert "Traceback" not in output
    return dump


@pytest.mark.parametrize("rig", [44_100, 48_000], indirect=True)
def test_music_in_osc_out(rig: Rig, wav: Path, tmp_path: Path) -> None:
    for attempt in range(3):  # a machine that stalls loses sound before the program can have it
        log = tmp_path / f"events{attempt}.jsonl"
        dump = play_once(rig, wav, log)
        if dump.values("/streammood/status/lost")[-1] == 0:
            break
    else:
        pytest.skip("this machine stalls: sound was lost in each of three runs")

    beats = np.array(dump.times("/streammood/beat"))
    assert len(beats) >= 14  # of 28, the first seconds being for finding the tempo
    late = np.diff(beats)[-10:]
    assert np.sum(np.abs(late - 0.5) < 0.06) >= 7  # of ten, on a machine that does other things and plays with gaps
    assert dump.values("/streammood/bpm")[-1] == pytest.approx(120.0, abs=1.5)
    assert 1.0 in dump.values("/streammood/beat/locked")
    for trigger in ("beat", "onset", "mood/changed"):
        ones_and_zeros = dump.values(f"/streammood/{trigger}")
        assert ones_and_zeros[0] == 1.0
        assert ones_and_zeros[-1] == 0.0
        assert sum(ones_and_zeros) > 0
    for name in ("level/rms", "level/low", "level/mid", "level/high", "brightness", "beat/phase"):
        values = dump.values(f"/streammood/{name}")
        assert 0.0 <= min(values) < max(values) <= 1.0
    moods = [dump.values(f"/streammood/mood/{label}")[-1] for label in ("happy", "aggressive", "calm", "sad")]
    assert sum(moods) == pytest.approx(1.0, abs=0.01)
    assert dump.values("/streammood/status/alive")[-1] == 0.0
    assert "s" not in {line.value for line in dump.lines if line.address.endswith("label")}

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert rows[0]["event"] == "stream"
    assert rows[-1]["event"] == "summary"
    kinds = {"stream", "beat", "onset", "mood", "energy", "status", "summary"}
    assert {row["event"] for row in rows} - {"section"} == kinds  # a section needs bars without gaps in the sound
    assert {row["lost"] for row in rows if row["event"] == "status"} == {0}


def test_taps_while_sound_plays(rig: Rig, tmp_path: Path) -> None:
    """Where the tracker hears 150 BPM, every other beat is tapped by an inexact hand: 75 BPM from then on."""
    path = tmp_path / "fast.wav"
    soundfile.write(path, render(steady("aggressive", 150.0, 24.0), 44_100).sound, 44_100)
    port, control = free_port(), free_port()
    dump = rig.dump(port)
    program = rig.run(
        "--input", "rig", "--target", f"127.0.0.1:{port}", "--set", f"control.port={control}"
    )  # fmt: skip
    assert wait_for(lambda: dump.values("/streammood/status/alive"), 30), "nothing came"
    player = rig.play(path)
    assert wait_for(lambda: last(dump, "bpm") == pytest.approx(150.0, abs=2.0) and dump.times("/streammood/beat"), 12)
    with Operator(control) as operator:
        beat = dump.times("/streammood/beat")[-1]
        time.sleep(max(0.0, beat + 0.8 - time.monotonic()))
        operator.tap(0.8, [0.01, -0.02, 0.015, -0.005])
        assert [operator.answer()[:2] for _ in range(4)] == [("tap", 1)] * 4
        told = time.monotonic()
        assert wait_for(lambda: dump.values("/streammood/bpm")[-1] == pytest.approx(75.0, abs=4.0), 2)
        player.wait(30)
        ended = time.monotonic() - 0.5
        assert operator.ask("mute", 1, 1) == ("mute", 1, f"127.0.0.1:{port}", 1)
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=10)
    dump.stop()
    assert "Traceback" not in output
    bpm = [float(x.value) for x in dump.lines if x.address == "/streammood/bpm" and told + 1.0 < x.at < ended]
    assert np.median(bpm) == pytest.approx(75.0, abs=1.0)
    assert 60.0 < min(bpm) <= max(bpm) < 90.0
    after = np.array([at for at in dump.times("/streammood/beat") if told + 0.5 < at < ended])
    assert len(after) >= 6
    late = np.abs(np.diff(after) - 0.8) > 0.1
    assert late.mean() < 0.2, np.diff(after)  # on a machine that does other things too, a beat may come late


def test_bursts_arrive_in_time(rig: Rig, tmp_path: Path) -> None:
    """A burst of 50 ms a second: one onset each, and steadily late by well under the eye's limit."""
    rate, count = 44_100, 8
    sound = np.zeros(rate * (count + 1), dtype=np.float32)
    burst = np.random.default_rng(0).uniform(-0.5, 0.5, rate // 20)
    for i in range(count):
        sound[rate * (i + 1) - rate // 2 :][: burst.size] = burst
    path = tmp_path / "bursts.wav"
    soundfile.write(path, sound, rate)
    port = free_port()
    dump = rig.dump(port)
    program = rig.run("--input", "rig", "--target", f"127.0.0.1:{port}")
    assert wait_for(lambda: dump.values("/streammood/status/alive"), 30)
    rig.play(path).wait(30)
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=10)
    dump.stop()
    assert program.returncode == 128 + signal.SIGINT
    onsets = np.array(dump.times("/streammood/onset"))
    assert count <= len(onsets) <= count + 2
    gaps = np.diff(onsets)
    assert np.median(gaps) == pytest.approx(1.0, abs=0.02)


def test_an_unplugged_input_is_taken_up_again(rig: Rig, wav: Path) -> None:
    port = free_port()
    dump = rig.dump(port)
    program = rig.run("--input", "rig", "--target", f"127.0.0.1:{port}")
    assert wait_for(lambda: dump.values("/streammood/status/alive"), 30)
    rig.play(wav)
    assert wait_for(lambda: 1.0 in dump.values("/streammood/status/signal"), 10)
    rig.kill()
    assert wait_for(lambda: dump.values("/streammood/status/signal")[-1] == 0.0, 10), "the loss was not told"
    rig.up()
    rig.play(wav)
    assert wait_for(lambda: dump.values("/streammood/status/signal")[-1] == 1.0, 15), "it was not taken up again"
    assert dump.values("/streammood/status/lost")[-1] > 0
    heard = len(dump.times("/streammood/onset"))
    assert wait_for(lambda: len(dump.times("/streammood/onset")) > heard + 3, 10)
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=10)
    dump.stop()
    assert "has gone" in output
    assert "is back" in output
    assert "Traceback" not in output


def test_another_input_while_sound_plays(rig: Rig, tmp_path: Path) -> None:
    """From one real device to another and to one channel of it, and with the demo heard: beats go on, none twice."""
    path = tmp_path / "long.wav"
    soundfile.write(path, render(steady("aggressive", 128.0, 40.0), 44_100).sound, 44_100)
    port, control = free_port(), free_port()
    dump = rig.dump(port)
    program = rig.run("--input", "rig", "--target", f"127.0.0.1:{port}", "--set", f"control.port={control}")
    assert wait_for(lambda: dump.values("/streammood/status/alive"), 30), "nothing came"
    rig.play(path)
    assert wait_for(
        lambda: len(dump.times("/streammood/beat")) > 12, 20
    )  # a lock that is seconds old may fall by itself
    with Operator(control) as operator:

        def ask(name: str, *arguments: float | str) -> tuple[object, ...]:
            operator.send(name, *arguments)
            return operator.answer(10.0)

        began = time.monotonic()
        assert ask("input", "default") == ("input", 1, "default")
        assert wait_for(lambda: len([at for at in dump.times("/streammood/beat") if at > began]) > 6, 15)
        assert ask("channels", "1") == ("channels", 1, "default")
        assert ask("input", "nosuch")[1] == 0
        assert ask("play", 1)[1] == 0
        time.sleep(3.0)
        ended = time.monotonic()
        assert ask("input", "demo") == ("input", 1, "demo")
        assert ask("play", 1) == ("play", 1, 1)
        time.sleep(2.0)
        assert ask("play", 0) == ("play", 1, 0)
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=10)
    dump.stop()
    assert "Traceback" not in output
    assert "the input is `default` now" in output
    counts = dump.values("/streammood/beat/count")
    assert counts == sorted(counts), "no beat counts twice"
    times = np.array([at for at in dump.times("/streammood/beat") if began - 1.0 < at < ended])
    assert np.diff(times).max() < 1.3  # s; a beat lasts 0.47, and the machine does other things too
    assert np.median(np.diff(times)) == pytest.approx(60.0 / 128.0, abs=0.02)


def test_devices_and_check_see_the_rig(rig: Rig) -> None:
    def streammood(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "streammood.cli", *arguments]
        return subprocess.run(command, env=rig.environment, capture_output=True, text=True, check=False, timeout=60)

    listed = streammood("devices")
    assert listed.returncode == 0
    assert "rig" in listed.stdout
    assert "→" in listed.stdout
    good = streammood("check", "--input", "rig", "--set", f"control.port={free_port()}")
    assert good.returncode == 0, good.stdout
    assert good.stdout.count("ok") >= 5
    for wrong, told in (  # all that is wrong is told at once
        (
            ("--input", "99", "--target", "no.invalid:1", "--set", "mood.model=m"),
            ("index 99", "does not resolve", "m.json"),
        ),
        (("--input", "nosuch", "--set", "mood.model=m"), ("no input device called `nosuch`", "m.json")),
    ):
        bad = streammood("check", *wrong)
        assert bad.returncode == 1
        for part in told:
            assert part in bad.stdout.replace("\n", " ")
    refused = streammood("run", "--input", "99")
    assert refused.returncode == 1
    assert "0: rig (ALSA)" in refused.stderr.replace("\n", " ")


def pactl(rig: Rig, *arguments: str) -> str:
    done = subprocess.run(["pactl", *arguments], env=rig.environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def last(dump: OscDump, name: str) -> float:
    return (dump.values(f"/streammood/{name}") or [-1.0])[-1]


def test_a_killed_sound_server_is_found_again_within_three_seconds(rig: Rig, wav: Path) -> None:
    """It may come back at another rate."""
    port = free_port()
    dump = rig.dump(port)
    program = rig.run("--input", "rig", "--target", f"127.0.0.1:{port}", "--set", "input.lost=run")
    assert wait_for(lambda: last(dump, "status/input") > 0, 60)
    rig.play(wav)
    assert wait_for(lambda: last(dump, "beat/locked") == 1.0, 20)
    rig.kill()
    assert wait_for(lambda: last(dump, "status/input") == 0.0, 10), "the loss was not told"
    assert wait_for(lambda: last(dump, "status/signal") == 0.0, 2)
    beats = len(dump.times("/streammood/beat"))
    assert wait_for(lambda: len(dump.times("/streammood/beat")) >= beats + 4, 6), "beats do not run on"
    rig.up(48_000)
    began = time.monotonic()
    assert wait_for(lambda: last(dump, "status/input") > 0.0, 15), "it was not taken up again"
    assert time.monotonic() - began < 3.0
    rig.play(wav)
    assert wait_for(lambda: last(dump, "status/signal") == 1.0, 15)
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=20)
    dump.stop()
    assert "Traceback" not in output
    counts = dump.values("/streammood/beat/count")
    assert counts == sorted(counts)


def test_the_default_input_may_change_and_go(rig: Rig, wav: Path) -> None:
    port = free_port()
    dump = rig.dump(port)
    program = rig.run("--input", "default", "--target", f"127.0.0.1:{port}")
    assert wait_for(lambda: last(dump, "status/input") > 0, 60)
    other = pactl(rig, "load-module", "module-null-sink", "sink_name=other", "rate=48000", "channels=2")
    pactl(rig, "set-default-sink", "other")
    pactl(rig, "set-default-source", "other.monitor")
    player = rig.play(wav)  # into the new default
    assert wait_for(lambda: last(dump, "status/signal") == 1.0, 15), "the new default is not heard"
    player.kill()
    pactl(rig, "unload-module", other)
    pactl(rig, "set-default-sink", "rig")
    pactl(rig, "set-default-source", "rig.monitor")
    assert wait_for(lambda: last(dump, "status/signal") == 0.0, 15)
    rig.play(wav)
    assert wait_for(lambda: last(dump, "status/signal") == 1.0, 15), "the old default is not heard again"
    program.send_signal(signal.SIGTERM)
    output, _ = program.communicate(timeout=20)
    dump.stop()
    assert "Traceback" not in output
