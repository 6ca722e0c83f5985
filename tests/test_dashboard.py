"""The dashboard's server: what it knows of an engine, what it lets through, and what becomes of songs."""

from __future__ import annotations

import itertools
import json
import os
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from streammood import config
from streammood.cli.dashboard_command import dashboard_target
from streammood.client.engine_state import ABSENT, EngineState
from streammood.client.listener import start_command
from streammood.config import OscSettings, TargetSettings
from streammood.demo.synth import Rendered
from streammood.errors import ControlError, OscError, SinkError, SourceError
from streammood.events import OperatorState, Status, TargetState
from streammood.outputs import Output
from streammood.outputs.build import Outputs
from streammood.outputs.details import DetailedReport
from streammood.protocol.commands import COMMANDS, packet
from streammood.protocol.osc import Message, decode
from streammood.web import uploads
from streammood.web.downloads import DOWNLOADS
from streammood.web.peaks import Waveform
from streammood.web.store import RefusedError, UploadStore
from tests.receiver import Receiver
from tests.served import Dashboard, Served
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Dashboard(upload_limit=4.0, songs=6) as dashboard:
        yield dashboard


@pytest.fixture
def browser(served: Served) -> Iterator[Served]:
    """A browser of its own, that has seen the page."""
    fresh = served.stranger()
    assert fresh.ask("GET", "/").status == 200
    yield fresh
    for song in fresh.ask("GET", "/songs").json["songs"]:
        fresh.ask("DELETE", f"/songs/{song['id']}")


def told(state: EngineState, name: str, value: float | int | str, at: float) -> None:
    state.take(Message(f"/streammood/{name}", (value,)), at)


def due(state: EngineState) -> float | None:
    """When some beat is, in s."""
    clock = state.snapshot()["clock"]
    return None if clock is None else float(clock["anchor"])


# What it knows of an engine


def test_prediction_is_the_same_from_every_message_of_a_beat() -> None:
    """Whatever part of a beat a message comes in, it names the same grid: beats at 10.3 + n / 2."""
    state = EngineState(0, 1)
    told(state, "bpm", 120.0, 10.0)
    for now in np.arange(10.0, 14.0, 0.013):
        told(state, "beat/next", float((10.3 - now) % 0.5), float(now))
        change = state.take_changes()
        assert change is not None
        assert (change["clock"]["anchor"] - 10.3 + 1e-4) % 0.5 == pytest.approx(1e-4, abs=5e-5)
        assert change["clock"]["period"] == pytest.approx(0.5)


def test_phase_tells_the_beat_where_the_engine_does_not() -> None:
    state = EngineState(0, 1)
    told(state, "bpm", 120.0, 10.0)
    told(state, "beat/phase", 0.25, 10.0)
    assert due(state) == pytest.approx(10.375, abs=1e-4)


@pytest.mark.parametrize("meter", [3, 4, 6])
def test_the_bar_is_counted_on_from_what_the_engine_said(meter: int) -> None:
    """Also where a beat's own message was lost, and where the tempo has changed meanwhile."""
    state = EngineState(0, 1)
    told(state, "beat/meter", meter, 9.0)
    at, number = 10.0, 1
    for step in range(40):
        period = 0.5 if step < 20 else 0.4
        told(state, "bpm", 60.0 / period, at)
        if step % 3 == 0:
            told(state, "beat/number", number, at)
            told(state, "beat", 1, at + 0.002)
        for share in (0.2, 0.6):
            told(state, "beat/next", (1.0 - share) * period, at + share * period)
        clock = state.snapshot()["clock"]
        steps = round((at - clock["anchor"]) / clock["period"])
        assert clock["meter"] == meter
        assert (clock["number"] - 1 + steps) % meter + 1 == number
        at, number = at + period, number % meter + 1


def test_late_packets_hardly_move_the_prediction() -> None:
    rng = np.random.default_rng(3)
    state = EngineState(0, 1)
    told(state, "bpm", 120.0, 0.0)
    for now in np.arange(0.0, 20.0, 0.033):
        late = float(rng.exponential(0.004)) + 0.03 * (rng.random() < 0.05)
        told(state, "beat/next", float(-now % 0.5), float(now) + late)
    told_due = due(state)
    assert told_due is not None
    assert abs(told_due - round(told_due / 0.5) * 0.5) < 0.006  # the mean delay itself is 5.5 ms, the longest some 40


