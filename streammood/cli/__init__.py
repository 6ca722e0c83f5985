"""The command line: one thin function a command."""

from streammood.cli import (
    dashboard_command,
    doctor_command,
    file_commands,
    first_start,
    live_commands,
    model_commands,
    monitor_command,
)
from streammood.cli.options import app

__all__ = [
    "dashboard_command",
    "doctor_command",
    "file_commands",
    "first_start",
    "live_commands",
    "main",
    "model_commands",
    "monitor_command",
]


def main() -> None:
    """Entry point."""
    app()
