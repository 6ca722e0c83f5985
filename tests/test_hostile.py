"""Clients that mean no good, or speak no HTTP: each gets an answer or is cut off, and everybody else is served on."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from streammood.web import connections, pages
from tests.served import Dashboard, Served, free_port
from tests.waiting import wait_for

ULIMIT = shutil.which("sh") is not None and sys.platform != "win32"

TOKEN = "abcd-efgh-jkmn-pqrs"
NAME = "mood.example.org"  # under which a proxy might serve it


@pytest.fixture(scope="module")
def local() -> Iterator[Served]:
    """On this machine alone."""
    with Dashboard() as served:
        yield served


@pytest.fixture(scope="module")
def public() -> Iterator[Served]:
    """For other machines, with a token."""
    with Dashboard(host="0.0.0.0", token=TOKEN, names=["laptop.lan", f"https://{NAME}/mood/"]) as served:
        yield served


def exchange(port: int, request: bytes, patience: float = 5.0) -> bytes:
    """The first bytes of the answer to ``request``; empty if the server closes, or waits for more."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as client:
        try:
            client.sendall(request)
            return client.recv(65_536)
        except (TimeoutError, ConnectionError):
            return b""


def get(path: str, *headers: str, method: str = "GET", host: str | None = "127.0.0.1") -> bytes:
    """A request as it goes over the wire; characters stand for bytes."""
    lines = [f"{method} {path} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + "A" * 22 + "==",
)
ABOVE_127 = "\xe9\xff\x80"
WRONG: dict[str, bytes] = {
    "no HTTP": b"\x00\x01\x02\x03" * 20 + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(50),
    "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
    "empty lines": b"\r\n" * 5 + get("/"),
    "no host": get("/", host=None),
    "two hosts": get("/", "Host: evil.example"),
    "bytes in host": get("/", host=ABOVE_127),
    "bracket in host": get("/", host="[::1"),
    "empty host": get("/", host=""),
    "user in host": get("/", host="a@127.0.0.1"),
    "port in host": get("/", host="127.0.0.1:99999999999999999999"),
    "long line": get("/" + "a" * 100_000),
    "long header": get("/", "X: " + "a" * 100_000),
    "many headers": get("/", *(f"X-{i}: {i}" for i in range(5000))),
    "no colon": get("/", "X"),
    "NUL in header": get("/", "X: a\x00b"),
    "folded header": get("/", "X: a", " b"),
    "negative length": get("/songs?name=a.wav", "Content-Length: -1", method="POST"),
    "length of many digits": get("/songs?name=a.wav", "Content-Length: " + "9" * 5000, method="POST"),
    "two lengths": get("/", "Content-Length: 1", "Content-Length: 2"),
    "length and chunks": get("/", "Content-Length: 1", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "wrong chunk": get(
        "/songs?name=a.wav", "Origin: http://127.0.0.1", "Transfer-Encoding: chunked", method="POST"
    )
    + b"zz\r\n",
    "huge chunk": get("/", "Transfer-Encoding: chunked", method="GET") + b"f" * 40 + b"\r\n",
    "unknown coding": get("/", "Transfer-Encoding: gzip", method="POST"),
    "expectation": get("/", "Expect: nonsense"),
    "CONNECT": get("example.org:443", method="CONNECT"),
    "TRACE": get("/", method="TRACE"),
    "OPTIONS *": get("*", "Origin: http://127.0.0.1", method="OPTIONS"),
    "PUT": get("/", "Origin: http://127.0.0.1", method="PUT"),
    "unknown method": get("/", "Origin: http://127.0.0.1", method="BREW"),
    "other host's address": get("http://evil.example/"),
    "cut-off escape": get("/%"),
    "wrong escape": get("/%zz"),
    "NUL in path": get("/page/%00"),
    "surrogate in path": get("/page/%ed%a0%80"),
    "no UTF-8 in path": get("/page/%ff%fe"),
    "bytes in path": get("/page/" + ABOVE_127),
    "bytes in query": get("/?token=" + ABOVE_127),
    "surrogate as token": get("/?token=%ed%a0%80"),
    "bytes in cookie": get("/", f"Cookie: streammood_0={ABOVE_127}.{ABOVE_127}"),
    "strange cookie": get("/", "Cookie: " + "=;,\"\\ " * 1000),
    "bytes as bearer": get("/", f"Authorization: Bearer {ABOVE_127}"),
    "bytes in origin": get("/songs", f"Origin: {ABOVE_127}", method="POST"),
    "origin without end": get("/songs", "Origin: http://[", method="POST"),
    "strange type": get("/", f"Accept: {ABOVE_127}", f"Content-Type: {ABOVE_127}; charset={ABOVE_127}"),
    "range of many digits": get("/page/main.js", f"Range: bytes={'9' * 5000}-{'9' * 2000}"),
    "strange range": get("/page/main.js", "Range: bytes=-0,5-3,a-b"),
    "strange date": get("/page/main.js", "If-Modified-Since: " + "9" * 200, "If-None-Match: \"" + "x" * 5000),
    "upgrade to nothing": get("/ws", "Connection: Upgrade", "Upgrade: websocket", "Origin: http://127.0.0.1"),
    "upgrade elsewhere": get("/", *UPGRADE, "Origin: http://127.0.0.1"),
    "old socket": get("/ws", *UPGRADE[:2], "Sec-WebSocket-Version: 99", "Origin: http://127.0.0.1"),
    "strange key": get("/ws", *UPGRADE[:3], f"Sec-WebSocket-Key: {ABOVE_127}", "Origin: http://127.0.0.1"),
    "page is a folder": get("/page/"),
    "up and out": get("/page/../../../../etc/passwd"),
    "upload by no name": get("/songs", "Origin: http://127.0.0.1", "Content-Length: 0", method="POST"),
    "upload by a strange name": get(
        "/songs?name=%ed%a0%80%00%1b.wav", "Origin: http://127.0.0.1", "Content-Length: 4", method="POST"
    )
    + b"RIFF",
    "rate that bursts": get(
        "/songs?name=a.wav", "Origin: http://127.0.0.1", "Content-Encoding: gzip", "Content-Length: 1000", method="POST"
    )
    + gzip.compress(bytes(1 << 20))[:1000].ljust(1000, b"\0"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["local", "public"])
def test_whatever_comes_is_answered_and_is_no_fault(kind: str, request: pytest.FixtureRequest) -> None:
    """No status of 5xx, no traceback, one line about malformed requests however many there are."""
    served: Served = request.getfixturevalue(kind)
    for what, sent in WRONG.items():
        answer = exchange(served.port, sent)
        status = answer[9:12].decode("ascii", "replace")
        assert not status.startswith("5"), (what, answer[:200])
        assert b"Traceback" not in answer, what
    assert [line for line in served.reports if "fault" in line] == []
    assert len(served.reports) <= 2, served.reports
    again = exchange(served.port, get("/", f"Authorization: Bearer {TOKEN}"))
    assert again.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "//evil.example", "/\\evil.example/", "///evil.example/%2f..", "/%2f%2fevil.example/", "/"],
)
def test_a_token_leads_to_no_other_machine(public: Served, path: str) -> None:
    answer = exchange(public.port, get(f"{path}?token={TOKEN}&engine=1", host="192.0.2.1"))
    head = answer.partition(b"\r\n\r\n")[0].decode()
    if answer.startswith(b"HTTP/1.1 303 "):
        (location,) = [line for line in head.splitlines() if line.lower().startswith("location: ")]
        assert location.partition(": ")[2].startswith("./")
    else:
        assert answer[9:12] in {b"400", b"404"}