def test_no_prediction_outlives_its_engine_or_its_music() -> None:
    state = EngineState(0, 1)
    told(state, "bpm", 120.0, 5.0)
    told(state, "beat/next", 0.2, 5.0)
    state.watch(5.5)
    assert due(state) is not None
    told(state, "bpm", 120.0, 6.9)
    state.watch(7.0)
    assert state.present
    assert due(state) is None
    told(state, "bpm", 0.0, 7.1)
    told(state, "beat/next", 0.2, 7.1)
    assert due(state) is None, "without a tempo nothing is predicted"


def test_moods_are_told_in_the_order_of_the_model() -> None:
    state = EngineState(0, 1)
    labels = ["mood/zesty", "mood/eerie", "mood/calm", "mood/dark", "mood/arid"]
    for name in labels:
        told(state, name, 0.2, 1.0)
    change = state.take_changes()
    assert change is not None
    assert list(change["values"]) == labels == list(state.snapshot()["values"])


def test_a_silent_engine_is_lost_and_found_again() -> None:
    state = EngineState(0, 1)
    told(state, "status/alive", 1, 10.0)
    state.watch(10.0 + ABSENT - 0.1)
    assert state.present
    state.watch(10.0 + ABSENT + 0.1)
    assert not state.present
    told(state, "status/alive", 1, 20.0)
    assert state.present
    told(state, "status/alive", 0, 21.0)
    assert not state.present
    told(state, "status/signal", 0, 21.0)
    assert not state.present
    kinds = [entry["text"] for entry in state.log]
    assert [text for text in kinds if "ngine" in text] == [
        "The engine is here",
        "Nothing received from the engine for 2 s",
        "The engine is here",
        "The engine has stopped",
    ]


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("127.0.0.1", "127.0.0.1:7072"),
        ("::1", "[::1]:7072"),
        ("0.0.0.0", "THIS-MACHINE:7072"),
        ("::", "THIS-MACHINE:7072"),
    ],
)
def test_while_there_is_no_engine_the_log_says_how_to_start_one(host: str, target: str) -> None:
    state = EngineState(0, 7072, start_command(host, 7072))
    line = f"Waiting on port 7072; start an engine: streammood run --target {target}"
    assert [entry["text"] for entry in state.log] == [line]
    told(state, "status/alive", 1, 10.0)
    told(state, "status/alive", 0, 10.1)
    assert [entry["text"] for entry in state.log][-2:] == ["The engine has stopped", line]


def test_log_tells_what_an_operator_wants_to_know() -> None:
    state = EngineState(0, 1)
    messages: list[tuple[str, float | str]] = [
        ("bpm", 128.0),
        ("beat/locked", 0),
        ("beat/locked", 1),
        ("mood/label", "happy"),
        ("mood/label", "happy"),
        ("status/signal", 1),
        ("status/signal", 0),
        ("status/lost", 0),
        ("status/lost", 512),
    ]
    for now, (name, value) in enumerate(messages):
        told(state, name, value, float(now))
    assert [entry["text"] for entry in state.log][1:] == [
        "Locked at 128.0 BPM",
        "happy",
        "Silence",
        "512 samples of the input were lost",
    ]


def test_the_log_is_a_set_list_too() -> None:
    state = EngineState(0, 1)
    for now in (100.0, 321.4, 930.0):
        told(state, "song/changed", 1, now)
        told(state, "song/changed", 0, now + 0.1)
    told(state, "status/alive", 0, 940.0)
    told(state, "status/alive", 1, 950.0)
    told(state, "song/changed", 1, 960.0)  # of an engine that came in between: nobody knows since when its song played
    assert [entry["text"] for entry in state.log if entry["kind"] == "song"] == [
        "Another song has begun",
        "Another song has begun; the one before it lasted 3:41",
        "Another song has begun; the one before it lasted 10:09",
        "Another song has begun",
    ]


def test_a_lock_whose_tempo_has_not_come_has_none_in_the_log() -> None:
    state = EngineState(0, 1)
    for value in (0, 1):
        told(state, "beat/locked", value, 1.0)
    assert state.log[-1]["text"] == "Locked"


@given(st.binary(max_size=200))
def test_any_packet_is_messages_or_an_osc_error(data: bytes) -> None:
    try:
        messages = decode(data)
    except OscError:
        return
    state = EngineState(0, 1)
    for message in messages:
        state.take(message, 1.0)
    json.dumps(state.snapshot(), allow_nan=False)


