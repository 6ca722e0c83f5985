"""All commands, in one application."""

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
    "app",
    "dashboard_command",
    "doctor_command",
    "file_commands",
    "first_start",
    "live_commands",
    "model_commands",
    "monitor_command",
]
