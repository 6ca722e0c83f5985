"""All commands, in one application; each is loaded when it is asked for, so that it starts soon."""

from __future__ import annotations

import importlib

import typer

from streammood.cli.options import app

_MODULES = {
    "analyze": "file_commands",
    "check": "live_commands",
    "dashboard": "dashboard_command",
    "devices": "live_commands",
    "doctor": "doctor_command",
    "evaluate": "model_commands",
    "library": "library_commands",
    "monitor": "monitor_command",
    "presets": "live_commands",
    "replay": "night_commands",
    "report": "night_commands",
    "run": "live_commands",
    "setup": "setup_command",
    "train": "model_commands",
    "warmup": "first_start",
}


def application(command: str = "") -> typer.Typer:
    """The application with ``command``, or with all commands where there is none of that name."""
    for module in {_MODULES[command]} if command in _MODULES else sorted(set(_MODULES.values())):
        importlib.import_module(f"streammood.cli.{module}")
    return app