@given(
    name=st.sampled_from(["bpm", "beat/next", "beat/phase", "mood/arousal", "mood/label", "status/lost", "x", "beat"]),
    value=st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.binary()),
)
def test_any_value_leaves_a_state_that_json_can_carry(name: str, value: Any) -> None:
    state = EngineState(0, 1)
    told(state, "bpm", 120.0, 0.5)
    state.take(Message(f"/streammood/{name}", (value,)), 1.0)
    json.dumps([state.snapshot(), state.take_changes(), state.take_news()], allow_nan=False)


def test_bundles_count_at_once_whatever_their_time_says() -> None:
    bundle = OscBundleBuilder(int(time.time()) + 3600)
    builder = OscMessageBuilder("/streammood/bpm")
    builder.add_arg(120.0)
    bundle.add_content(builder.build())
    assert decode(bundle.build().dgram) == [("/streammood/bpm", (120.0,))]


def test_a_stranger_cannot_fill_the_memory() -> None:
    state = EngineState(0, 1)
    for i in range(5000):
        told(state, f"x/{i}", "y" * 1000, 1.0)
    assert len(json.dumps(state.snapshot())) < 60_000


# Commands


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_become_the_messages_of_the_contract(name: str) -> None:
    samples: dict[str, Any] = {"number": 30.5, "switch": 1, "target": "wall", "mood": "calm", "text": "Line"}
    arguments = [samples[argument.kind] for argument in COMMANDS[name].arguments]
    sent = OscMessage(packet(name, arguments, "/streammood"))
    assert sent.address == f"/streammood/do/{name}"
    assert list(sent.params) == (arguments or [1])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("explode", []),
        (None, []),
        ("tap", [1]),
        ("tap", "x"),
        ("bpm", ["fast"]),
        ("bpm", [float("nan")]),
        ("bpm", [1e99]),
        ("bpm", [10**400]),
        ("bpm", [-(10**3000)]),
        ("hold", ["on"]),
        ("mood", [0.5]),
        ("mute", [1, "wall"]),
    ],
)
def test_nonsense_is_no_command(name: object, arguments: object) -> None:
    with pytest.raises(ControlError, match=r"no command|takes"):
        packet(name, arguments, "/streammood")


def test_run_adds_the_dashboard_to_the_targets_once() -> None:
    settings = config.load(None, {"dashboard.osc_port": [7100, 7101], "dashboard.osc_host": "0.0.0.0"})
    added = dashboard_target(settings.dashboard)
    assert (added.host, added.port, added.label, added.details) == ("127.0.0.1", 7100, True, True)
    for targets in ((), (added,)):
        known = settings.model_copy(update={"osc": OscSettings(targets=targets)})
        sinks = Outputs(known, ("happy",), views=[added]).build(float)
        assert [sink.name for sink in sinks if isinstance(sink, Output)] == ["dashboard"]
        for sink in sinks:
            sink.close()


def test_details_tell_of_targets_and_of_what_was_told() -> None:
    targets = (TargetState("wall", 5, 1, -20.0, False, "/a 1", "no route"), TargetState("desk", 7, 0, 0.0, True))
    state = OperatorState(True, "sad", 60.0, 200.0, -10.0, 3.0, 110.0, (), "Line in", "1,2", -1)
    status = Status(0, 0, True, 0, 0.0, notes=("a cable fell out",), targets=targets, operator=state)
    with Receiver() as receiver:
        report = DetailedReport(TargetSettings(port=receiver.port))
        report.send(status, 1.0)
        found = {message.address.removeprefix("/streammood/"): message.value for message in receiver.messages(0.2)}
        report.close()
    assert found == {
        "target/1/name": "wall", "target/1/sent": 5, "target/1/failed": 1, "target/1/offset": -20.0,
        "target/1/muted": 0, "target/2/name": "desk", "target/2/sent": 7, "target/2/failed": 0,
        "target/2/offset": 0.0, "target/2/muted": 1,
        "target/1/last": "/a 1", "target/1/error": "no route", "target/2/last": "", "target/2/error": "",
        "target/count": 2, "control/hold": 1, "control/mood": "sad", "control/bpm/min": 60.0, "control/bpm/max": 200.0,
        "control/nudge": -10.0, "control/tempo": 110.0, "control/gain": 3.0,
        "control/input": "Line in", "control/channels": "1,2", "control/play": -1, "status/note": "a cable fell out",
    }  # fmt: skip


# Who is let through


def test_every_answer_carries_the_policy(served: Served) -> None:
    for path in ("/", "/stage", "/page/main.js", "/nothing", "/songs"):
        answer = served.stranger().ask("GET", path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["index.html", "stage.html"])