# By which names, and from where


@pytest.fixture(scope="module")
def direct() -> Iterator[Served]:
    """For other machines, without a proxy."""
    with Dashboard(host="0.0.0.0", token=TOKEN, names=["laptop.lan"]) as served:
        yield served


HERE, THERE = "127.0.0.1:{}", "192.168.1.5:{}"


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        (HERE, (), 200),
        ("localhost", (), 200),
        ("[::1]:{}", (), 200),
        (THERE, (), 401),
        ("laptop.lan:{}", (), 401),
        ("LAPTOP.LAN.", (), 401),
        (f"{socket.gethostname()}.fritz.box", (), 401),
        ("evil.example", (), 403),
        ("laptop.lan.evil.example", (), 403),
        (HERE, ("X-Forwarded-For: 203.0.113.7",), 401),  # through a proxy
        (HERE, ("Origin: https://evil.example",), 401),
    ],
)
def test_only_a_browser_here_needs_no_token(direct: Served, host: str, headers: tuple[str, ...], status: int) -> None:
    asked = get("/", *headers, host=host.format(direct.port))
    assert exchange(direct.port, asked)[9:12] == str(status).encode()


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there without being asked for on Linux alone")
def test_an_own_address_is_this_machine_too(direct: Served) -> None:
    """To itself a machine is known by all its addresses; to others by none of them."""
    for peer, host, status in (("127.0.0.2", "127.0.0.2", b"200"), ("127.0.0.2", "192.168.1.5", b"401")):
        with socket.create_connection((peer, direct.port), timeout=5) as client:
            client.sendall(get("/", host=host))
            assert client.recv(65_536)[9:12] == status


