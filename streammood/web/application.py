"""The dashboard as a web application, and its life from the first port to the last."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import mimetypes
from collections.abc import AsyncIterator, Callable
from importlib import resources
from pathlib import Path

from aiohttp import web

from streammood.client.listener import bind, listen
from streammood.config import Settings
from streammood.errors import SinkError
from streammood.web import tables
from streammood.web.addresses import Addresses, phone_address, qr_image
from streammood.web.connections import Connections
from streammood.web.guard import SESSION, Guard, is_loopback
from streammood.web.inputs import Inputs
from streammood.web.library import LibraryPages
from streammood.web.pages import Pages
from streammood.web.receivers import Receivers
from streammood.web.reports import Reports
from streammood.web.setup import Setup
from streammood.web.uploads import Uploads
from streammood.web.venue import Venue

_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
_DOCUMENTS = {"/": "index.html", "/phone": "phone.html", "/stage": "stage.html", "/setup": "setup.html"}


class _Files:
    """The page's files, read once, and the table of commands; nothing else exists, so no path leads anywhere else."""

    def __init__(self) -> None:
        folder = resources.files("streammood.web").joinpath("page")
        self._files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        self._files |= {name: text.encode() for name, text in tables.modules().items()}

    async def document(self, request: web.Request) -> web.Response:
        return self._answer(_DOCUMENTS[request.path])

    async def part(self, request: web.Request) -> web.Response:
        return self._answer(request.match_info["name"])

    def _answer(self, name: str) -> web.Response:
        body = self._files.get(name)
        if body is None:
            raise web.HTTPNotFound(text="There is no such page.\n")
        suffix = name[name.rfind(".") :]
        kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        charset = "utf-8" if kind.startswith("text/") else None
        return web.Response(body=body, content_type=kind, charset=charset, headers={"Cache-Control": "no-cache"})


def _with_code(address: str) -> dict[str, str]:
    return {"address": address, "code": qr_image(address)}


def application(
    settings: Settings, guard: Guard, connections: Connections, file: Path | None = None
) -> web.Application:
    """Everything that is served, ready to run; ``file`` is where the settings come from."""
    app = web.Application(middlewares=[guard.middleware, connections.middleware], client_max_size=1 << 16)
    files, pages, uploads = _Files(), Pages(settings.dashboard), Uploads(settings)
    library = LibraryPages(settings.library, uploads.open, SESSION)

    async def addresses(_: web.Request) -> web.Response:
        addresses = Addresses.of(settings.dashboard, guard)
        others = [_with_code(address) for address in addresses.others]
        phones = [_with_code(phone_address(address)) for address in addresses.others[:1]]
        short = guard.code.text if guard.token and addresses.others else ""
        return web.json_response({"here": addresses.here, "others": others, "phone": phones, "short": short})

    app.add_routes([web.get(path, files.document) for path in _DOCUMENTS])
    app.add_routes([web.get("/page/{name}", files.part), web.get("/addresses", addresses)])
    app.add_routes([web.get("/ws", pages.serve), *uploads.routes(), *library.routes()])
    app.add_routes(Venue(file).routes())
    inputs = Inputs(is_loopback(settings.dashboard.controls[0][0]))
    setup = Setup()
    app.add_routes([*inputs.routes(), *setup.routes(), *Receivers().routes()])
    app.on_response_prepare.append(guard.prepare)

    async def live(_: web.Application) -> AsyncIterator[None]:
        transports = [
            await listen(
                bind(settings.dashboard.osc_host, port, "dashboard.osc_port"),
                functools.partial(pages.take, number),
                functools.partial(pages.engines[number].note, "note"),
            )
            for number, port in enumerate(settings.dashboard.osc_ports)
        ]
        tasks = [asyncio.create_task(pages.run()), asyncio.create_task(uploads.sweep())]
        yield
        for task in tasks:
            task.cancel()
        for transport in transports:
            transport.close()
        pages.close()
        await uploads.close()
        await library.close()
        await inputs.close()
        await setup.close()

    async def hang_up(_: web.Application) -> None:
        await pages.hang_up()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(hang_up)
    return app


async def serve(
    settings: Settings,
    stopped: asyncio.Event,
    ready: Callable[[Addresses], None],
    report: Callable[[str], None],
    file: Path | None = None,
) -> None:
    """Serve until ``stopped`` is set.

    Args:
        settings: Of the dashboard, and of the analysis of songs.
        stopped: Set by the caller when the dashboard is to end.
        ready: Is given the addresses to open as soon as they are served.
        report: Is given a line when something goes wrong.
        file: Where the settings come from, if that is a file whose targets the page may change.

    Raises:
        SinkError: the page's port cannot be had.
        SourceError: an OSC port cannot be had.
    """
    at = settings.dashboard
    guard, reports, connections = Guard(at), Reports(report), Connections(report)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(reports.loop_failed)
    app = application(settings, guard, connections, file)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    server: asyncio.Server | None = None
    try:
        await runner.setup()
        assert runner.server is not None
        try:
            factory = connections.factory(runner.server, logger=reports.logger)
            server = await loop.create_server(factory, at.host, at.port)
        except OSError as error:
            raise SinkError(
                f"the page's port {at.host}:{at.port} cannot be had ({error.strerror or error}); "
                "end the other program there, or choose another with dashboard.port"
            ) from None
        ready(Addresses.of(at, guard))
        await stopped.wait()
    finally:
        if server is not None:
            server.close()
        with contextlib.suppress(asyncio.CancelledError):
            await runner.cleanup()
            await connections.close()
        reports.summary()