def test_pages_hold_nothing_that_the_policy_forbids(name: str) -> None:
    text = (Path(config.__file__).parents[1] / "web" / "page" / name).read_text(encoding="utf-8")
    for inline in ("<style", " style=", "<script>", " onclick=", "javascript:", "http://", "https://", "//cdn"):
        assert inline not in text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7073", "127.0.0.1.evil.example", "192.0.2.1", "[::2]:80"]
)
def test_other_names_lead_nowhere(served: Served, host: str) -> None:
    assert served.ask("GET", "/", headers={"Host": host}).status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "https://127.0.0.1"])
def test_other_origins_change_nothing(served: Served, browser: Served, origin: str, wav: Path) -> None:
    wrong = {"Origin": origin}
    assert browser.ask("POST", "/songs?name=a.wav", wav.read_bytes()[:1000], wrong).status == 403
    assert browser.ask("DELETE", "/songs/x", headers=wrong).status == 403
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert browser.ask("GET", "/ws", headers=wrong | upgrade | key).status == 403
    assert browser.ask("GET", "/songs").json == {"songs": []}


@pytest.mark.parametrize(
    "path",
    [
        "/page/../web.py",
        "/page/..%2fweb.py",
        "/page/%2e%2e/web.py",
        "/page//etc/passwd",
        "/page/",
        "/page/%00",
        "/web.py",
        "/songs/../../etc/passwd",
        "/songs/..%2f..%2fetc%2fpasswd/sound",
    ],
)
def test_no_path_leads_out(browser: Served, path: str) -> None:
    assert browser.ask("GET", path).status in {400, 404}


def test_elsewhere_the_token_is_needed() -> None:
    with Dashboard(host="0.0.0.0") as served:
        token = served.addresses.others[0].partition("?token=")[2]
        assert len(token) >= 19
        assert served.addresses.here == f"http://127.0.0.1:{served.port}/", "none is needed here"
        elsewhere = served.stranger("192.168.1.5")
        for path in ("/", "/stage", "/page/main.js", "/ws", "/songs", "/?token=wrong", f"/?token={token[:-1]}"):
            assert elsewhere.stranger().ask("GET", path).status == 401, path
        answer = elsewhere.ask("GET", f"/stage?token={token}&engine=0")
        assert (answer.status, answer.headers["location"]) == (303, "./stage?engine=0")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert token not in cookie
        assert elsewhere.ask("GET", "/").status == 200
        forged = elsewhere.stranger()
        forged.cookie = elsewhere.cookie[:-1] + ("0" if elsewhere.cookie[-1] != "0" else "1")
        assert forged.ask("GET", "/").status == 401
        by_header = elsewhere.stranger()
        assert by_header.ask("GET", "/", headers={"Authorization": f"Bearer {token}"}).status == 200
        assert by_header.ask("GET", "/", headers={"Authorization": f"Bearer {token}x"}).status == 401


def test_ports_that_are_taken_are_named(served: Served) -> None:
    with pytest.raises(SinkError, match=str(served.port)), Dashboard(port=served.port):
        pass
    with pytest.raises(SourceError, match=str(served.osc_port)), Dashboard(osc_port=served.osc_port):
        pass


# Songs


def finished(browser: Served, number: str) -> dict[str, Any]:
    """The song once its analysis is over."""
    states: list[dict[str, Any]] = []

    def over() -> bool:
        states.append(browser.ask("GET", f"/songs/{number}").json)
        return states[-1]["state"] in {"done", "failed"}

    assert wait_for(over, 300.0), states[-1]  # the first has to compile
    return states[-1]