def test_a_session_from_here_is_worth_nothing_elsewhere(direct: Served) -> None:
    here = direct.stranger()
    assert here.ask("GET", "/").status == 200
    elsewhere = direct.stranger("192.168.1.5")
    elsewhere.cookie = here.cookie
    assert elsewhere.ask("GET", "/").status == 401


def test_behind_a_proxy_everybody_needs_the_token(public: Served) -> None:
    """All that a bare proxy passes on looks as if it came from a browser here."""
    assert exchange(public.port, get("/"))[9:12] == b"401"
    assert public.addresses.here == f"http://127.0.0.1:{public.port}/?token={TOKEN}"
    assert public.addresses.others[0] == f"https://{NAME}/mood/?token={TOKEN}"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        (NAME, f"https://{NAME}", b"101"),  # the proxy keeps the visitor's Host
        (HERE, f"https://{NAME}", b"101"),  # the proxy says its own
        (THERE, "https://192.168.1.5:{}", b"101"),  # TLS in front, opened by the address
        ("laptop.lan:{}", "http://laptop.lan:{}", b"101"),
        (HERE, "https://laptop.lan", b"101"),
        (HERE, f"http://{NAME}", b"403"),
        (HERE, f"https://{NAME}:8443", b"403"),
        (HERE, f"https://{NAME}.evil.example", b"403"),
        (HERE, "https://evil.example", b"403"),
        (HERE, "https://laptop.lan:1", b"403"),
        (HERE, "http://127.0.0.1:1", b"403"),
        (HERE, "null", b"403"),
    ],
)
def test_sockets_open_from_pages_of_the_dashboard_alone(public: Served, host: str, origin: str, status: bytes) -> None:
    headers = (*UPGRADE, f"Authorization: Bearer {TOKEN}", f"Origin: {origin.format(public.port)}")
    asked = get("/ws", *headers, host=host.format(public.port))
    assert exchange(public.port, asked)[9:12] == status


def test_a_browser_is_asked_for_the_token(direct: Served) -> None:
    elsewhere, browser = direct.stranger("192.168.1.5"), {"Accept": "text/html,*/*"}
    page = elsewhere.ask("GET", "/stage", headers=browser)
    assert page.status == 401
    assert b'name="token"' in page.body
    assert b'class="wrong"' not in page.body
    assert b'class="wrong"' in elsewhere.ask("GET", "/stage?token=wrong", headers=browser).body
    for part in ("token.css", "icon.svg"):
        assert elsewhere.ask("GET", f"/page/{part}").status == 200
    assert elsewhere.ask("GET", "/page/main.js").status == 401


