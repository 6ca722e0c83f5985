"""The command `dashboard`, and its start beside an engine."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from streammood.cli import terminal, wiring
from streammood.cli.ending import DEADLY
from streammood.cli.options import Config, Set, app, extra, report_errors
from streammood.client.child import DASHBOARD, Child, control_option, reached_at, view_target
from streammood.config import DashboardSettings, Settings, TargetSettings

_RATE = 30.0  # messages a second on each address: more than a page shows
_NICE = 5  # beside an engine it must not take what the engine needs


@app.command()
@report_errors
def dashboard(
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Serve the page there; 0.0.0.0: to other machines, with a token.")
    ] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", help="Of the page, 7073 by default.")] = None,
    osc_host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Receive OSC there; 0.0.0.0: from other machines too.")
    ] = None,
    osc_port: Annotated[
        list[int] | None, typer.Option(metavar="PORT", help="Receive OSC there, 7072 by default; once for each engine.")
    ] = None,
    control: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="Where the engine takes commands, 127.0.0.1:7071.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    attached: Annotated[bool, typer.Option("--attached", hidden=True, help="End with the standard input.")] = False,
    set: Set = None,
) -> None:
    """Show in a browser what an engine sends over OSC, command it, and analyse songs; needs the extra `views`."""
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "osc_host": osc_host,
        "osc_port": osc_port or None,
        "control": control or None,
    }
    values = [f"dashboard.{name}={value}" for name, value in given.items() if value is not None]
    settings = wiring.Overrides(values=(*(set or ()), *values)).load(config)
    file = Path(config) if config is not None and Path(config).is_file() else None
    show_page(settings, "" if open_page else None, file, attached)


def show_page(settings: Settings, page: str | None = None, file: Path | None = None, attached: bool = False) -> None:
    """Serve the dashboard until a signal comes, and open ``page`` of it in a browser unless that is None.

    ``file`` is where the settings come from; ``attached``: it ends with the standard input, too.

    Raises:
        ConfigError: the extra `views` is not installed.
    """
    with extra("views"):
        from streammood.web.addresses import Addresses, qr_text  # noqa: PLC0415  an extra
        from streammood.web.application import serve  # noqa: PLC0415  likewise

    out, errors = terminal.console(), terminal.console(stderr=True)

    def ready(addresses: Addresses) -> None:
        first = addresses.here or addresses.others[0]
        base, mark, query = first.partition("?")
        shown = f"{base}{page or ''}{mark}{query}"
        out.print(f"Dashboard at {shown} (stage view: /stage). Ctrl-C stops.", markup=False)
        for address in addresses.others:
            out.print(f"From other machines: {address}", markup=False)
        if addresses.others and out.is_terminal:
            out.print(qr_text(addresses.others[0]), style="bright_white on black", markup=False)
        if page is not None and _has_display():
            webbrowser.open(shown)

    def report(line: str) -> None:
        errors.print(f"dashboard: {line}", style="yellow", markup=False)

    asyncio.run(_until_stopped(lambda stopped: serve(settings, stopped, ready, report, file), attached))


def dashboard_target(settings: DashboardSettings) -> TargetSettings:
    """The target that the dashboard on this machine is."""
    return view_target(DASHBOARD, reached_at(settings.osc_host), settings.osc_ports[0], _RATE)


def start_dashboard(settings: Settings, config: str | None, values: Sequence[str]) -> Child:
    """Start the dashboard with the ``settings`` that the engine has by ``config`` and ``values``, and open its page.

    Raises:
        ConfigError: the extra `views` is not installed.
    """
    with extra("views"):
        if importlib.util.find_spec("aiohttp") is None:
            raise ModuleNotFoundError(name="aiohttp")
    given = ["--config", config] if config is not None else []
    given += [part for value in values for part in ("--set", value)]
    return Child("dashboard", "--attached", "--open", *given, *control_option(settings.control))


def port_taken(settings: DashboardSettings) -> str:
    """Why no dashboard can be started here, for people; empty if it can."""
    kinds = (
        (settings.host, settings.port, socket.SOCK_STREAM),
        (settings.osc_host, settings.osc_ports[0], socket.SOCK_DGRAM),
    )
    for host, port, kind in kinds:
        try:
            family, _, protocol, _, address = socket.getaddrinfo(host, port, type=kind)[0]
            with socket.socket(family, kind, protocol) as tried:
                if kind == socket.SOCK_STREAM and os.name == "posix":
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
                tried.bind(address)
        except OSError as error:
            return (
                f"no dashboard: port {port} on {host} cannot be had ({error.strerror}), perhaps by another streammood; "
                "choose others with dashboard.port and dashboard.osc_port"
            )
    return ""


async def _until_stopped(serve: Callable[[asyncio.Event], Awaitable[None]], attached: bool) -> None:
    """Serve until a signal comes, or until the program that started this one has gone."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in DEADLY:
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    if attached:
        with contextlib.suppress(OSError, AttributeError):  # Windows has no such call
            os.nice(_NICE)

        def watch() -> None:
            while os.read(sys.stdin.fileno(), 1):  # not sys.stdin: it would be locked when the interpreter ends
                pass
            loop.call_soon_threadsafe(stopped.set)

        threading.Thread(target=watch, daemon=True).start()
    await serve(stopped)


def _has_display() -> bool:
    """Whether a browser can be shown to anybody."""
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