def test_a_song_becomes_what_analyze_says(browser: Served, wav: Path, music: Rendered) -> None:
    answer = browser.upload(wav)
    assert answer.status == 201, answer.body
    number = answer.json["id"]
    assert finished(browser, number)["state"] == "done"
    song = browser.ask("GET", f"/songs/{number}/result")
    assert "attachment" in song.headers["content-disposition"]
    assert song.json["bpm"] == pytest.approx(120.0, abs=2.0)
    assert song.json["input"] == "steady.wav"
    assert {beat["mood"]["label"] for beat in song.json["beats"]} <= set(song.json["labels"])
    outline = browser.ask("GET", f"/songs/{number}/outline").json
    assert max(outline["outline"]) == pytest.approx(float(np.abs(music.sound).max()), abs=0.01)
    assert outline["damage"] == ""
    sound = browser.ask("GET", f"/songs/{number}/sound", headers={"Range": "bytes=100-199"})
    assert (sound.status, sound.body) == (206, wav.read_bytes()[100:200])
    assert sound.headers["cache-control"] == "no-store"
    for name in DOWNLOADS:
        answer = browser.ask("GET", f"/songs/{number}/download/{name}")
        assert answer.status == 200, (name, answer.body)
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''steady.{name}"
        begins = {"picture.png": b"\x89PNG", "page.html": b"<!doctype html>"}.get(name, b"")
        assert answer.body.startswith(begins)
        lines = {"beats.csv": len(song.json["beats"]) + 1, "beats.txt": len(song.json["beats"])}.get(name)
        assert lines in {None, len(answer.body.splitlines())}
    assert browser.ask("GET", f"/songs/{number}/download/passwd").status == 404
    for part in ("", "/result", "/outline", "/sound", "/download/beats.csv"):
        assert browser.stranger().ask("GET", f"/songs/{number}{part}").status == 404
    assert browser.stranger().ask("DELETE", f"/songs/{number}").status == 404
    assert browser.ask("DELETE", f"/songs/{number}").status == 204
    assert browser.ask("GET", f"/songs/{number}/sound").status == 404


def test_what_a_browser_cannot_play_is_served_as_wav(browser: Served, music: Rendered, tmp_path: Path) -> None:
    path = tmp_path / "steady.aiff"
    soundfile.write(path, np.stack([music.sound[:88_200]] * 2, axis=1), 44_100)
    number = browser.upload(path).json["id"]
    assert finished(browser, number)["state"] == "done"
    answer = browser.ask("GET", f"/songs/{number}/sound?as=wav")
    assert answer.headers["content-type"] == "audio/wav"
    (tmp_path / "back.wav").write_bytes(answer.body)
    sound, rate = soundfile.read(tmp_path / "back.wav", dtype="float32")
    assert (rate, sound.shape) == (44_100, (88_200, 2))
    np.testing.assert_allclose(sound[:, 0], music.sound[:88_200], atol=2e-4)  # 16 bits, twice rounded


def bad_files(folder: Path, wav: Path, music: Rendered) -> Iterator[tuple[str, bytes, int]]:
    """Name, content and the status that it must get."""
    whole = wav.read_bytes()
    yield "words.txt", b"This is text.", 415
    yield "words.wav", b"This is text.", 201
    yield "page.html", b"<script>alert(1)</script>", 415
    yield "none", whole, 415
    yield "empty.wav", b"", 400
    yield "huge.wav", whole + bytes(4_000_000), 413
    yield "short.wav", whole[:20], 201
    yield "header.wav", whole[:44], 201
    flac = folder / "a.flac"
    soundfile.write(flac, music.sound, 44_100)
    yield "broken.flac", flac.read_bytes()[:60] + bytes(5000), 201
    yield "other.flac", whole[:100_000], 201
    yield "%00.wav", whole, 415


def test_bad_songs_get_clear_answers(browser: Served, wav: Path, music: Rendered, tmp_path: Path) -> None:
    for name, content, status in bad_files(tmp_path, wav, music):
        answer = browser.ask("POST", f"/songs?name={name}", content)
        assert answer.status == status, (name, answer.body)
        if status != 201:
            assert len(answer.json["error"]) > 15, name
            continue
        song = finished(browser, answer.json["id"])
        if song["state"] == "failed":
            assert len(song["error"]) > 8, song
            assert "streammood-songs" not in song["error"], "no path of the server is told"
            assert browser.ask("GET", f"/songs/{song['id']}/sound").status == 409


