"""The dashboard behind nginx, with TLS and below a path of its own, opened by a real browser."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.served import Dashboard, free_port
from tests.waiting import wait_for

NGINX, OPENSSL, CHROMIUM = (shutil.which(name) for name in ("nginx", "openssl", "chromium"))
NEEDED = {"nginx": NGINX, "openssl": OPENSSL, "chromium": CHROMIUM}
MISSING = " ".join(name for name, path in NEEDED.items() if path is None)
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {MISSING}: apt-get install {MISSING}")
TOKEN = "abcd-efgh-jkmn-pqrs"

# The recipe of the docs, and what a bare `proxy_pass` makes of it.
CONF = """
daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert; ssl_certificate_key {folder}/key;
    location /mood/ {{
      proxy_pass http://127.0.0.1:{inner}/;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      {more}
      client_max_body_size 200m;
    }}
  }}
}}
"""


@pytest.fixture(params=["", "proxy_set_header Host $host;"], ids=["bare", "host kept"])
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address at which nginx serves a dashboard."""
    inner, port = free_port(), free_port()
    subject = ["-subj", "/CN=127.0.0.1", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert")]
    new = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject]
    subprocess.run(new, check=True, capture_output=True)
    conf = tmp_path / "nginx.conf"
    conf.write_text(CONF.format(folder=tmp_path, port=port, inner=inner, more=request.param))
    address = f"https://127.0.0.1:{port}/mood/"
    with (
        Dashboard(port=inner, token=TOKEN, names=address),
        subprocess.Popen([str(NGINX), "-c", str(conf), "-e", str(tmp_path / "errors")]) as nginx,
    ):
        try:
            assert wait_for(lambda: _listens(port))
            yield address
        finally:
            nginx.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(ignore_https_errors=True) as context:
        yield context.new_page()


def test_it_is_opened_with_the_token_and_works(page: Page, proxied: str) -> None:
    """The field takes the token; then sockets connect, songs are listed, the stage opens: all below the path."""
    page.goto(proxied)
    page.get_by_label("Token").fill("abcd-efgh-jkmn-wrong")
    page.get_by_role("button").click()
    page.get_by_text("This is not the token").wait_for()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button").click()
    page.get_by_text("Waiting for an engine").wait_for()
    assert page.url == proxied
    assert page.evaluate("async () => (await fetch('songs')).json()") == {"songs": []}
    stage = page.get_by_role("link", name="Stage").get_attribute("href")
    page.goto(f"{proxied}{stage}")
    page.locator("#info", has_text="Waiting for an engine").wait_for()
