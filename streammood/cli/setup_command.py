"""The command `setup`: from nothing to a settings file, question by question."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streammood.api.inputs import DEMO
from streammood.capture.advice import advise
from streammood.capture.device import Device, DeviceSource
from streammood.capture.device import devices as all_devices
from streammood.capture.meter import Meter
from streammood.cli import terminal
from streammood.cli.dashboard_command import show_page
from streammood.cli.options import app, report_errors
from streammood.config import InputSettings, Settings, TargetSettings, load
from streammood.config.first import First
from streammood.config.presets import shipped_presets, with_preset
from streammood.engine.trial import send_trial
from streammood.errors import ConfigError, StreammoodError

_TRIAL = 4.0  # s for which an input is tried
_NONE = "osc"  # every signal at its own address
_TESTED = 7.0  # s that the test of a target takes


@app.command()
@report_errors
def setup(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.yaml", help="Where the settings go.")] = Path(
        "venue.yaml"
    ),
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="NAME|demo", help="Do not ask for it.")] = None,
    receiver: Annotated[str | None, typer.Option(metavar="PRESET|osc", help="Do not ask for it.")] = None,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="Do not ask for it.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Do not ask for it.")] = None,
    test: Annotated[bool, typer.Option(help="Send a test to the receiver.")] = True,
    page: Annotated[
        bool, typer.Option("--page", help="Ask on a page of the dashboard instead; needs the extra `views`.")
    ] = False,
) -> None:
    """Ask for the input and the receiver, try both, and write a settings file."""
    screen = terminal.console()
    if page:
        show_page(load(), "setup")
        return
    if out.exists():
        raise ConfigError(f"{out} is there already; choose another name with --out, or move it away")
    device = _choose_input(screen, input)
    preset = _choose_receiver(screen, receiver)
    base = TargetSettings.model_validate(with_preset({"preset": preset})) if preset != _NONE else TargetSettings()
    host = (host or "").strip() or typer.prompt(
        "On which machine does it run? (host name or address)", default=base.host
    ).strip()
    port = port or typer.prompt("On which port does it listen?", default=base.port, type=int)
    chosen = First(None if device == DEMO else device, None if preset == _NONE else preset, host, port)
    settings = chosen.write(out)
    if test:
        _test(screen, settings)
    start = f"streammood run --config {out}" + (" --input demo" if device == DEMO else "")
    screen.print(f"\nWritten: {out}. Start the show with\n  {start} --dashboard")
    screen.print("For phones and other machines, add --set dashboard.host=0.0.0.0 and scan the code that it shows.")


def _choose_input(screen: Console, given: str | None) -> str:
    """The name of a device, or `demo`."""
    if given is not None:
        return given
    found = all_devices()
    if not found:
        screen.print("There is no input device: the demo is taken. Plug one in and call setup again.")
        return DEMO
    screen.print(terminal.device_table(found))
    usual = next((i for i, device in enumerate(found) if device.default), 0)
    while True:
        answer = typer.prompt("Which input? (its index, or demo)", default=str(found[usual].index)).strip()
        if answer == DEMO:
            return DEMO
        chosen = next((device for device in found if str(device.index) == answer), None)
        if chosen is None:
            screen.print(f"There is no input {answer}; take one of the table's second column.")
        elif _try_input(screen, chosen) and typer.confirm("Take this input?", default=True):
            return chosen.name


def _try_input(screen: Console, device: Device) -> bool:
    """Listen for some seconds and print the level; False where the input cannot be opened."""
    meter = Meter()
    try:
        source = DeviceSource(InputSettings(device=device.index))
        screen.print(f"Listening to {device.name}: play something as loud as it will be.")
        source.start(meter.take)
        time.sleep(_TRIAL)
        source.stop()
    except StreammoodError as error:
        screen.print(f"It cannot be opened: {error}", style="red", markup=False)
        return False
    advice = advise(meter.peak, meter.clipped)
    screen.print(f"Peaks at {meter.peak:.0f} dB: {advice.text}.", style="green" if advice.word == "good" else "yellow")
    return True


def _choose_receiver(screen: Console, given: str | None) -> str:
    names = shipped_presets()
    if given is None:
        screen.print(terminal.preset_table(names))
        screen.print(f"{_NONE}: anything else that takes OSC; every signal at its own address below /streammood")
        given = typer.prompt("Which program receives?", default=_NONE)
    given = str(given).strip().lower()
    if given != _NONE and given not in names:
        raise ConfigError(f"no preset `{given[:40]}`; there are {', '.join(names)} and {_NONE}")
    return given


def _test(screen: Console, settings: Settings) -> None:
    """Send the test until the receiver has followed, or the user has had enough."""
    while True:
        screen.print("Sending a bar of beats, a sweep of the levels, and every mood …")
        send_trial(settings, _TESTED, threading.Event())
        if typer.confirm("Did it follow?", default=True):
            return
        screen.print("Look at docs/receivers.md for what to click there; a firewall may stand between the machines.")
        if not typer.confirm("Send it again?", default=True):
            return