def test_a_song_that_ends_early_is_shown_as_far_as_it_goes(browser: Served, wav: Path) -> None:
    whole = wav.read_bytes()
    number = browser.ask("POST", "/songs?name=cut.wav", whole[: len(whole) // 2]).json["id"]
    assert finished(browser, number)["state"] == "done"
    assert browser.ask("GET", f"/songs/{number}/result").json["duration"] == pytest.approx(7.0, abs=0.1)
    assert "ends early" in browser.ask("GET", f"/songs/{number}/outline").json["damage"]


def test_an_upload_without_a_length_is_cut_at_the_limit(browser: Served) -> None:
    pieces = itertools.chain([b"RIFF" + bytes(60_000)], itertools.repeat(bytes(60_000), 80))
    answer = browser.ask("POST", "/songs?name=a.wav", pieces)  # in chunks
    assert answer.status == 413


@pytest.mark.parametrize(("stalled", "longest"), [(0.2, 60.0), (60.0, 0.2)])
def test_an_upload_that_stands_still_or_never_ends_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch, stalled: float, longest: float
) -> None:
    monkeypatch.setattr(uploads, "_STALLED", stalled)
    monkeypatch.setattr(uploads, "_LONGEST", longest)
    host = f"127.0.0.1:{served.port}"
    head = ["POST /songs?name=a.wav HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", "Content-Length: 5000"]
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*head, "", "R"]).encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_an_upload_may_come_in_small_pieces(browser: Served, wav: Path) -> None:
    content, size = wav.read_bytes()[:200_000], 1
    pieces = [content[at : at + size] for at in range(0, 60, size)]
    answer = browser.ask("POST", "/songs?name=a.wav", iter([*pieces, content[size * len(pieces) :]]))
    assert answer.status == 201
    assert finished(browser, answer.json["id"])["state"] == "done"
    assert browser.ask("GET", f"/songs/{answer.json['id']}/sound").body == content


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.wav", "..%5C..%5Ca.wav", "%2Fetc%2Fcron.d%2Fa.wav", "a%0d%0aX:y.wav"]
)
def test_names_are_words_and_never_paths(browser: Served, wav: Path, name: str) -> None:
    answer = browser.ask("POST", f"/songs?name={name}", wav.read_bytes()[:40_000])
    assert answer.status == 201
    told_name = answer.json["name"]
    assert "/" not in told_name
    assert "\\" not in told_name
    assert told_name.isprintable()
    assert browser.ask("DELETE", f"/songs/{answer.json['id']}").status == 204


def test_thousands_at_once_are_answered(served: Served, wav: Path) -> None:
    """A thousand uploads over forty connections: each is taken or told to come again; then all is as before."""
    statuses: Counter[int] = Counter()
    content = wav.read_bytes()[:30_000]

    def many() -> None:
        browser = served.stranger()
        browser.ask("GET", "/")
        for _ in range(25):
            statuses[browser.ask("POST", "/songs?name=a.wav", content).status] += 1
        for song in browser.ask("GET", "/songs").json["songs"]:
            browser.ask("DELETE", f"/songs/{song['id']}")

    threads = [threading.Thread(target=many) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sum(statuses.values()) == 1000
    assert set(statuses) <= {201, 429}
    assert statuses[429] > 0
    assert served.stranger().ask("GET", "/").status == 200


def test_store_lets_go_of_what_nobody_wants() -> None:
    store = UploadStore(limit=2, minutes=0.1)
    first = store.admit("a", "one.wav")
    first.path.write_bytes(b"x")
    folder = first.path.parent
    assert folder.stat().st_mode & 0o077 == 0
    store.admit("b", "two.wav")
    with pytest.raises(RefusedError) as refusal:
        store.admit("c", "three.wav")
    assert refusal.value.status == 429
    first.state = "done"
    third = store.admit("a", "three.wav")  # takes the place of the finished one of the same session
    assert store.find(first.id, "a") is None
    assert not first.path.exists()
    assert store.find(third.id, "b") is None
    third.touched -= 7.0
    store.expire()
    assert store.find(third.id, "a") is None
    store.close()
    assert not folder.exists()


def test_songs_of_a_dashboard_that_was_killed_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed, alive = UploadStore(limit=2, minutes=60), UploadStore(limit=2, minutes=60)
    for store in (killed, alive):
        song = store.admit("a", "one.wav")
        song.path.write_bytes(b"x")
        os.utime(song.path.parent, (0, 0))
    alive.expire()  # as it does every few seconds
    (stays,) = alive.of("a")
    later = UploadStore(limit=2, minutes=60)
    assert stays.path.exists()
    assert not killed.of("a")[0].path.exists()
    assert len(list(tmp_path.iterdir())) == 2
    for store in (alive, later):
        store.close()
    assert list(tmp_path.iterdir()) == []


@given(st.integers(1, 5000), st.lists(st.integers(1, 700), min_size=1, max_size=20))
def test_outline_does_not_depend_on_blocks(length: int, cuts: list[int]) -> None:
    sound = np.sin(np.arange(length, dtype=np.float32))
    one, other = Waveform(length), Waveform(length)
    one.push(sound)
    at = 0
    for cut in itertools.cycle(cuts):
        if at >= length:
            break
        other.push(sound[at : at + cut])
        at += cut
    assert one.values == other.values
    assert max(one.values) == pytest.approx(float(np.abs(sound).max()), abs=6e-4)