# Sockets of pages

MESSAGES: list[str | bytes] = [
    "", "[", "null", "[]", "0", '"panic"', "NaN", "{}", '{"ping": NaN}', '{"ping": 1e999}', '{"ping": "\\ud800"}',
    "[" * 4000, '{"a":' * 600, '{"ping": ' + "9" * 4000 + "}", "\x00" * 100, b"\x00\xff",
    '{"command": "bpm", "arguments": [' + "9" * 4000 + "]}", '{"command": "bpm", "arguments": [1e999]}',
    '{"command": "bpm", "arguments": [NaN]}', '{"command": "bpm", "arguments": [true]}',
    '{"command": "bpm", "arguments": {"0": 1}}', '{"command": "bpm", "arguments": "1"}',
    '{"command": "mood", "arguments": ["\\ud800"]}', '{"command": "mood", "arguments": ["\\u0000"]}',
    '{"command": "\\udfff", "arguments": []}', '{"command": ["tap"], "arguments": []}', '{"command": null}',
    '{"command": "tap", "engine": 99999999999999999999}', '{"command": "tap", "engine": -1}',
    '{"command": "tap", "engine": "0"}', '{"command": "tap", "engine": 0.5}', '{"command": "../panic"}',
]  # fmt: skip


def test_no_message_ends_the_socket_of_a_page(local: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each, a ping is answered on the same socket."""
    monkeypatch.setattr(pages, "_RATE", 1000.0)

    async def send() -> None:
        origin = {"Origin": local.origin}
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{local.origin}/ws", headers=origin) as page:
            for number, message in enumerate(MESSAGES):
                await (page.send_bytes(message) if isinstance(message, bytes) else page.send_str(message))
                await page.send_json({"ping": number})
                while True:
                    answer = await page.receive(10.0)
                    assert answer.type is aiohttp.WSMsgType.TEXT, (message[:80], answer)
                    if json.loads(answer.data, parse_constant=pytest.fail).get("ping") == number:
                        break

    asyncio.run(send())
    assert [line for line in local.reports if "fault" in line] == []


FRAMES = {
    "not masked": b"\x81\x02hi",
    "reserved bits": b"\xf1\x80\0\0\0\0",
    "unknown kind": b"\x83\x80\0\0\0\0",
    "endless": b"\x81\xff" + b"\xff" * 8 + b"\0" * 4,
    "continues nothing": b"\x80\x80\0\0\0\0",
    "long ping": b"\x89\xfe\x01\x00" + b"\0" * 260,
    "no UTF-8": b"\x81\x82\0\0\0\0\xff\xfe",
    "wrong code": b"\x88\x82\0\0\0\0\0\0",
    "megabytes": b"\x81\xff\0\0\0\0\0\x40\0\0" + b"\0" * 60_000,
}


def test_broken_frames_end_their_own_socket_alone(local: Served) -> None:
    asked = get("/ws", *UPGRADE, f"Origin: {local.origin}", host=f"127.0.0.1:{local.port}")
    with socket.create_connection(("127.0.0.1", local.port), timeout=10) as bystander:
        bystander.sendall(asked)
        assert bystander.recv(65_536).startswith(b"HTTP/1.1 101")
        for what, frame in FRAMES.items():
            with socket.create_connection(("127.0.0.1", local.port), timeout=10) as client:
                client.sendall(asked)
                assert client.recv(65_536).startswith(b"HTTP/1.1 101"), what
                client.sendall(frame)
        assert bystander.recv(65_536)
        assert bystander.recv(65_536), "what flows goes on"
    assert [line for line in local.reports if "fault" in line] == []


def test_one_page_too_many_is_told_so(local: Served) -> None:
    async def crowd() -> tuple[int | None, bytes]:
        async with aiohttp.ClientSession() as session:
            opened = [
                await session.ws_connect(f"{local.origin}/ws", headers={"Origin": local.origin}) for _ in range(64)
            ]
            last = await session.ws_connect(f"{local.origin}/ws", headers={"Origin": local.origin})
            answer = await last.receive(10.0)
            for page in (*opened, last):
                await page.close()
            return last.close_code, str(answer.extra).encode()

    code, reason = asyncio.run(crowd())
    assert code == 1013
    assert b"64 pages" in reason


# Connections


@pytest.mark.skipif(not ULIMIT, reason="needs a shell that limits open files")
def test_half_open_connections_keep_nobody_out() -> None:
    """With 128 files for the process: a page that is open stays open, new ones are let in, the log stays short."""
    port, osc_port = free_port(), free_port(socket.SOCK_DGRAM)
    settings = [f"dashboard.port={port}", f"dashboard.osc_port={osc_port}"]
    command = [
        sys.executable,
        "-m",
        "streammood.cli",
        "dashboard",
        *(part for text in settings for part in ("--set", text)),
    ]
    served = Served(port, osc_port)

    held: list[socket.socket] = []
    limited = ["sh", "-c", 'ulimit -n 128 && exec "$@"', "sh", *command]
    program = subprocess.Popen(limited, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert wait_for(lambda: answers(port), 60.0)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as page:
            page.sendall(get("/ws", *UPGRADE, f"Origin: {served.origin}", host=f"127.0.0.1:{port}"))
            assert page.recv(65_536).startswith(b"HTTP/1.1 101")
            for count in range(400):
                held.append(socket.create_connection(("127.0.0.1", port), timeout=20))
                if count % 2:
                    held[-1].sendall(b"GET / HTTP/1.1\r\nHost: 127.0")
                if count % 50 == 0:
                    assert served.stranger().ask("GET", "/").status == 200
            assert served.stranger().ask("GET", "/").status == 200
            assert page.recv(65_536)
    finally:
        for client in held:
            client.close()
        program.terminate()
        errors = program.communicate(timeout=30)[1]
    assert len(errors) < 1000, errors[:2000]


def test_those_who_ask_for_nothing_make_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_FIRST", 0.3)
    with Dashboard() as served:
        silent = socket.create_connection(("127.0.0.1", served.port), timeout=20)
        slow = socket.create_connection(("127.0.0.1", served.port), timeout=20)
        slow.sendall(b"GET / HTTP/1.1\r\n")
        proven = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        proven.request("GET", "/")
        proven.getresponse().read()
        for stranger in (silent, slow):
            assert ended(stranger)
            stranger.close()
        proven.request("GET", "/")
        assert proven.getresponse().status == 200
        proven.close()


def test_what_anybody_may_have_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers who ask for the files of the token's page are strangers still."""
    monkeypatch.setattr(connections, "_FIRST", 0.3)
    with (
        Dashboard(host="0.0.0.0", token=TOKEN) as served,
        socket.create_connection(("127.0.0.1", served.port), timeout=10) as client,
    ):
        client.sendall(get("/page/icon.svg", host="192.168.1.5"))
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        while answer := client.recv(65_536):
            assert b"HTTP/1.1 4" not in answer


@pytest.mark.skipif(not hasattr(select, "poll"), reason="needs to see the end of a connection without reading")
def test_a_page_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_ALIVE", 0.5)
    with Dashboard() as served:
        asked = get("/ws", *UPGRADE, f"Origin: {served.origin}", host=f"127.0.0.1:{served.port}")
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
            client.sendall(asked)
            poll = select.poll()
            poll.register(client, select.POLLRDHUP)
            assert poll.poll(20_000)


def answers(port: int) -> bool:
    """Whether the dashboard is there."""
    try:
        return exchange(port, get("/"))[9:12] == b"200"
    except ConnectionRefusedError:
        return False


def ended(client: socket.socket) -> bool:
    """Whether the server ends this connection."""
    try:
        return client.recv(100) == b""
    except ConnectionResetError:
        return True
